//! The commit protocol as a pure state machine: it is told what happened and says which call comes next. It reads
//! no clock, makes no call and keeps no thread, so that the same code runs on Apache Kafka and in a deterministic
//! simulation, and every order of events can be tried.
//!
//! A commit is one transaction that covers what the stage wrote and the offsets of what it read. The stage's
//! memory is a cache of committed transactions, so that every failure has the same remedy: forget, restore, go on.
//!
//! | what happened | what follows |
//! |---|---|
//! | partitions assigned | each is restored in parts, polls between them; nothing of it is read before |
//! | commit interval over, or enough records | look for repeated requests, begin, send, deliveries, offsets, commit |
//! | the client has repeated a request on its own | a new producer before the next transaction: the epoch it raises shuts late copies out |
//! | transaction aborted | everything that was in it is forgotten and restored |
//! | outcome unclear | the same, after a new producer has fenced what may still be under way |
//! | the log cannot be reached | what is left to do stays, and is tried again |
//! | partitions revoked | a commit, then they are given up; if that fails, they are forgotten |
//! | partitions lost, or no poll for half a session | nothing is committed for them, they are forgotten |
//! | a topic to be read is missing | its partitions are forgotten and wait for it; the others go on |
//! | nobody owns a partition at two looks, or a partition is assigned that is not to be read | the group is made to agree anew |
//! | the producer is fenced | as unclear: the broker gave a transaction up after its timeout, or another process has our name |
//! | the member is fenced | everything is forgotten and a new member joins: a coordinator that moves has fenced members of which there was one only |
//! | the member is fenced again soon, and the producer was, too | the end: another process has our name |
//!
//! Invariants: a partition is handed records only when it is restored (I7); after an unclear outcome no transaction
//! begins before a new producer is there (I8); a transaction always carries the offsets of all partitions that are
//! read, also of those that did not move, because it is by these that the broker knows a member that was left
//! behind.

mod words;
mod partition;
mod assignment;
mod inputs;
mod commit;
mod transaction;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use measurement::time::Timestamp;

use inputs::Inputs;
use partition::Partition;
pub use transaction::{Call, Outcome, Transaction};
pub use words::{Action, Answer, Counts, RestoreCall, RunError, Settings};

use crate::{
    record::TopicPartition,
    stage::{Position, StageError},
    words::{Change, LogError},
};

/// Pause before something that failed is tried again, in milliseconds.
const TRY_AGAIN: i64 = 500;
/// A member that is fenced twice within this time, in milliseconds, and its producer once, shares its name with
/// another process; of two processes the older one is fenced twice first. A coordinator that comes back fences members
/// that are alone, but does not take their producers over.
const FENCED_AGAIN: i64 = 60_000;

/// The state machine.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, asked in another place")]
pub struct Protocol {
    settings: Settings,
    partitions: Vec<Partition>,
    /// Partitions that are owned and never read: the topic has grown beyond what the state is bound to.
    refused: Vec<TopicPartition>,
    /// The topics that are to be read.
    inputs: Inputs,
    /// Changes of the assignment that were not dealt with yet.
    changes: VecDeque<Change>,
    /// Calls that follow from something that happened already.
    queue: VecDeque<Action>,
    transaction: Option<Transaction>,
    /// Offsets of the open transaction.
    offsets: Vec<(TopicPartition, i64)>,
    /// No transaction may begin with the producer that there is.
    renew: bool,
    flush_now: bool,
    /// Whether a commit was tried before the revoked partitions at the front are given up.
    farewell: bool,
    looked: bool,
    /// Whether the last thing done was a poll: restores and polls take turns.
    polled: bool,
    /// Which partition was looked after last.
    turn: usize,
    retry_at: Option<Timestamp>,
    /// When the member was fenced last.
    fenced_at: Option<Timestamp>,
    /// When the producer was fenced last.
    producer_fenced_at: Option<Timestamp>,
    last_poll: Timestamp,
    last_commit: Timestamp,
    last_look: Timestamp,
    since_commit: usize,
    /// Where the last admitted record was found.
    hit: usize,
    counts: Counts,
}

impl Protocol {
    /// Begins with a fresh producer and a member that owns nothing yet.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            settings,
            partitions: Vec::new(),
            refused: Vec::new(),
            inputs: Inputs::default(),
            changes: VecDeque::new(),
            queue: VecDeque::new(),
            transaction: None,
            offsets: Vec::new(),
            renew: false,
            flush_now: false,
            farewell: false,
            looked: false,
            polled: false,
            turn: 0,
            retry_at: None,
            fenced_at: None,
            producer_fenced_at: None,
            last_poll: now,
            last_commit: now,
            last_look: Timestamp::MIN,
            since_commit: 0,
            hit: 0,
            counts: Counts::default(),
        }
    }

    /// The call that comes next. Asking again gives the same, unless time has passed.
    pub fn next(&mut self, now: Timestamp) -> Action {
        if let Some(until) = self.retry_at {
            let left = until.0.saturating_sub(now.0);
            if (1..=TRY_AGAIN).contains(&left) {
                return Action::Wait(left);
            }
            self.retry_at = None;
        }
        self.take_changes(now);
        if let Some(action) = self.queue.front() {
            return action.clone();
        }
        if let Some(transaction) = &self.transaction {
            return if self.renew { Action::Renew } else { Action::Transact(transaction.next()) };
        }
        if self.flush_now {
            return self.flush(now);
        }
        if self.renew {
            // Before anything is restored: what the old producer has under way must be over first.
            return if self.polled { Action::Renew } else { Action::Poll { most: 1, wait: Some(0) } };
        }
        if self.is_look_due(now) {
            return Action::LookAtInputs;
        }
        if let Some(action) = self.look_after(now) {
            return if self.polled { action } else { Action::Poll { most: self.room(), wait: Some(0) } };
        }
        if self.is_due(now) {
            return self.flush(now);
        }
        Action::Poll { most: self.room(), wait: self.patience(now) }
    }

    /// Takes what came of the call that [`Protocol::next`] gave.
    ///
    /// # Errors
    /// When the loop must end: fenced, or something that no repetition mends.
    pub fn answer(&mut self, now: Timestamp, action: &Action, answer: Answer) -> Result<(), RunError> {
        match (action, answer) {
            (action, Answer::Failed(fault)) => self.failed(now, action, fault)?,
            (Action::Poll { .. }, Answer::Polled { records, changes }) => {
                self.polled = true;
                self.last_poll = now;
                self.since_commit += records;
                self.changes.extend(changes);
            }
            (Action::Restore(at, call), answer) => self.restored(now, at, *call, answer)?,
            (Action::Assign(at, offset), _) => {
                self.polled = false;
                if let Some(partition) = self.find(at) {
                    partition.reading_from(*offset);
                }
            }
            (Action::LookAtEnds, Answer::Ends { began, reached, absent }) => {
                if absent {
                    // Before a transaction begins: it could not hold an offset of a topic that is gone.
                    self.look_soon(now);
                }
                self.looked = true;
                self.last_look = now;
                for partition in &mut self.partitions {
                    partition.caught_up = reached.contains(&partition.at).then_some(began);
                }
            }
            (Action::LookAtInputs, Answer::Inputs(sight)) => self.looked_at_inputs(now, sight),
            (Action::Flush, Answer::Flushed(records)) => self.flushed(now, records),
            (Action::Transact(_), Answer::Repeats(repeats)) => self.repeated(repeats),
            (Action::Transact(_), Answer::Done) => self.transacted(now, Ok(())),
            (Action::Transact(_), Answer::Refused(fault)) => self.transacted(now, Err(fault)),
            (Action::Renew, _) => {
                self.renew = false;
                if let Some(transaction) = &mut self.transaction {
                    transaction.nothing_repeated();
                }
            }
            (
                Action::Unassign(_)
                | Action::Release(_)
                | Action::Forget(_)
                | Action::Subscribe
                | Action::AgreeAnew(_)
                | Action::Rejoin
                | Action::Confirm,
                _,
            ) => {
                self.queue.pop_front();
            }
            (Action::Wait(_), _) => self.retry_at = None,
            (action, answer) => {
                return Err(StageError(format!("{answer:?} is no answer to {action:?}")).into());
            }
        }
        Ok(())
    }

    fn failed(&mut self, now: Timestamp, action: &Action, fault: LogError) -> Result<(), RunError> {
        match (action, fault) {
            (_, LogError::Fenced { id, reason }) => return self.shut_out(now, &id, &reason),
            (Action::Restore(at, _), fault) if self.passes(&fault) => self.restore_later(now, at, &fault),
            (_, fault @ LogError::Unavailable { .. }) => {
                tracing::warn!(%fault, "the log cannot be reached; trying again");
                self.polled = false;
                self.retry_at = Some(now.plus(TRY_AGAIN));
            }
            (Action::Poll { .. }, fault @ LogError::Absent { .. }) if self.looks() => {
                tracing::debug!(%fault, "a topic cannot be read");
                self.polled = true;
                self.look_soon(now);
            }
            (_, fault) => self.refuse(fault)?,
        }
        Ok(())
    }

    fn restore_later(&mut self, now: Timestamp, at: &TopicPartition, fault: &LogError) {
        tracing::debug!(partition = %at, %fault, "a restore waits");
        if matches!(fault, LogError::Absent { .. }) {
            self.look_soon(now);
        }
        self.polled = false;
        if let Some(partition) = self.find(at) {
            partition.start_over();
            partition.not_before = now.plus(TRY_AGAIN);
        }
    }

    /// Whether a restore may go on after such a fault.
    fn passes(&self, fault: &LogError) -> bool {
        match fault {
            LogError::Unavailable { .. } => true,
            LogError::Absent { .. } | LogError::NoTopic(_) => self.looks(),
            _ => false,
        }
    }

    fn shut_out(&mut self, now: Timestamp, id: &str, reason: &str) -> Result<(), RunError> {
        let lately = |at: Timestamp| now.0.saturating_sub(at.0).saturating_abs() <= FENCED_AGAIN;
        if self.fenced_at.is_some_and(lately) && self.producer_fenced_at.is_some_and(lately) {
            return Err(fenced(id, reason));
        }
        tracing::warn!(id, reason, "this member was shut out of its group: it joins again");
        self.fenced_at = Some(now);
        self.rejoin();
        Ok(())
    }

    /// Whether a record goes to the stage. It counts as read from then on.
    pub fn admit(&mut self, topic: &str, partition: i32, offset: i64) -> bool {
        let is = |known: &Partition| known.at.partition == partition && *known.at.topic == *topic;
        if !self.partitions.get(self.hit).is_some_and(is) {
            let Some(hit) = self.partitions.iter().position(is) else { return false };
            self.hit = hit;
        }
        match self.partitions.get_mut(self.hit) {
            // What was fetched before the partition was taken up anew comes again.
            Some(partition) if partition.is_reading() && offset >= partition.next_offset => {
                partition.next_offset = offset.saturating_add(1);
                partition.caught_up = None;
                true
            }
            _ => false,
        }
    }

    /// Asks for a commit at once. Nothing comes of it while there is nothing that could be committed.
    pub fn commit_now(&mut self, now: Timestamp) {
        self.flush_now |= self.transaction.is_none() && self.can_commit(now);
    }

    /// Whether a commit, or what follows from one, is under way.
    pub fn is_committing(&self) -> bool {
        self.flush_now || self.transaction.is_some() || !self.queue.is_empty()
    }

    /// Whether a partition that is owned is not read yet.
    pub fn is_restoring(&self) -> bool {
        self.partitions.iter().any(|partition| !partition.is_reading())
    }

    /// How far each partition has been read that is being read.
    pub fn reading(&self) -> impl Iterator<Item = (&TopicPartition, i64, Option<Timestamp>)> {
        let reading = self.partitions.iter().filter(|partition| partition.is_reading());
        reading.map(|partition| (&partition.at, partition.next_offset, partition.caught_up))
    }

    /// The same for the stage, the number of partitions of a topic being as told.
    pub fn positions(&self, partitions: impl Fn(&str) -> i32) -> Vec<Position> {
        self.reading()
            .map(|(at, next_offset, caught_up)| Position {
                partition: at.clone(),
                next_offset,
                caught_up,
                partitions: partitions(&at.topic),
            })
            .collect()
    }

    /// Offsets of the open transaction.
    pub fn offsets(&self) -> &[(TopicPartition, i64)] {
        &self.offsets
    }

    /// Partitions that are owned, restored or not.
    pub fn owned(&self) -> usize {
        self.partitions.len()
    }

    /// Partitions that are owned and restored.
    pub fn restored_partitions(&self) -> usize {
        self.reading().count()
    }

    /// Partitions that are owned and never read, because the state is bound to fewer.
    pub fn refused(&self) -> &[TopicPartition] {
        &self.refused
    }

    /// What was done since the start.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn find(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        self.partitions.iter_mut().find(|partition| partition.at == *at)
    }

    fn room(&self) -> usize {
        self.settings.commit_records.saturating_sub(self.since_commit).clamp(1, 10_000)
    }
}

fn fenced(id: &str, reason: &str) -> RunError {
    RunError::Fenced(format!(
        "fenced: another process is the instance `{id}` ({reason}); give every instance its own number"
    ))
}
