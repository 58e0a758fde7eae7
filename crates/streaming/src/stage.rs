//! What a service does with the records of its partitions, between two commits.

use measurement::time::Timestamp;

use crate::{
    log::Log,
    record::{OutRecord, Record, RecordRef, TopicPartition},
    words::LogError,
};

/// Where reading goes on after a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// At the group's committed offset; at the first record where there is none.
    Committed,
    /// At this offset, whatever the group says: the state knows better.
    At(i64),
    /// The state that was found is of no use: it is built anew.
    Rebuild {
        /// Offset of the first record that it is built from.
        from: i64,
        /// Why, and what is lost if that record is gone.
        why: String,
    },
}

/// What there is of a partition before it is taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The newest record of each key in the partition's changelogs, tombstones left out, in the order of the changelog
    /// topics and offsets.
    pub changelog: Vec<Record>,
    /// Offset of the first record of the partition that is still there.
    pub first: i64,
    /// Where the group, or other evidence, says that reading goes on; `None` where nobody has read it yet. With an empty
    /// changelog, this is what is left of a state that is gone.
    pub known: Option<i64>,
}

/// How far a partition has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The input partition.
    pub partition: TopicPartition,
    /// Offset of the next record.
    pub next_offset: i64,
    /// When everything up to the end had been read, if nothing was read since; known only where the runner was told to
    /// look. Not "now": the look may be some time ago, and what came since is not known of.
    pub caught_up: Option<Timestamp>,
    /// Number of partitions of the topic; `i32::MAX` if it is not known.
    pub partitions: i32,
}

/// How a topic stands that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Name.
    pub topic: String,
    /// Number of its partitions; `None` if it cannot be read.
    pub partitions: Option<i32>,
    /// Why it is not read, or not as a whole.
    pub waits: Option<String>,
}

/// The records of one transaction.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    records: Vec<OutRecord>,
}

impl Outbox {
    /// Adds a record.
    pub fn send(&mut self, record: OutRecord) {
        self.records.push(record);
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records, in order.
    pub fn into_records(self) -> Vec<OutRecord> {
        self.records
    }
}

/// Why a stage cannot go on. Bad records are no such reason: a stage rejects them and goes on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StageError(pub String);

/// A stage. Its memory is a cache of what its transactions have written: it must be able to forget
/// a partition at any time and restore it from the changelog.
pub trait Stage: Send {
    /// Takes over a partition, given what was found of it.
    fn restore(&mut self, partition: &TopicPartition, found: Found) -> Result<Resume, StageError>;

    /// Where reading of a partition is known to go on, by what the stage itself has written, if the group knows no
    /// offset. `None` if nothing was ever written.
    fn last_known(&self, _partition: &TopicPartition, _log: &dyn Log) -> Result<Option<i64>, LogError> {
        Ok(None)
    }

    /// How the topics stand that are to be read; told every few seconds where the loop looks. Topics of which nothing
    /// is known at the time are left out.
    fn inputs(&mut self, _inputs: &[Input]) {}

    /// Takes one record.
    fn record(&mut self, record: RecordRef<'_>) -> Result<(), StageError>;

    /// Writes everything that has changed since the last commit. Called at every commit interval, also
    /// when nothing was read, before partitions are handed over, and at shutdown.
    fn flush(&mut self, now: Timestamp, positions: &[Position], out: &mut Outbox) -> Result<(), StageError>;

    /// What the last flush wrote stands.
    fn committed(&mut self) {}

    /// Forgets a partition: it was handed over or lost, or its transaction did not commit.
    fn forget(&mut self, partition: &TopicPartition);
}
