//! A log that does something wrong with what goes over it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use streaming::{
    GroupMetadata, Log, LogError, Member, OutRecord, Poll, Producer, Reader, Record, RecordRef, Sight,
    TopicDescription, TopicPartition, TopicSpec, TransactionError, log::Sink,
};

/// What is done with a record that is written: other ones in its place.
type OnWrite = dyn Fn(OutRecord) -> Vec<OutRecord> + Send + Sync;
/// What is done with a record that a reader outside any group is handed.
type OnRead = dyn Fn(Record) -> Vec<Record> + Send + Sync;
/// The same for a member of a group.
type OnPoll = dyn Fn(Record) -> Vec<Record> + Send + Sync;

/// The log.
pub(crate) struct Bent {
    inner: Arc<dyn Log>,
    write: Arc<OnWrite>,
    read: Arc<OnRead>,
    poll: Arc<OnPoll>,
}

impl std::fmt::Debug for Bent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bent").finish_non_exhaustive()
    }
}

impl Bent {
    pub(crate) fn new(inner: Arc<dyn Log>) -> Self {
        let (write, read, poll) = (|record| vec![record], |record| vec![record], |record| vec![record]);
        Self { inner, write: Arc::new(write), read: Arc::new(read), poll: Arc::new(poll) }
    }

    pub(crate) fn writing(mut self, bend: impl Fn(OutRecord) -> Vec<OutRecord> + Send + Sync + 'static) -> Self {
        self.write = Arc::new(bend);
        self
    }

    pub(crate) fn reading(mut self, bend: impl Fn(Record) -> Vec<Record> + Send + Sync + 'static) -> Self {
        self.read = Arc::new(bend);
        self
    }

    pub(crate) fn polling(mut self, bend: impl Fn(Record) -> Vec<Record> + Send + Sync + 'static) -> Self {
        self.poll = Arc::new(bend);
        self
    }
}

impl Log for Bent {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        self.inner.describe(topic)
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        self.inner.create(spec)
    }

    fn broker_settings(&self) -> Result<BTreeMap<i32, BTreeMap<String, String>>, LogError> {
        self.inner.broker_settings()
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.inner.first_offset(partition)
    }

    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.inner.end_offset(partition)
    }

    fn stable_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.inner.stable_offset(partition)
    }

    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError> {
        let inner = self.inner.reader(topic, from)?;
        Ok(Box::new(BentReader { inner, read: Arc::clone(&self.read) }))
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        let inner = self.inner.member(group, instance, topics)?;
        Ok(Box::new(BentMember { inner, poll: Arc::clone(&self.poll) }))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        let inner = self.inner.producer(transactional_id)?;
        Ok(Box::new(BentProducer { inner, write: Arc::clone(&self.write) }))
    }
}

struct BentReader {
    inner: Box<dyn Reader>,
    read: Arc<OnRead>,
}

impl Reader for BentReader {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let read = &self.read;
        self.inner.poll(timeout, most, &mut |record| {
            for record in &read(record.to_record()) {
                sink(RecordRef::from(record));
            }
        })
    }
}

struct BentMember {
    inner: Box<dyn Member>,
    poll: Arc<OnPoll>,
}

impl Member for BentMember {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let bend = &self.poll;
        self.inner.poll(timeout, most, &mut |record| {
            for record in &bend(record.to_record()) {
                sink(RecordRef::from(record));
            }
        })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError> {
        self.inner.assign(partitions)
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
        self.inner.release(partitions)
    }

    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError> {
        self.inner.committed(partition)
    }

    fn caught_up(&mut self, partition: &TopicPartition, position: i64) -> Result<bool, LogError> {
        self.inner.caught_up(partition, position)
    }

    fn metadata(&self) -> Result<GroupMetadata, LogError> {
        self.inner.metadata()
    }
}

struct BentProducer {
    inner: Box<dyn Producer>,
    write: Arc<OnWrite>,
}

impl Producer for BentProducer {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        self.inner.repeats()
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.inner.begin()
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        (self.write)(record).into_iter().try_for_each(|record| self.inner.send(record))
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        self.inner.deliver()
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        self.inner.send_offsets(offsets, group)
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        self.inner.commit()
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        self.inner.abort()
    }
}
