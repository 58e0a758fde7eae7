//! Units: of which measures and populations there is state, and from when on it is whole.

use measurement::{
    catalogue::{BaseOf, Basis},
    time::Timestamp,
};
use programme::Earlier;
use records::{Ended, PopulationKey, RecordError, Since, Unit, UnitKey, VERSION, check_version, decode, encode};

use super::changelog::{Changelog, Table, Writer, Written};
use crate::plan::{ExtraPlan, MeasureId, Plan, PopulationId};

/// What is known of the state of a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kept {
    since: Since,
    /// Where it is in force no more.
    ended: Option<Ended>,
}

/// The units of a task: all those of its plan, once it has begun.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Units {
    measures: Table<MeasureId, Kept>,
    populations: Table<PopulationId, Since>,
}

impl Units {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { measures: Table::new(Changelog::Measures), populations: Table::new(Changelog::Populations) }
    }

    /// Begins all units that there are not yet. Populations know what was told since `populations`: rows are what was
    /// ever said of them, so that those that begin later are never whole of their own. `measures` says until which event
    /// time something may be missing in a measure. Nothing begins before `effective_from`.
    pub(crate) fn begin(
        &mut self,
        plan: &Plan,
        populations: &dyn Fn(PopulationId) -> Since,
        measures: Missing,
        effective_from: Option<Timestamp>,
    ) {
        for (id, _) in plan.populations() {
            if self.populations.get(&id).is_none() {
                self.populations.replace(id, populations(id));
            }
        }
        for id in plan.measures() {
            if self.measures.get(&id).is_some() {
                continue;
            }
            let since = match measures {
                Missing::Nothing => Since::Beginning,
                // An interval that was told before may lie in any period to come.
                Missing::Until(_) if plan.reaches_ahead(id) => Since::Building,
                Missing::Until(newest) => Since::From(first_whole(plan, id, newest)),
                Missing::Unknown => Since::Building,
            };
            let since =
                since.max(effective_from.map_or(Since::Beginning, |from| Since::From(boundary(plan, id, from))));
            self.measures.replace(id, Kept { since: since.max(self.of_rows(plan, id)), ended: None });
        }
    }

    /// Notes which measures are in force no more, those being in it again that had ended: `sequence` is the last catalogue
    /// that had them, and no event that was read lies later than `until`.
    pub(crate) fn end(&mut self, plan: &Plan, sequence: u64, until: Timestamp) {
        for id in plan.measures() {
            let Some(kept) = self.measures.get(&id).copied() else { continue };
            let ended = match (plan[plan[id].construct].construct.ended, kept.ended) {
                (None, _) => None,
                (Some(_), Some(known)) => Some(known),
                (Some(_), None) => Some(Ended { sequence, until }),
            };
            if ended != kept.ended {
                self.measures.replace(id, Kept { ended, ..kept });
            }
        }
    }

    /// The constructs of earlier catalogues that some units belong to; those that `counts` has no say in are in force.
    pub(crate) fn earlier(&self, plan: &Plan, counts: impl Fn(MeasureId, Option<Ended>) -> Option<u64>) -> Earlier {
        let construct = |(id, kept): (&MeasureId, &Kept)| {
            Some((counts(*id, kept.ended)?, plan[plan[*id].construct].construct.id.clone()))
        };
        self.measures.iter().filter_map(construct).collect()
    }

    /// Has what it lacks built from the events, where it is not whole from the beginning.
    pub(crate) fn rebuild(&mut self, measures: impl Iterator<Item = MeasureId>) {
        for id in measures {
            if let Some(kept) = self.measures.get(&id).copied().filter(|kept| kept.since != Since::Beginning) {
                self.measures.replace(id, Kept { since: Since::Building, ..kept });
            }
        }
    }

    /// Has all that is in force built anew.
    pub(crate) fn rebuild_all(&mut self, plan: &Plan) {
        for id in plan.measures().filter(|id| plan[plan[*id].construct].construct.ended.is_none()) {
            self.set(id, Since::Building);
        }
        for (id, _) in plan.populations().filter(|(_, population)| !population.definition.name.contains('@')) {
            self.populations.replace(id, Since::Building);
        }
    }

    /// Whether a measure is being built, and in force.
    pub(crate) fn is_building(&self, id: MeasureId) -> bool {
        self.measures.get(&id).is_some_and(|kept| kept.since == Since::Building && kept.ended.is_none())
    }

    /// Whether a population is being built.
    pub(crate) fn is_population_building(&self, id: PopulationId) -> bool {
        self.populations.get(&id) == Some(&Since::Building)
    }

    /// Takes over what another state knows of units that are being built.
    pub(crate) fn take_over(&mut self, other: &Self, (from, to): (&Plan, &Plan)) {
        for (id, since) in other.populations.iter() {
            if let Some(own) = to.same_population(from, *id).filter(|own| self.is_population_building(*own)) {
                self.populations.replace(own, *since);
            }
        }
        for (id, kept) in other.measures.iter() {
            if let Some(own) = to.same_measure(from, *id).filter(|own| self.is_building(*own)) {
                self.measures.replace(own, Kept { since: kept.since, ended: None });
            }
        }
    }

    /// What is still being built can never be: its events are gone.
    pub(crate) fn give_up(&mut self, plan: &Plan) {
        let lost: Vec<PopulationId> =
            plan.populations().map(|(id, _)| id).filter(|id| self.is_population_building(*id)).collect();
        for id in lost {
            self.lose(plan, id);
        }
        let reaching: Vec<MeasureId> =
            plan.measures().filter(|id| self.is_building(*id) && plan.reaches_ahead(*id)).collect();
        for id in reaching {
            self.set(id, Since::Lost);
        }
    }

    /// Notes that a population lacks what was told of it: its rows are never whole any more, nor what looks at them.
    pub(crate) fn lose(&mut self, plan: &Plan, population: PopulationId) {
        if self.populations.get(&population) == Some(&Since::Lost) {
            return;
        }
        self.populations.replace(population, Since::Lost);
        for place in plan.uses.iter().filter(|place| place.looks_at.contains(&population)) {
            for asks in &place.measures {
                self.set(asks.measure, Since::Lost);
            }
        }
    }

    fn set(&mut self, id: MeasureId, since: Since) {
        let ended = self.measures.get(&id).and_then(|kept| kept.ended);
        self.measures.replace(id, Kept { since, ended });
    }

    /// Ends the building of measures of which it is known by now until when something may be missing.
    pub(crate) fn settle(&mut self, plan: &Plan, missing_until: &dyn Fn(MeasureId) -> Option<Timestamp>) {
        for id in plan.measures() {
            if self.of(id) == Since::Building
                && !plan.reaches_ahead(id)
                && self.of_rows(plan, id) < Since::Building
                && let Some(until) = missing_until(id)
            {
                self.set(id, Since::From(first_whole(plan, id, until)));
            }
        }
    }

    /// From when on the rows are whole that a measure looks at.
    fn of_rows(&self, plan: &Plan, id: MeasureId) -> Since {
        let uses = plan.uses.iter().filter(|place| place.measures.iter().any(|asks| asks.measure == id));
        let populations = uses.flat_map(|place| &place.looks_at);
        let since = populations.map(|id| self.populations.get(id).copied().unwrap_or(Since::Building));
        since.max().unwrap_or(Since::Beginning)
    }

    /// From when on a measure is whole.
    pub(crate) fn of(&self, measure: MeasureId) -> Since {
        self.measures.get(&measure).map_or(Since::Building, |kept| kept.since)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.measures.is_empty() && self.populations.is_empty()
    }

    /// Whether there is state of a population.
    pub(crate) fn knows(&self, population: PopulationId) -> bool {
        self.populations.get(&population).is_some()
    }

    /// Whether there is state of a measure.
    pub(crate) fn has(&self, measure: MeasureId) -> bool {
        self.measures.get(&measure).is_some()
    }

    /// Marks everything as changed.
    pub(crate) fn touch_all(&mut self) {
        self.measures.touch_all();
        self.populations.touch_all();
    }

    /// The same under the numbers of another plan. What it does not have is handed over as it lies in the changelog.
    pub(crate) fn carry(self, from: &Plan, to: &Plan, gone: &mut dyn FnMut(Changelog, Vec<u8>, Written)) -> Self {
        let measures = self.measures.carry(
            |id| to.same_measure(from, *id),
            |id, written| gone(Changelog::Measures, encode(&unit_key(from, id)), written),
        );
        let populations = self.populations.carry(
            |id| to.same_population(from, *id),
            |id, written| gone(Changelog::Populations, encode(&population_key(from, id)), written),
        );
        Self { measures, populations }
    }

    /// Writes what has changed.
    pub(crate) fn write(&mut self, plan: &Plan, writer: &mut Writer<'_>) {
        self.measures.write(writer, |id, kept| {
            let definition = plan[*id].base.digest.clone();
            let unit = Unit { version: VERSION, definition, since: kept.since, ended: kept.ended };
            (encode(&unit_key(plan, *id)), encode(&unit))
        });
        self.populations.write(writer, |id, since| {
            let definition = plan[*id].definition.digest.clone();
            let unit = Unit { version: VERSION, definition, since: *since, ended: None };
            (encode(&population_key(plan, *id)), encode(&unit))
        });
    }

    /// Takes a measure's unit from the changelog; `false` if the plan has none of this definition.
    pub(crate) fn load_measure(
        &mut self,
        plan: &Plan,
        key: &UnitKey,
        value: &[u8],
        written: Written,
    ) -> Result<bool, RecordError> {
        let unit = unit(value)?;
        let Some(id) = plan.measure(&key.construct, &key.definition, &key.measure) else { return Ok(false) };
        self.measures.load(id, Kept { since: unit.since, ended: unit.ended }, written);
        Ok(true)
    }

    /// Takes a population's unit from the changelog; `false` if the plan has none of this definition.
    pub(crate) fn load_population(
        &mut self,
        plan: &Plan,
        key: &PopulationKey,
        value: &[u8],
        written: Written,
    ) -> Result<bool, RecordError> {
        let unit = unit(value)?;
        let Some(id) = plan.population_of_state(&key.population) else { return Ok(false) };
        self.populations.load(id, unit.since, written);
        Ok(true)
    }
}

fn unit_key(plan: &Plan, id: MeasureId) -> UnitKey {
    let measure = &plan[id];
    UnitKey {
        construct: plan[measure.construct].construct.id.clone(),
        measure: measure.base.name.clone(),
        definition: measure.base.digest.clone(),
    }
}

fn population_key(plan: &Plan, id: PopulationId) -> PopulationKey {
    PopulationKey { population: plan[id].definition.state_name() }
}

fn unit(value: &[u8]) -> Result<Unit, RecordError> {
    let unit: Unit = decode("unit", value)?;
    check_version("unit", unit.version)?;
    Ok(unit)
}

/// Until which event time something may be missing in a measure that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is.
    Nothing,
    /// Until then.
    Until(Timestamp),
    /// Nobody knows.
    Unknown,
}

/// The first start of a period of a measure's at an instant or after it.
fn boundary(plan: &Plan, id: MeasureId, from: Timestamp) -> Timestamp {
    let periods = &plan[plan[id].construct].periods;
    let period = periods.calendar.period_at(periods.length, from);
    if period.start == from { from } else { periods.calendar.next(periods.length, &period).start }
}

/// The start of the first period of a measure in which nothing is missing, if something may be until an instant. The
/// period that runs then is whole where only its end is looked at: rows know by then what was told before.
fn first_whole(plan: &Plan, id: MeasureId, until: Timestamp) -> Timestamp {
    let measure = &plan[id];
    let periods = &plan[measure.construct].periods;
    let period = periods.calendar.period_at(periods.length, until);
    let at_its_end = matches!(measure.base.of, BaseOf::Population(_))
        && measure.base.basis == Basis::End
        && !plan.extras(id).any(|extra| matches!(extra, ExtraPlan::AtStart(_)));
    if at_its_end {
        return period.start;
    }
    let is_of_rows = matches!(measure.base.of, BaseOf::Population(_));
    let mut first = periods.calendar.next(periods.length, &period);
    // Who looks at rows within a window asks for what they were at its start; windows of events are the reader's matter.
    for _ in 1..if is_of_rows { periods.rolling } else { 1 } {
        first = periods.calendar.next(periods.length, &first);
    }
    first.start
}
