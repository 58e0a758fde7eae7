//! The log as traits.
//!
//! What every log promises, and the conformance suite checks:
//! - readers and members see committed records only, in the order of their offsets; offsets may have
//!   gaps, because transaction markers occupy them;
//! - a transaction covers its records and the input offsets of a group, all or nothing;
//! - a newer producer with the same transactional id fences the older one;
//! - a partition has one owner in a group; offsets sent by who is no owner any more are refused.

use std::{any::Any, collections::BTreeMap, fmt::Debug, time::Duration};

use crate::{
    partitioner,
    record::{OutRecord, RecordRef, TopicPartition},
    words::{Change, LogError, Sight, TopicDescription, TopicSpec, TransactionError},
};

/// What a poll brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// How many records were handed over.
    pub records: usize,
    /// Changes of the assignment, oldest first.
    pub changes: Vec<Change>,
    /// Partitions of which the end was reached (readers only).
    pub ends: Vec<i32>,
}

/// Proof of membership that goes into a transaction with the offsets. What it holds is the log's affair.
pub struct GroupMetadata(Box<dyn Any + Send>);

impl GroupMetadata {
    /// Wraps what a log's producer wants from the log's member.
    pub fn new(proof: impl Any + Send) -> Self {
        Self(Box::new(proof))
    }

    /// What was wrapped; `None` if the member belongs to another kind of log.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl Debug for GroupMetadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("GroupMetadata")
    }
}

/// Takes a record that was read.
pub type Sink<'a> = &'a mut dyn FnMut(RecordRef<'_>);

/// A log.
pub trait Log: Send + Sync + Debug {
    /// Partition count and settings of a topic; `None` if it does not exist.
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError>;

    /// Creates a topic that does not exist.
    fn create(&self, spec: &TopicSpec) -> Result<(), LogError>;

    /// Settings of each broker, by its number; none where a log has no brokers.
    fn broker_settings(&self) -> Result<BTreeMap<i32, BTreeMap<String, String>>, LogError> {
        Ok(BTreeMap::new())
    }

    /// First offset that is still there.
    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError>;

    /// The high watermark: offset after the last record, open transactions included.
    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError>;

    /// The last stable offset: no transaction is open below it.
    fn stable_offset(&self, partition: &TopicPartition) -> Result<i64, LogError>;

    /// Waits until no transaction is open below the high watermark found at the call, and gives that
    /// high watermark. Who reads to there has met everything that was written before the call.
    fn settled_end(&self, partition: &TopicPartition, deadline: Duration) -> Result<i64, LogError> {
        let end = self.end_offset(partition)?;
        let pause = Duration::from_millis(50);
        let mut waited = Duration::ZERO;
        loop {
            let stable = self.stable_offset(partition)?;
            if stable >= end {
                return Ok(end);
            }
            if waited >= deadline {
                return Err(LogError::Unavailable {
                    doing: "wait for an open transaction to end",
                    reason: format!(
                        "{partition}: the last stable offset is {stable}, the end {end}, for {} s; find the hanging transaction with kafka-transactions.sh find-hanging",
                        deadline.as_secs()
                    ),
                });
            }
            std::thread::sleep(pause);
            waited += pause;
        }
    }

    /// Reads partitions of one topic from given offsets on.
    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError>;

    /// Joins a group under a name that is the same after a restart: whoever comes back under it takes over
    /// what it owned at once, and fences whoever still has it.
    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError>;

    /// A transactional producer. Fences older ones with the same id and ends their open transactions.
    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError>;

    /// Number of partitions of a topic that must exist.
    fn partitions(&self, topic: &str) -> Result<i32, LogError> {
        self.describe(topic)?.map(|topic| topic.partitions).ok_or_else(|| LogError::NoTopic(topic.to_owned()))
    }
}

/// Reads partitions of one topic, outside any group.
pub trait Reader: Send {
    /// Hands over at most `most` records and says of which partitions the end was reached.
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError>;
}

/// After how long without a sign of life a member of a group loses its partitions, in milliseconds.
pub const SESSION_TIMEOUT: i64 = 12_000;

/// A member of a consumer group.
pub trait Member: Send {
    /// Hands over at most `most` records. Returns at once when the assignment changes. Partitions that are
    /// revoked or lost must be released before the next poll.
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError>;

    /// Begins to read partitions that it owns, each from an offset.
    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError>;

    /// Reads partitions no more that it goes on owning. Nothing of them that was fetched is handed over any more.
    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Reads these topics from now on, whether they exist or not. Partitions of others are revoked, those of new ones
    /// assigned.
    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError>;

    /// How the topics stand that it reads; `None` if it is not known yet: to be asked again.
    fn look(&mut self) -> Result<Option<Sight>, LogError>;

    /// Makes the group agree anew on who owns what, where it would not by itself: these partitions have no owner, or
    /// this member owns some of topics that it does not read. A log that sees to it by itself does nothing.
    fn agree_anew(&mut self, _unowned: &[TopicPartition]) -> Result<(), LogError> {
        Ok(())
    }

    /// Gives partitions up: the answer to [`Change::Revoked`] and [`Change::Lost`].
    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// The group's committed offset; `None` if there is none. [`LogError::Unavailable`] soon, if a
    /// transaction is open that holds one: to be asked again.
    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError>;

    /// Whether everything before the end of the partition has been handed over, the next offset being `position`.
    fn caught_up(&mut self, partition: &TopicPartition, position: i64) -> Result<bool, LogError>;

    /// Proof of membership, to be taken afresh for each transaction.
    fn metadata(&self) -> Result<GroupMetadata, LogError>;
}

/// A transactional producer. In which order its calls come, [`crate::protocol::Transaction`] says.
pub trait Producer: Send {
    /// How many requests the client has repeated on its own since it was made, told after all that were made
    /// by the last call. A repeated one may still be under way, and could then end a later transaction.
    fn repeats(&mut self) -> Result<u64, TransactionError>;

    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), TransactionError>;

    /// Adds a record. Its partition must be set.
    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError>;

    /// Waits until all records are delivered.
    fn deliver(&mut self) -> Result<(), TransactionError>;

    /// Adds the offsets of the next records to be read.
    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError>;

    /// Commits.
    fn commit(&mut self) -> Result<(), TransactionError>;

    /// Aborts.
    fn abort(&mut self) -> Result<(), TransactionError>;
}

/// Sets the partition of a record that has none.
pub fn place(record: &mut OutRecord, partitions: i32) {
    if record.partition.is_none() {
        record.partition = Some(partitioner::partition_for(record.key.as_deref(), partitions));
    }
}

/// Reads one partition up to its high watermark at the time of the call, all transactions before it
/// being settled.
pub fn read_to_end(
    log: &dyn Log,
    partition: &TopicPartition,
    deadline: Duration,
    sink: Sink<'_>,
) -> Result<i64, LogError> {
    let end = log.settled_end(partition, deadline)?;
    let first = log.first_offset(partition)?;
    read_range(log, partition, (first, end), deadline, sink)?;
    Ok(end)
}

/// Reads the committed records of one partition between two offsets, the second of which is no later than the
/// last stable offset.
pub fn read_range(
    log: &dyn Log,
    partition: &TopicPartition,
    (first, end): (i64, i64),
    deadline: Duration,
    sink: Sink<'_>,
) -> Result<(), LogError> {
    if first >= end {
        return Ok(());
    }
    let mut reader = log.reader(&partition.topic, &[(partition.partition, first)])?;
    let mut quiet = Duration::ZERO;
    let slice = Duration::from_millis(100);
    let mut position = first;
    loop {
        let poll = reader.poll(slice, 10_000, &mut |record| {
            position = record.offset() + 1;
            if record.offset() < end {
                sink(record);
            }
        })?;
        // The end is reported once nothing more can come; a last offset may be a marker and is then never seen.
        if position >= end || poll.ends.contains(&partition.partition) {
            return Ok(());
        }
        quiet = if poll.records == 0 { quiet + slice } else { Duration::ZERO };
        if quiet > deadline {
            return Err(LogError::Unavailable {
                doing: "read a topic to its end",
                reason: format!("{partition}: nothing came for {} s at offset {position} of {end}", deadline.as_secs()),
            });
        }
    }
}
