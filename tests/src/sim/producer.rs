//! Transactional producers.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use streaming::{GroupMetadata, LogError, OutRecord, Producer, Record, TopicPartition, TransactionError};

use super::{
    broker::{Broker, Request},
    coordinator::{Phase, Refusal, Target, Transactions},
    faults::Blind,
    group::Membership,
    log::{SimLog, unavailable},
};

/// How long a call is asked again that is refused because markers are being written, in milliseconds.
const PATIENCE: i64 = 20_000;

pub(super) struct SimProducer {
    log: SimLog,
    id: String,
    producer: u64,
    epoch: u32,
    open: bool,
    /// Where the client has told the coordinator that it writes, in this transaction.
    added: BTreeSet<Target>,
    queues: BTreeMap<TopicPartition, VecDeque<OutRecord>>,
    /// Why deliveries failed.
    failed: Option<TransactionError>,
    repeats: u64,
    losses: u64,
}

impl SimProducer {
    pub(super) fn new(log: &SimLog, id: &str) -> Result<Self, LogError> {
        let mut broker = log.call("take over the transactional id")?;
        if !broker.transactions.contains_key(id) {
            let producer = broker.number();
            broker.transactions.insert(id.to_owned(), Transactions::new(producer));
        }
        let phase = |broker: &Broker| broker.transactions.get(id).map(|known| known.phase);
        if phase(&broker) == Some(Phase::Ongoing) {
            broker.fence(id);
        }
        if !broker.pass_until(PATIENCE, |broker| !matches!(phase(broker), Some(Phase::Ending { .. }))) {
            return Err(unavailable("take over the transactional id"));
        }
        let (now, losses) = (broker.now(), broker.counts.losses);
        let Some(known) = broker.transactions.get_mut(id) else {
            return Err(unavailable("take over the transactional id"));
        };
        known.epoch += 1;
        known.phase = Phase::Empty;
        let (producer, epoch) = (known.producer, known.epoch);
        broker.trace.add(now, &log.name, format_args!("is producer {id}, epoch {epoch}"));
        Ok(Self {
            log: log.clone(),
            id: id.to_owned(),
            producer,
            epoch,
            open: false,
            added: BTreeSet::new(),
            queues: BTreeMap::new(),
            failed: None,
            repeats: 0,
            losses,
        })
    }

    /// Takes the last transaction for ended, whatever became of it.
    pub(super) const fn let_go(&mut self) {
        self.open = false;
    }

    fn refused(&self, doing: &str, refusal: Refusal) -> TransactionError {
        let reason = format!("{doing}: {refusal:?}");
        match refusal {
            Refusal::Fenced => TransactionError::Fenced { id: self.id.clone(), reason },
            Refusal::Member(_) => TransactionError::Aborted(reason),
            Refusal::InvalidState | Refusal::Concurrent => TransactionError::Unclear(reason),
        }
    }

    /// Whether the client keeps its repeats to itself.
    fn is_blind(&self, broker: &Broker) -> bool {
        match broker.faults.blind {
            Blind::No => false,
            Blind::State => self.id.contains("aggregator") || self.id.contains("evaluator"),
            Blind::All => true,
        }
    }

    fn repeated(&mut self, broker: &Broker) {
        self.repeats += u64::from(!self.is_blind(broker));
    }

    /// Makes a request until it is answered by something else than "wait".
    fn ask(&self, broker: &mut Broker, request: &Request) -> Result<(), Refusal> {
        let ending = |broker: &Broker| {
            broker.transactions.get(&self.id).is_some_and(|known| matches!(known.phase, Phase::Ending { .. }))
        };
        let mut outcome = broker.request(&self.id, self.epoch, request);
        while outcome == Err(Refusal::Concurrent) && broker.pass_until(PATIENCE, |broker| !ending(broker)) {
            outcome = broker.request(&self.id, self.epoch, request);
        }
        outcome
    }

    /// Makes a request over a network that may delay it, or lose it or its answer.
    fn demand(&mut self, doing: &'static str, request: &Request) -> Result<(), TransactionError> {
        let log = self.log.clone();
        let mut broker = log.lock();
        log.spend(&mut broker);
        let unclear = |reason: &str| Err(TransactionError::Unclear(format!("{doing}: {reason}")));
        if broker.gone_until.is_some() {
            if broker.random.chance(5000) {
                broker.copy_later(&self.id, self.epoch, request.clone());
            }
            return unclear("the brokers are gone");
        }
        let faults = broker.faults;
        let only_commits = faults.blind == Blind::State && self.is_blind(&broker);
        let may_come_late = !only_commits || matches!(request, Request::End { commit: true });
        if may_come_late && broker.random.chance(faults.delayed) {
            broker.copy_later(&self.id, self.epoch, request.clone());
            self.repeated(&broker);
        } else if broker.random.chance(faults.unanswered) {
            self.ask(&mut broker, request).ok();
            self.repeated(&broker);
        } else if broker.random.chance(faults.lost) {
            match broker.random.below(4) {
                0 | 1 => {
                    self.ask(&mut broker, request).ok();
                }
                2 => broker.copy_later(&self.id, self.epoch, request.clone()),
                _ => {}
            }
            return unclear("no answer");
        }
        let outcome = self.ask(&mut broker, request);
        outcome.map_err(|refusal| self.refused(doing, refusal))
    }

    fn add(&mut self, target: &Target) -> Result<(), TransactionError> {
        if self.added.contains(target) {
            return Ok(());
        }
        let log = self.log.clone();
        let mut broker = log.lock();
        log.spend(&mut broker);
        if broker.gone_until.is_some() {
            return Err(TransactionError::Unclear(format!("add {target}: the brokers are gone")));
        }
        let (faults, request) = (broker.faults, Request::Add(target.clone()));
        if faults.blind == Blind::No && broker.random.chance(faults.added_late) {
            broker.copy_later(&self.id, self.epoch, request.clone());
            self.repeated(&broker);
        }
        self.ask(&mut broker, &request).map_err(|refusal| self.refused("add to the transaction", refusal))?;
        self.added.insert(target.clone());
        Ok(())
    }

    /// Writes some of what waits for one partition.
    fn write(&mut self, at: &TopicPartition, count: usize) -> Result<(), TransactionError> {
        self.add(&Target::Partition(at.clone()))?;
        let log = self.log.clone();
        let mut broker = log.lock();
        log.spend(&mut broker);
        if broker.gone_until.is_some() {
            return Err(TransactionError::Unclear("a record was not delivered: the brokers are gone".to_owned()));
        }
        let now = broker.now();
        let target = Target::Partition(at.clone());
        for _ in 0..count {
            let Some(record) = self.queues.get_mut(at).and_then(VecDeque::pop_front) else { break };
            let Ok(partition) = broker.find(at) else {
                return Err(TransactionError::Aborted(format!("{at} does not exist")));
            };
            if partition.knows_newer(self.producer, self.epoch) {
                return Err(self.refused("write", Refusal::Fenced));
            }
            // A partition asks the coordinator before it takes the first record.
            if !partition.has_open(self.producer) {
                let known = broker.transactions.get(&self.id);
                let verified = known.map_or(Err(Refusal::InvalidState), |known| known.verify(self.epoch, &target));
                verified.map_err(|refusal| self.refused("write", refusal))?;
            }
            let record = Record {
                partition: at.clone(),
                offset: 0,
                timestamp: Some(record.timestamp.unwrap_or(now)),
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            if let Some(partition) = broker.find_mut(at) {
                partition.append(record, self.producer, self.epoch);
            }
        }
        Ok(())
    }

    fn write_some(&mut self, at: &TopicPartition, count: usize) {
        if self.failed.is_none() {
            self.failed = self.write(at, count).err();
        }
    }

    fn write_all(&mut self) {
        while let Some(at) = self.queues.iter().find(|(_, queue)| !queue.is_empty()).map(|(at, _)| at.clone()) {
            let length = self.queues.get(&at).map_or(0, VecDeque::len);
            let count = 1 + self.log.lock().random.index(length);
            self.write_some(&at, count);
            if self.failed.is_some() {
                self.queues.clear();
            }
        }
    }

    fn end(&mut self, doing: &'static str, commit: bool) -> Result<(), TransactionError> {
        self.open = false;
        // Where nothing was added there is nothing to end.
        let outcome = if self.added.is_empty() { Ok(()) } else { self.demand(doing, &Request::End { commit }) };
        self.log.note(format_args!("{doing}: {}", describe(&outcome)));
        outcome
    }
}

fn describe(outcome: &Result<(), TransactionError>) -> String {
    outcome.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned())
}

impl Producer for SimProducer {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        let broker = self.log.lock();
        let losses = broker.counts.losses - self.losses;
        Ok(self.repeats + if self.is_blind(&broker) { 0 } else { losses })
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        if self.open {
            return Err(TransactionError::Aborted("a transaction is open already".to_owned()));
        }
        self.open = true;
        self.added.clear();
        self.queues.clear();
        self.failed = None;
        Ok(())
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        if !self.open {
            return Err(TransactionError::Aborted("no transaction was begun".to_owned()));
        }
        let at = TopicPartition { topic: Arc::clone(&record.topic), partition: record.partition.unwrap_or(0) };
        let queue = self.queues.entry(at.clone()).or_default();
        queue.push_back(record);
        let length = queue.len();
        // Records leave in batches, some while others are still being handed over.
        let count = {
            let random = &mut self.log.lock().random;
            if random.chance(2500) { 1 + random.index(length) } else { 0 }
        };
        if count > 0 {
            self.write_some(&at, count);
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        self.write_all();
        let outcome = self.failed.take().map_or(Ok(()), Err);
        self.log.note(format_args!("delivers: {}", describe(&outcome)));
        outcome
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        let Some(membership) = group.get::<Membership>() else {
            return Err(TransactionError::Aborted("the membership belongs to another log".to_owned()));
        };
        self.add(&Target::Group(membership.group.clone()))?;
        let request = Request::Offsets { membership: membership.clone(), offsets: offsets.to_vec() };
        let outcome = self.demand("send offsets", &request);
        self.log.note(format_args!("sends offsets {}: {}", Offsets(offsets), describe(&outcome)));
        outcome
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        if !self.open {
            return Err(TransactionError::Aborted("no transaction was begun".to_owned()));
        }
        self.write_all();
        match self.failed.take() {
            Some(fault) => Err(fault),
            None => self.end("commit", true),
        }
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        self.write_all();
        self.failed = None;
        self.end("abort", false)
    }
}

struct Offsets<'a>(&'a [(TopicPartition, i64)]);

impl std::fmt::Display for Offsets<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(at, offset)| write!(formatter, "{at}@{offset} "))
    }
}
