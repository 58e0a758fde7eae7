//! Clocks that are wrong by hours: when one tells something, and what.

use std::collections::{HashMap, VecDeque};

use super::{MAX_FUTURE, Sent, random::Random};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Ordinary records of a source partition between two wrong clocks, at least: those whose clocks are right outnumber the
/// others by far, wherever somebody begins to read.
const APART: usize = 16;
/// Once they are so far apart, one record in so many is of a wrong clock.
const RARE: i64 = 6;

/// What wrong clocks tell in place of one ordinary record.
#[derive(Clone, Debug)]
pub(super) struct Stray {
    /// How far each record is ahead of the time; behind it if negative. At least one.
    pub(super) ahead: Vec<i64>,
    /// Whether each record holds an event of the right time, too.
    pub(super) beside_another: bool,
}

/// The wrong clocks of a load. Their chance is one of its own: a load without them stays what it is.
#[derive(Clone, Debug)]
pub(super) struct Strays {
    random: Random,
    /// Ordinary records since the last wrong clock, by topic and partition.
    since: HashMap<(&'static str, i32), usize>,
    next: VecDeque<Sent>,
}

impl Strays {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(!seed), since: HashMap::new(), next: VecDeque::new() }
    }

    /// What was put off until now.
    pub(super) fn next(&mut self) -> Option<Sent> {
        self.next.pop_front()
    }

    pub(super) fn put_off(&mut self, records: Vec<Sent>) {
        self.next.extend(records);
    }

    /// Whether wrong clocks tell something now.
    pub(super) fn draw(&mut self, topic: &'static str, partition: i32) -> Option<Stray> {
        let since = self.since.entry((topic, partition)).or_default();
        *since += 1;
        if *since <= APART || !self.random.one_in(RARE) {
            return None;
        }
        *since = 0;
        let ahead = 2 * HOUR + self.random.below(MAX_FUTURE - 2 * HOUR - MINUTE);
        let behind = -(5 * HOUR + self.random.below(40 * HOUR));
        let steps = |first: i64, count: i64| (0..count).map(|number| first + number * 1000).collect::<Vec<_>>();
        let ahead = match self.random.below(10) {
            0..5 => vec![ahead],
            // About as far as is accepted: which side it is on, the record's own time stamp decides.
            5 => vec![MAX_FUTURE + self.random.below(MINUTE)],
            6 => vec![2 * MAX_FUTURE + ahead],
            7 => vec![behind],
            8 if partition == 0 => steps(ahead.min(MAX_FUTURE - HOUR), 4 + self.random.below(6)),
            _ => steps(behind, 4 + self.random.below(6)),
        };
        Some(Stray { ahead, beside_another: self.random.one_in(5) })
    }
}
