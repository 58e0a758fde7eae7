//! Source records from a seed, for the catalogue in `tests/identity`.
//!
//! No clock is read: event times progress from where the load was told to begin, and [`Load::now`] says how far they
//! have come, for a clock that is set by hand. On a cluster the load must begin far enough in the past not to overtake
//! the brokers' clock.

mod event;
mod random;
mod strays;

use std::{path::PathBuf, sync::Arc};

use measurement::time::Timestamp;
use streaming::OutRecord;

pub use event::identity;

use event::{Class, Form};
use random::Random;
use strays::{Stray, Strays};

/// How many events from a time far ahead ingest takes for more than a stray clock, also if several read a part each.
const BELIEVED: usize = 16;
/// Longest lateness of the catalogue's sources, in milliseconds.
pub const LATENESS: i64 = 120_000;
/// How far ahead of its record an event of the catalogue's sources may lie, in milliseconds.
pub const MAX_FUTURE: i64 = 6 * 3_600_000;

/// The names of the source topics, as the catalogue has them.
pub const TOPICS: [&str; 2] = ["raw.alpha", "raw.beta"];

/// The catalogue that the load is made for.
pub fn catalogue_folder() -> PathBuf {
    crate::deployment::project().join("tests/identity")
}

/// A source record that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Topic, as the catalogue in `tests/identity` names it.
    pub topic: &'static str,
    /// Partition of the topic.
    pub partition: i32,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
}

impl Sent {
    /// As a producer takes it, on the topic that a deployment has in the place of the catalogue's.
    pub fn to_record(&self, topic: &str) -> OutRecord {
        OutRecord {
            topic: Arc::from(topic),
            partition: Some(self.partition),
            key: self.key.clone(),
            value: self.value.clone(),
            ..OutRecord::default()
        }
    }
}

/// How many good records are remembered, so that one of them can come again.
const REMEMBERED: usize = 64;

/// The generator. The same seed gives the same records, however they are cut into batches.
#[derive(Clone, Debug)]
pub struct Load {
    seed: u64,
    random: Random,
    start: i64,
    now: i64,
    closed_at: Option<i64>,
    number: u64,
    partitions: i32,
    pace: i64,
    recent: Vec<Sent>,
    strays: Option<Strays>,
}

impl Load {
    /// A load of two partitions in each source topic, with twenty seconds of event time between two records.
    pub fn new(seed: u64, start: Timestamp) -> Self {
        Self {
            seed,
            random: Random::new(seed),
            start: start.0,
            now: start.0,
            closed_at: None,
            number: 0,
            partitions: 2,
            pace: 20_000,
            recent: Vec::new(),
            strays: None,
        }
    }

    /// The same with so many partitions in each source topic.
    #[must_use]
    pub const fn partitions(mut self, partitions: i32) -> Self {
        self.partitions = partitions;
        self
    }

    /// The same with so many milliseconds of event time between two records, on average.
    #[must_use]
    pub const fn pace(mut self, milliseconds: i64) -> Self {
        self.pace = milliseconds;
        self
    }

    /// The same with clocks that are hours ahead of their record or behind it: single ones, and several that agree. Several
    /// are ahead in the first partition of a topic alone: there they are believed, and the others hold time back. Each
    /// record must be written with a time stamp that is no earlier than [`Load::now`].
    #[must_use]
    pub fn with_strays(mut self) -> Self {
        self.strays = Some(Strays::new(self.seed));
        self
    }

    /// Newest event time so far, stamps of wrong clocks left out.
    pub const fn now(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// Up to where all sources are complete once the last closing batch has been read; `None` before the first one.
    pub fn closed_to(&self) -> Option<Timestamp> {
        self.closed_at.map(|closed| Timestamp(closed - LATENESS))
    }

    /// The next records: mostly in order, some not, some twice, some unreadable, some that nobody asks for, some from
    /// the far future, some very late; and what wrong clocks tell, if they are asked for.
    pub fn batch(&mut self, count: usize) -> Vec<Sent> {
        (0..count).map(|_| self.record()).collect()
    }

    /// Events in every partition of every source, `ahead` milliseconds from now: with them all sources are complete up to
    /// there, less their lateness. As many as make a jump of time believed, for ingest may end as soon as they are read.
    pub fn closing(&mut self, ahead: i64) -> Vec<Sent> {
        self.now += ahead;
        self.closed_at = Some(self.now);
        let mut batch = Vec::new();
        for topic in TOPICS {
            for partition in 0..self.partitions {
                for _ in 0..BELIEVED {
                    let value = self.event(Class::Heartbeat, self.now, Form::Good);
                    batch.push(Sent { topic, partition, key: None, value: Some(value.into_bytes()) });
                }
            }
        }
        batch
    }

    fn record(&mut self) -> Sent {
        if let Some(sent) = self.strays.as_mut().and_then(Strays::next) {
            return sent;
        }
        self.now += 1 + self.random.below(self.pace * 2);
        let from_alpha = self.random.one_in(2);
        let topic = if from_alpha { TOPICS[0] } else { TOPICS[1] };
        let class = self.class(from_alpha);
        let partition = i32::try_from(self.random.below(i64::from(self.partitions))).expect("it is below a partition");
        let key = self.random.one_in(2).then(|| format!("k-{}", self.random.below(9)).into_bytes());
        if let Some(stray) = self.strays.as_mut().and_then(|strays| strays.draw(topic, partition)) {
            return self.stray(&Sent { topic, partition, key, value: None }, class, &stray);
        }
        let choice = self.random.below(1000);
        let value = match choice {
            // Again, perhaps by another way: the same bytes on any partition of the topic.
            0..80 => {
                let again = usize::try_from(self.random.below(64)).expect("it is below 64");
                match self.recent.get(again) {
                    Some(sent) => return Sent { partition, ..sent.clone() },
                    None => Some(self.event(class, self.now, Form::Good).into_bytes()),
                }
            }
            80..120 => self.poison(class),
            120..150 => Some(self.event(Class::Scan, self.now, Form::Good).into_bytes()),
            150..155 => Some(b"[]".to_vec()),
            155..170 => {
                let year_2200 = 7_258_118_400_000 + self.random.below(1_000_000_000);
                Some(self.event(class, year_2200, Form::Good).into_bytes())
            }
            170..195 => {
                let time = (self.now - 7_200_000 - self.random.below(10_800_000)).max(self.start);
                Some(self.event(class, time, Form::Good).into_bytes())
            }
            195..345 => {
                let time = self.now - self.random.below(60_000);
                Some(self.event(class, time, Form::Good).into_bytes())
            }
            345..375 => {
                let (one, two) = (self.event(class, self.now, Form::Good), self.event(class, self.now - 1, Form::Good));
                Some(format!("[{one},{two}]").into_bytes())
            }
            // Half of it is good: that half counts, the record is a dead letter.
            375..390 => {
                let (one, two) = (self.event(class, self.now, Form::Good), self.event(class, self.now, Form::NoTime));
                Some(format!("[{one},{two}]").into_bytes())
            }
            390..420 => Some(self.event(class, self.now, Form::Ended).into_bytes()),
            _ => Some(self.event(class, self.now, Form::Good).into_bytes()),
        };
        let sent = Sent { topic, partition, key, value };
        if choice >= 420 {
            if self.recent.len() < REMEMBERED {
                self.recent.push(sent.clone());
            } else {
                let place = usize::try_from(self.random.below(64)).expect("it is below 64");
                self.recent[place].clone_from(&sent);
            }
        }
        sent
    }

    /// What wrong clocks tell in place of an ordinary record; what does not come at once comes next.
    fn stray(&mut self, place: &Sent, class: Class, stray: &Stray) -> Sent {
        let mut records: Vec<Sent> = stray
            .ahead
            .iter()
            .map(|ahead| {
                let wrong = self.event(class, self.now + ahead, Form::Good);
                let text = if stray.beside_another {
                    format!("[{},{wrong}]", self.event(class, self.now, Form::Good))
                } else {
                    wrong
                };
                Sent { value: Some(text.into_bytes()), ..place.clone() }
            })
            .collect();
        let rest = records.split_off(1);
        if let Some(strays) = &mut self.strays {
            strays.put_off(rest);
        }
        records.remove(0)
    }

    fn class(&mut self, from_alpha: bool) -> Class {
        if from_alpha {
            return Class::Authentication;
        }
        match self.random.below(10) {
            0..3 => Class::Finding,
            3..5 => Class::Check,
            5..8 => Class::Case,
            _ => Class::Action,
        }
    }

    /// A record that must end among the dead letters, whole.
    fn poison(&mut self, class: Class) -> Option<Vec<u8>> {
        let form = match self.random.below(9) {
            0 => return None,
            1 => return Some(b" \n".to_vec()),
            2 => return Some(b"{\"class_uid\":3002,\"text\":\"\xff\xfe\"}".to_vec()),
            3 => return Some(b"42".to_vec()),
            4 => {
                let whole = self.event(class, self.now, Form::Good);
                return Some(whole.as_bytes()[..whole.len() / 2].to_vec());
            }
            5 => Form::UnknownClass,
            6 => Form::NoTime,
            7 => Form::NoActivity,
            _ => Form::NoKey,
        };
        Some(self.event(class, self.now, form).into_bytes())
    }

    fn event(&mut self, class: Class, time: i64, form: Form) -> String {
        self.number += 1;
        let uid = format!("e-{}-{}", self.seed, self.number);
        event::text(&mut self.random, class, time, &uid, form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_records_however_they_are_cut() {
        let (mut one, mut two) = (Load::new(7, Timestamp(0)), Load::new(7, Timestamp(0)));
        let whole = one.batch(300);
        let cut: Vec<Sent> = (0..10).flat_map(|_| two.batch(30)).collect();
        assert_eq!(whole, cut);
        assert_ne!(whole, Load::new(8, Timestamp(0)).batch(300));
        assert_eq!(one.now(), two.now());
    }

    #[test]
    fn wrong_clocks_are_single_or_agree_and_agree_ahead_in_the_first_partition_alone() {
        let mut load = Load::new(7, Timestamp(0)).with_strays();
        let mut ahead = std::collections::BTreeMap::<(&str, i32), Vec<usize>>::new();
        let (mut behind, mut beyond) = (0, 0);
        for number in 0..6000 {
            let sent = load.batch(1).remove(0);
            let text = sent.value.as_deref().unwrap_or_default();
            let json: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
            let last = json.as_array().and_then(|elements| elements.last()).unwrap_or(&json);
            let Some(time) = last["time"].as_i64() else { continue };
            match time - load.now().0 {
                3_600_000..=MAX_FUTURE => ahead.entry((sent.topic, sent.partition)).or_default().push(number),
                ..=-18_000_000 => behind += 1,
                over if over > MAX_FUTURE && over < 100_000_000 => beyond += 1,
                _ => {}
            }
        }
        assert!(behind > 20 && beyond > 5, "{behind} behind, {beyond} beyond what is accepted");
        for ((topic, partition), numbers) in ahead {
            let agree = numbers.windows(4).filter(|four| four[3] - four[0] == 3).count();
            assert!(numbers.len() > 20, "{topic}/{partition}: {numbers:?}");
            assert_eq!(agree > 0, partition == 0, "{topic}/{partition}: {numbers:?}");
        }
    }
}
