//! Partitions that come, are restored, and go.

use measurement::time::Timestamp;

use super::{
    Protocol, TRY_AGAIN,
    partition::Phase,
    words::{Action, Answer, RestoreCall, RunError},
};
use crate::{record::TopicPartition, stage::StageError, words::Change};

impl Protocol {
    pub(super) fn take_changes(&mut self, now: Timestamp) {
        while self.queue.is_empty() && self.transaction.is_none() && !self.flush_now {
            match self.changes.front() {
                None => return,
                Some(Change::Assigned(_)) => self.take_over(),
                Some(Change::Revoked(_)) if !self.farewell && self.can_commit(now) => {
                    self.farewell = true;
                    self.flush_now = true;
                }
                Some(Change::Revoked(_) | Change::Lost(_)) => self.give_up(),
            }
        }
    }

    /// Owns the partitions that the first change names.
    fn take_over(&mut self) {
        let Some(Change::Assigned(list)) = self.changes.pop_front() else { return };
        tracing::info!(partitions = %names(&list), "partitions assigned");
        for at in list {
            if self.settings.bound.is_some_and(|bound| at.partition >= bound) {
                tracing::error!(
                    partition = %at,
                    "the topic has more partitions than the state is bound to: this one is not read; end all services, and use a fresh prefix, or the old number"
                );
                self.refused.push(at);
            } else if !self.set_aside_at_once(&at) {
                self.begin(at);
            }
        }
        self.partitions.sort_by(|one, other| one.at.cmp(&other.at));
    }

    /// Lets go of the partitions that the first change names.
    fn give_up(&mut self) {
        let list = match self.changes.pop_front() {
            Some(Change::Revoked(list)) => {
                tracing::info!(partitions = %names(&list), "partitions revoked");
                list
            }
            Some(Change::Lost(list)) => {
                tracing::warn!(partitions = %names(&list), "partitions lost: somebody else may own them already");
                list
            }
            Some(Change::Assigned(_)) | None => return,
        };
        self.farewell = false;
        self.partitions.retain(|partition| !list.contains(&partition.at));
        self.refused.retain(|at| !list.contains(at));
        self.inputs.release(&list);
        self.queue.extend(list.iter().cloned().map(Action::Forget));
        self.queue.push_back(Action::Release(list));
    }

    /// Nothing is ours any more, and nothing of it may be committed.
    pub(super) fn rejoin(&mut self) {
        self.changes.clear();
        self.queue.clear();
        self.refused.clear();
        self.inputs.start_over();
        self.farewell = false;
        self.flush_now = false;
        let gone = std::mem::take(&mut self.partitions);
        self.queue.extend(gone.into_iter().map(|partition| Action::Forget(partition.at)));
        self.queue.push_back(Action::Rejoin);
    }

    /// The next step for a partition that is not read yet.
    pub(super) fn look_after(&mut self, now: Timestamp) -> Option<Action> {
        let count = self.partitions.len();
        for step in 1..=count {
            let index = (self.turn + step) % count;
            let Some(partition) = self.partitions.get(index) else { continue };
            let waits = partition.not_before > now && partition.not_before.0.saturating_sub(now.0) <= TRY_AGAIN;
            let action = match partition.phase {
                Phase::Restoring(call) if !waits => Action::Restore(partition.at.clone(), call),
                Phase::Ready(offset) => Action::Assign(partition.at.clone(), offset),
                Phase::Restoring(_) | Phase::Reading => continue,
            };
            // Stays where it is until the step is done, so that asking again gives the same.
            self.turn = index + count - 1;
            return Some(action);
        }
        None
    }

    pub(super) fn restored(
        &mut self,
        now: Timestamp,
        at: &TopicPartition,
        call: RestoreCall,
        answer: Answer,
    ) -> Result<(), RunError> {
        self.polled = false;
        self.turn = self.turn.wrapping_add(1);
        let looks = self.looks();
        let Some(partition) = self.find(at) else { return Ok(()) };
        match answer {
            Answer::Settled(settled) => partition.settled(now, settled),
            Answer::Offset(offset) => partition.offset(call, offset),
            Answer::Read(finished) => partition.read(finished),
            Answer::Range(first, end) => partition.range(first, end),
            Answer::Built(resume, empty) => match partition.built(&resume, empty, looks) {
                Err(RunError::Log(fault)) => self.refuse(fault)?,
                outcome => outcome?,
            },
            answer => return Err(StageError(format!("{answer:?} is no answer to {call:?}")).into()),
        }
        Ok(())
    }
}

pub(super) fn names(list: &[TopicPartition]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
