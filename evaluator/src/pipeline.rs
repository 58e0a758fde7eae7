//! The loop: read `vernier.measures`, judge at each frontier, append to the ledger.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::{RecordError, ResultRecord, Topics, check_version, decode};
use streaming::{
    Clock, Log, LogError, OutRecord, Producer, Reader, TopicPartition, TransactionError,
    log::read_to_end,
    protocol::{Outcome, Transaction},
    transact::advance,
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

/// A writer that is fenced twice within this time, in milliseconds, is not the only one. A broker fences a writer whose
/// transaction has outlived its timeout, with no other one there; of two writers the older one is fenced twice first.
const FENCED_AGAIN: i64 = 24 * 3_600_000;

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
    /// Entries that are being appended.
    append: Option<Append>,
    /// It is not known what became of a transaction, or who has written since: a new producer and the ledger itself tell.
    start_over: bool,
    /// The new producer is there already.
    renewed: bool,
    /// When this writer was shut out.
    fenced_at: Option<Timestamp>,
    /// Offset up to which each partition must be read before anything is published.
    awaited: Vec<(i32, i64)>,
    ready: bool,
    view: View,
    shown_at: Timestamp,
}

/// Entries on their way into the ledger.
struct Append {
    transaction: Transaction,
    /// Each with its bytes.
    entries: Vec<(Vec<u8>, ResultRecord)>,
    /// How many of the due periods they are of.
    done: usize,
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
            append: None,
            start_over: false,
            renewed: false,
            fenced_at: None,
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

    /// Notes that something of a source is missing; see [`Evaluation::mark_incomplete`].
    pub fn mark_incomplete(&mut self, source: &str, why: &str) {
        self.evaluation.mark_incomplete(source, why);
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
        let read = self.advance(timeout)?;
        while self.is_publishing() {
            self.advance(timeout)?;
        }
        Ok(read)
    }

    /// One step of it: reads and judges, or makes the next call of a transaction, so that a simulation can put
    /// anything between two of them. Gives the number of records read.
    pub fn advance(&mut self, timeout: Duration) -> Result<usize, EvaluatorError> {
        if self.start_over {
            self.carry_on()?;
            return Ok(0);
        }
        if let Some(append) = self.append.take() {
            self.append = self.proceed(append)?;
            return Ok(0);
        }
        if !self.due.is_empty() {
            self.append = self.next_append();
            return Ok(0);
        }
        self.look(timeout)
    }

    /// Whether entries are being appended or still have to be.
    fn is_publishing(&self) -> bool {
        !self.start_over && (self.append.is_some() || !self.due.is_empty())
    }

    fn look(&mut self, timeout: Duration) -> Result<usize, EvaluatorError> {
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
        // A clock that was set back must not hold the view up.
        let idle = now.0.saturating_sub(self.shown_at.0).saturating_abs() >= 1000;
        if complete || idle {
            self.due = self.evaluation.evaluate(now);
            self.shown_at = now;
            self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
        }
        Ok(poll.records)
    }

    /// A new producer shuts out what may be under way; then the ledger says what stands. An entry that stands is
    /// not appended again.
    fn carry_on(&mut self) -> Result<(), EvaluatorError> {
        // Not again while the ledger cannot be read: whoever has taken over meanwhile is to be noticed, not shut out.
        if !self.renewed {
            self.renew()?;
            self.renewed = true;
        }
        self.ledger = read_ledger(self.log.as_ref(), &self.topics.results)?;
        self.append = None;
        self.start_over = false;
        self.renewed = false;
        Ok(())
    }

    fn renew(&mut self) -> Result<(), EvaluatorError> {
        self.producer = self.log.producer(&self.transactional_id).map_err(|fault| match fault {
            LogError::Fenced { reason, .. } => EvaluatorError::Fenced(reason),
            fault => fault.into(),
        })?;
        Ok(())
    }

    /// The next entries that are missing; `None` once all that was due stands.
    fn next_append(&mut self) -> Option<Append> {
        while !self.due.is_empty() {
            let done = self.due.len().min(BATCH);
            let missing = self.ledger.missing(&self.evaluation, self.due.get(..done).unwrap_or_default());
            if !missing.is_empty() {
                return Some(Append { transaction: Transaction::new(false), entries: missing, done });
            }
            self.due.drain(..done);
        }
        self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
        None
    }

    /// Makes the next call of a transaction. What does not stand stays due. Where a late copy of a request may be under
    /// way, the ledger is read again, too: a new producer makes the newest writer of who was fenced and does not know it
    /// yet, and what the other one has appended meanwhile must not be appended again.
    fn proceed(&mut self, mut append: Append) -> Result<Option<Append>, EvaluatorError> {
        let Self { producer, clock, topics, .. } = self;
        let records = || to_records(&append.entries, &topics.results, clock());
        match advance(&mut append.transaction, producer.as_mut(), records, None) {
            None => Ok(Some(append)),
            Some(Outcome::Committed) => {
                for (bytes, entry) in append.entries {
                    self.ledger
                        .read(&bytes, entry)
                        .map_err(|fault| EvaluatorError::Ledger { topic: self.topics.results.clone(), fault })?;
                }
                self.due.drain(..append.done);
                self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
                Ok(None)
            }
            Some(Outcome::Refused(fault)) => {
                self.refused(&fault)?;
                Ok(None)
            }
        }
    }

    fn refused(&mut self, fault: &TransactionError) -> Result<(), EvaluatorError> {
        if let TransactionError::Fenced { reason, .. } = fault {
            let now = (self.clock)();
            let again = |at: Timestamp| now.0.saturating_sub(at.0).saturating_abs() <= FENCED_AGAIN;
            if self.fenced_at.is_some_and(again) {
                return Err(EvaluatorError::Fenced(reason.clone()));
            }
            self.fenced_at = Some(now);
        }
        tracing::warn!(%fault, "entries may not stand: a new producer takes over, and the ledger is read again");
        self.start_over = true;
        Ok(())
    }
}

fn to_records(entries: &[(Vec<u8>, ResultRecord)], topic: &str, now: Timestamp) -> Vec<OutRecord> {
    let topic: Arc<str> = Arc::from(topic);
    let each = entries.iter().map(|(bytes, entry)| OutRecord {
        topic: Arc::clone(&topic),
        partition: Some(0),
        key: Some(entry.key()),
        value: Some(bytes.clone()),
        timestamp: Some(now.0),
        ..OutRecord::default()
    });
    each.collect()
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
