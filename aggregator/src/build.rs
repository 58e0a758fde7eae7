//! Building from the events what lacks them, beside a task that goes on.
//!
//! A population or a measure whose past is asked for needs events that were read before anybody asked. They are read
//! again, by a task of its own that has no other units, up to exactly where the task beside it stands; then its state is
//! taken over, in one step. Nothing of it is written before: who is killed begins anew, and nothing is counted twice.
//!
//! Both parts of a state could be merged instead, without a moment at which they agree. But one task per partition, in one
//! thread, has that moment after every poll, and a state that is taken over whole cannot be merged twice or in part.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use measurement::{catalogue::Catalogue, time::Timestamp};
use programme::{Earlier, ProgrammeError};
use streaming::{LogError, Reader, Record, RecordRef, StageError, TopicPartition};

use crate::{
    in_force::InForce,
    plan::Plan,
    tables::{Tables, units::Units},
    task::Task,
};

/// Most records of one look. The task beside it reads as many in a tenth of a second, and comes first.
const SLICE: usize = 20_000;

/// A build under way.
pub(crate) struct Build {
    task: Task,
    reader: Box<dyn Reader>,
    /// What was read and lies behind the place where the task beside it stands.
    ahead: VecDeque<Record>,
    next_offset: i64,
    plan: Arc<Plan>,
}

impl std::fmt::Debug for Build {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Build").field("next_offset", &self.next_offset).finish_non_exhaustive()
    }
}

impl Build {
    /// Begins at the first event that is there, for the units that are being built.
    pub(crate) fn begin(in_force: &InForce, partition: &TopicPartition, units: &Units) -> Result<Self, ProgrammeError> {
        let programme = in_force.programme().ok_or(ProgrammeError::Unknown(in_force.sequence))?;
        let first = programme.log().first_offset(partition)?;
        if first > 0 {
            tracing::error!(%partition, first, "the first events are gone: measures of events begin behind them, and nothing is stated that looks at rows");
        }
        let plan = &in_force.plan;
        let building: BTreeSet<&str> = plan
            .measures()
            .filter(|id| units.is_building(*id))
            .map(|id| plan[plan[id].construct].construct.id.as_str())
            .collect();
        let mut catalogue = Catalogue::clone(programme.catalogue(in_force.sequence, &Earlier::new())?.as_ref());
        catalogue.constructs.retain(|construct| building.contains(construct.id.as_str()));
        let plan = Arc::new(Plan::new(catalogue));
        let reader = programme.log().reader(&partition.topic, &[(partition.partition, first)])?;
        let task = Task::begin(InForce::given(&plan), partition.partition, first);
        tracing::info!(%partition, constructs = building.len(), "building from the events what was not asked for before");
        Ok(Self { task, reader, ahead: VecDeque::new(), next_offset: first, plan })
    }

    /// Offset of the next event to be read again.
    pub(crate) const fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Reads on, up to where the task beside it stands. True once it is there.
    pub(crate) fn advance(&mut self, until: i64) -> Result<bool, StageError> {
        while let Some(record) = self.ahead.pop_front_if(|record| record.offset < until) {
            self.next_offset = record.offset + 1;
            self.task.record(RecordRef::from(&record))?;
        }
        if !self.ahead.is_empty() {
            self.next_offset = until;
        }
        if self.next_offset >= until {
            return Ok(true);
        }
        let Self { task, reader, ahead, next_offset, .. } = self;
        let mut outcome = Ok(());
        let polled = reader.poll(Duration::ZERO, SLICE, &mut |record| {
            if outcome.is_err() {
                return;
            }
            if record.offset() < until {
                *next_offset = record.offset() + 1;
                outcome = task.record(record);
            } else {
                ahead.push_back(record.to_record());
            }
        });
        outcome?;
        match polled {
            Ok(_) => {}
            Err(fault @ LogError::Unavailable { .. }) => {
                tracing::warn!(%fault, "a build waits for the log");
                return Ok(false);
            }
            Err(fault) => return Err(StageError(format!("building from the events: {fault}"))),
        }
        // The end of the partition says nothing: it may be older than what the other task has read since.
        if !self.ahead.is_empty() {
            self.next_offset = until;
        }
        Ok(self.next_offset >= until)
    }

    /// What was built, with its plan.
    pub(crate) fn finish(self, now: Timestamp) -> (Tables, Arc<Plan>) {
        (self.task.into_tables(now), self.plan)
    }
}
