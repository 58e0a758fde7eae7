//! A log in the process's own memory: the same semantics as Apache Kafka, no installation.
//!
//! Records of a transaction are held by its producer until it commits and are then appended as a
//! whole, followed by a marker in each partition that occupies an offset, as on Kafka. With a folder,
//! each commit is appended to a file first ([`storage`]), and a new process finds everything again.
//! Records stay in memory until somebody says that nobody needs them any more ([`EmbeddedLog::forget_before`], as
//! retention does on Kafka): this log is for first steps, replay, tests and simulation.

mod group;
mod storage;
mod state;
mod member;
mod producer;
mod reader;

use std::{path::Path, sync::Arc};

use state::{Shared, State};

use crate::{
    log::{Log, Member, Producer, Reader},
    record::TopicPartition,
    words::{LogError, TopicDescription, TopicSpec},
};

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
        Self { shared: Arc::new(Shared::default()) }
    }

    /// A log that is kept in a folder. A commit that was torn by a crash is dropped.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        Ok(Self { shared: Arc::new(Shared::new(State::open(folder)?)) })
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
        Ok(Box::new(member::EmbeddedMember::join(&self.shared, group, instance, topics)))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::EmbeddedProducer::new(&self.shared, transactional_id)))
    }
}
