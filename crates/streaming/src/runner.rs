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

mod restore;
mod stats;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use measurement::time::Timestamp;

pub use stats::RunnerStats;

use crate::{
    Clock,
    log::{Change, Log, LogError, Member, Producer, TransactionError, place},
    record::{OutRecord, TopicPartition},
    stage::{Outbox, Position, Resume, Stage, StageError},
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

/// Why a transaction does not stand.
enum Refused {
    Log(LogError),
    Transaction(TransactionError),
}

impl From<LogError> for Refused {
    fn from(fault: LogError) -> Self {
        Self::Log(fault)
    }
}

impl From<TransactionError> for Refused {
    fn from(fault: TransactionError) -> Self {
        Self::Transaction(fault)
    }
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

    /// Runs until told to stop; commits what is done before it returns.
    pub fn run(mut self, stop: &AtomicBool) -> Result<(), RunError> {
        while !stop.load(Ordering::Acquire) {
            self.step(Duration::from_millis(100))?;
        }
        self.commit().map(|_| ())
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

    /// Commits what has been done since the last commit. `false` where there was nothing, or where it
    /// did not stand and is done again.
    pub fn commit(&mut self) -> Result<bool, RunError> {
        if self.todo.start_over || self.todo.renew_producer {
            return Ok(false);
        }
        let now = (self.clock)();
        self.look_at_ends(now);
        let positions: Vec<Position> = self
            .assigned
            .iter()
            .map(|(partition, state)| Position {
                partition: partition.clone(),
                next_offset: state.next_offset,
                caught_up: state.caught_up,
                partitions: self.partitions.get(&partition.topic).copied().unwrap_or(1),
            })
            .collect();
        let mut out = Outbox::default();
        self.stage.flush(now, &positions, &mut out)?;
        self.last_commit = now;
        self.since_commit = 0;
        let offsets: Vec<(TopicPartition, i64)> = self
            .assigned
            .iter()
            .filter(|(_, state)| state.next_offset != state.committed_offset)
            .map(|(partition, state)| (partition.clone(), state.next_offset))
            .collect();
        if out.is_empty() && offsets.is_empty() {
            self.stage.committed();
            return Ok(false);
        }
        match self.transact(out.into_records(), &offsets) {
            Ok(()) => {
                for (partition, offset) in offsets {
                    if let Some(state) = self.assigned.get_mut(&partition) {
                        state.committed_offset = offset;
                    }
                }
                self.stage.committed();
                self.stats.add_commit();
                return Ok(true);
            }
            Err(Refused::Log(LogError::Unavailable { doing, reason })) => {
                tracing::warn!(doing, reason, "the log cannot be reached; partitions are restored and read again");
                self.stats.add_abort();
            }
            Err(Refused::Log(fault)) => return Err(fault.into()),
            Err(Refused::Transaction(TransactionError::Fenced { id, reason })) => {
                return Err(RunError::Fenced(format!(
                    "fenced: another process uses the transactional id `{id}` ({reason}); give every instance its own ordinal"
                )));
            }
            Err(Refused::Transaction(TransactionError::Aborted(reason))) => {
                tracing::warn!(reason, "transaction aborted; its partitions are restored and read again");
                self.stats.add_abort();
            }
            Err(Refused::Transaction(TransactionError::Unclear(reason))) => {
                tracing::warn!(reason, "outcome of a transaction unknown; a new producer takes over");
                self.stats.add_rebuild();
                self.todo.renew_producer = true;
            }
        }
        self.todo.start_over = true;
        Ok(false)
    }

    fn transact(&mut self, mut records: Vec<OutRecord>, offsets: &[(TopicPartition, i64)]) -> Result<(), Refused> {
        for record in &mut records {
            let partitions = self.partitions_of(&record.topic)?;
            place(record, partitions);
        }
        let metadata = self.member.metadata()?;
        Ok(self.producer.transact(records, offsets, Some(&metadata))?)
    }

    /// Does what is left to do. False while the log cannot be reached for it.
    fn catch_up(&mut self, timeout: Duration) -> Result<bool, RunError> {
        match self.catch_up_now() {
            Ok(()) => Ok(true),
            Err(RunError::Log(LogError::Unavailable { doing, reason })) => {
                tracing::warn!(doing, reason, "the log cannot be reached; trying again");
                std::thread::sleep(timeout.min(Duration::from_secs(1)));
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    fn catch_up_now(&mut self) -> Result<(), RunError> {
        if self.todo.renew_producer {
            self.producer = self.log.producer(&self.config.transactional_id)?;
            self.todo.renew_producer = false;
        }
        if self.todo.start_over {
            self.start_over()?;
            self.todo.start_over = false;
        }
        while let Some(change) = self.todo.changes.front().cloned() {
            self.answer(change)?;
            self.todo.changes.pop_front();
        }
        Ok(())
    }

    fn partitions_of(&mut self, topic: &Arc<str>) -> Result<i32, LogError> {
        if let Some(partitions) = self.partitions.get(topic) {
            return Ok(*partitions);
        }
        let partitions = self.log.partitions(topic)?;
        self.partitions.insert(Arc::clone(topic), partitions);
        Ok(partitions)
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

    fn answer(&mut self, change: Change) -> Result<(), RunError> {
        match change {
            Change::Assigned(partitions) => self.take_over(partitions),
            Change::Revoked(partitions) => {
                tracing::info!(partitions = %list(&partitions), "partitions revoked");
                self.commit()?;
                self.give_up(&partitions)
            }
            Change::Lost(partitions) => {
                tracing::warn!(partitions = %list(&partitions), "partitions lost: somebody else may own them already");
                self.give_up(&partitions)
            }
        }
    }

    fn take_over(&mut self, partitions: Vec<TopicPartition>) -> Result<(), RunError> {
        tracing::info!(partitions = %list(&partitions), "partitions assigned");
        let mut from = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let offset = self.restore(&partition)?;
            self.assigned.insert(
                partition.clone(),
                Assigned { next_offset: offset, committed_offset: offset, caught_up: false },
            );
            from.push((partition, offset));
        }
        self.stats.set_assigned(self.assigned.len());
        Ok(self.member.assign(&from)?)
    }

    fn give_up(&mut self, partitions: &[TopicPartition]) -> Result<(), RunError> {
        for partition in partitions {
            self.stage.forget(partition);
            self.assigned.remove(partition);
        }
        self.stats.set_assigned(self.assigned.len());
        Ok(self.member.unassign(partitions)?)
    }

    /// Forgets everything and restores it from what stands.
    fn start_over(&mut self) -> Result<(), RunError> {
        let partitions: Vec<TopicPartition> = self.assigned.keys().cloned().collect();
        for partition in &partitions {
            self.stage.forget(partition);
        }
        for partition in partitions {
            let offset = self.restore(&partition)?;
            self.assigned.insert(
                partition.clone(),
                Assigned { next_offset: offset, committed_offset: offset, caught_up: false },
            );
            self.member.seek(&partition, offset)?;
        }
        Ok(())
    }

    fn restore(&mut self, partition: &TopicPartition) -> Result<i64, RunError> {
        let committed = self.member.committed(partition)?;
        let changelog = restore::newest(self.log.as_ref(), &self.config, partition)?;
        self.stats.add_restored(changelog.len());
        let empty = changelog.is_empty();
        let offset = match (self.stage.restore(partition, changelog)?, committed) {
            (Resume::At(offset), _) | (Resume::Committed, Some(offset)) => offset,
            // "No committed offset" may mean "start at the beginning" only where no state says otherwise.
            (Resume::Committed, None) if empty => self.log.first_offset(partition)?,
            (Resume::Committed, None) => {
                return Err(RunError::Stage(StageError(format!(
                    "{partition}: there is state but no offset; refusing to guess where to go on"
                ))));
            }
        };
        let first = self.log.first_offset(partition)?;
        if offset < first {
            return Err(RunError::Log(LogError::Gone { partition: partition.clone(), offset }));
        }
        Ok(offset)
    }

    /// An end that cannot be asked for now is not reached: time stands still rather than running ahead.
    fn look_at_ends(&mut self, now: Timestamp) {
        if self.config.look_at_ends == 0 || now.0.saturating_sub(self.last_look.0) < self.config.look_at_ends {
            return;
        }
        self.last_look = now;
        let mut reached = true;
        for (partition, state) in &mut self.assigned {
            // Who does not answer for one partition will not answer for the next: the others need not wait for it.
            state.caught_up = reached
                && self.member.caught_up(partition, state.next_offset).unwrap_or_else(|reason| {
                    tracing::warn!(%partition, %reason, "the end of the partition cannot be asked for");
                    reached = false;
                    false
                });
        }
    }
}

fn list(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
