//! Seeded bugs: what a process could do wrong, each of which must be caught. The product's code is left as it is; what
//! stands between it and the log does the wrong thing.
//!
//! 1. `member`, `producer`: a log whose members, producers and offsets are wrong in one way;
//! 2. `stage`: a stage that forgets too little or believes too much.

mod member;
mod producer;
mod stage;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::Topics;
use streaming::{Clock, Log, LogError, Member, Producer, Reader, Runner, TopicDescription, TopicPartition, TopicSpec};

use super::{
    faults::{Blind, Faults},
    log::SimLog,
    process::{Ended, Kind, Setup, Work, of_log, of_loop, start as start_process},
    producer::SimProducer,
    world::{PREFIX, Plan, Process},
};

/// A seeded bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A restore ends at the last stable offset, without waiting for open transactions.
    RestoreToStable,
    /// Offsets are sent in the name of whoever is a member now.
    ForgedGeneration,
    /// After an abort the memory stays, although its records are read again.
    MemoryKept,
    /// What was lost to another owner and comes back is gone on with as it was.
    StateKept,
    /// The offset of the last record is committed, not that of the next one.
    OffsetOfLast,
    /// The frontier goes out before the state that it is about.
    FrontierFirst,
    /// Reading begins one record too far.
    SkippedOnAssign,
    /// An event may be of some time in the future.
    FutureStamps,
    /// One record is enough to move the newest time of a source partition, whatever the others say.
    OneRecordMovesTime,
    /// Dead letters are written outside the transaction.
    DeadLettersOutside,
    /// After an unclear outcome the old producer goes on.
    OldProducer,
    /// The client repeats requests, commits and aborts, and never says so.
    RepeatsUntold,
    /// "No committed offset" is taken for the beginning.
    NoneIsBeginning,
    /// A transaction of somebody who has read nothing carries no offsets.
    OffsetsLeftOut,
    /// The digest of the frontier is believed to be right.
    DigestIgnored,
    /// After an unclear outcome the ledger is taken for what it was.
    LedgerNotRead,
    /// Every partition is held to be read to its end.
    AlwaysCaughtUp,
    /// A second evaluator does not shut out the first.
    TwinsUnfenced,
    /// What was read of source records is told twice now and then.
    IntakeTwice,
    /// What was read of source records is not told now and then.
    IntakeLost,
    /// What was read of source records is told outside the transaction.
    IntakeOutside,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::RestoreToStable,
        Self::ForgedGeneration,
        Self::MemoryKept,
        Self::StateKept,
        Self::OffsetOfLast,
        Self::FrontierFirst,
        Self::SkippedOnAssign,
        Self::FutureStamps,
        Self::OneRecordMovesTime,
        Self::DeadLettersOutside,
        Self::OldProducer,
        Self::RepeatsUntold,
        Self::NoneIsBeginning,
        Self::OffsetsLeftOut,
        Self::DigestIgnored,
        Self::LedgerNotRead,
        Self::AlwaysCaughtUp,
        Self::TwinsUnfenced,
        Self::IntakeTwice,
        Self::IntakeLost,
        Self::IntakeOutside,
    ];

    /// The faults among which it shows: no bug is met where nothing fails.
    pub(super) fn plan(self, plan: Plan) -> Plan {
        let faults = plan.faults;
        match self {
            Self::RestoreToStable | Self::NoneIsBeginning => {
                Plan { kill: 100, faults: Faults { marker_delay: 6000, amnesia: 1000, ..faults }, ..plan }
            }
            Self::ForgedGeneration | Self::StateKept | Self::OffsetsLeftOut => Plan { pause: 150, ..plan },
            Self::DigestIgnored => {
                let blind = super::plan::blind(plan);
                Plan { faults: Faults { copy_delay: 2000, ..blind.faults }, steps: 2 * plan.steps, ..blind }
            }
            Self::RepeatsUntold => {
                let blind = super::plan::blind(plan);
                Plan { faults: Faults { blind: Blind::All, ..blind.faults }, ..blind }
            }
            Self::MemoryKept | Self::OldProducer | Self::LedgerNotRead => {
                Plan { faults: Faults { lost: 1000, ..faults }, ..plan }
            }
            Self::TwinsUnfenced => Plan { twin: 60, ..plan },
            Self::AlwaysCaughtUp => Plan { longest_leap: 2_400_000, ..plan },
            Self::OffsetOfLast
            | Self::FrontierFirst
            | Self::SkippedOnAssign
            | Self::FutureStamps
            | Self::OneRecordMovesTime
            | Self::DeadLettersOutside
            | Self::IntakeTwice
            | Self::IntakeLost
            | Self::IntakeOutside => plan,
        }
    }
}

/// A log that does one thing wrong.
#[derive(Clone)]
pub(super) struct Saboteur {
    inner: SimLog,
    bug: Bug,
    kind: Kind,
    topics: Topics,
    shared: Arc<Mutex<Shared>>,
}

/// What the parts of a sabotaged process know of each other.
#[derive(Default)]
struct Shared {
    /// Partitions that were given up since they were restored.
    released: Vec<TopicPartition>,
    /// Offsets that were sent last.
    sent: BTreeMap<TopicPartition, i64>,
    /// The one producer of [`Bug::OldProducer`].
    producer: Option<SimProducer>,
    /// Where the ledger ended when a transaction began.
    ledger_end: Option<i64>,
    /// How many intake records were sent.
    intakes: u64,
    /// The latest time of any event, by source partition, for [`Bug::OneRecordMovesTime`].
    latest: BTreeMap<TopicPartition, Timestamp>,
}

impl std::fmt::Debug for Saboteur {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Saboteur").field("bug", &self.bug).finish_non_exhaustive()
    }
}

impl Saboteur {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_third_intake(&self) -> bool {
        let mut shared = self.shared();
        shared.intakes += 1;
        shared.intakes.is_multiple_of(3)
    }

    fn is_changelog(&self, topic: &str) -> bool {
        *topic == *self.topics.measures || *topic == *self.topics.populations
    }
}

impl Log for Saboteur {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        self.inner.describe(topic)
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        self.inner.create(spec)
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.inner.first_offset(partition)
    }

    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        if self.bug == Bug::RestoreToStable && self.is_changelog(&partition.topic) {
            return self.inner.stable_offset(partition);
        }
        self.inner.end_offset(partition)
    }

    fn stable_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.inner.stable_offset(partition)
    }

    fn settled_end(&self, partition: &TopicPartition, deadline: Duration) -> Result<i64, LogError> {
        let end = self.inner.settled_end(partition, deadline)?;
        let is_ledger = *partition.topic == *self.topics.results;
        let known = self.shared().ledger_end.filter(|_| is_ledger && self.bug == Bug::LedgerNotRead);
        Ok(known.unwrap_or(end))
    }

    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError> {
        self.inner.reader(topic, from)
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        let inner = self.inner.member(group, instance, topics)?;
        Ok(Box::new(member::Wrong { inner, log: self.clone() }))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        producer::wrong(self, transactional_id)
    }
}

/// Starts a process, sabotaged or not.
pub(super) fn start(
    bug: Option<Bug>,
    process: &Process,
    setup: &Setup,
    catalogue: &Catalogue,
    log: SimLog,
    clock: Clock,
) -> Result<Box<dyn Work>, Ended> {
    let (kind, ordinal) = (process.kind, process.ordinal);
    let Some(bug) = bug else {
        return start_process(kind, ordinal, setup, catalogue, Arc::new(log), clock);
    };
    let topics = Topics::new(PREFIX);
    let saboteur = Saboteur { inner: log, bug, kind, topics, shared: Arc::default() };
    let mut catalogue = catalogue.clone();
    if bug == Bug::FutureStamps {
        catalogue.sources.values_mut().for_each(|source| source.max_future = 2 * member::AHEAD);
    }
    let shared: Arc<dyn Log> = Arc::new(saboteur.clone());
    match kind {
        Kind::Ingest => {
            let parts = ingest::prepare(&saboteur, &catalogue, &setup.ingest(ordinal), &clock);
            let (config, stage) = parts.map_err(|fault| match fault {
                ingest::StartError::Log(fault) => of_log(fault),
                fault => Ended::Refused(fault.to_string()),
            })?;
            let runner = Runner::new(shared, config, clock, stage::Wrong::new(stage, saboteur));
            Ok(Box::new(runner.map_err(of_loop)?))
        }
        Kind::Aggregator => {
            let parts = aggregator::prepare(&saboteur, catalogue, &setup.aggregator(ordinal));
            let (config, stage) = parts.map_err(|fault| match fault {
                aggregator::StartError::Log(fault) => of_log(fault),
                fault @ aggregator::StartError::Run(_) => Ended::Refused(fault.to_string()),
            })?;
            let runner = Runner::new(shared, config, clock, stage::Wrong::new(stage, saboteur));
            Ok(Box::new(runner.map_err(of_loop)?))
        }
        Kind::Evaluator => start_process(kind, ordinal, setup, &catalogue, shared, clock),
    }
}
