//! Aggregates: the values of base measures, by period and group.

use measurement::{accumulate::Accumulator, calendar::Period, catalogue::BaseMeasure, time::Timestamp};
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
            let measure = &plan[key.measure];
            let construct = &plan[measure.construct].construct;
            let wire = AggregateKey {
                construct: construct.id.clone(),
                definition: measure.base.digest.clone(),
                measure: measure.base.name.clone(),
                period_start: key.start,
                group: group_values(&construct.dimensions, key.group),
            };
            let accumulator = cell.accumulator.clone();
            let value = Aggregate { version: VERSION, period_end: cell.end, accumulator, covered };
            (encode(&wire), encode(&value))
        });
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
        let dimensions = &plan[plan[measure].construct].construct.dimensions;
        let Some(group) = group_number(dimensions, &key.group) else { return Ok(false) };
        let key = Key { measure, start: key.period_start, group };
        self.0.load(key, Cell { end: aggregate.period_end, accumulator: aggregate.accumulator }, written);
        Ok(true)
    }
}
