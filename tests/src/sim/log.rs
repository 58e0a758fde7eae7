//! The log as a process sees it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicI64},
    time::Duration,
};

use measurement::time::Timestamp;
use streaming::{
    Clock, Log, LogError, Member, OutRecord, Producer, Reader, Record, TopicDescription, TopicPartition, TopicSpec,
};

use super::{
    broker::{Broker, Counts},
    coordinator::Phase,
    faults::Faults,
    group::Membership,
    member::SimMember,
    producer::SimProducer,
    reader::SimReader,
    trace::Trace,
};

/// The simulated log. It reads no clock and keeps no thread: time passes by [`SimLog::pass`], with every call, and
/// while a call waits. It is itself a log without faults, for who looks on; processes work on [`SimLog::client`]s.
#[derive(Clone)]
pub struct SimLog {
    pub(super) shared: Arc<Mutex<Broker>>,
    now: Arc<AtomicI64>,
    pub(super) process: u32,
    pub(super) name: Arc<str>,
}

impl fmt::Debug for SimLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SimLog").field("process", &self.name).finish_non_exhaustive()
    }
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn unavailable(doing: &'static str) -> LogError {
    LogError::Unavailable { doing, reason: "the simulated brokers do not answer".to_owned() }
}

impl SimLog {
    /// An empty log.
    pub fn new(seed: u64, start: Timestamp, faults: Faults) -> Self {
        let now = Arc::new(AtomicI64::new(start.0));
        let broker = Broker::new(seed, Arc::clone(&now), faults);
        Self { shared: Arc::new(Mutex::new(broker)), now, process: 0, name: Arc::from("onlooker") }
    }

    /// Keeps the whole trace.
    #[must_use]
    pub fn with_whole_trace(self) -> Self {
        self.lock().trace = Trace::whole();
        self
    }

    /// The same log for a process, whose calls meet faults. Numbers begin with 1.
    #[must_use]
    pub fn client(&self, process: u32, name: &str) -> Self {
        Self { process, name: Arc::from(name), ..self.clone() }
    }

    /// Simulated time.
    pub fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Arc::new(move || Timestamp(now.load(std::sync::atomic::Ordering::Acquire)))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now.load(std::sync::atomic::Ordering::Acquire))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Broker> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call: time passes, and the brokers may not answer.
    pub(super) fn call(&self, doing: &'static str) -> Result<MutexGuard<'_, Broker>, LogError> {
        let mut broker = self.lock();
        if self.process == 0 {
            return Ok(broker);
        }
        self.spend(&mut broker);
        let chance = broker.faults.unavailable;
        if broker.gone_until.is_some() || broker.random.chance(chance) {
            let now = broker.now();
            broker.trace.add(now, &self.name, format_args!("{doing}: unavailable"));
            return Err(unavailable(doing));
        }
        Ok(broker)
    }

    pub(super) fn spend(&self, broker: &mut Broker) {
        if self.process != 0 && broker.faults.call > 0 {
            let most = broker.faults.call + 1;
            let time = broker.random.below(most);
            broker.pass(time);
        }
    }

    /// Adds a line to the trace.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let mut broker = self.lock();
        let now = broker.now();
        broker.trace.add(now, &self.name, what);
    }

    /// Lets time pass, in milliseconds.
    pub fn pass(&self, time: i64) {
        self.lock().pass(time);
    }

    /// What the faults are from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// No heartbeats come from a process any more: it was killed, or is paused.
    pub fn silence(&self, process: u32) {
        let mut broker = self.lock();
        let now = broker.now();
        let known = broker.groups.values_mut().flat_map(|group| group.members.values_mut());
        for known in known.filter(|known| known.process == process) {
            known.silent_since.get_or_insert(now);
        }
    }

    /// Heartbeats come again, from whoever is still a member.
    pub fn wake(&self, process: u32) {
        let mut broker = self.lock();
        broker.pass(0);
        let known = broker.groups.values_mut().flat_map(|group| group.members.values_mut());
        for known in known.filter(|known| known.process == process) {
            known.silent_since = None;
        }
    }

    /// The brokers are gone for so many milliseconds.
    pub fn lose_brokers(&self, time: i64) {
        let mut broker = self.lock();
        let now = broker.now();
        broker.gone_until = Some(now + time);
        broker.counts.losses += 1;
        broker.trace.add(now, "brokers", format_args!("are gone for {time} ms"));
    }

    /// Whether nothing is under way and no transaction is open.
    pub fn is_quiet(&self) -> bool {
        self.lock().is_quiet()
    }

    /// What happened, in numbers.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The newest lines of the trace.
    pub fn tail(&self, lines: usize) -> String {
        self.lock().trace.tail(lines)
    }

    /// Hash and number of the lines of the trace.
    pub fn trace(&self) -> (u64, u64) {
        let broker = self.lock();
        (broker.trace.hash(), broker.trace.count())
    }

    /// Appends a record outside any transaction, as other producers than ours do.
    pub fn append(&self, record: OutRecord) {
        let mut broker = self.lock();
        let now = broker.now();
        let at = TopicPartition { topic: record.topic, partition: record.partition.unwrap_or(0) };
        let record = Record {
            partition: at.clone(),
            offset: 0,
            timestamp: Some(record.timestamp.unwrap_or(now)),
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        broker.find_mut(&at).expect("source topics were created").append_plain(record);
    }

    /// Offset of the next record of a partition that a group has committed.
    pub fn committed(&self, group: &str, at: &TopicPartition) -> Option<i64> {
        self.lock().groups.get(group)?.offsets.get(at).copied()
    }

    /// The high watermark, without a call.
    pub(super) fn end_offset_now(&self, at: &TopicPartition) -> i64 {
        self.lock().find(at).map_or(0, super::partition::Partition::end)
    }

    /// What somebody who is a member now would say of itself.
    pub(super) fn forged_membership(&self, group: &str) -> Option<Membership> {
        let broker = self.lock();
        let known = broker.groups.get(group)?;
        let (instance, member) = known.instances().next()?;
        let generation = known.members.get(&member)?.generation;
        Some(Membership { group: group.to_owned(), member, instance: instance.to_owned(), generation })
    }

    /// Offset after the last record of a partition that can be read.
    pub fn after_last_record(&self, at: &TopicPartition) -> i64 {
        self.lock().find(at).map_or(0, super::partition::Partition::after_last_record)
    }

    /// Whether a transaction is open that a running process has begun, or a dead one.
    pub fn has_open_transaction(&self) -> bool {
        self.lock().transactions.values().any(|known| known.phase == Phase::Ongoing)
    }

    /// What is open or under way, in words.
    pub fn who_waits(&self) -> String {
        let broker = self.lock();
        let open = broker.transactions.iter().filter(|(_, known)| known.phase == Phase::Ongoing);
        let open: Vec<&String> = open.map(|(id, _)| id).collect();
        format!("open transactions: {open:?}; quiet: {}", broker.is_quiet())
    }

    /// Retention: removes everything before an offset.
    pub fn delete_before(&self, at: &TopicPartition, offset: i64) {
        if let Some(partition) = self.lock().find_mut(at) {
            partition.delete_before(offset);
        }
    }

    /// Deletes a topic and creates it anew, empty.
    pub fn recreate(&self, spec: &TopicSpec) {
        let mut broker = self.lock();
        broker.topics.remove(spec.name.as_str());
        broker.create(spec);
    }
}

impl Log for SimLog {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        Ok(self.call("describe a topic")?.topics.get(topic).map(|topic| topic.description.clone()))
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        self.call("create a topic")?.create(spec);
        Ok(())
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        Ok(self.call("ask for the first offset")?.find(partition)?.first())
    }

    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        Ok(self.call("ask for the end")?.find(partition)?.end())
    }

    fn stable_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        Ok(self.call("ask for the last stable offset")?.find(partition)?.stable())
    }

    fn settled_end(&self, partition: &TopicPartition, deadline: Duration) -> Result<i64, LogError> {
        let mut broker = self.call("wait for open transactions")?;
        let end = broker.find(partition)?.end();
        let settled = |broker: &Broker| broker.find(partition).is_ok_and(|partition| partition.stable() >= end);
        if broker.pass_until(millis(deadline), settled) {
            return Ok(end);
        }
        let stable = broker.find(partition)?.stable();
        Err(LogError::Unavailable {
            doing: "wait for an open transaction to end",
            reason: format!("{partition}: the last stable offset is {stable}, the end {end}"),
        })
    }

    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(SimReader::new(self, topic, from)))
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(SimMember::join(self, group, instance, topics)?))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(SimProducer::new(self, transactional_id)?))
    }
}
