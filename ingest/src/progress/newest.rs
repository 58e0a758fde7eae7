//! The newest event time of a source partition, which one wrong clock must not move: a watermark that has jumped makes
//! everything behind it late.
//!
//! A time within a bound of the newest one is believed at once; the bound is an hour, or the source's lateness if that
//! is longer. A time further ahead is believed when most of the last records agree, however many of them one looks back at:
//! four at least must lie no further than the bound before it, or after it. After a night all records do; beside a wrong
//! clock most do not, and how many it has told before is forgotten. Or it is believed when the end of the partition was
//! reached and the clock has passed it: then nothing is left that it could make late.

use std::collections::VecDeque;

use measurement::time::Timestamp;

/// Least distance from which a time needs to be confirmed.
const HOUR: i64 = 3_600_000;
/// How many records must agree on a time, the one that tells it among them.
const AGREED: usize = 4;
/// How many records one looks back at.
const RECENT: usize = 64;

/// The newest time that is believed, and what was read last.
#[derive(Clone, Debug, Default)]
pub(super) struct Newest {
    bound: i64,
    confirmed: Option<Timestamp>,
    /// Times of the last records, newest record first.
    recent: VecDeque<Timestamp>,
    /// The latest time of all.
    furthest: Option<Timestamp>,
}

impl Newest {
    /// For a source whose events may come so late.
    pub(super) fn new(lateness: i64) -> Self {
        Self { bound: lateness.max(HOUR), ..Self::default() }
    }

    /// The newest time that is believed.
    pub(super) fn confirmed(&self) -> Option<Timestamp> {
        self.confirmed
    }

    /// A record was read whose latest event is of this time.
    pub(super) fn record(&mut self, time: Timestamp) {
        self.recent.truncate(RECENT - 1);
        self.recent.push_front(time);
        self.furthest = self.furthest.max(Some(time));
        let close = self.confirmed.is_some_and(|confirmed| time <= confirmed.plus(self.bound));
        let believed = if close { Some(time) } else { self.agreed() };
        self.confirmed = self.confirmed.max(believed);
    }

    /// Everything was read, and it is this time by the clock.
    pub(super) fn caught_up(&mut self, clock: Timestamp) {
        let all = self.furthest.into_iter().chain(self.recent.iter().copied());
        self.confirmed = self.confirmed.max(all.filter(|time| *time <= clock).max());
    }

    /// The latest time on which most of the last records agree.
    fn agreed(&self) -> Option<Timestamp> {
        let agree = |time: &Timestamp| {
            let mut agreeing = 0;
            self.recent.iter().zip(1..).any(|(other, records)| {
                agreeing += usize::from(*other >= time.minus(self.bound));
                agreeing >= AGREED && 2 * agreeing > records
            })
        };
        self.recent.iter().copied().filter(agree).max()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * HOUR;
    const NOW: i64 = 1_772_366_400_000;

    fn read(times: impl IntoIterator<Item = i64>) -> Newest {
        let mut newest = Newest::new(0);
        for time in times {
            newest.record(Timestamp(time));
        }
        newest
    }

    fn confirmed(times: impl IntoIterator<Item = i64>) -> Option<i64> {
        read(times).confirmed().map(|time| time.0)
    }

    #[test]
    fn a_steady_stream_is_believed_from_its_fourth_record_on() {
        assert_eq!(confirmed((0..3).map(|n| NOW + n * MINUTE)), None);
        assert_eq!(confirmed((0..4).map(|n| NOW + n * MINUTE)), Some(NOW + 3 * MINUTE));
        assert_eq!(confirmed((0..100).map(|n| NOW + n * MINUTE)), Some(NOW + 99 * MINUTE));
    }

    #[test]
    fn one_stray_clock_among_thousands_moves_nothing() {
        for place in [0, 1, 3, 4, 6000, 11_998, 11_999] {
            let steady = (0..12_000).map(|n| NOW + n * 1000);
            let times = steady.enumerate().map(|(n, time)| if n == place { NOW + 300 * DAY } else { time });
            let expected = NOW + if place == 11_999 { 11_998_000 } else { 11_999_000 };
            assert_eq!(confirmed(times), Some(expected), "at {place}");
        }
    }

    #[test]
    fn a_host_with_a_wrong_clock_moves_nothing_while_others_send() {
        for every in [3, 5, 50] {
            let times = (0..5000).map(|n| if n % every == 0 { NOW + 30 * DAY + n * 1000 } else { NOW + n * 1000 });
            let newest = confirmed(times).unwrap();
            assert!(newest < NOW + DAY, "every {every}th: {}", Timestamp(newest));
        }
    }

    #[test]
    fn a_night_a_weekend_and_a_year_hold_time_for_three_records() {
        for gap in [9 * HOUR, 3 * DAY, 365 * DAY] {
            let day = (0..50).map(|n| NOW + n * MINUTE);
            let next = |count| (0..count).map(move |n| NOW + gap + n * MINUTE);
            assert_eq!(confirmed(day.clone().chain(next(3))), Some(NOW + 49 * MINUTE), "not yet");
            assert_eq!(confirmed(day.chain(next(4))), Some(NOW + gap + 3 * MINUTE));
        }
    }

    #[test]
    fn what_a_wrong_clock_has_told_does_not_hold_time_after_a_night() {
        for every in [3, 20, 600] {
            let mut newest = Newest::new(0);
            for (day, minute) in (0..4).flat_map(|day| (0..600).map(move |minute| (day, minute))) {
                let now = NOW + day * DAY + minute * MINUTE;
                newest.record(Timestamp(now));
                if minute % every == every / 2 {
                    newest.record(Timestamp(now + 20 * HOUR));
                }
                // In the morning every third record may be a wrong one.
                if minute >= 5 {
                    assert_eq!(newest.confirmed(), Some(Timestamp(now)), "every {every}th, day {day}, minute {minute}");
                }
            }
        }
    }

    #[test]
    fn stragglers_from_before_a_night_do_not_hold_time_for_long() {
        let day = (0..50).map(|n| NOW + n * MINUTE);
        let morning = (0..40).map(|n| if n % 4 == 0 { NOW + 49 * MINUTE } else { NOW + 9 * HOUR + n * MINUTE });
        assert_eq!(confirmed(day.chain(morning)), Some(NOW + 9 * HOUR + 39 * MINUTE));
    }

    #[test]
    fn a_clock_that_stands_still_in_the_past_holds_nothing() {
        let times = (0..200).map(|n| if n % 2 == 0 { NOW - 900 * DAY } else { NOW + (n / 100) * DAY + n * 1000 });
        assert_eq!(confirmed(times), Some(NOW + DAY + 199_000));
    }

    #[test]
    fn a_record_a_day_lags_by_three_and_is_believed_at_the_end() {
        let mut newest = read((0..30).map(|n| NOW + n * DAY));
        assert_eq!(newest.confirmed(), Some(Timestamp(NOW + 26 * DAY)));
        newest.caught_up(Timestamp(NOW + 29 * DAY));
        assert_eq!(newest.confirmed(), Some(Timestamp(NOW + 29 * DAY)));
    }

    #[test]
    fn at_the_end_what_the_clock_has_passed_is_believed() {
        let mut newest = read([NOW - DAY, NOW + MINUTE]);
        newest.caught_up(Timestamp(NOW));
        assert_eq!(newest.confirmed(), Some(Timestamp(NOW - DAY)));
        newest.caught_up(Timestamp(NOW + MINUTE));
        assert_eq!(newest.confirmed(), Some(Timestamp(NOW + MINUTE)));
        let mut nothing = read([]);
        nothing.caught_up(Timestamp(NOW));
        assert_eq!(nothing.confirmed(), None);
    }

    #[test]
    fn the_bound_is_the_lateness_of_a_source_that_may_be_later_than_an_hour() {
        let mut newest = Newest::new(3 * DAY);
        (0..4).for_each(|n| newest.record(Timestamp(NOW + n)));
        newest.record(Timestamp(NOW + 2 * DAY));
        assert_eq!(newest.confirmed(), Some(Timestamp(NOW + 2 * DAY)));
        newest.record(Timestamp(NOW + 9 * DAY));
        assert_eq!(newest.confirmed(), Some(Timestamp(NOW + 2 * DAY)));
    }

    proptest! {
        /// Whatever comes, the newest time only grows, is one that was read, and at the end is the latest that the clock has passed.
        #[test]
        fn it_grows_and_ends_at_the_latest(
            times in prop::collection::vec((0_i64..40, 0_i64..HOUR), 1..300),
            ends in prop::collection::vec(any::<bool>(), 300),
        ) {
            let mut newest = Newest::new(0);
            let mut last = None;
            let mut read = std::collections::BTreeSet::new();
            for ((day, within), end) in times.into_iter().zip(ends) {
                let time = Timestamp(NOW + day * DAY + within);
                read.insert(time);
                newest.record(time);
                if end && day % 7 == 0 {
                    newest.caught_up(time);
                }
                prop_assert!(newest.confirmed() >= last);
                prop_assert!(newest.confirmed().is_none_or(|time| read.contains(&time)));
                prop_assert!(newest.recent.len() <= RECENT);
                last = newest.confirmed();
            }
            newest.caught_up(Timestamp::MAX);
            prop_assert_eq!(newest.confirmed(), read.last().copied());
        }

        /// In a stream in order, wherever up to two strays of one clock stand, no time beyond the stream's own is believed.
        #[test]
        fn strays_are_not_believed(
            steps in prop::collection::vec(0_i64..20 * MINUTE, 20..200),
            places in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
            ahead in 2 * DAY..1000 * DAY,
        ) {
            let mut time = NOW;
            let places: Vec<usize> = places.iter().map(|place| place.index(steps.len())).collect();
            let mut newest = Newest::new(0);
            for (number, step) in steps.into_iter().enumerate() {
                time += step;
                newest.record(Timestamp(time));
                if places.contains(&number) {
                    newest.record(Timestamp(time + ahead));
                }
            }
            prop_assert!(newest.confirmed() <= Some(Timestamp(time)));
            prop_assert!(newest.confirmed() >= Some(Timestamp(time - HOUR)));
        }
    }
}
