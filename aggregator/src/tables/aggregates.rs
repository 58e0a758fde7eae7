//! Aggregates: the values of base measures, by period and group.

use std::collections::HashMap;

use measurement::{
    accumulate::Accumulator,
    calendar::Period,
    catalogue::{BaseMeasure, Dimension},
    time::Timestamp,
};
use records::{Aggregate, AggregateKey, RecordError, VERSION, check_version, decode, encode};

use super::{
    changelog::{Changelog, Table, Writer, Written},
    units::Units,
};
use crate::plan::{MeasureId, Plan, group_number, group_values};

/// What an aggregate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    measure: MeasureId,
    /// Start of the period.
    start: Timestamp,
    /// Number of the group.
    group: u32,
}

#[derive(Clone, Debug, PartialEq)]
struct Cell {
    /// End of the period.
    end: Timestamp,
    accumulator: Accumulator,
}

/// The aggregates of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregates(Table<Key, Cell>);

impl Aggregates {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Table::new(Changelog::Measures))
    }

    /// The value of a measure in a period and group, to be folded into.
    pub(crate) fn fold_into(
        &mut self,
        (id, measure): (MeasureId, &BaseMeasure),
        period: &Period,
        group: u32,
    ) -> &mut Accumulator {
        let key = Key { measure: id, start: period.start, group };
        let new = || Cell { end: period.end, accumulator: Accumulator::new(measure) };
        &mut self.0.change(key, new).accumulator
    }

    /// Puts a value in the place of what was known. The same value changes nothing.
    pub(crate) fn replace(&mut self, measure: MeasureId, period: &Period, group: u32, accumulator: Accumulator) {
        let key = Key { measure, start: period.start, group };
        if self.0.get(&key).is_some_and(|known| known.accumulator == accumulator) {
            return;
        }
        self.0.replace(key, Cell { end: period.end, accumulator });
    }

    /// Whether there is a value.
    pub(crate) fn contains(&self, measure: MeasureId, period: &Period, group: u32) -> bool {
        self.0.get(&Key { measure, start: period.start, group }).is_some()
    }

    /// Marks everything as changed.
    pub(crate) fn touch_all(&mut self) {
        self.0.touch_all();
    }

    /// Writes what has changed.
    pub(crate) fn write(&mut self, plan: &Plan, writer: &mut Writer<'_>) {
        let covered = writer.covered;
        self.0.write(writer, |key, cell| {
            let accumulator = cell.accumulator.clone();
            let value = Aggregate { version: VERSION, period_end: cell.end, accumulator, covered };
            (encode(&wire_key(plan, key)), encode(&value))
        });
    }

    /// The same under the numbers of another plan. What it does not have is handed over as it lies in the changelog.
    pub(crate) fn carry(self, from: &Plan, to: &Plan, gone: &mut dyn FnMut(Changelog, Vec<u8>, Written)) -> Self {
        let known: HashMap<MeasureId, Option<MeasureId>> =
            from.measures().map(|id| (id, to.same_measure(from, id))).collect();
        let place = |key: &Key| {
            let measure = (*known.get(&key.measure)?)?;
            // The order of a dimension's values is no part of what it is.
            let values = group_values(dimensions(from, key.measure), key.group);
            let group = group_number(dimensions(to, measure), &values)?;
            Some(Key { measure, start: key.start, group })
        };
        Self(self.0.carry(place, |key, written| {
            gone(Changelog::Measures, encode(&wire_key(from, &key)), written);
        }))
    }

    /// Takes over what another plan's aggregates have of some measures, in the place of what was known, which is handed
    /// over as it lies in the changelog.
    pub(crate) fn take_over(
        &mut self,
        other: Self,
        (from, to): (&Plan, &Plan),
        wanted: impl Fn(MeasureId) -> bool,
        gone: &mut dyn FnMut(Changelog, Vec<u8>, Written),
    ) {
        let known = std::mem::replace(&mut self.0, Table::new(Changelog::Measures));
        self.0 = known.carry(
            |key| (!wanted(key.measure)).then_some(*key),
            |key, written| gone(Changelog::Measures, encode(&wire_key(to, &key)), written),
        );
        for (key, cell) in other.carry(from, to, &mut |_, _, _| {}).0.into_values() {
            if wanted(key.measure) {
                self.0.replace(key, cell);
            }
        }
    }

    /// Takes a value from the changelog; `false` if there is no unit that it belongs to.
    pub(crate) fn load(
        &mut self,
        plan: &Plan,
        units: &Units,
        key: &AggregateKey,
        value: &[u8],
        written: Written,
    ) -> Result<bool, RecordError> {
        let aggregate: Aggregate = decode("aggregate", value)?;
        check_version("aggregate", aggregate.version)?;
        let measure = plan.measure(&key.construct, &key.definition, &key.measure);
        let Some(measure) = measure.filter(|measure| units.has(*measure)) else { return Ok(false) };
        let Some(group) = group_number(dimensions(plan, measure), &key.group) else { return Ok(false) };
        let key = Key { measure, start: key.period_start, group };
        self.0.load(key, Cell { end: aggregate.period_end, accumulator: aggregate.accumulator }, written);
        Ok(true)
    }
}

fn dimensions(plan: &Plan, measure: MeasureId) -> &[Dimension] {
    &plan[plan[measure].construct].construct.dimensions
}

fn wire_key(plan: &Plan, key: &Key) -> AggregateKey {
    let measure = &plan[key.measure];
    AggregateKey {
        construct: plan[measure.construct].construct.id.clone(),
        definition: measure.base.digest.clone(),
        measure: measure.base.name.clone(),
        period_start: key.start,
        group: group_values(dimensions(plan, key.measure), key.group),
    }
}
