//! What becomes of a task when another catalogue is in force: state of what is as it was goes on, what is new begins,
//! what was changed stays for the periods that are its own, and what lacks its events is built from them.

use measurement::time::Timestamp;
use records::{CatalogueRecord, Frontier, Marker, Since, Topics};
use streaming::{StageError, TopicPartition};

use super::{Standing, Task};
use crate::{
    accumulate::EventMeasures,
    build::Build,
    in_force::InForce,
    plan::MeasureId,
    schedule::Schedule,
    tables::{Tables, units::Missing},
};

/// Whether something is being built from the events.
#[derive(Debug)]
pub(super) enum Building {
    /// Nobody has looked yet.
    Undecided,
    /// It is.
    Under(Box<Build>),
    /// All that can be built is built.
    Done,
}

impl Task {
    /// A task that goes on where a frontier says, with the state that belongs to it. What is new in the plan begins
    /// where nothing of it can be missing: see [`Units::begin`](crate::tables::units::Units::begin).
    pub(crate) fn resume(in_force: InForce, partition: i32, frontier: Frontier, mut tables: Tables) -> Self {
        let standing = Standing {
            replay_from: frontier.replay_from,
            written: Some(frontier.next_offset),
            transaction: frontier.transaction,
            rebuilding_until: None,
            newest: frontier.newest,
            builds: frontier.builds,
        };
        let schedule = begin_units(&in_force, &frontier, &mut tables, None);
        Self { accounting: frontier.accounting, ..Self::with(in_force, partition, standing, schedule, tables) }
    }

    /// Another catalogue is in force from here on.
    pub(super) fn marker(&mut self, value: &[u8], offset: i64) -> Result<(), StageError> {
        let at = format!("partition {} at offset {offset}", self.partition);
        let marker: Marker = records::decode("marker", value).map_err(|fault| StageError(format!("{at}: {fault}")))?;
        let Some((next, record)) = self.in_force.after(&marker, &self.tables.units)? else { return Ok(()) };
        tracing::info!(partition = self.partition, offset, sequence = record.sequence, "another catalogue is in force");
        let until = self.in_force.latest_before(&record, &next);
        let ended = self.in_force.sequence;
        self.adopt(next, Some(&record));
        self.tables.units.end(&self.plan, ended, until);
        if record.rebuild {
            tracing::warn!(partition = self.partition, approver = record.approver, "all state is to be built anew");
            self.tables.units.rebuild_all(&self.plan);
            self.standing.builds += 1;
        }
        Ok(())
    }

    /// Measures by another plan. What is new in it begins here.
    fn adopt(&mut self, next: InForce, record: Option<&CatalogueRecord>) {
        let frontier = self.frontier(0, 0);
        let old = std::mem::replace(&mut self.plan, std::sync::Arc::clone(&next.plan));
        let tables = std::mem::replace(&mut self.tables, Tables::new(&next.plan));
        self.tables = tables.carry(&old, &next.plan);
        self.schedule = begin_units(&next, &frontier, &mut self.tables, record);
        self.event_measures = EventMeasures::new(&next.plan);
        self.in_force = next;
        self.build = Building::Undecided;
    }

    /// Lets go of what was changed before and can be corrected no more.
    pub(super) fn retire(&mut self) -> Result<(), StageError> {
        let Self { plan, schedule, tables, in_force, .. } = self;
        let Some(now) = schedule.of_all(plan) else { return Ok(()) };
        let is_over = |id: MeasureId, ended: records::Ended| {
            let periods = &plan[plan[id].construct].periods;
            let mut period = periods.calendar.period_at(periods.length, ended.until);
            // What followed it may have asked for it to go on beside.
            let next = in_force.programme().and_then(|programme| programme.record(ended.sequence + 1));
            let overlap = next.map_or(0, |record| record.overlap);
            for _ in 0..periods.rolling.max(1).saturating_add(overlap) {
                period = periods.calendar.next(periods.length, &period);
            }
            periods.calendar.add(period.end, periods.restate_for) < now
        };
        let Some(next) = in_force.without(&tables.units, is_over)? else { return Ok(()) };
        tracing::info!(partition = self.partition, "an earlier definition can be corrected no more: its state goes");
        let build = std::mem::replace(&mut self.build, Building::Undecided);
        self.adopt(next, None);
        self.build = build;
        Ok(())
    }

    /// Builds on what lacks its events, and takes it over once it stands where this task does.
    pub(super) fn go_on_building(
        &mut self,
        topics: &Topics,
        next_offset: i64,
        now: Timestamp,
    ) -> Result<(), StageError> {
        if self.in_force.programme().is_none() {
            return Ok(());
        }
        if matches!(self.build, Building::Undecided) {
            self.build = self.begin_building(topics)?;
        }
        let Building::Under(build) = &mut self.build else { return Ok(()) };
        if !build.advance(next_offset)? {
            return Ok(());
        }
        if let Building::Under(build) = std::mem::replace(&mut self.build, Building::Done) {
            let (tables, plan) = build.finish(now);
            self.tables.take_over(tables, (&plan, &self.plan));
            // What could not be built from what there is.
            self.tables.units.give_up(&self.plan);
            tracing::info!(partition = self.partition, next_offset, "what was not asked for before is built");
        }
        Ok(())
    }

    fn begin_building(&mut self, topics: &Topics) -> Result<Building, StageError> {
        let units = &self.tables.units;
        let measures = self.plan.measures().any(|id| units.is_building(id));
        if !measures && !self.plan.populations().any(|(id, _)| units.is_population_building(id)) {
            return Ok(Building::Done);
        }
        let at = TopicPartition::new(&topics.events, self.partition);
        match Build::begin(&self.in_force, &at, units) {
            Ok(build) => Ok(Building::Under(Box::new(build))),
            Err(programme::ProgrammeError::Log(fault @ streaming::LogError::Unavailable { .. })) => {
                tracing::warn!(%fault, "a build waits for the log");
                Ok(Building::Undecided)
            }
            Err(fault) => Err(StageError(fault.to_string())),
        }
    }

    /// Ends the building of measures that need no events that are gone.
    pub(super) fn settle(&mut self) {
        if matches!(self.build, Building::Under(_)) {
            return;
        }
        let Self { plan, schedule, tables, standing, .. } = self;
        let missing_until = |id: MeasureId| {
            let heard = schedule.heard_until(plan, plan[id].construct)?;
            Some(standing.newest.map_or(heard, |newest| newest.max(heard)))
        };
        tables.units.settle(plan, &missing_until);
    }

    /// Offsets of the next event to be read again, while something is being built, and of the next one to be read.
    pub fn build(&self) -> Option<(i64, i64)> {
        match &self.build {
            Building::Under(build) => Some((build.next_offset(), self.standing.written.unwrap_or(0))),
            Building::Undecided | Building::Done => None,
        }
    }
}

/// Begins the units that there are not yet, where a frontier stands, and gives what is known of time.
fn begin_units(
    in_force: &InForce,
    frontier: &Frontier,
    tables: &mut Tables,
    record: Option<&CatalogueRecord>,
) -> Schedule {
    let plan = &in_force.plan;
    let is_new = |construct| {
        let mut measures = plan.measures().filter(|id| plan[*id].construct == construct);
        measures.any(|id| !tables.units.has(id))
    };
    let schedule = Schedule::restore(plan, frontier, is_new);
    let rows = |id| if plan.may_have_read(id, frontier) { Since::Building } else { Since::Beginning };
    let missing = frontier.newest.map_or(Missing::Nothing, Missing::Until);
    let new: Vec<MeasureId> = plan.measures().filter(|id| !tables.units.has(*id)).collect();
    tables.units.begin(plan, &rows, missing, record.and_then(|record| record.effective_from));
    if record.is_some_and(|record| record.history) {
        tables.units.rebuild(new.into_iter());
    }
    schedule
}
