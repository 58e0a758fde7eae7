//! Days, months and periods in Zurich, by chrono on local dates: the engine's calendar has no part in it.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, TimeZone as _};
use chrono_tz::{Europe::Zurich, Tz};

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

fn local(at: i64) -> DateTime<Tz> {
    DateTime::from_timestamp_millis(at).unwrap_or_default().with_timezone(&Zurich)
}

/// Midnight in Zurich: no clock change happens at midnight there.
fn midnight(date: NaiveDate) -> i64 {
    let noon = date.and_hms_opt(0, 0, 0).unwrap_or_default();
    Zurich.from_local_datetime(&noon).earliest().map_or(0, |time| time.timestamp_millis())
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

/// Start of the month that contains an instant.
pub(super) fn month_start(at: i64) -> i64 {
    midnight(first_of_month(local(at).date_naive()))
}

/// Kinds of period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    HalfYear,
    Year,
}

impl Length {
    /// Calendar months, where it is so many.
    const fn months(self) -> Option<u32> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::HalfYear => Some(6),
            Self::Year => Some(12),
            Self::Hour | Self::Day | Self::Week => None,
        }
    }
}

/// Periods from the one that contains `first`, as long as they end early enough.
pub(super) fn periods(length: Length, first: i64, last_end: i64) -> Vec<(i64, i64)> {
    let mut periods = Vec::new();
    let mut date = local(first).date_naive();
    match length {
        Length::Hour => {
            let mut start = first.div_euclid(HOUR) * HOUR;
            while start + HOUR <= last_end {
                periods.push((start, start + HOUR));
                start += HOUR;
            }
            return periods;
        }
        Length::Week => {
            let since_monday = Days::new(u64::from(date.weekday().num_days_from_monday()));
            date = date.checked_sub_days(since_monday).unwrap_or(date);
        }
        _ => {}
    }
    if let Some(months) = length.months() {
        let month = date.month0() / months * months + 1;
        date = NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date);
    }
    loop {
        let next = match length.months() {
            Some(months) => date.checked_add_months(Months::new(months)),
            None => date.checked_add_days(Days::new(if length == Length::Week { 7 } else { 1 })),
        };
        let Some(next) = next else { return periods };
        let (start, end) = (midnight(date), midnight(next));
        if end > last_end {
            return periods;
        }
        periods.push((start, end));
        date = next;
    }
}

/// The instant so many calendar months earlier in Zurich.
pub(super) fn months_before(at: i64, months: u32) -> i64 {
    let time = local(at);
    let date = time.date_naive().checked_sub_months(Months::new(months)).unwrap_or_default();
    Zurich.from_local_datetime(&date.and_time(time.time())).earliest().map_or(0, |time| time.timestamp_millis())
}

/// Start of the year that contains an instant.
pub(super) fn year_start(at: i64) -> i64 {
    midnight(NaiveDate::from_ymd_opt(local(at).year(), 1, 1).unwrap_or_default())
}
