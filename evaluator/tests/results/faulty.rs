//! A log on which the evaluator's own calls fail as they are told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use streaming::{
    GroupMetadata, Log, LogError, Member, OutRecord, Poll, Producer, Reader, TopicDescription, TopicPartition,
    TopicSpec, TransactionError, log::Sink, protocol::Call,
};

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing of it stands, and the transaction is to be aborted.
    Aborted,
    /// Nobody knows; it was not done.
    Unclear,
    /// Nobody knows; it was done.
    UnclearAndDone,
    /// Somebody else has the name, as far as the broker says.
    Fenced,
    /// The client has repeated something on its own.
    Repeated,
}

/// What is to come, and what has been.
#[derive(Debug, Default)]
struct Script {
    faults: VecDeque<(Call, Fault)>,
    /// Of how many questions for the ledger the answer is an error.
    unreadable: u32,
    /// Whether readers of measures never reach an end: there is always more.
    busy: bool,
    /// Calls on the evaluator's producers; `None` is the making of one.
    calls: Vec<Option<Call>>,
}

/// The log.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn Log>,
    script: Arc<Mutex<Script>>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self { inner, script: Arc::default() })
    }

    /// The next call of this kind ends so; then what comes behind it in the list.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = (Call, Fault)>) {
        self.script.lock().unwrap().faults.extend(faults);
    }

    /// So many times the ledger cannot be read.
    pub(crate) fn hide_ledger(&self, times: u32) {
        self.script.lock().unwrap().unreadable = times;
    }

    /// From now on there is always more behind what a reader of measures has got.
    pub(crate) fn keep_busy(&self) {
        self.script.lock().unwrap().busy = true;
    }

    /// Calls since the last time, of which `None` is the making of a producer.
    pub(crate) fn calls(&self) -> Vec<Option<Call>> {
        std::mem::take(&mut self.script.lock().unwrap().calls)
    }

    /// Whether all that was to fail has failed.
    pub(crate) fn is_over(&self) -> bool {
        self.script.lock().unwrap().faults.is_empty()
    }
}

impl Log for Faulty {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        self.inner.describe(topic)
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        self.inner.create(spec)
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        let mut script = self.script.lock().unwrap();
        if script.unreadable > 0 && &*partition.topic == "vernier.results" {
            script.unreadable -= 1;
            return Err(LogError::Unavailable { doing: "read the ledger", reason: "as told".to_owned() });
        }
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
        let busy = topic == "vernier.measures" && self.script.lock().unwrap().busy;
        Ok(if busy { Box::new(BusyReader(inner)) } else { inner })
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        self.inner.member(group, instance, topics)
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        let inner = self.inner.producer(transactional_id)?;
        if !transactional_id.ends_with("evaluator") {
            return Ok(inner);
        }
        self.script.lock().unwrap().calls.push(None);
        Ok(Box::new(FaultyProducer { inner, script: Arc::clone(&self.script) }))
    }
}

struct BusyReader(Box<dyn Reader>);

impl Reader for BusyReader {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        Ok(Poll { ends: Vec::new(), ..self.0.poll(timeout, most, sink)? })
    }
}

struct FaultyProducer {
    inner: Box<dyn Producer>,
    script: Arc<Mutex<Script>>,
}

impl FaultyProducer {
    fn call<T>(
        &mut self,
        call: Call,
        act: impl FnOnce(&mut Box<dyn Producer>) -> Result<T, TransactionError>,
    ) -> Result<T, TransactionError> {
        let fault = {
            let mut script = self.script.lock().unwrap();
            script.calls.push(Some(call));
            script.faults.pop_front_if(|(next, _)| *next == call).map(|(_, fault)| fault)
        };
        let told = || "as told".to_owned();
        match fault {
            None | Some(Fault::Repeated) => act(&mut self.inner),
            Some(Fault::Aborted) => Err(TransactionError::Aborted(told())),
            Some(Fault::Unclear) => Err(TransactionError::Unclear(told())),
            Some(Fault::UnclearAndDone) => {
                act(&mut self.inner)?;
                Err(TransactionError::Unclear(told()))
            }
            Some(Fault::Fenced) => Err(TransactionError::Fenced { id: "vernier-evaluator".to_owned(), reason: told() }),
        }
    }
}

impl Producer for FaultyProducer {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        let repeated = self.script.lock().unwrap().faults.front() == Some(&(Call::Repeats, Fault::Repeated));
        self.call(Call::Repeats, |inner| inner.repeats()).map(|repeats| repeats + u64::from(repeated))
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.call(Call::Begin, |inner| inner.begin())
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        self.call(Call::Send, |inner| inner.send(record))
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        self.call(Call::Deliver, |inner| inner.deliver())
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        self.call(Call::SendOffsets, |inner| inner.send_offsets(offsets, group))
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        self.call(Call::Commit, |inner| inner.commit())
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        self.call(Call::Abort, |inner| inner.abort())
    }
}
