//! Members that do one thing wrong.

use std::time::Duration;

use measurement::time::Timestamp;
use serde_json::Value;
use streaming::{GroupMetadata, LogError, Member, Poll, RecordRef, Sight, TopicPartition, log::Sink};

use super::{Bug, Kind, Saboteur};

/// How far ahead of the clock the events of the far future are moved, in milliseconds: the true stamps, of the year
/// 2200, would have more periods between them than a test can wait for.
pub(super) const AHEAD: i64 = 6 * 3_600_000;

pub(super) struct Wrong {
    pub(super) inner: Box<dyn Member>,
    pub(super) log: Saboteur,
}

impl Member for Wrong {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        if self.log.bug != Bug::FutureStamps || self.log.kind != Kind::Ingest {
            return self.inner.poll(timeout, most, sink);
        }
        let now = self.log.inner.now();
        self.inner.poll(timeout, most, &mut |record| {
            let mut record = record.to_record();
            record.value = record.value.map(|value| nearer(value, now.plus(AHEAD)));
            sink(RecordRef::from(&record));
        })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError> {
        if self.log.bug != Bug::SkippedOnAssign || self.log.kind != Kind::Ingest {
            return self.inner.assign(partitions);
        }
        let skipped = partitions.iter().map(|(at, offset)| {
            let end = self.log.inner.end_offset_now(at);
            (at.clone(), if *offset < end { offset + 1 } else { *offset })
        });
        self.inner.assign(&skipped.collect::<Vec<_>>())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.unassign(partitions)
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        self.inner.subscribe(topics)
    }

    fn look(&mut self) -> Result<Option<Sight>, LogError> {
        self.inner.look()
    }

    fn agree_anew(&mut self, unowned: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.agree_anew(unowned)
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.log.shared().released.extend(partitions.iter().cloned());
        self.inner.release(partitions)
    }

    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError> {
        self.inner.committed(partition)
    }

    fn caught_up(&mut self, partition: &TopicPartition, position: i64) -> Result<bool, LogError> {
        let caught_up = self.inner.caught_up(partition, position)?;
        Ok(caught_up || self.log.bug == Bug::AlwaysCaughtUp)
    }

    fn metadata(&self) -> Result<GroupMetadata, LogError> {
        if self.log.bug == Bug::ForgedGeneration {
            let group = match self.log.kind {
                Kind::Ingest => "ingest",
                Kind::Aggregator | Kind::Evaluator => "aggregator",
            };
            if let Some(forged) = self.log.inner.forged_membership(&format!("{}-{group}", super::PREFIX)) {
                return Ok(GroupMetadata::new(forged));
            }
        }
        self.inner.metadata()
    }
}

/// An event of the far future with another time; anything else as it is.
fn nearer(value: Vec<u8>, time: Timestamp) -> Vec<u8> {
    let Ok(Value::Object(mut event)) = serde_json::from_slice(&value) else { return value };
    if event.get("time").and_then(Value::as_i64).is_none_or(|stamp| stamp <= time.0) {
        return value;
    }
    event.insert("time".to_owned(), time.0.into());
    Value::Object(event).to_string().into_bytes()
}
