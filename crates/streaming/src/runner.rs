//! The shell of the transactional loop: makes the calls that [`crate::protocol`] asks for, on a log and a stage.
//!
//! It decides nothing. One thread drives it, since every call of a log may block; [`Runner::advance`] makes
//! exactly one call, so that a simulation can put anything between two of them.

mod restore;
mod stats;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

pub use stats::RunnerStats;

use crate::{
    log::{Log, Member, Producer, SESSION_TIMEOUT, place},
    protocol::{Action, Answer, Call, Protocol, RestoreCall, RunError, Settings},
    record::{OutRecord, TopicPartition},
    stage::{Found, Outbox, Stage, StageError},
    words::{Change, Clock, LogError, TransactionError},
};

/// What a runner works on.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// Consumer group.
    pub group: String,
    /// Stable name of this instance: of its producer and of its membership in the group.
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
    /// Number of partitions that the state is bound to, where it is. Where it is not, topics may come, grow and go: one
    /// that is missing waits, and the others are read.
    pub bound: Option<i32>,
}

/// How often to look how the input topics stand, in milliseconds.
const LOOK_AT_INPUTS: i64 = 3000;

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Records that were read.
    pub records: usize,
    /// Whether a transaction was committed.
    pub committed: bool,
    /// Whether partitions are on their way back from the changelogs: there is more to do at once.
    pub restoring: bool,
}

/// The loop. It owns its stage; one thread drives it.
pub struct Runner<S> {
    log: Arc<dyn Log>,
    config: RunnerConfig,
    clock: Clock,
    stage: S,
    member: Box<dyn Member>,
    producer: Box<dyn Producer>,
    protocol: Protocol,
    /// What the last flush wrote and no transaction has taken yet.
    outbox: Vec<OutRecord>,
    restores: HashMap<TopicPartition, restore::Restore>,
    partitions: BTreeMap<Arc<str>, i32>,
    stats: RunnerStats,
}

impl<S> std::fmt::Debug for Runner<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runner")
            .field("config", &self.config)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl<S: Stage> Runner<S> {
    /// Fences older instances of the same name and joins the group.
    pub fn new(log: Arc<dyn Log>, config: RunnerConfig, clock: Clock, stage: S) -> Result<Self, RunError> {
        let producer = log.producer(&config.transactional_id)?;
        let member = log.member(&config.group, &config.transactional_id, &config.inputs)?;
        let settings = Settings {
            commit_interval: config.commit_interval,
            commit_records: config.commit_records,
            look_at_ends: config.look_at_ends,
            session_timeout: SESSION_TIMEOUT,
            look_at_inputs: if config.bound.is_none() { LOOK_AT_INPUTS } else { 0 },
            bound: config.bound,
        };
        let mut protocol = Protocol::new(settings, clock());
        protocol.reads(&config.inputs);
        Ok(Self {
            log,
            config,
            clock,
            stage,
            member,
            producer,
            protocol,
            outbox: Vec::new(),
            restores: HashMap::new(),
            partitions: BTreeMap::new(),
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

    /// The stage, to be told something between two steps.
    pub const fn stage_mut(&mut self) -> &mut S {
        &mut self.stage
    }

    /// Reads these topics from now on. Partitions of others are given up by and by, with a commit before.
    pub fn subscribe(&mut self, inputs: Vec<String>) {
        self.protocol.subscribe(&inputs);
        self.config.inputs = inputs;
    }

    /// Reads what there is and does what follows from it: changes of the assignment, a part of a restore, a
    /// commit if it is time.
    pub fn step(&mut self, timeout: Duration) -> Result<Step, RunError> {
        let mut whole = Step::default();
        let mut polled = false;
        loop {
            let action = self.protocol.next((self.clock)());
            let pauses = matches!(action, Action::Poll { .. } | Action::Wait(_));
            if polled && pauses {
                whole.restoring = self.protocol.is_restoring();
                return Ok(whole);
            }
            polled |= pauses;
            let step = self.perform(&action, timeout)?;
            whole.records += step.records;
            whole.committed |= step.committed;
        }
    }

    /// Makes the one call that comes next.
    pub fn advance(&mut self, timeout: Duration) -> Result<Step, RunError> {
        let action = self.protocol.next((self.clock)());
        self.perform(&action, timeout)
    }

    /// Commits what has been done since the last commit. `false` where there was nothing, or where it
    /// did not stand and is done again.
    pub fn commit(&mut self) -> Result<bool, RunError> {
        self.protocol.commit_now((self.clock)());
        let mut committed = false;
        while self.protocol.is_committing() {
            let action = self.protocol.next((self.clock)());
            if matches!(action, Action::Wait(_)) {
                break;
            }
            committed |= self.perform(&action, Duration::ZERO)?.committed;
        }
        Ok(committed)
    }

    fn perform(&mut self, action: &Action, timeout: Duration) -> Result<Step, RunError> {
        let before = self.protocol.counts();
        let answer = match self.call(action, timeout) {
            Ok(answer) => answer,
            Err(RunError::Log(fault)) => Answer::Failed(fault),
            Err(fault) => return Err(fault),
        };
        let records = if let Answer::Polled { records, .. } = &answer { *records } else { 0 };
        self.protocol.answer((self.clock)(), action, answer)?;
        if matches!(action, Action::LookAtInputs) {
            self.stage.inputs(&self.protocol.inputs());
        }
        let counts = self.protocol.counts();
        self.stats.note(
            counts,
            self.protocol.owned(),
            self.protocol.restored_partitions(),
            self.protocol.refused().len(),
        );
        self.stats.add_records(records);
        let restoring = self.protocol.is_restoring();
        Ok(Step { records, committed: counts.commits > before.commits, restoring })
    }

    fn call(&mut self, action: &Action, timeout: Duration) -> Result<Answer, RunError> {
        let bounded = |wait: i64| timeout.min(Duration::from_millis(u64::try_from(wait).unwrap_or(0)));
        match action {
            Action::Poll { most, wait } => return self.poll(*most, wait.map_or(timeout, bounded)),
            Action::Wait(wait) => std::thread::sleep(bounded(*wait)),
            Action::Restore(at, call) => return self.restore(at, *call),
            Action::Assign(at, offset) => self.member.assign(&[(at.clone(), *offset)])?,
            Action::Unassign(list) => self.member.unassign(list)?,
            Action::Release(list) => self.member.release(list)?,
            Action::Forget(at) => {
                self.restores.remove(at);
                self.stage.forget(at);
            }
            Action::LookAtInputs => {
                let sight = self.member.look().unwrap_or_else(|fault| {
                    tracing::debug!(%fault, "how the topics stand cannot be asked for");
                    None
                });
                return Ok(Answer::Inputs(sight));
            }
            Action::Subscribe => self.member.subscribe(&self.config.inputs)?,
            Action::AgreeAnew(unowned) => self.member.agree_anew(unowned)?,
            Action::LookAtEnds => return Ok(self.look_at_ends()),
            Action::Flush => return self.flush(),
            Action::Transact(call) => return self.transact(*call),
            Action::Renew => {
                self.producer = self.log.producer(&self.config.transactional_id)?;
            }
            Action::Rejoin => {
                self.member =
                    self.log.member(&self.config.group, &self.config.transactional_id, &self.config.inputs)?;
            }
            Action::Confirm => self.stage.committed(),
        }
        Ok(Answer::Done)
    }

    fn poll(&mut self, most: usize, timeout: Duration) -> Result<Answer, RunError> {
        let Self { member, stage, protocol, .. } = self;
        let mut failure = None;
        let poll = member.poll(timeout, most, &mut |record| {
            if failure.is_none() && protocol.admit(record.topic(), record.partition(), record.offset()) {
                failure = stage.record(record).err();
            }
        });
        if let Some(fault) = failure {
            return Err(fault.into());
        }
        match poll {
            Ok(poll) => {
                if poll.changes.iter().any(|change| matches!(change, Change::Assigned(_))) {
                    // A topic may have grown.
                    self.partitions.clear();
                }
                Ok(Answer::Polled { records: poll.records, changes: poll.changes })
            }
            Err(LogError::OutOfRange) => Err(self.which_is_out_of_range()?.into()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// The client does not say which partition has lost its next record: the log does.
    fn which_is_out_of_range(&self) -> Result<LogError, LogError> {
        for (at, offset, _) in self.protocol.reading() {
            let (first, end) = (self.log.first_offset(at)?, self.log.end_offset(at)?);
            let partition = at.clone();
            if offset < first {
                return Ok(LogError::Gone { partition, offset, first });
            }
            if offset > end {
                return Ok(LogError::Rewound { partition, offset, end });
            }
        }
        Ok(LogError::OutOfRange)
    }

    fn restore(&mut self, at: &TopicPartition, call: RestoreCall) -> Result<Answer, RunError> {
        if call == RestoreCall::Settle && !self.restores.contains_key(at) {
            let restore = restore::Restore::begin(self.log.as_ref(), &self.config.changelogs, at)?;
            self.restores.insert(at.clone(), restore);
        }
        let answer = match (call, self.restores.get_mut(at)) {
            (RestoreCall::Settle, Some(restore)) => restore.settled(self.log.as_ref()).map(Answer::Settled),
            (RestoreCall::Offset, _) => self.member.committed(at).map(Answer::Offset),
            (RestoreCall::Evidence, _) => self.stage.last_known(at, self.log.as_ref()).map(Answer::Offset),
            (RestoreCall::Read, Some(restore)) => restore.read(self.log.as_ref()).map(Answer::Read),
            (RestoreCall::Range, _) => {
                let first = self.log.first_offset(at);
                first.and_then(|first| Ok(Answer::Range(first, self.log.end_offset(at)?)))
            }
            (RestoreCall::Build { first, known }, _) => {
                let changelog = self.restores.remove(at).map(restore::Restore::into_records).unwrap_or_default();
                let (count, empty) = (changelog.len(), changelog.is_empty());
                let resume = self.stage.restore(at, Found { changelog, first, known })?;
                self.stats.add_restored(count);
                return Ok(Answer::Built(resume, empty));
            }
            (RestoreCall::Settle | RestoreCall::Read, None) => {
                return Err(StageError(format!("{at}: a restore goes on that has not begun")).into());
            }
        };
        if answer.is_err() {
            // Begun anew from what can be read by then.
            self.restores.remove(at);
        }
        Ok(answer?)
    }

    /// An end that cannot be asked for now is not reached: time stands still rather than running ahead.
    fn look_at_ends(&mut self) -> Answer {
        let began = (self.clock)();
        let (mut reached, mut absent) = (Vec::new(), false);
        for (at, offset, _) in self.protocol.reading() {
            match self.member.caught_up(at, offset) {
                Ok(true) => reached.push(at.clone()),
                Ok(false) => {}
                // Its topic is gone, which says nothing of the others.
                Err(LogError::Absent { .. } | LogError::NoTopic(_)) => absent = true,
                // Who does not answer for one partition will not answer for the next: the others need not wait for it.
                Err(reason) => {
                    tracing::warn!(partition = %at, %reason, "the end of the partition cannot be asked for");
                    absent = true;
                    break;
                }
            }
        }
        Answer::Ends { began, reached, absent }
    }

    fn flush(&mut self) -> Result<Answer, RunError> {
        let positions = if self.config.bound.is_none() {
            // Who looks has been told, or does not know.
            self.protocol.positions(|topic| self.protocol.partitions_of(topic).unwrap_or(i32::MAX))
        } else {
            for topic in self.config.inputs.clone() {
                self.partitions_of(&Arc::from(topic.as_str()))?;
            }
            let partitions = &self.partitions;
            self.protocol.positions(|topic| partitions.get(topic).copied().unwrap_or(1))
        };
        let mut out = Outbox::default();
        self.stage.flush((self.clock)(), &positions, &mut out)?;
        self.outbox = out.into_records();
        Ok(Answer::Flushed(self.outbox.len()))
    }

    fn transact(&mut self, call: Call) -> Result<Answer, RunError> {
        let outcome = match call {
            Call::Repeats => match self.producer.repeats() {
                Ok(repeats) => return Ok(Answer::Repeats(repeats)),
                Err(fault) => Err(fault),
            },
            Call::Begin => self.producer.begin(),
            Call::Send => self.send()?,
            Call::Deliver => self.producer.deliver(),
            Call::SendOffsets => match self.member.metadata() {
                Ok(metadata) => self.producer.send_offsets(self.protocol.offsets(), &metadata),
                Err(fault @ LogError::Unavailable { .. }) => Err(TransactionError::Aborted(fault.to_string())),
                Err(fault) => return Err(fault.into()),
            },
            Call::Commit => self.producer.commit(),
            Call::Abort => self.producer.abort(),
        };
        Ok(outcome.map_or_else(Answer::Refused, |()| Answer::Done))
    }

    fn send(&mut self) -> Result<Result<(), TransactionError>, LogError> {
        for mut record in std::mem::take(&mut self.outbox) {
            match self.partitions_of(&record.topic) {
                Ok(partitions) => place(&mut record, partitions),
                Err(fault @ LogError::Unavailable { .. }) => {
                    return Ok(Err(TransactionError::Aborted(fault.to_string())));
                }
                Err(fault) => return Err(fault),
            }
            if let Err(fault) = self.producer.send(record) {
                return Ok(Err(fault));
            }
        }
        Ok(Ok(()))
    }

    fn partitions_of(&mut self, topic: &Arc<str>) -> Result<i32, LogError> {
        if let Some(partitions) = self.partitions.get(topic) {
            return Ok(*partitions);
        }
        let partitions = self.log.partitions(topic)?;
        self.partitions.insert(Arc::clone(topic), partitions);
        Ok(partitions)
    }
}
