//! A log in the process's own memory: the same semantics as Apache Kafka, no installation.
//!
//! Records of a transaction are held by its producer until it commits and are then appended as a
//! whole, followed by a marker in each partition that occupies an offset, as on Kafka. With a folder,
//! each commit is appended to a file first ([`storage`]), and a new process finds everything again.
//! Records stay in memory until somebody says that nobody needs them any more ([`EmbeddedLog::forget_before`], as
//! retention does on Kafka): this log is for first steps, replay, tests and simulation.

mod group;
mod producer;
mod reader;
mod storage;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    log::{Log, LogError, Member, Producer, Reader, TopicDescription},
    record::{Record, TopicPartition},
    topics::TopicSpec,
};

/// A slot of a partition: a record, or a transaction marker.
type Slot = Option<Arc<Record>>;

#[derive(Debug)]
struct Topic {
    description: TopicDescription,
    partitions: Vec<Slots>,
}

/// The slots of a partition that are still there.
#[derive(Clone, Debug, Default)]
struct Slots {
    /// Offset of the first of them.
    first: i64,
    kept: VecDeque<Slot>,
}

impl Slots {
    fn end(&self) -> i64 {
        self.first.saturating_add(i64::try_from(self.kept.len()).unwrap_or(i64::MAX))
    }

    fn forget_before(&mut self, offset: i64) {
        let gone = usize::try_from(offset.saturating_sub(self.first)).unwrap_or(0).min(self.kept.len());
        self.kept.drain(..gone);
        self.first = self.first.saturating_add(i64::try_from(gone).unwrap_or(i64::MAX));
        // What was read in one go and is gone must not go on holding its room.
        if self.kept.capacity() > 4 * self.kept.len().max(1024) {
            self.kept.shrink_to(2 * self.kept.len());
        }
    }
}

#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<Arc<str>, Topic>,
    groups: HashMap<String, group::Group>,
    /// Newest epoch of each transactional id.
    epochs: HashMap<String, u64>,
    next_member: u64,
    storage: Option<storage::Storage>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something was appended or an assignment changed.
    changed: Condvar,
}

/// The embedded log. Clones share it.
#[derive(Clone, Debug)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
}

impl Default for EmbeddedLog {
    fn default() -> Self {
        Self::new()
    }
}

impl EmbeddedLog {
    /// A log in memory alone.
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() }) }
    }

    /// A log that is kept in a folder. A commit that was torn by a crash is dropped.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        let mut state = State::default();
        let storage = storage::Storage::open(folder, &mut state)?;
        state.storage = Some(storage);
        Ok(Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) })
    }

    /// Throws a member out of its group, as a broker does after the session timeout: its offsets are
    /// refused from now on, and it learns that its partitions are lost at its next poll.
    pub fn expel(&self, group: &str, member: u64) {
        let mut state = self.shared.lock();
        if let Some(group) = state.groups.get_mut(group) {
            group.expel(member);
        }
        self.shared.changed.notify_all();
    }

    /// Forgets the records of a partition before an offset, at most up to its end, as retention does: who asks for
    /// them later is told that they are gone. What is kept in a folder stays there, and is back after a restart.
    pub fn forget_before(&self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        let mut state = self.shared.lock();
        state.partition(partition)?;
        if let Some(slots) = state.slots(partition) {
            slots.forget_before(offset);
        }
        Ok(())
    }
}

impl Shared {
    /// A panic elsewhere does not make the log unusable: every change is made as a whole under the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn partition(&self, partition: &TopicPartition) -> Result<&Slots, LogError> {
        let topic = self.topics.get(&partition.topic).ok_or_else(|| LogError::NoTopic(partition.topic.to_string()))?;
        usize::try_from(partition.partition)
            .ok()
            .and_then(|index| topic.partitions.get(index))
            .ok_or_else(|| LogError::Fatal { doing: "find a partition", reason: format!("{partition} does not exist") })
    }

    fn end(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        Ok(self.partition(partition)?.end())
    }

    fn create(&mut self, spec: &TopicSpec) {
        let partitions = usize::try_from(spec.partitions.max(1)).unwrap_or(1);
        let description = TopicDescription { partitions: spec.partitions.max(1), configs: spec.settings() };
        self.topics
            .entry(Arc::from(spec.name.as_str()))
            .or_insert_with(|| Topic { description, partitions: vec![Slots::default(); partitions] });
    }

    /// Appends the records of one transaction and a marker to each partition they touch.
    fn append(&mut self, records: Vec<Record>) {
        let mut touched: Vec<TopicPartition> = Vec::new();
        for mut record in records {
            let partition = record.partition.clone();
            let Some(slots) = self.slots(&partition) else { continue };
            record.offset = slots.end();
            slots.kept.push_back(Some(Arc::new(record)));
            if !touched.contains(&partition) {
                touched.push(partition);
            }
        }
        for partition in touched {
            if let Some(slots) = self.slots(&partition) {
                slots.kept.push_back(None);
            }
        }
    }

    fn slots(&mut self, partition: &TopicPartition) -> Option<&mut Slots> {
        let index = usize::try_from(partition.partition).ok()?;
        self.topics.get_mut(&partition.topic)?.partitions.get_mut(index)
    }

    /// The next records of a partition, at most `most`, and the offset after what was looked at.
    fn read(&self, partition: &TopicPartition, from: i64, most: usize) -> Result<(Vec<Arc<Record>>, i64), LogError> {
        let slots = self.partition(partition)?;
        if from < slots.first {
            return Err(LogError::OutOfRange);
        }
        let mut records = Vec::new();
        let mut position = from;
        let skipped = usize::try_from(from - slots.first).unwrap_or(usize::MAX);
        for slot in slots.kept.range(skipped.min(slots.kept.len())..) {
            if records.len() == most {
                break;
            }
            position += 1;
            records.extend(slot.clone());
        }
        Ok((records, position))
    }
}

impl Log for EmbeddedLog {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        Ok(self.shared.lock().topics.get(topic).map(|topic| topic.description.clone()))
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        let mut state = self.shared.lock();
        if state.topics.contains_key(spec.name.as_str()) {
            return Ok(());
        }
        if let Some(storage) = &mut state.storage {
            storage.topic(spec)?;
        }
        state.create(spec);
        Ok(())
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.shared.lock().partition(partition).map(|slots| slots.first)
    }

    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.shared.lock().end(partition)
    }

    fn stable_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        // Nothing of an open transaction is in the log.
        self.end_offset(partition)
    }

    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::EmbeddedReader::new(&self.shared, topic, from)))
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(group::EmbeddedMember::join(&self.shared, group, instance, topics)?))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::EmbeddedProducer::new(&self.shared, transactional_id)))
    }
}
