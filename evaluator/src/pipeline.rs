//! The loop: read `vernier.measures`, judge at each frontier, append to the ledger.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::{RecordError, ResultRecord, Topics, check_version, decode};
use streaming::{
    Clock, Log, LogError, OutRecord, Producer, Reader, TopicPartition, TransactionError, log::read_to_end,
};

use crate::{
    attest::{Ledger, LedgerError},
    config::Options,
    decide::{Due, Evaluation},
    expose::{Snapshot, snapshot},
};

/// Name of the one writer.
const WRITER: &str = "evaluator";
/// Most entries of one transaction.
const BATCH: usize = 5000;
/// How long a restore may wait for somebody else's open transaction to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why the evaluator stopped.
#[derive(Debug, thiserror::Error)]
pub enum EvaluatorError {
    /// Another evaluator has taken over.
    #[error("fenced: another evaluator writes the ledger ({0}); run one writer")]
    Fenced(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The ledger is broken.
    #[error("{topic}: {fault}; nothing is appended to a broken ledger")]
    Ledger {
        /// The topic.
        topic: String,
        /// What is wrong.
        fault: LedgerError,
    },
    /// An entry cannot be read.
    #[error("{topic} at offset {offset}: {fault}")]
    Entry {
        /// The topic.
        topic: String,
        /// Where.
        offset: i64,
        /// What is wrong.
        fault: RecordError,
    },
}

/// What others may see of the evaluator while it runs.
#[derive(Clone, Debug, Default)]
pub struct View(Arc<Mutex<Arc<Snapshot>>>);

impl View {
    /// The newest snapshot.
    pub fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, snapshot: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// The evaluator. One thread drives it.
pub struct Evaluator {
    log: Arc<dyn Log>,
    topics: Topics,
    transactional_id: String,
    clock: Clock,
    producer: Box<dyn Producer>,
    reader: Box<dyn Reader>,
    evaluation: Evaluation,
    ledger: Ledger,
    /// Final periods whose entries may be missing.
    due: Vec<Due>,
    /// It is not known what became of a transaction: a new producer and the ledger itself tell.
    start_over: bool,
    /// Offset up to which each partition must be read before anything is published.
    awaited: Vec<(i32, i64)>,
    ready: bool,
    view: View,
    shown_at: Timestamp,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Evaluator")
            .field("topics", &self.topics)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

impl Evaluator {
    /// Fences older writers and reads the ledger to its end.
    pub fn new(
        log: Arc<dyn Log>,
        catalogue: Arc<Catalogue>,
        options: &Options,
        clock: Clock,
    ) -> Result<Self, EvaluatorError> {
        let topics = Topics::new(&options.prefix);
        let transactional_id = format!("{}-{WRITER}", options.prefix);
        let producer = log.producer(&transactional_id)?;
        let ledger = read_ledger(log.as_ref(), &topics.results)?;
        tracing::info!(entries = ledger.len(), "ledger read");
        let partitions = log.partitions(&topics.measures)?;
        let mut awaited = Vec::new();
        let mut from = Vec::new();
        for partition in 0..partitions {
            let at = TopicPartition::new(&topics.measures, partition);
            awaited.push((partition, log.settled_end(&at, PATIENCE)?));
            from.push((partition, log.first_offset(&at)?));
        }
        let reader = log.reader(&topics.measures, &from)?;
        let evaluation = Evaluation::new(catalogue, partitions, options.stall_limit);
        Ok(Self {
            log,
            topics,
            transactional_id,
            clock,
            producer,
            reader,
            evaluation,
            ledger,
            due: Vec::new(),
            start_over: false,
            awaited,
            ready: false,
            view: View::default(),
            shown_at: Timestamp::MIN,
        })
    }

    /// What others may see.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Judgements.
    pub const fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// What was published.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads what there is, judges, publishes. Gives the number of records read.
    pub fn step(&mut self, timeout: Duration) -> Result<usize, EvaluatorError> {
        let Self { reader, evaluation, awaited, .. } = self;
        let mut complete = false;
        let poll = reader.poll(timeout, 20_000, &mut |record| {
            complete |= evaluation.record(record);
            let next = record.offset() + 1;
            awaited.retain(|(partition, end)| *partition != record.partition() || next < *end);
        })?;
        // The end of a partition may be a marker, which is never handed over.
        self.awaited.retain(|(partition, _)| !poll.ends.contains(partition));
        let now = (self.clock)();
        if !self.ready {
            if !self.awaited.is_empty() {
                return Ok(poll.records);
            }
            self.ready = true;
            tracing::info!("everything read that was written before the start");
        }
        let idle = now.0.saturating_sub(self.shown_at.0) >= 1000;
        if complete || idle {
            let due = self.evaluation.evaluate(now);
            // A period that was due already is due once, with the newest judgement.
            let again: HashSet<_> = due.iter().map(|due| (due.construct, due.start)).collect();
            self.due.retain(|due| !again.contains(&(due.construct, due.start)));
            self.due.extend(due);
            self.publish()?;
        }
        if complete || idle {
            self.shown_at = now;
            self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
        }
        Ok(poll.records)
    }

    /// Appends what is missing. What does not stand stays due.
    fn publish(&mut self) -> Result<(), EvaluatorError> {
        if self.start_over {
            self.producer = self.log.producer(&self.transactional_id)?;
            self.ledger = read_ledger(self.log.as_ref(), &self.topics.results)?;
            self.start_over = false;
        }
        while !self.due.is_empty() {
            let chunk = self.due.get(..BATCH).unwrap_or(&self.due);
            let done = chunk.len();
            let missing = self.ledger.missing(&self.evaluation, chunk);
            if !missing.is_empty() && !self.append(missing)? {
                return Ok(());
            }
            self.due.drain(..done);
        }
        Ok(())
    }

    /// Appends entries. False if it is not known whether they stand.
    fn append(&mut self, entries: Vec<(Vec<u8>, ResultRecord)>) -> Result<bool, EvaluatorError> {
        let now = (self.clock)();
        let records = entries
            .iter()
            .map(|(bytes, entry)| OutRecord {
                topic: Arc::from(self.topics.results.as_str()),
                partition: Some(0),
                key: Some(entry.key()),
                value: Some(bytes.clone()),
                timestamp: Some(now.0),
                ..OutRecord::default()
            })
            .collect();
        match self.producer.transact(records, &[], None) {
            Ok(()) => {
                for (bytes, entry) in entries {
                    self.ledger
                        .read(&bytes, entry)
                        .map_err(|fault| EvaluatorError::Ledger { topic: self.topics.results.clone(), fault })?;
                }
                Ok(true)
            }
            Err(TransactionError::Fenced { reason, .. }) => Err(EvaluatorError::Fenced(reason)),
            Err(TransactionError::Aborted(reason) | TransactionError::Unclear(reason)) => {
                tracing::warn!(reason, "entries may not stand; a new producer takes over and the ledger is read again");
                self.start_over = true;
                Ok(false)
            }
        }
    }
}

/// Reads a ledger to its end and checks its chain.
pub fn read_ledger(log: &dyn Log, topic: &str) -> Result<Ledger, EvaluatorError> {
    let mut ledger = Ledger::default();
    for_each_entry(log, topic, |bytes, entry| {
        ledger.read(bytes, entry).map_err(|fault| EvaluatorError::Ledger { topic: topic.to_owned(), fault })
    })?;
    Ok(ledger)
}

/// Hands over the entries of a ledger in order, with their bytes.
pub fn for_each_entry(
    log: &dyn Log,
    topic: &str,
    mut sink: impl FnMut(&[u8], ResultRecord) -> Result<(), EvaluatorError>,
) -> Result<(), EvaluatorError> {
    let mut outcome = Ok(());
    read_to_end(log, &TopicPartition::new(topic, 0), PATIENCE, &mut |record| {
        if outcome.is_err() {
            return;
        }
        let bytes = record.value().unwrap_or_default();
        let entry = decode::<ResultRecord>("result", bytes).and_then(|entry| {
            check_version("result", entry.version)?;
            Ok(entry)
        });
        outcome = match entry {
            Ok(entry) => sink(bytes, entry),
            Err(fault) => Err(EvaluatorError::Entry { topic: topic.to_owned(), offset: record.offset(), fault }),
        };
    })?;
    outcome
}
