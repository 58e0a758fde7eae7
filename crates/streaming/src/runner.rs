//! The transactional loop: assign, restore, poll, commit, hand over.
//!
//! A commit is one transaction that covers what the stage wrote and the offsets of what it read. The
//! stage's memory is a cache of committed transactions, so that every failure has the same remedy:
//! forget, restore, go on.
//!
//! | what happened | what the runner does |
//! |---|---|
//! | aborted | forgets and restores all partitions |
//! | unclear | throws the producer away; a new one with the same id fences whatever is still under way; then as aborted |
//! | the log cannot be reached | keeps what is left to do, and tries it again before it reads on |
//! | fenced | stops with an error: another process does this work |
//! | partitions revoked | commits, then gives them up; if that fails, forgets them |
//! | partitions lost | commits nothing, forgets them |

mod assign;
mod commit;
mod restore;
mod stats;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use measurement::time::Timestamp;

pub use stats::RunnerStats;

use crate::{
    Clock,
    log::{Change, Log, LogError, Member, Producer},
    record::TopicPartition,
    stage::{Stage, StageError},
};

/// What a runner works on.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// Consumer group.
    pub group: String,
    /// Stable name of this instance's producer.
    pub transactional_id: String,
    /// Topics to read.
    pub inputs: Vec<String>,
    /// Topics from whose same partition the stage is restored.
    pub changelogs: Vec<String>,
    /// Time between commits, in milliseconds.
    pub commit_interval: i64,
    /// Most records of a transaction.
    pub commit_records: usize,
    /// How often to look whether partitions have been read to their end, in milliseconds; 0 for never.
    pub look_at_ends: i64,
    /// How long a restore may wait for somebody else's open transaction to end.
    pub restore_deadline: Duration,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Records that were read.
    pub records: usize,
    /// Whether a transaction was committed.
    pub committed: bool,
}

/// Why a runner stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process has taken over.
    #[error("{0}")]
    Fenced(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The stage failed.
    #[error(transparent)]
    Stage(#[from] StageError),
}

#[derive(Debug)]
struct Assigned {
    next_offset: i64,
    committed_offset: i64,
    caught_up: bool,
}

/// The loop. It owns its stage; one thread drives it.
pub struct Runner<S> {
    log: Arc<dyn Log>,
    config: RunnerConfig,
    clock: Clock,
    stage: S,
    member: Box<dyn Member>,
    producer: Box<dyn Producer>,
    assigned: BTreeMap<TopicPartition, Assigned>,
    partitions: BTreeMap<Arc<str>, i32>,
    last_commit: Timestamp,
    last_look: Timestamp,
    since_commit: usize,
    todo: Todo,
    stats: RunnerStats,
}

/// What must be done before anything is read or committed.
#[derive(Debug, Default)]
struct Todo {
    /// The producer may have a transaction under way of which nobody knows what became.
    renew_producer: bool,
    /// The stage's memory is ahead of what stands.
    start_over: bool,
    /// Changes of the assignment that were not answered yet.
    changes: VecDeque<Change>,
}

impl<S> std::fmt::Debug for Runner<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runner")
            .field("config", &self.config)
            .field("assigned", &self.assigned)
            .finish_non_exhaustive()
    }
}

impl<S: Stage> Runner<S> {
    /// Fences older instances of the same name and joins the group.
    pub fn new(log: Arc<dyn Log>, config: RunnerConfig, clock: Clock, stage: S) -> Result<Self, RunError> {
        let producer = log.producer(&config.transactional_id)?;
        let member = log.member(&config.group, &config.inputs)?;
        let mut partitions = BTreeMap::new();
        for topic in &config.inputs {
            partitions.insert(Arc::from(topic.as_str()), log.partitions(topic)?);
        }
        let now = clock();
        Ok(Self {
            log,
            config,
            clock,
            stage,
            member,
            producer,
            assigned: BTreeMap::new(),
            partitions,
            last_commit: now,
            last_look: Timestamp::MIN,
            since_commit: 0,
            todo: Todo::default(),
            stats: RunnerStats::default(),
        })
    }

    /// The stage.
    pub const fn stage(&self) -> &S {
        &self.stage
    }

    /// Counters that live as long as somebody holds them.
    pub fn stats(&self) -> RunnerStats {
        self.stats.clone()
    }

    /// Reads what there is, answers changes of the assignment, and commits when it is time.
    pub fn step(&mut self, timeout: Duration) -> Result<Step, RunError> {
        if !self.catch_up(timeout)? {
            return Ok(Step::default());
        }
        let most = self.config.commit_records.saturating_sub(self.since_commit).clamp(1, 10_000);
        let Self { member, stage, assigned, .. } = self;
        let mut failure = None;
        let poll = member.poll(timeout, most, &mut |record| {
            if failure.is_some() {
                return;
            }
            let partition = TopicPartition::new(record.topic(), record.partition());
            let Some(state) = assigned.get_mut(&partition) else { return };
            if record.offset() < state.next_offset {
                // Read ahead before a seek: it comes again.
                return;
            }
            match stage.record(record) {
                Ok(()) => {
                    state.next_offset = record.offset() + 1;
                    state.caught_up = false;
                }
                Err(fault) => failure = Some(fault),
            }
        });
        if let Some(fault) = failure {
            return Err(fault.into());
        }
        let poll = Self::absorb(poll)?;
        self.since_commit += poll.records;
        self.stats.add_records(poll.records);
        self.todo.changes.extend(poll.changes);
        if !self.catch_up(timeout)? {
            return Ok(Step { records: poll.records, committed: false });
        }
        let now = (self.clock)();
        let due = now.0.saturating_sub(self.last_commit.0) >= self.config.commit_interval;
        let committed = if due || self.since_commit >= self.config.commit_records { self.commit()? } else { false };
        Ok(Step { records: poll.records, committed })
    }

    /// A log that cannot be reached for a while is waited for; nothing has been lost by then.
    fn absorb(poll: Result<crate::Poll, LogError>) -> Result<crate::Poll, RunError> {
        match poll {
            Err(LogError::Unavailable { doing, reason }) => {
                tracing::warn!(doing, reason, "the log cannot be reached; trying again");
                Ok(crate::Poll::default())
            }
            poll => Ok(poll?),
        }
    }
}
