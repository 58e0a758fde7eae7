//! Partitions that come and go, and what is left to do after a failure.

use std::time::Duration;

use super::{Assigned, RunError, Runner, restore};
use crate::{
    log::{Change, LogError},
    record::TopicPartition,
    stage::{Resume, Stage, StageError},
};

impl<S: Stage> Runner<S> {
    /// Does what is left to do. False while the log cannot be reached for it.
    pub(super) fn catch_up(&mut self, timeout: Duration) -> Result<bool, RunError> {
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
}

fn list(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
