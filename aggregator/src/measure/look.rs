//! One look at the rows of a population, for one period.

use std::{borrow::Cow, collections::HashMap};

use measurement::{
    accumulate::Accumulator,
    calendar::{Period, PeriodLength},
    catalogue::{BaseMeasure, Basis, Construct, Population},
    expression::{Context, NoHistory},
    population::Row,
    time::Timestamp,
    value::Value,
};

use crate::{
    plan::{ExtraPlan, MeasureId, Plan, PopulationId, PopulationMeasure, PopulationUse, group_is_unknown, group_of},
    tables::rows::Rows,
};

/// Values by measure and group.
pub(super) type Found = HashMap<(MeasureId, u32), Accumulator>;

/// The values of population measures in one period, by measure and group, at a watermark.
pub(super) fn at_period(
    plan: &Plan,
    rows: &Rows,
    place: &PopulationUse,
    period: &Period,
    watermark: Timestamp,
) -> Found {
    let construct = &plan[place.construct].construct;
    let population = &plan[place.population].definition;
    let look = Look { plan, rows, place, construct, population, window: construct.window(period), watermark };
    let ends = look.ends_of_days();
    let mut found = Found::new();
    for basis in [Basis::End, Basis::Start, Basis::Any, Basis::Average] {
        let of = |asks: &&PopulationMeasure| plan[asks.measure].base.basis == basis;
        let of: Vec<&PopulationMeasure> = place.measures.iter().filter(of).collect();
        if of.is_empty() {
            continue;
        }
        let moments: &[Timestamp] = match basis {
            Basis::End => &[look.window.end],
            Basis::Start => &[look.window.start],
            Basis::Any | Basis::Average => &ends,
        };
        look.at_moments(basis, &of, moments, &mut found);
    }
    found
}

struct Look<'a> {
    plan: &'a Plan,
    rows: &'a Rows,
    place: &'a PopulationUse,
    construct: &'a Construct,
    population: &'a Population,
    window: Period,
    watermark: Timestamp,
}

impl Look<'_> {
    /// The ends of the days that have passed; the moment of looking while there is none.
    fn ends_of_days(&self) -> Vec<Timestamp> {
        let mut ends = Vec::new();
        let mut day = self.construct.calendar.period_at(PeriodLength::Day, self.window.start);
        while day.end <= self.window.end && day.end <= self.watermark {
            ends.push(day.end);
            day = self.construct.calendar.next(PeriodLength::Day, &day);
        }
        if ends.is_empty() {
            ends.push(self.window.end);
        }
        ends
    }

    fn at_moments(&self, basis: Basis, measures: &[&PopulationMeasure], moments: &[Timestamp], found: &mut Found) {
        let snapshots: Vec<Value> = moments.iter().map(|moment| self.newest_snapshot(*moment)).collect();
        let count = u64::try_from(moments.len()).unwrap_or(1);
        for row in self.rows.of(self.place.population) {
            let Some(first) = row.first() else { continue };
            let mut done = vec![false; measures.len()];
            let mut undecided = vec![false; measures.len()];
            // From the last moment to the first: a row that counts once counts as it was last.
            for (moment, snapshot) in moments.iter().zip(&snapshots).rev() {
                if first >= *moment {
                    break;
                }
                let columns = row.as_of(&self.population.columns, *moment);
                let taken_at = if let Value::Time(taken_at) = snapshot { Some(*taken_at) } else { None };
                let unknown = snapshot.is_mistyped() || Row::presence_is_unknown(self.population, &columns);
                if !unknown && !Row::is_there(self.population, &columns, taken_at) {
                    continue;
                }
                let mut group = None;
                let doubtful = is_doubtful(&columns);
                let each = measures.iter().zip(&mut done).zip(&mut undecided).filter(|((_, done), _)| !**done);
                for ((asks, done), undecided) in each {
                    let measure = &self.plan[asks.measure].base;
                    let slots = self.with_extras(asks, row, &columns, *moment);
                    let context = self.context(&slots, *moment);
                    let matches = measure.filter.as_ref().is_none_or(|filter| filter.matches(&context));
                    let doubtful = doubtful || slots.get(columns.len()..).is_some_and(is_doubtful);
                    let unsure = (unknown && matches) || (doubtful && self.unsure(measure, &context, matches));
                    if !matches && !unsure {
                        continue;
                    }
                    let group = *group.get_or_insert_with(|| self.group(&slots));
                    let accumulator = found.entry((asks.measure, group)).or_insert_with(|| Accumulator::new(measure));
                    // A row is one, however often it is looked at.
                    if unsure && !std::mem::replace(undecided, true) {
                        accumulator.undecide();
                    }
                    if !matches || unknown {
                        continue;
                    }
                    if basis == Basis::Average {
                        accumulator.take_part(&measure.fold, &context, count);
                    } else {
                        accumulator.take(&measure.fold, &context);
                        *done = true;
                    }
                }
            }
        }
    }

    fn context<'a>(&'a self, slots: &'a [Value], moment: Timestamp) -> Context<'a> {
        Context {
            slots,
            period: self.window,
            as_of: moment.min(self.watermark),
            calendar: &self.construct.calendar,
            history: &NoHistory,
        }
    }

    fn group(&self, slots: &[Value]) -> u32 {
        let column = |index: usize| self.place.columns.get(index).copied().flatten();
        group_of(&self.construct.dimensions, |index| slots.get(column(index)?))
    }

    /// Whether it cannot be relied on what a row does to a measure.
    fn unsure(&self, measure: &BaseMeasure, context: &Context<'_>, matches: bool) -> bool {
        let column = |index: usize| self.place.columns.get(index).copied().flatten();
        let dimension = |index: usize| context.slots.get(column(index)?);
        measure.undecided(context, matches) || (matches && group_is_unknown(&self.construct.dimensions, dimension))
    }

    /// When the newest full snapshot before a moment was taken; null if there was none.
    fn newest_snapshot(&self, moment: Timestamp) -> Value {
        let taken_at = || {
            let row = self.rows.get(self.place.population, Population::SNAPSHOT)?;
            row.as_of(&self.population.columns, moment).get(self.population.listed?).cloned()
        };
        taken_at().unwrap_or_default()
    }

    /// The columns, and behind them what a measure asks for beside them.
    fn with_extras<'a>(
        &self,
        asks: &PopulationMeasure,
        row: &Row,
        columns: &'a [Value],
        moment: Timestamp,
    ) -> Cow<'a, [Value]> {
        if asks.extras.is_empty() {
            return columns.into();
        }
        let mut slots = columns.to_vec();
        let at_start = row.as_of(&self.population.columns, self.window.start);
        for extra in &asks.extras {
            let value = match *extra {
                ExtraPlan::AtStart(column) => at_start.get(column).cloned(),
                ExtraPlan::Joined { population, by, column } => {
                    self.joined(population, columns.get(by), column, moment)
                }
            };
            slots.push(value.unwrap_or_default());
        }
        slots.into()
    }

    /// A column of the row of another population, as of the same moment.
    fn joined(&self, population: PopulationId, key: Option<&Value>, column: usize, moment: Timestamp) -> Option<Value> {
        let row = match key? {
            Value::Text(key) => self.rows.get(population, key),
            Value::Int(key) => self.rows.get(population, &key.to_string()),
            _ => None,
        }?;
        row.as_of(&self.plan[population].definition.columns, moment).get(column).cloned()
    }
}

/// Whether something is mistyped or was not legible in full.
fn is_doubtful(values: &[Value]) -> bool {
    values.iter().any(|value| value.is_mistyped() || value.is_replaced())
}
