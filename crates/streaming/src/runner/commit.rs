//! One transaction: what the stage wrote, and the offsets of what it read.

use std::sync::Arc;

use measurement::time::Timestamp;

use super::{RunError, Runner};
use crate::{
    log::{LogError, TransactionError, place},
    record::{OutRecord, TopicPartition},
    stage::{Outbox, Position, Stage},
};

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

impl<S: Stage> Runner<S> {
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
        if let Err(refused) = self.transact(out.into_records(), &offsets) {
            self.refused(refused)?;
            return Ok(false);
        }
        for (partition, offset) in offsets {
            if let Some(state) = self.assigned.get_mut(&partition) {
                state.committed_offset = offset;
            }
        }
        self.stage.committed();
        self.stats.add_commit();
        Ok(true)
    }

    /// Notes what is to be done after a transaction that does not stand; an error ends the loop.
    fn refused(&mut self, refused: Refused) -> Result<(), RunError> {
        let (what, reason) = match refused {
            Refused::Transaction(TransactionError::Fenced { id, reason }) => {
                return Err(RunError::Fenced(format!(
                    "fenced: another process uses the transactional id `{id}` ({reason}); give every instance its own ordinal"
                )));
            }
            Refused::Log(LogError::Unavailable { doing, reason }) => (doing, reason),
            Refused::Log(fault) => return Err(fault.into()),
            Refused::Transaction(TransactionError::Aborted(reason)) => ("aborted", reason),
            Refused::Transaction(TransactionError::Unclear(reason)) => {
                self.todo.renew_producer = true;
                ("outcome unknown, a new producer takes over", reason)
            }
        };
        if self.todo.renew_producer {
            self.stats.add_rebuild();
        } else {
            self.stats.add_abort();
        }
        self.todo.start_over = true;
        tracing::warn!(what, reason, "a transaction does not stand; its partitions are restored and read again");
        Ok(())
    }

    fn transact(&mut self, mut records: Vec<OutRecord>, offsets: &[(TopicPartition, i64)]) -> Result<(), Refused> {
        for record in &mut records {
            let partitions = self.partitions_of(&record.topic)?;
            place(record, partitions);
        }
        let metadata = self.member.metadata()?;
        Ok(self.producer.transact(records, offsets, Some(&metadata))?)
    }

    fn partitions_of(&mut self, topic: &Arc<str>) -> Result<i32, LogError> {
        if let Some(partitions) = self.partitions.get(topic) {
            return Ok(*partitions);
        }
        let partitions = self.log.partitions(topic)?;
        self.partitions.insert(Arc::clone(topic), partitions);
        Ok(partitions)
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
