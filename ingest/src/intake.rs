//! What became of the elements of a source partition, minute by minute of their time: what the intake records say.
//! They tell the aggregator that a source is alive whatever its mapping makes of it, and how much of its input is in
//! no figure.

use std::{collections::BTreeMap, sync::Arc};

use measurement::time::Timestamp;
use records::{Intake, IntakeMinute, headers};
use streaming::{OutRecord, Outbox, TopicPartition};

const MINUTE: i64 = 60_000;

/// What an element tells of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    /// When it happened, if that could be read.
    pub time: Option<Timestamp>,
    /// How many elements it stands for.
    pub read: u64,
    /// How many of them were refused.
    pub refused: u64,
    /// In how many of them bytes or characters had to be replaced.
    pub replaced: u64,
    /// In how many of those the mapping may have looked at what was replaced.
    pub doubtful: u64,
}

/// Which time an element has that tells none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It is as far behind its record as the last one that told its time: by nothing in a live stream, by hours where a
    /// source delivers in batches, by a year where a history is read in. Its record's time while none has told any.
    AsFarBehind,
    /// The last time known, or else the next one: a history is read as having come in time.
    LastKnown,
}

/// The minutes of a source partition since the last commit.
#[derive(Clone, Debug, Default)]
pub struct Minutes {
    counted: BTreeMap<i64, IntakeMinute>,
    last_known: Option<Timestamp>,
    /// How far the last known time lay behind its record, in milliseconds.
    behind: i64,
    /// Elements whose time is the next one known.
    waiting: Sign,
}

impl Minutes {
    /// Counts an element of a record of this time.
    pub fn count(&mut self, sign: Sign, record: Timestamp, untold: Untold) {
        if let Some(time) = sign.time {
            self.last_known = Some(time);
            self.behind = record.0.saturating_sub(time.0).max(0);
            let waiting = std::mem::take(&mut self.waiting);
            if waiting.read > 0 {
                self.add(time, waiting);
            }
            return self.add(time, sign);
        }
        match (self.last_known, untold) {
            (_, Untold::AsFarBehind) => self.add(record.minus(self.behind), sign),
            (Some(known), Untold::LastKnown) => self.add(known, sign),
            (None, Untold::LastKnown) => {
                self.waiting.read += sign.read;
                self.waiting.refused += sign.refused;
                self.waiting.doubtful += sign.doubtful;
            }
        }
    }

    fn add(&mut self, time: Timestamp, sign: Sign) {
        let empty = || IntakeMinute { first: time, last: time, read: 0, refused: 0, replaced: 0 };
        let minute = self.counted.entry(time.0.div_euclid(MINUTE)).or_insert_with(empty);
        minute.first = minute.first.min(time);
        minute.last = minute.last.max(time);
        minute.read += sign.read;
        minute.refused += sign.refused;
        minute.replaced += sign.doubtful;
    }

    /// Sends what was counted, and forgets it. What waits for a known time goes on waiting.
    pub fn flush(&mut self, source: &str, partition: &TopicPartition, events: &Arc<str>, out: &mut Outbox) {
        let minutes: Vec<IntakeMinute> = std::mem::take(&mut self.counted).into_values().collect();
        for minutes in minutes.chunks(Intake::MINUTES) {
            let intake = Intake::new(source, &partition.topic, partition.partition, minutes.to_vec());
            out.send(OutRecord {
                topic: Arc::clone(events),
                partition: None,
                key: Some(intake.key()),
                value: Some(records::encode(&intake)),
                headers: vec![
                    (headers::KIND.to_owned(), headers::INTAKE.to_vec()),
                    (headers::SOURCE.to_owned(), source.as_bytes().to_vec()),
                ],
                timestamp: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(time: Option<i64>) -> Sign {
        Sign { time: time.map(Timestamp), read: 1, ..Sign::default() }
    }

    fn refused(elements: u64) -> Sign {
        Sign { read: elements, refused: elements, ..Sign::default() }
    }

    fn flushed(minutes: &mut Minutes) -> Vec<IntakeMinute> {
        let mut out = Outbox::default();
        minutes.flush("lab", &TopicPartition::new("raw.lab", 2), &"vernier.events".into(), &mut out);
        let records = out.into_records();
        let intakes = records.iter().map(|record| {
            assert_eq!(record.key.as_deref(), Some(b"raw.lab/2".as_slice()));
            records::decode::<Intake>("intake", record.value.as_deref().unwrap()).unwrap()
        });
        intakes.flat_map(|intake| intake.minutes).collect()
    }

    fn minute(first: i64, last: i64, read: u64, refused: u64) -> IntakeMinute {
        IntakeMinute { first: Timestamp(first), last: Timestamp(last), read, refused, replaced: 0 }
    }

    #[test]
    fn elements_are_counted_in_the_minute_of_their_time() {
        let mut minutes = Minutes::default();
        for time in [60_000, 119_999, 120_000, 70_000] {
            minutes.count(read(Some(time)), Timestamp(500_000), Untold::AsFarBehind);
        }
        assert_eq!(flushed(&mut minutes), [minute(60_000, 119_999, 3, 0), minute(120_000, 120_000, 1, 0)]);
        assert_eq!(flushed(&mut minutes), [], "nothing was read, nothing is written");
    }

    #[test]
    fn an_element_without_a_time_is_as_far_behind_its_record_as_the_last_one_with_a_time() {
        let mut minutes = Minutes::default();
        let mut counted = |sign, record: i64| {
            minutes.count(sign, Timestamp(record), Untold::AsFarBehind);
            let found = flushed(&mut minutes);
            found.first().map(|minute| (minute.first.0, minute.refused))
        };
        assert_eq!(counted(refused(3), 1_000_000), Some((1_000_000, 3)), "nothing is known yet");
        counted(read(Some(998_000)), 1_000_000);
        assert_eq!(counted(refused(1), 9_000_000), Some((8_998_000, 1)), "a live stream after a pause");
        counted(read(Some(400_000)), 7_600_000);
        assert_eq!(counted(refused(1), 7_601_000), Some((401_000, 1)), "a batch that is two hours late");
        counted(read(Some(7_700_000)), 7_690_000);
        assert_eq!(counted(refused(1), 7_691_000), Some((7_691_000, 1)), "nothing is ahead of its record");
    }

    #[test]
    fn a_history_takes_the_last_known_time_or_the_next() {
        let mut minutes = Minutes::default();
        let received = Timestamp(9_000_000_000);
        minutes.count(refused(3), received, Untold::LastKnown);
        minutes.count(read(Some(60_000)), received, Untold::LastKnown);
        minutes.count(refused(1), received, Untold::LastKnown);
        assert_eq!(flushed(&mut minutes), [minute(60_000, 60_000, 5, 4)]);
        let mut unreadable = Minutes::default();
        unreadable.count(refused(2), received, Untold::LastKnown);
        unreadable.count(refused(2), received, Untold::LastKnown);
        assert_eq!(flushed(&mut unreadable), [], "no time is known yet");
        unreadable.count(read(Some(60_000)), received, Untold::LastKnown);
        assert_eq!(flushed(&mut unreadable), [minute(60_000, 60_000, 5, 4)], "never lost");
    }

    #[test]
    fn a_long_history_makes_several_records() {
        let mut minutes = Minutes::default();
        for number in 0..2500 {
            minutes.count(read(Some(number * MINUTE)), Timestamp(0), Untold::LastKnown);
        }
        let mut out = Outbox::default();
        minutes.flush("lab", &TopicPartition::new("raw.lab", 2), &"vernier.events".into(), &mut out);
        assert_eq!(out.into_records().len(), 3);
    }
}
