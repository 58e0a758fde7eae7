//! By which catalogue a task measures: one that is given, or those of the log, each from its marker on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use measurement::{catalogue::Catalogue, time::Timestamp};
use programme::{Earlier, Programme, ProgrammeError};
use records::{CatalogueRecord, Ended, Marker, Unit, UnitKey, decode};
use streaming::{Record, StageError};

use crate::{
    plan::{MeasureId, Plan},
    tables::{UNIT, units::Units},
};

/// Where catalogues come from.
#[derive(Clone, Debug)]
pub struct Definitions(From);

#[derive(Clone, Debug)]
enum From {
    /// One, for as long as the process runs: markers say nothing.
    Given(Arc<Plan>),
    /// Those of the log.
    Log(Programme, Plans),
}

type Plans = Arc<Mutex<HashMap<(u64, Earlier), Arc<Plan>>>>;

impl std::convert::From<Catalogue> for Definitions {
    fn from(catalogue: Catalogue) -> Self {
        Arc::new(Plan::new(catalogue)).into()
    }
}

impl std::convert::From<Arc<Plan>> for Definitions {
    fn from(plan: Arc<Plan>) -> Self {
        Self(From::Given(plan))
    }
}

impl std::convert::From<Programme> for Definitions {
    fn from(programme: Programme) -> Self {
        Self(From::Log(programme, Plans::default()))
    }
}

fn refused(fault: &ProgrammeError) -> StageError {
    StageError(format!("the catalogue in force cannot be used: {fault}"))
}

impl Definitions {
    /// What is in force where state begins at an offset of a partition.
    pub(crate) fn at(&self, partition: i32, offset: i64) -> Result<InForce, StageError> {
        match &self.0 {
            From::Given(plan) => Ok(InForce { plan: Arc::clone(plan), sequence: 0, definitions: self.clone() }),
            From::Log(programme, _) => {
                if let Err(fault) = programme.follow() {
                    tracing::warn!(%fault, "the topic of catalogues cannot be reached; going on by what is known");
                }
                self.of(programme.in_force_at(partition, offset), &Earlier::new())
            }
        }
    }

    /// What is in force by a frontier of some number, with the constructs of earlier catalogues of which there is state.
    /// A frontier that names none was written before catalogues came from the log.
    pub(crate) fn resumed(
        &self,
        (partition, sequence, offset): (i32, u64, i64),
        changelog: &[Record],
    ) -> Result<InForce, StageError> {
        match &self.0 {
            From::Given(_) => self.at(partition, offset),
            From::Log(..) if sequence == 0 => self.at(partition, 0),
            // What was in force then is lost: what is as it is now goes on.
            From::Log(programme, _) if sequence < programme.first() => self.of(programme.first(), &Earlier::new()),
            From::Log(..) => self.of(sequence, &earlier(changelog)),
        }
    }

    fn of(&self, sequence: u64, earlier: &Earlier) -> Result<InForce, StageError> {
        if let From::Log(programme, _) = &self.0 {
            // Another instance may have met its marker before this one has read of it.
            programme.awaited(sequence).map_err(|fault| refused(&fault))?;
        }
        Ok(InForce { plan: self.plan(sequence, earlier)?, sequence, definitions: self.clone() })
    }

    fn plan(&self, sequence: u64, earlier: &Earlier) -> Result<Arc<Plan>, StageError> {
        let (programme, plans) = match &self.0 {
            From::Given(plan) => return Ok(Arc::clone(plan)),
            From::Log(programme, plans) => (programme, plans),
        };
        let mut plans = plans.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (sequence, earlier.clone());
        if let Some(plan) = plans.get(&key) {
            return Ok(Arc::clone(plan));
        }
        let catalogue = programme.catalogue(sequence, earlier).map_err(|fault| refused(&fault))?;
        let plan = Arc::new(Plan::new(Catalogue::clone(&catalogue)));
        plans.retain(|(known, _), _| known.saturating_add(2) >= sequence);
        plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }
}

/// The constructs of earlier catalogues of which a changelog holds state.
fn earlier(changelog: &[Record]) -> Earlier {
    let ended = |record: &Record| {
        let key = record.key.as_deref().filter(|key| key.starts_with(UNIT))?;
        let key: UnitKey = decode("unit", key).ok()?;
        let unit: Unit = decode("unit", record.value.as_deref()?).ok()?;
        Some((unit.ended?.sequence, key.construct))
    };
    changelog.iter().filter_map(ended).collect()
}

/// What is in force in a partition.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    /// What follows from it.
    pub plan: Arc<Plan>,
    /// Number of the catalogue whose marker was met last; 0 where catalogues do not come from the log.
    pub sequence: u64,
    definitions: Definitions,
}

impl InForce {
    /// A plan that is given.
    pub(crate) fn given(plan: &Arc<Plan>) -> Self {
        Self { plan: Arc::clone(plan), sequence: 0, definitions: Arc::clone(plan).into() }
    }

    /// Whether catalogues come from the log.
    pub(crate) const fn programme(&self) -> Option<&Programme> {
        match &self.definitions.0 {
            From::Given(_) => None,
            From::Log(programme, _) => Some(programme),
        }
    }

    /// What is in force from a marker on, with its record; `None` if that is so already. Constructs that were changed or
    /// are gone stay beside it while there is state of them.
    pub(crate) fn after(&self, marker: &Marker, units: &Units) -> Result<Option<(Self, CatalogueRecord)>, StageError> {
        let Some(programme) = self.programme().filter(|_| marker.sequence > self.sequence) else { return Ok(None) };
        let record = programme.marked(marker).map_err(|fault| refused(&fault))?;
        let head = programme.catalogue(marker.sequence, &Earlier::new()).map_err(|fault| refused(&fault))?;
        let in_force = |id: MeasureId| {
            let measure = &self.plan[id];
            let construct = head.construct(&self.plan[measure.construct].construct.id);
            construct.is_some_and(|construct| {
                construct.base.iter().any(|base| base.name == measure.base.name && base.digest == measure.base.digest)
            })
        };
        let earlier = units.earlier(&self.plan, |id, ended| {
            (!in_force(id)).then(|| ended.map_or(self.sequence, |ended| ended.sequence))
        });
        Ok(Some((self.definitions.of(marker.sequence, &earlier)?, record)))
    }

    /// The same without earlier constructs of which nothing can be corrected any more; `None` if there are none.
    pub(crate) fn without(
        &self,
        units: &Units,
        is_over: impl Fn(MeasureId, Ended) -> bool,
    ) -> Result<Option<Self>, StageError> {
        let all = units.earlier(&self.plan, |_, ended| Some(ended?.sequence));
        if all.is_empty() {
            return Ok(None);
        }
        let kept = units.earlier(&self.plan, |id, ended| {
            let ended = ended?;
            (!is_over(id, ended)).then_some(ended.sequence)
        });
        if kept == all { Ok(None) } else { self.definitions.of(self.sequence, &kept).map(Some) }
    }

    /// The latest time that an event may have that was read before a record was written: none lies further ahead of its
    /// own record than its source allows.
    pub(crate) fn latest_before(&self, record: &CatalogueRecord, next: &Self) -> Timestamp {
        let sources = self.plan.sources().chain(next.plan.sources());
        record.at.plus(sources.map(|(_, source)| source.source.max_future).max().unwrap_or(0))
    }
}
