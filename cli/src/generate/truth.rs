//! The true answers of the shipped constructs, worked out from what was planted.
//!
//! Shares no code with the engine: calendar arithmetic by chrono on local dates, fractions of two integers,
//! each construct written out by hand from its description.

mod constructs;
mod fraction;
mod outcome;

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, TimeZone as _};
use chrono_tz::{Europe::Zurich, Tz};
use serde::{Deserialize, Serialize};

use super::plant::Organisation;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// One true answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Identifier of the construct.
    pub construct: String,
    /// Start of the period, in milliseconds.
    pub period_start: i64,
    /// End of the period, in milliseconds.
    pub period_end: i64,
    /// `all` or `category=malware`.
    pub group: String,
    /// Base measures, exact; empty where nothing is stated.
    pub base: BTreeMap<String, String>,
    /// The indicator's value, exact.
    pub value: Option<String>,
    /// Band, or why there is none.
    pub outcome: String,
}

/// All answers for periods that are final a day before the end of the history.
pub fn answers(organisation: &Organisation) -> Vec<Answer> {
    let mut answers = constructs::answers(organisation);
    answers.sort_by(|left, right| {
        let key = |answer: &Answer| (answer.construct.clone(), answer.period_start, answer.group.clone());
        key(left).cmp(&key(right))
    });
    answers
}

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
pub fn month_start_near(at: i64) -> i64 {
    midnight(first_of_month(local(at).date_naive()))
}

/// Kinds of period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
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
fn periods(length: Length, first: i64, last_end: i64) -> Vec<(i64, i64)> {
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
fn months_before(at: i64, months: u32) -> i64 {
    let time = local(at);
    let date = time.date_naive().checked_sub_months(Months::new(months)).unwrap_or_default();
    Zurich.from_local_datetime(&date.and_time(time.time())).earliest().map_or(0, |time| time.timestamp_millis())
}

/// Start of the year that contains an instant.
pub fn year_start(at: i64) -> i64 {
    midnight(NaiveDate::from_ymd_opt(local(at).year(), 1, 1).unwrap_or_default())
}
