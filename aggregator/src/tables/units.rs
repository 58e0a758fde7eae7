//! Units: of which measures and populations there is state, and from when on it is whole.

use measurement::{
    catalogue::{BaseOf, Basis},
    time::Timestamp,
};
use records::{PopulationKey, RecordError, Since, Unit, UnitKey, VERSION, check_version, decode, encode};

use super::changelog::{Changelog, Table, Writer, Written};
use crate::plan::{ExtraPlan, MeasureId, Plan, PopulationId};

/// The units of a task: all those of its plan, once it has begun.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Units {
    measures: Table<MeasureId, Since>,
    populations: Table<PopulationId, Since>,
}

impl Units {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { measures: Table::new(Changelog::Measures), populations: Table::new(Changelog::Populations) }
    }

    /// Begins all units that there are not yet. Populations know what was told since `populations`: rows are what was
    /// ever said of them, so that those that begin later are never whole of their own. `measures` says until which event
    /// time something may be missing in a measure.
    pub(crate) fn begin(&mut self, plan: &Plan, populations: &dyn Fn(PopulationId) -> Since, measures: Missing) {
        for (id, _) in plan.populations() {
            if self.populations.get(&id).is_none() {
                self.populations.replace(id, populations(id));
            }
        }
        for id in plan.measures() {
            if self.measures.get(&id).is_none() {
                let since = match measures {
                    Missing::Nothing => Since::Beginning,
                    // An interval that was told before may lie in any period to come.
                    Missing::Until(_) if plan.reaches_ahead(id) => Since::Building,
                    Missing::Until(newest) => Since::From(first_whole(plan, id, newest)),
                    Missing::Unknown => Since::Building,
                };
                self.measures.replace(id, since.max(self.of_rows(plan, id)));
            }
        }
    }

    /// Notes that a population lacks what was told of it: its rows are never whole any more, nor what looks at them.
    pub(crate) fn lose(&mut self, plan: &Plan, population: PopulationId) {
        if self.populations.get(&population) == Some(&Since::Building) {
            return;
        }
        self.populations.replace(population, Since::Building);
        for place in plan.uses.iter().filter(|place| place.looks_at.contains(&population)) {
            for asks in &place.measures {
                self.measures.replace(asks.measure, Since::Building);
            }
        }
    }

    /// Ends the building of measures of which it is known by now until when something may be missing.
    pub(crate) fn settle(&mut self, plan: &Plan, missing_until: &dyn Fn(MeasureId) -> Option<Timestamp>) {
        for id in plan.measures() {
            if self.of(id) == Since::Building
                && !plan.reaches_ahead(id)
                && self.of_rows(plan, id) != Since::Building
                && let Some(until) = missing_until(id)
            {
                self.measures.replace(id, Since::From(first_whole(plan, id, until)));
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
        self.measures.get(&measure).copied().unwrap_or(Since::Building)
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

    /// Writes what has changed.
    pub(crate) fn write(&mut self, plan: &Plan, writer: &mut Writer<'_>) {
        self.measures.write(writer, |id, since| {
            let measure = &plan[*id];
            let construct = plan[measure.construct].construct.id.clone();
            let key = UnitKey { construct, measure: measure.base.name.clone() };
            let unit = Unit { version: VERSION, definition: measure.base.digest.clone(), since: *since };
            (encode(&key), encode(&unit))
        });
        self.populations.write(writer, |id, since| {
            let population = &plan[*id].definition;
            let key = PopulationKey { population: population.name.clone() };
            (encode(&key), encode(&Unit { version: VERSION, definition: population.digest.clone(), since: *since }))
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
        let Some(id) = plan.measure(&key.construct, &unit.definition, &key.measure) else { return Ok(false) };
        self.measures.load(id, unit.since, written);
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
        let Some(id) = plan.population(&key.population) else { return Ok(false) };
        if plan[id].definition.digest != unit.definition {
            return Ok(false);
        }
        self.populations.load(id, unit.since, written);
        Ok(true)
    }
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
