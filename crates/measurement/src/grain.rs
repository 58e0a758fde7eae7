//! Elementary intervals: the pieces between two neighbouring period boundaries of all constructs
//! that use a population or a source. Whatever happens within one, no period can tell apart.

use crate::{
    calendar::{Calendar, Period, PeriodLength},
    time::Timestamp,
};

/// The calendars of the constructs that use something.
#[derive(Clone, Debug, Default)]
pub struct Grain {
    calendars: Vec<(Calendar, PeriodLength)>,
    /// The interval that was asked for last: events come in bursts of the same time.
    last: Option<Period>,
}

impl Grain {
    /// Adds the periods of a construct.
    pub fn add(&mut self, calendar: Calendar, length: PeriodLength) {
        if !self.calendars.contains(&(calendar, length)) {
            self.calendars.push((calendar, length));
        }
    }

    /// Whether no construct asks.
    pub fn is_empty(&self) -> bool {
        self.calendars.is_empty()
    }

    /// The elementary interval that contains the instant.
    pub fn interval_at(&mut self, time: Timestamp) -> Period {
        if let Some(last) = self.last.filter(|last| last.contains(time)) {
            return last;
        }
        let periods = self.calendars.iter().map(|(calendar, length)| calendar.period_at(*length, time));
        let interval = periods
            .reduce(|left, right| Period { start: left.start.max(right.start), end: left.end.min(right.end) })
            .unwrap_or(Period { start: Timestamp::MIN, end: Timestamp::MAX });
        self.last = Some(interval);
        interval
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// No boundary of any calendar lies inside an elementary interval.
        #[test]
        fn no_period_can_cut_an_interval(seconds in 0_i64..4_102_444_800) {
            let calendars = [
                (Calendar::civil(chrono_tz::Europe::Zurich), PeriodLength::Months(1)),
                (Calendar::civil(chrono_tz::Asia::Kathmandu), PeriodLength::Day),
                (Calendar { zone: chrono_tz::America::New_York, fiscal_year_start: (4, 6) }, PeriodLength::Months(3)),
            ];
            let mut grain = Grain::default();
            for (calendar, length) in &calendars {
                grain.add(*calendar, *length);
            }
            let time = Timestamp(seconds * 1000);
            let interval = grain.interval_at(time);
            prop_assert!(interval.contains(time));
            for (calendar, length) in calendars {
                let first = calendar.period_at(length, interval.start);
                prop_assert_eq!(first, calendar.period_at(length, interval.end.minus(1)));
            }
        }
    }
}
