//! Calendar periods: half-open, in an IANA zone, through daylight-saving time.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, Days, LocalResult, Months, NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::{Span, Timestamp};

/// The half-open interval `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl Period {
    /// Whether the instant lies in the period.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Length in milliseconds; a day may have 23 or 25 hours.
    pub const fn length(&self) -> i64 {
        self.end.0.saturating_sub(self.start.0)
    }
}

/// How long a construct's periods are. Written as an ISO 8601 duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeriodLength {
    /// A divisor of 60 minutes, cut at full hours of UTC.
    Minutes(u8),
    /// One hour, cut where the wall clock shows a full one. Where clocks change by less than an hour, one is cut short.
    Hour,
    /// A calendar day.
    Day,
    /// An ISO week, Monday to Sunday.
    Week,
    /// 1, 2, 3, 4, 6 or 12 calendar months, counted from the start of the (fiscal) year.
    Months(u8),
}

/// A text is not a period length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no period: use PT1M, PT5M, PT15M, PT30M, PT1H, P1D, P1W, P1M, P3M, P6M or P1Y")]
pub struct PeriodLengthError(pub String);

impl FromStr for PeriodLength {
    type Err = PeriodLengthError;

    fn from_str(text: &str) -> Result<Self, PeriodLengthError> {
        let length = match text {
            "PT1H" => Self::Hour,
            "P1D" => Self::Day,
            "P1W" | "P7D" => Self::Week,
            "P1M" => Self::Months(1),
            "P2M" => Self::Months(2),
            "P3M" => Self::Months(3),
            "P4M" => Self::Months(4),
            "P6M" => Self::Months(6),
            "P1Y" | "P12M" => Self::Months(12),
            _ => {
                let minutes =
                    text.strip_prefix("PT").and_then(|rest| rest.strip_suffix('M')).and_then(|n| n.parse().ok());
                match minutes {
                    Some(minutes) if minutes > 0_u8 && 60 % minutes == 0 && minutes < 60 => Self::Minutes(minutes),
                    _ => return Err(PeriodLengthError(text.to_owned())),
                }
            }
        };
        Ok(length)
    }
}

impl fmt::Display for PeriodLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minutes(minutes) => write!(formatter, "PT{minutes}M"),
            Self::Hour => formatter.write_str("PT1H"),
            Self::Day => formatter.write_str("P1D"),
            Self::Week => formatter.write_str("P1W"),
            Self::Months(12) => formatter.write_str("P1Y"),
            Self::Months(months) => write!(formatter, "P{months}M"),
        }
    }
}

impl Serialize for PeriodLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeriodLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A zone and the day on which the (fiscal) year begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Calendar {
    /// IANA zone.
    pub zone: Tz,
    /// Month (1-12) and day (1-28) on which the year begins.
    pub fiscal_year_start: (u32, u32),
}

/// The zone of expressions that belong to no construct.
pub const UTC: Tz = chrono_tz::UTC;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

impl Calendar {
    /// The civil calendar of a zone.
    pub const fn civil(zone: Tz) -> Self {
        Self { zone, fiscal_year_start: (1, 1) }
    }

    /// The period that contains the instant. Instants beyond the calendar's range (some 262,000
    /// years) yield a period of one instant; ingest refuses such times long before.
    pub fn period_at(&self, length: PeriodLength, time: Timestamp) -> Period {
        self.checked_period_at(length, time).unwrap_or(Period { start: time, end: time.plus(1) })
    }

    /// The period after this one.
    pub fn next(&self, length: PeriodLength, period: &Period) -> Period {
        self.period_at(length, period.end)
    }

    /// The period `count` periods before this one; the period itself for 0.
    pub fn previous(&self, length: PeriodLength, period: &Period, count: u32) -> Period {
        (0..count).fold(*period, |period, _| self.period_at(length, period.start.minus(1)))
    }

    /// Start of the (fiscal) year that contains the instant.
    pub fn year_start(&self, time: Timestamp) -> Timestamp {
        self.period_at(PeriodLength::Months(12), time).start
    }

    /// The instant one span later: months by the calendar (the 31st becomes the last day of a
    /// shorter month), the rest by length.
    pub fn add(&self, time: Timestamp, span: Span) -> Timestamp {
        let shifted = if span.months == 0 {
            Some(time)
        } else {
            self.local(time)
                .and_then(|local| local.checked_add_months(Months::new(span.months)))
                .and_then(|local| self.instant_of(local))
        };
        shifted.unwrap_or(Timestamp::MAX).plus(span.milliseconds)
    }

    /// The instant one span earlier; see [`Calendar::add`].
    pub fn subtract(&self, time: Timestamp, span: Span) -> Timestamp {
        let shifted = if span.months == 0 {
            Some(time)
        } else {
            self.local(time)
                .and_then(|local| local.checked_sub_months(Months::new(span.months)))
                .and_then(|local| self.instant_of(local))
        };
        shifted.unwrap_or(Timestamp::MIN).minus(span.milliseconds)
    }

    /// How a period is called: `2026-03`, `2026-Q1`, `2026-W09`, `2026-03-29`, `2026-03-29T02:00+02:00`; a row of periods
    /// by its first and its last, `2025-03 … 2026-01`.
    pub fn label(&self, length: PeriodLength, period: &Period) -> String {
        let first = self.period_at(length, period.start);
        if first.start == period.start && first.end < period.end {
            let last = self.period_at(length, period.end.minus(1));
            return format!("{} … {}", self.label_of_one(length, &first), self.label_of_one(length, &last));
        }
        self.label_of_one(length, period)
    }

    fn label_of_one(&self, length: PeriodLength, period: &Period) -> String {
        let Some(start) = period.start.to_utc().map(|time| time.with_timezone(&self.zone)) else {
            return period.start.to_string();
        };
        let civil = self.fiscal_year_start == (1, 1);
        match length {
            PeriodLength::Minutes(_) | PeriodLength::Hour => start.format("%Y-%m-%dT%H:%M%:z").to_string(),
            PeriodLength::Day => start.format("%Y-%m-%d").to_string(),
            PeriodLength::Week => start.format("%G-W%V").to_string(),
            PeriodLength::Months(1) if civil => start.format("%Y-%m").to_string(),
            PeriodLength::Months(3) if civil => format!("{}-Q{}", start.year(), start.month0() / 3 + 1),
            PeriodLength::Months(12) if civil => start.year().to_string(),
            PeriodLength::Months(_) => format!("{}/{length}", start.format("%Y-%m-%d")),
        }
    }

    fn checked_period_at(&self, length: PeriodLength, time: Timestamp) -> Option<Period> {
        match length {
            PeriodLength::Minutes(minutes) => fixed(time, i64::from(minutes) * MINUTE, 0),
            PeriodLength::Hour => self.hour_at(time),
            PeriodLength::Day => {
                let date = self.day_of(time)?;
                self.between(date, date.checked_add_days(Days::new(1))?)
            }
            PeriodLength::Week => {
                let date = self.day_of(time)?;
                let monday = date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))?;
                self.between(monday, monday.checked_add_days(Days::new(7))?)
            }
            PeriodLength::Months(months) => {
                let date = self.day_of(time)?;
                let (month, day) = self.fiscal_year_start;
                let this_year = NaiveDate::from_ymd_opt(date.year(), month, day)?;
                let year_start = if date >= this_year {
                    this_year
                } else {
                    NaiveDate::from_ymd_opt(date.year().checked_sub(1)?, month, day)?
                };
                let mut start = year_start;
                loop {
                    let end = start.checked_add_months(Months::new(u32::from(months)))?;
                    if date < end {
                        return self.between(start, end);
                    }
                    start = end;
                }
            }
        }
    }

    /// The hour that contains the instant: full by the clock on the wall. Where the clock changes by a part of an
    /// hour (Lord Howe by half of one), full hours lie elsewhere from then on, and the change is a boundary, too.
    fn hour_at(&self, time: Timestamp) -> Option<Period> {
        let part = self.part_of_hour(time)?;
        let Period { mut start, mut end } = fixed(time, HOUR, part)?;
        if self.part_of_hour(start)? != part {
            start = self.change(start, time)?;
        }
        if self.part_of_hour(end.minus(1))? != part {
            end = self.change(time, end.minus(1))?;
        }
        Some(Period { start, end })
    }

    /// By how many milliseconds beyond full hours the clocks of the zone are ahead.
    fn part_of_hour(&self, time: Timestamp) -> Option<i64> {
        use chrono::Offset as _;
        let seconds = time.to_utc()?.with_timezone(&self.zone).offset().fix().local_minus_utc();
        Some((i64::from(seconds) * 1000).rem_euclid(HOUR))
    }

    /// The first instant at which clocks are ahead as they are at the second of two instants, which lie around a change.
    fn change(&self, before: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let (mut before, mut after, part) = (before, after, self.part_of_hour(after)?);
        while after.0 - before.0 > 1 {
            let middle = Timestamp(before.0 + (after.0 - before.0) / 2);
            if self.part_of_hour(middle)? == part {
                after = middle;
            } else {
                before = middle;
            }
        }
        Some(after)
    }

    /// The day that an instant belongs to: the last one that has begun. Where clocks are put back over midnight, as they
    /// were in St John's at one minute past, the day that has begun goes on while they show the one before it again.
    fn day_of(&self, time: Timestamp) -> Option<NaiveDate> {
        let date = self.local(time)?.date();
        let next = date.checked_add_days(Days::new(1))?;
        Some(if self.midnight(next)? <= time { next } else { date })
    }

    fn local(&self, time: Timestamp) -> Option<NaiveDateTime> {
        Some(time.to_utc()?.with_timezone(&self.zone).naive_local())
    }

    /// The date that the zone's clocks show.
    pub fn date(&self, time: Timestamp) -> Option<NaiveDate> {
        Some(self.local(time)?.date())
    }

    fn between(&self, start: NaiveDate, end: NaiveDate) -> Option<Period> {
        Some(Period { start: self.midnight(start)?, end: self.midnight(end)? })
    }

    fn midnight(&self, date: NaiveDate) -> Option<Timestamp> {
        self.instant_of(date.and_hms_opt(0, 0, 0)?)
    }

    /// The instant of a local time: the earlier one where the clock shows it twice; the first
    /// instant after the gap where it never shows it.
    pub fn instant_of(&self, local: NaiveDateTime) -> Option<Timestamp> {
        let millis = |time: DateTime<Tz>| Timestamp(time.timestamp_millis());
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(time) => Some(millis(time)),
            LocalResult::Ambiguous(first, second) => Some(millis(first.min(second))),
            LocalResult::None => self.after_gap(local),
        }
    }

    /// The first instant at which the clocks show the local time or a later one. Gaps are at most a day long (Samoa
    /// skipped 30 December 2011), and one began in the middle of a minute (Liberia, 1972).
    fn after_gap(&self, local: NaiveDateTime) -> Option<Timestamp> {
        let after = (1..=26 * 60).find_map(|minutes| {
            let later = local.checked_add_signed(chrono::TimeDelta::minutes(minutes))?;
            self.zone.from_local_datetime(&later).earliest()
        })?;
        let (mut before, mut after) = (after.timestamp() - 86_400, after.timestamp());
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.local(Timestamp(middle * 1000))? >= local {
                after = middle;
            } else {
                before = middle;
            }
        }
        Some(Timestamp(after * 1000))
    }
}

fn fixed(time: Timestamp, length: i64, offset: i64) -> Option<Period> {
    let start = time.0.checked_add(offset)?.div_euclid(length).checked_mul(length)?.checked_sub(offset)?;
    Some(Period { start: Timestamp(start), end: Timestamp(start.checked_add(length)?) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn zurich() -> Calendar {
        Calendar::civil(chrono_tz::Europe::Zurich)
    }

    #[test]
    fn the_last_half_hour_of_march_belongs_to_the_first_quarter_of_the_site() {
        let quarter = zurich().period_at(PeriodLength::Months(3), at("2026-03-31T23:30:00+02:00"));
        assert_eq!(quarter, Period { start: at("2026-01-01T00:00:00+01:00"), end: at("2026-04-01T00:00:00+02:00") });
        assert_eq!(zurich().label(PeriodLength::Months(3), &quarter), "2026-Q1");
    }

    #[test]
    fn a_row_of_periods_is_called_by_its_first_and_its_last() {
        let months = Period { start: at("2025-11-01T00:00:00+01:00"), end: at("2026-02-01T00:00:00+01:00") };
        assert_eq!(zurich().label(PeriodLength::Months(1), &months), "2025-11 … 2026-01");
    }

    #[test]
    fn days_of_a_clock_change_have_23_and_25_hours() {
        let spring = zurich().period_at(PeriodLength::Day, at("2026-03-29T12:00:00+02:00"));
        let autumn = zurich().period_at(PeriodLength::Day, at("2026-10-25T12:00:00+01:00"));
        assert_eq!((spring.length(), autumn.length()), (23 * HOUR, 25 * HOUR));
    }

    #[test]
    fn fiscal_years_and_iso_weeks() {
        let calendar = Calendar { zone: chrono_tz::UTC, fiscal_year_start: (4, 1) };
        assert_eq!(calendar.year_start(at("2026-03-31T23:59:59Z")), at("2025-04-01T00:00:00Z"));
        assert_eq!(
            calendar.period_at(PeriodLength::Months(3), at("2026-02-10T00:00:00Z")).start,
            at("2026-01-01T00:00:00Z")
        );
        let week = Calendar::civil(chrono_tz::UTC).period_at(PeriodLength::Week, at("2027-01-01T00:00:00Z"));
        assert_eq!(week.start, at("2026-12-28T00:00:00Z"));
        assert_eq!(Calendar::civil(chrono_tz::UTC).label(PeriodLength::Week, &week), "2026-W53");
    }

    #[test]
    fn hours_tile_time_where_clocks_change_by_half_of_one() {
        let calendar = Calendar::civil(chrono_tz::Australia::Lord_Howe);
        let hours = |from: &str, count: usize| {
            let first = calendar.period_at(PeriodLength::Hour, at(from));
            let following = |period: &Period| Some(calendar.next(PeriodLength::Hour, period));
            let starts = std::iter::successors(Some(first), following).take(count);
            let label = |hour: Period| calendar.label(PeriodLength::Hour, &hour);
            starts.map(|hour| label(hour).split_once('T').unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        // Put forward from 02:00 to 02:30, and back from 02:00 to 01:30.
        assert_eq!(hours("2026-10-03T14:45:00Z", 4), ["01:00+10:30", "02:30+11:00", "03:00+11:00", "04:00+11:00"]);
        assert_eq!(hours("2026-04-04T14:10:00Z", 4), ["01:00+11:00", "01:30+10:30", "02:00+10:30", "03:00+10:30"]);
        let short = calendar.period_at(PeriodLength::Hour, at("2026-04-04T15:29:59Z"));
        assert_eq!(short, Period { start: at("2026-04-04T15:00:00Z"), end: at("2026-04-04T15:30:00Z") });
    }

    #[test]
    fn a_day_that_clocks_show_twice_is_one_and_a_day_they_skip_is_none() {
        let day = |zone: Tz, time: &str| Calendar::civil(zone).period_at(PeriodLength::Day, at(time));
        // St John's, 00:01 to 23:01 of the day before.
        let newfoundland = chrono_tz::America::St_Johns;
        let autumn = Period { start: at("2008-11-02T02:30:00Z"), end: at("2008-11-03T03:30:00Z") };
        for time in ["2008-11-02T02:30:00Z", "2008-11-02T02:31:00Z", "2008-11-02T03:29:59Z", "2008-11-02T12:00:00Z"] {
            assert_eq!(day(newfoundland, time), autumn, "{time}");
        }
        assert_eq!(day(newfoundland, "2008-11-02T02:29:59Z").end, autumn.start);
        // Samoa had no 30 December 2011, Kwajalein no 21 August 1993.
        let apia = chrono_tz::Pacific::Apia;
        assert_eq!(day(apia, "2011-12-30T09:59:59Z").end, at("2011-12-30T10:00:00Z"));
        assert_eq!(day(apia, "2011-12-30T10:00:00Z").start, at("2011-12-31T00:00:00+14:00"));
        let kwajalein = chrono_tz::Pacific::Kwajalein;
        assert_eq!(day(kwajalein, "1993-08-21T11:59:59Z").end, at("1993-08-21T12:00:00Z"));
        assert_eq!(day(kwajalein, "1993-08-21T12:00:00Z").start, at("1993-08-22T00:00:00+12:00"));
        // In Beirut no clock shows midnight on the day that clocks are put forward.
        let beirut = day(chrono_tz::Asia::Beirut, "2024-03-31T12:00:00Z");
        assert_eq!(beirut.start, at("2024-03-31T01:00:00+03:00"));
        assert_eq!(beirut.length(), 23 * HOUR);
    }

    #[test]
    fn months_are_added_by_the_calendar() {
        let calendar = Calendar::civil(chrono_tz::UTC);
        let month = Span { months: 1, milliseconds: 0 };
        assert_eq!(calendar.add(at("2026-01-31T10:00:00Z"), month), at("2026-02-28T10:00:00Z"));
        assert_eq!(calendar.subtract(at("2026-03-31T10:00:00Z"), month), at("2026-02-28T10:00:00Z"));
    }

    #[test]
    fn texts_name_the_accepted_lengths() {
        for text in ["PT1M", "PT15M", "PT1H", "P1D", "P1W", "P1M", "P3M", "P1Y"] {
            assert_eq!(text.parse::<PeriodLength>().unwrap().to_string(), text);
        }
        for text in ["PT7M", "PT60M", "P2D", "P5M", "", "P0M", "PT2H"] {
            assert!(text.parse::<PeriodLength>().is_err(), "{text}");
        }
    }

    fn lengths() -> impl Strategy<Value = PeriodLength> {
        prop::sample::select(vec![
            PeriodLength::Minutes(1),
            PeriodLength::Minutes(5),
            PeriodLength::Minutes(30),
            PeriodLength::Hour,
            PeriodLength::Day,
            PeriodLength::Week,
            PeriodLength::Months(1),
            PeriodLength::Months(3),
            PeriodLength::Months(12),
        ])
    }

    proptest! {
        /// Every instant lies in exactly one period, and the next period begins where it ends.
        #[test]
        fn periods_tile_time(
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
            seconds in 0_i64..4_102_444_800,
            length in lengths(),
            month in 1_u32..=12,
        ) {
            let calendar = Calendar { zone, fiscal_year_start: (month, 1) };
            let time = Timestamp(seconds * 1000);
            let period = calendar.period_at(length, time);
            prop_assert!(period.contains(time));
            prop_assert_eq!(calendar.period_at(length, period.start), period);
            prop_assert_eq!(calendar.period_at(length, period.end.minus(1)), period);
            let next = calendar.next(length, &period);
            prop_assert_eq!(next.start, period.end);
            prop_assert_eq!(calendar.previous(length, &next, 1), period);
        }
    }
}
