//! What the log holds, and the lock around it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    group::Group,
    storage::{Kept, Storage},
};
use crate::{
    record::{Record, TopicPartition},
    words::{LogError, TopicDescription, TopicSpec},
};

/// A slot of a partition: a record, or a transaction marker.
type Slot = Option<Arc<Record>>;

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) description: TopicDescription,
    partitions: Vec<Slots>,
}

/// The slots of a partition that are still there.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// Offset of the first of them.
    pub(super) first: i64,
    kept: VecDeque<Slot>,
}

impl Slots {
    pub(super) fn end(&self) -> i64 {
        self.first.saturating_add(i64::try_from(self.kept.len()).unwrap_or(i64::MAX))
    }

    pub(super) fn forget_before(&mut self, offset: i64) {
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
pub(super) struct State {
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    pub(super) groups: HashMap<String, Group>,
    /// Newest epoch of each transactional id.
    pub(super) epochs: HashMap<String, u64>,
    pub(super) next_member: u64,
    pub(super) storage: Option<Storage>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something was appended or an assignment changed.
    pub(super) changed: Condvar,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A panic elsewhere does not make the log unusable: every change is made as a whole under the lock.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&self, guard: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// How long a wait may last. Only a timeout on a condition, never a time that enters a record.
#[expect(clippy::disallowed_methods, reason = "deadline of a wait, not a time of the data")]
pub(super) fn deadline(timeout: Duration) -> impl Fn() -> Duration {
    let end = Instant::now() + timeout;
    move || end.saturating_duration_since(Instant::now())
}

impl State {
    /// What a folder holds, and the file in it that is written on.
    pub(super) fn open(folder: &Path) -> Result<Self, LogError> {
        let mut state = Self::default();
        let storage = Storage::open(folder, &mut |kept| state.take(kept))?;
        state.storage = Some(storage);
        Ok(state)
    }

    fn take(&mut self, kept: Kept) {
        match kept {
            Kept::Topic(spec) => self.create(&spec),
            Kept::Commit { records, group, offsets } => {
                self.append(records);
                if let Some(group) = group {
                    self.groups.entry(group).or_default().offsets.extend(offsets);
                }
            }
        }
    }

    pub(super) fn partition(&self, partition: &TopicPartition) -> Result<&Slots, LogError> {
        let topic = self.topics.get(&partition.topic).ok_or_else(|| LogError::NoTopic(partition.topic.to_string()))?;
        usize::try_from(partition.partition)
            .ok()
            .and_then(|index| topic.partitions.get(index))
            .ok_or_else(|| LogError::Fatal { doing: "find a partition", reason: format!("{partition} does not exist") })
    }

    pub(super) fn end(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        Ok(self.partition(partition)?.end())
    }

    pub(super) fn create(&mut self, spec: &TopicSpec) {
        let partitions = usize::try_from(spec.partitions.max(1)).unwrap_or(1);
        let description = TopicDescription { partitions: spec.partitions.max(1), configs: spec.settings() };
        self.topics
            .entry(Arc::from(spec.name.as_str()))
            .or_insert_with(|| Topic { description, partitions: vec![Slots::default(); partitions] });
    }

    /// Appends the records of one transaction and a marker to each partition they touch.
    pub(super) fn append(&mut self, records: Vec<Record>) {
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

    pub(super) fn slots(&mut self, partition: &TopicPartition) -> Option<&mut Slots> {
        let index = usize::try_from(partition.partition).ok()?;
        self.topics.get_mut(&partition.topic)?.partitions.get_mut(index)
    }

    /// The next records of a partition, at most `most`, and the offset after what was looked at.
    pub(super) fn read(
        &self,
        partition: &TopicPartition,
        from: i64,
        most: usize,
    ) -> Result<(Vec<Arc<Record>>, i64), LogError> {
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
