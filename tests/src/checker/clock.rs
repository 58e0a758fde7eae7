//! How far the time of a source partition may be believed to have come, by the records that were written: decision 0013
//! said once more, without what a reader remembers.
//!
//! A bound, for whoever reads, from wherever he begins: where wrong clocks are few among the others, what lies beyond
//! it has been moved by a wrong clock.

use std::collections::VecDeque;

use measurement::time::Timestamp;

/// A time so close to one that is believed is believed at once, in milliseconds. No source of the catalogue may be later.
const HOUR: i64 = 3_600_000;
/// So many records that agree make a time believed.
const AGREED: usize = 4;
/// Most records that are looked back at.
const KEPT: usize = 64;

/// The time of a source partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    newest: Option<Timestamp>,
    /// Times of the last records.
    recent: VecDeque<Timestamp>,
    /// Times that are not believed yet, in order.
    ahead: Vec<Timestamp>,
}

impl Clock {
    /// The newest time that may be believed.
    pub(crate) const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// A record whose latest event is of this time.
    pub(crate) fn record(&mut self, time: Timestamp) {
        self.recent.push_front(time);
        self.recent.truncate(KEPT);
        if self.newest < Some(time) {
            self.ahead.insert(self.ahead.partition_point(|known| *known <= time), time);
        }
        self.believe(Timestamp::MIN);
    }

    /// Whoever has read all records so far may have known by then that it is this time.
    pub(crate) fn passed(&mut self, clock: Timestamp) {
        self.believe(clock);
    }

    fn believe(&mut self, clock: Timestamp) {
        while let Some(time) = self.ahead.iter().copied().rfind(|time| *time <= clock || self.is_believed(*time)) {
            self.newest = Some(time);
            self.ahead.retain(|ahead| *ahead > time);
        }
    }

    fn is_believed(&self, time: Timestamp) -> bool {
        self.newest.is_some_and(|newest| time <= newest.plus(HOUR)) || self.is_agreed(time)
    }

    /// Whether among the last records, however many of them, most say that it is this time or later.
    fn is_agreed(&self, time: Timestamp) -> bool {
        let mut agree = 0;
        self.recent.iter().zip(1..).any(|(known, records)| {
            agree += usize::from(*known >= time.minus(HOUR));
            agree >= AGREED && 2 * agree > records
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_772_481_600_000;

    fn newest(times: impl IntoIterator<Item = i64>) -> Option<i64> {
        let mut clock = Clock::default();
        times.into_iter().for_each(|time| clock.record(Timestamp(NOON + time)));
        clock.newest().map(|newest| newest.0 - NOON)
    }

    #[test]
    fn four_make_a_time_and_one_does_not_move_it() {
        assert_eq!(newest([0, 1, 2]), None);
        assert_eq!(newest([0, 1, 2, 3]), Some(3));
        assert_eq!(newest((0..40).map(|number| if number == 20 { 9 * HOUR } else { number })), Some(39));
        let strays = (0..64).map(|number| if number % 9 == 8 { 5 * HOUR + number } else { number });
        assert_eq!(newest(strays), Some(63), "those of wrong clocks do not agree against all others");
    }

    #[test]
    fn several_that_agree_move_it() {
        assert_eq!(newest((0..20).chain([9 * HOUR; 3])), Some(19));
        assert_eq!(newest((0..20).chain([9 * HOUR; 4])), Some(9 * HOUR));
    }

    #[test]
    fn what_the_clock_has_passed_is_believed() {
        let mut clock = Clock::default();
        clock.record(Timestamp(NOON));
        clock.record(Timestamp(NOON + 9 * HOUR));
        clock.passed(Timestamp(NOON));
        assert_eq!(clock.newest(), Some(Timestamp(NOON)));
        clock.passed(Timestamp(NOON + 9 * HOUR));
        assert_eq!(clock.newest(), Some(Timestamp(NOON + 9 * HOUR)));
    }
}
