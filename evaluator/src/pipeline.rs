//! The loop: read `vernier.measures`, judge at each frontier, append to the ledger.

use std::{sync::Arc, time::Duration};

use measurement::{catalogue::Catalogue, time::Timestamp};
use programme::{Earlier, Programme, ProgrammeError};
use records::{ResultRecord, Topics};
use streaming::{
    Clock, Log, LogError, Producer, Reader, TopicPartition, TransactionError,
    protocol::{Outcome, Transaction},
    transact::advance,
};

mod write;

use self::write::to_records;
use crate::{
    attest::missing,
    config::Options,
    decide::{Due, Evaluation},
    expose::{View, snapshot},
    in_force,
    ledger::{Ledger, LedgerError},
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
    /// The ledger is unreadable or broken.
    #[error(transparent)]
    Ledger(LedgerError),
    /// What is in force cannot be told, or not be used.
    #[error(transparent)]
    Programme(ProgrammeError),
}

impl From<ProgrammeError> for EvaluatorError {
    fn from(fault: ProgrammeError) -> Self {
        match fault {
            ProgrammeError::Log(fault) => Self::Log(fault),
            fault => Self::Programme(fault),
        }
    }
}

impl From<LedgerError> for EvaluatorError {
    fn from(fault: LedgerError) -> Self {
        match fault {
            LedgerError::Log(fault) => Self::Log(fault),
            fault @ (LedgerError::Unreadable { .. } | LedgerError::Broken { .. } | LedgerError::Lost { .. }) => {
                Self::Ledger(fault)
            }
        }
    }
}

/// The evaluator. One thread drives it.
pub struct Evaluator {
    log: Arc<dyn Log>,
    topics: Topics,
    transactional_id: String,
    accept_lost_ledger: Option<String>,
    clock: Clock,
    producer: Box<dyn Producer>,
    reader: Box<dyn Reader>,
    evaluation: Evaluation,
    /// Where catalogues come from the log.
    programme: Option<Programme>,
    /// By what it judges: number of the catalogue, constructs of earlier ones; and how often there was another unit then.
    taken_up: Option<(u64, Earlier, u64)>,
    ledger: Ledger,
    /// Final periods whose entries may be missing.
    due: Vec<Due>,
    next: Next,
    /// When this writer was shut out.
    fenced_at: Option<Timestamp>,
    /// Offset up to which each partition must be read before anything is published.
    awaited: Vec<(i32, i64)>,
    ready: bool,
    view: View,
    shown_at: Timestamp,
}

/// What the evaluator does next.
enum Next {
    /// It looks at what there is, or at which entries are missing if something is due.
    Look,
    /// It appends entries.
    Append(Append),
    /// It is not known what became of a transaction, or who has written since: a new producer shuts out what may be under
    /// way, and then the ledger itself tells.
    StartOver {
        /// The new producer is there already.
        renewed: bool,
    },
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
        let ledger = Ledger::read(log.as_ref(), &topics.results)?;
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
            accept_lost_ledger: options.accept_lost_ledger.clone(),
            clock,
            producer,
            reader,
            evaluation,
            programme: None,
            taken_up: None,
            ledger,
            due: Vec::new(),
            next: Next::Look,
            fenced_at: None,
            awaited,
            ready: false,
            view: View::default(),
            shown_at: Timestamp::MIN,
        })
    }

    /// The same by the catalogues of the log, each from when it is in force.
    #[must_use]
    pub fn by(mut self, programme: Programme) -> Self {
        self.programme = Some(programme);
        self
    }

    /// Judges by what is in force now.
    fn take_up(&mut self) -> Result<(), EvaluatorError> {
        let Some(programme) = &self.programme else { return Ok(()) };
        let head = match programme.follow() {
            Ok(head) => head,
            Err(ProgrammeError::Log(fault @ LogError::Unavailable { .. })) => {
                tracing::warn!(%fault, "the topic of catalogues cannot be reached; going on by what is known");
                programme.head()
            }
            Err(fault) => return Err(fault.into()),
        };
        let changed = self.evaluation.collected().units_changed();
        if self.taken_up.as_ref().is_some_and(|(known, _, units)| *known == head && *units == changed) {
            return Ok(());
        }
        let (earlier, origins) = in_force::earlier(programme, head, self.evaluation.collected())?;
        if self.taken_up.as_ref().is_none_or(|(known, layers, _)| *known != head || *layers != earlier) {
            let catalogue = programme.catalogue(head, &earlier)?;
            tracing::info!(catalogue = head, digest = catalogue.digest, earlier = earlier.len(), "judging by");
            self.evaluation.adopt(catalogue, head, origins);
        }
        self.taken_up = Some((head, earlier, changed));
        Ok(())
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
        match std::mem::replace(&mut self.next, Next::Look) {
            Next::Append(append) => self.next = self.proceed(append)?,
            Next::Look if self.due.is_empty() => return self.look(timeout),
            Next::Look => self.next = self.next_append(),
            Next::StartOver { renewed } => self.start_over(renewed)?,
        }
        Ok(0)
    }

    /// Whether entries are being appended or still have to be.
    fn is_publishing(&self) -> bool {
        match self.next {
            Next::Append(_) => true,
            Next::Look => !self.due.is_empty(),
            Next::StartOver { .. } => false,
        }
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
            self.compare()?;
            self.note();
            self.ready = true;
            tracing::info!("everything read that was written before the start");
        }
        // A clock that was set back must not hold the view up.
        let idle = now.0.saturating_sub(self.shown_at.0).saturating_abs() >= 1000;
        if complete || idle {
            self.take_up()?;
            self.due = self.evaluation.evaluate(now);
            self.shown_at = now;
            self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
        }
        Ok(poll.records)
    }

    /// A new producer shuts out what may be under way; then the ledger says what stands. An entry that stands is
    /// not appended again. What fails here stays to be done.
    fn start_over(&mut self, renewed: bool) -> Result<(), EvaluatorError> {
        // Not again while the ledger cannot be read: whoever has taken over meanwhile is to be noticed, not shut out.
        if !renewed {
            self.next = Next::StartOver { renewed: false };
            self.renew()?;
        }
        self.next = Next::StartOver { renewed: true };
        self.ledger = Ledger::read(self.log.as_ref(), &self.topics.results)?;
        self.compare()?;
        self.next = Next::Look;
        Ok(())
    }

    /// What the measures do not say of the ledger any more, or never did, is noted at once, not with the next entry.
    fn note(&mut self) {
        let known = self.evaluation.collected().published().map_or(0, |published| published.entries);
        if self.ledger.len() > known {
            self.next = Next::Append(Append { transaction: Transaction::new(false), entries: Vec::new(), done: 0 });
        }
    }

    /// Nothing is appended to a ledger that has lost what was published: it would be published again, as if for the
    /// first time.
    fn compare(&mut self) -> Result<(), EvaluatorError> {
        let Some(published) = self.evaluation.collected().published() else { return Ok(()) };
        if self.ledger.holds(published).is_err() {
            // Another writer may have appended since it was read.
            self.ledger = Ledger::read(self.log.as_ref(), &self.topics.results)?;
        }
        match self.ledger.holds(published) {
            Err(fault) if self.accept_lost_ledger.as_ref() == Some(&published.hash) => {
                tracing::error!(%fault, "the operator has said that it is lost for good: what can be judged is published anew");
                Ok(())
            }
            outcome => Ok(outcome?),
        }
    }

    fn renew(&mut self) -> Result<(), EvaluatorError> {
        self.producer = self.log.producer(&self.transactional_id).map_err(|fault| match fault {
            LogError::Fenced { reason, .. } => EvaluatorError::Fenced(reason),
            fault => fault.into(),
        })?;
        Ok(())
    }

    /// Appends the next entries that are missing, if not all that was due stands.
    fn next_append(&mut self) -> Next {
        while !self.due.is_empty() {
            let done = self.due.len().min(BATCH);
            let due = self.due.get(..done).unwrap_or_default();
            let missing = missing(&self.ledger, &self.evaluation, due);
            if !missing.is_empty() {
                return Next::Append(Append { transaction: Transaction::new(false), entries: missing, done });
            }
            self.due.drain(..done);
        }
        self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
        Next::Look
    }

    /// Makes the next call of a transaction. What does not stand stays due. Where a late copy of a request may be under
    /// way, the ledger is read again, too: a new producer makes the newest writer of who was fenced and does not know it
    /// yet, and what the other one has appended meanwhile must not be appended again.
    fn proceed(&mut self, mut append: Append) -> Result<Next, EvaluatorError> {
        let Self { producer, clock, topics, ledger, .. } = self;
        let records = || to_records(&append.entries, topics, ledger, clock());
        match advance(&mut append.transaction, producer.as_mut(), records, None) {
            None => Ok(Next::Append(append)),
            Some(Outcome::Committed) => {
                for (bytes, entry) in append.entries {
                    self.ledger.add(&bytes, entry)?;
                }
                self.due.drain(..append.done);
                self.view.set(snapshot(&self.evaluation, &self.ledger, self.ready));
                Ok(Next::Look)
            }
            Some(Outcome::Refused(fault)) => self.refused(&fault),
        }
    }

    fn refused(&mut self, fault: &TransactionError) -> Result<Next, EvaluatorError> {
        if let TransactionError::Fenced { reason, .. } = fault {
            let now = (self.clock)();
            let again = |at: Timestamp| now.0.saturating_sub(at.0).saturating_abs() <= FENCED_AGAIN;
            if self.fenced_at.is_some_and(again) {
                return Err(EvaluatorError::Fenced(reason.clone()));
            }
            self.fenced_at = Some(now);
        }
        tracing::warn!(%fault, "entries may not stand: a new producer takes over, and the ledger is read again");
        Ok(Next::StartOver { renewed: false })
    }
}
