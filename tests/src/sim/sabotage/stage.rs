//! A stage that forgets too little or believes too much.

use std::collections::BTreeSet;

use measurement::time::Timestamp;
use records::{Frontier, decode, encode};
use streaming::{Found, Log, LogError, Outbox, Position, Record, RecordRef, Resume, Stage, StageError, TopicPartition};

use super::{Bug, Kind, Saboteur};
use crate::load::MAX_FUTURE;
use serde_json::Value;

pub(super) struct Wrong<S> {
    inner: S,
    log: Saboteur,
    /// Partitions that the stage has in its memory.
    known: BTreeSet<TopicPartition>,
    /// Those of them that it was told to forget.
    forgotten: BTreeSet<TopicPartition>,
}

impl<S> Wrong<S> {
    pub(super) const fn new(inner: S, log: Saboteur) -> Self {
        Self { inner, log, known: BTreeSet::new(), forgotten: BTreeSet::new() }
    }

    /// Whether the memory of a partition, which was to be forgotten, is gone on with.
    fn keeps(&self, partition: &TopicPartition) -> bool {
        let mut shared = self.log.shared();
        let released = shared.released.contains(partition);
        shared.released.retain(|at| at != partition);
        let kept = match self.log.bug {
            Bug::MemoryKept => !released,
            Bug::StateKept => released,
            _ => false,
        };
        kept && self.forgotten.contains(partition)
    }

    /// Notes the time of an event that ingest takes.
    fn note_time(&self, record: &Record) {
        let Ok(event) = serde_json::from_slice::<Value>(record.value.as_deref().unwrap_or_default()) else { return };
        let time = event.get("time").and_then(Value::as_i64).map(Timestamp);
        let farthest = record.timestamp.map(|stamp| Timestamp(stamp).plus(MAX_FUTURE));
        if let Some(time) = time.filter(|time| Some(*time) <= farthest) {
            let mut shared = self.log.shared();
            let latest = shared.latest.entry(record.partition.clone()).or_insert(time);
            *latest = time.max(*latest);
        }
    }

    /// A frontier whose digest is that of whatever is there.
    fn believed(&self, mut changelog: Vec<Record>) -> Vec<Record> {
        let digest = aggregator::digest_of(&self.log.topics, &changelog);
        for record in changelog.iter_mut().filter(|record| record.key.as_deref() == Some(Frontier::KEY)) {
            if let Ok(mut frontier) = decode::<Frontier>("frontier", record.value.as_deref().unwrap_or_default()) {
                frontier.digest.clone_from(&digest);
                record.value = Some(encode(&frontier));
            }
        }
        changelog
    }
}

impl<S: Stage> Stage for Wrong<S> {
    fn restore(&mut self, partition: &TopicPartition, found: Found) -> Result<Resume, StageError> {
        if self.keeps(partition) {
            self.forgotten.remove(partition);
            return Ok(Resume::Committed);
        }
        if self.forgotten.remove(partition) {
            self.inner.forget(partition);
        }
        self.known.insert(partition.clone());
        let found = match self.log.bug {
            Bug::DigestIgnored => Found { changelog: self.believed(found.changelog), ..found },
            _ => found,
        };
        self.inner.restore(partition, found)
    }

    fn last_known(&self, partition: &TopicPartition, log: &dyn Log) -> Result<Option<i64>, LogError> {
        if self.log.bug == Bug::NoneIsBeginning {
            return Ok(None);
        }
        self.inner.last_known(partition, log)
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), StageError> {
        if self.log.bug == Bug::OneRecordMovesTime && self.log.kind == Kind::Ingest {
            self.note_time(&record.to_record());
        }
        self.inner.record(record)
    }

    fn flush(&mut self, now: Timestamp, positions: &[Position], out: &mut Outbox) -> Result<(), StageError> {
        self.inner.flush(now, positions, out)
    }

    fn committed(&mut self) {
        self.inner.committed();
    }

    fn forget(&mut self, partition: &TopicPartition) {
        if matches!(self.log.bug, Bug::MemoryKept | Bug::StateKept) && self.known.contains(partition) {
            self.forgotten.insert(partition.clone());
            return;
        }
        self.inner.forget(partition);
    }
}
