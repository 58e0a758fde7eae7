//! Business hours: how much of a stretch of time lies within working hours of a zone.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::{calendar::Calendar, time::Timestamp};

/// Longest stretch that is looked at, in days: an item that is open for longer counts as open for this long.
const MAX_DAYS: u64 = 36_600;

/// When people work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingHours {
    /// Zone of the hours.
    pub zone: Tz,
    /// Days of the week.
    pub days: Vec<Weekday>,
    /// Begin of a working day.
    pub from: NaiveTime,
    /// End of a working day, after its begin.
    pub to: NaiveTime,
    /// Days on which nobody works.
    pub holidays: BTreeSet<NaiveDate>,
}

/// Shared by the expressions that ask for it.
pub type SharedHours = Arc<WorkingHours>;

impl WorkingHours {
    /// Milliseconds of working time in `[from, to)`. Where the clock changes within working hours, what passes is
    /// counted, not what the hands show.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> i64 {
        let calendar = Calendar::civil(self.zone);
        let (Some(first), Some(last)) = (calendar.date(from), calendar.date(to)) else { return 0 };
        let mut sum = 0_i64;
        let mut date = first;
        let mut looked_at = 0;
        while date <= last && looked_at <= MAX_DAYS {
            if self.days.contains(&date.weekday()) && !self.holidays.contains(&date) {
                let (open, close) =
                    (calendar.instant_of(date.and_time(self.from)), calendar.instant_of(date.and_time(self.to)));
                if let (Some(open), Some(close)) = (open, close) {
                    sum = sum.saturating_add(close.min(to).0.saturating_sub(open.max(from).0).max(0));
                }
            }
            let Some(next) = date.checked_add_days(Days::new(1)) else { break };
            date = next;
            looked_at += 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn nights_weekends_and_holidays_do_not_count() {
        const HOUR: i64 = 3_600_000;
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let hours = WorkingHours {
            zone: chrono_tz::Europe::Zurich,
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
            from: time(8),
            to: time(17),
            holidays: BTreeSet::from([NaiveDate::from_ymd_opt(2026, 4, 6).unwrap()]),
        };
        for (from, to, wanted) in [
            ("2026-03-27T16:00:00+01:00", "2026-03-30T09:00:00+02:00", 2 * HOUR),
            ("2026-03-28T10:00:00+01:00", "2026-03-29T22:00:00+02:00", 0),
            ("2026-04-02T17:00:00+02:00", "2026-04-07T08:30:00+02:00", 9 * HOUR + HOUR / 2),
            ("2026-04-07T09:00:00+02:00", "2026-04-07T09:00:01+02:00", 1000),
            ("2026-04-08T09:00:00+02:00", "2026-04-07T09:00:00+02:00", 0),
        ] {
            assert_eq!(hours.between(at(from), at(to)), wanted, "{from} to {to}");
        }
    }
}
