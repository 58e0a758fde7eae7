//! Rows of populations.

use measurement::{
    calendar::{Calendar, UTC},
    catalogue::{Feed, FeedOf, Merge, Population},
    expression::{Context, Expression, NoHistory},
    grain::Grain,
    population::Row,
    time::Timestamp,
    value::{Type, Value},
};
use records::{RecordError, RowKey, RowState, VERSION, check_version, decode, encode};

use super::{
    changelog::{Changelog, Table, Writer, Written},
    units::Units,
};
use crate::{
    plan::{FeedPlan, Plan, PopulationId},
    select::Selected,
};

/// What an event did to the rows of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// The feed does not want it.
    NotWanted,
    /// It says what was known, or less.
    Unchanged,
    /// A row is another one now.
    Changed,
}

/// The rows of all populations.
#[derive(Clone, Debug)]
pub(crate) struct Rows(Vec<Kept>);

/// The rows of one population, by key.
#[derive(Clone, Debug)]
struct Kept {
    table: Table<String, Row>,
    /// Elementary intervals.
    grain: Grain,
}

impl Kept {
    /// Lets go of all rows, as they lie in the changelog.
    fn hand_over(self, population: &Population, gone: &mut dyn FnMut(Changelog, Vec<u8>, Written)) {
        let row = |key, written| {
            let key = RowKey { population: population.state_name(), key };
            gone(Changelog::Populations, encode(&key), written);
        };
        drop(self.table.carry(|_| None::<String>, row));
    }
}

#[cfg(test)]
impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        let tables = |rows: &Self| rows.0.iter().map(|kept| kept.table.clone()).collect::<Vec<_>>();
        tables(self) == tables(other)
    }
}

impl Rows {
    /// None yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let grains = plan.populations().map(|(_, population)| population.grain.clone());
        Self(grains.map(|grain| Kept { table: Table::new(Changelog::Populations), grain }).collect())
    }

    /// Takes an event into the row that it is about.
    pub(crate) fn update(&mut self, plan: &Plan, feed_plan: &FeedPlan, selected: &Selected, slots: &[Value]) -> Fed {
        let population = &plan[feed_plan.population].definition;
        let feed = &feed_plan.feed;
        let Kept { table, grain } = feed_plan.population.of_mut(&mut self.0);
        let interval = grain.interval_at(selected.time);
        let calendar = Calendar::civil(UTC);
        let context =
            Context { slots, period: interval, as_of: interval.end, calendar: &calendar, history: &NoHistory };
        let of_feed = holds(feed.when.as_ref(), &context, selected.doubtful);
        if of_feed == Some(false) {
            return Fed::NotWanted;
        }
        // A row without a legible key belongs to nobody; ingest has counted the attribute.
        let Some(key) = row_key(feed, slots) else { return Fed::NotWanted };
        let order = selected.order();
        let changed = table.update(key, Row::default, |row| {
            let mut changed = false;
            let mut take = |column: usize, value: Value| {
                changed |= row.update(&population.columns, interval.start, column, &order, value);
            };
            for (column, value) in own_columns(population, feed, selected, &context) {
                take(column, if of_feed.is_some() { value } else { Value::Mistyped });
            }
            for set in &feed.set {
                let of_set = holds(set.when.as_ref(), &context, selected.doubtful);
                if of_set == Some(false) {
                    continue;
                }
                let Some(column) = population.columns.get(set.column) else { continue };
                take(
                    set.column,
                    if of_feed.and(of_set).is_none() {
                        Value::Mistyped
                    } else if column.merge == Merge::Count {
                        Value::Null
                    } else {
                        // A set collects texts.
                        let kind = if column.kind == Type::Set { Type::Text } else { column.kind };
                        set.value.kept(&context).coerce(kind)
                    },
                );
            }
            changed
        });
        if changed { Fed::Changed } else { Fed::Unchanged }
    }

    /// All rows of a population but the one that knows of full snapshots.
    pub(crate) fn of(&self, population: PopulationId) -> impl Iterator<Item = &Row> {
        let rows = population.of(&self.0).table.iter();
        rows.filter(|(key, _)| *key != Population::SNAPSHOT).map(|(_, row)| row)
    }

    /// One row.
    pub(crate) fn get(&self, population: PopulationId, key: &str) -> Option<&Row> {
        population.of(&self.0).table.get(key)
    }

    /// Start of the earliest interval of which a population knows something.
    pub(crate) fn first(&self, population: PopulationId) -> Option<Timestamp> {
        population.of(&self.0).table.iter().filter_map(|(_, row)| row.first()).min()
    }

    /// Marks everything as changed.
    pub(crate) fn touch_all(&mut self) {
        self.0.iter_mut().for_each(|kept| kept.table.touch_all());
    }

    /// The same under the numbers of another plan. Rows of a population that it does not have in this definition are
    /// handed over as they lie in the changelog.
    pub(crate) fn carry(self, from: &Plan, to: &Plan, gone: &mut dyn FnMut(Changelog, Vec<u8>, Written)) -> Self {
        let mut carried = Self::new(to);
        for ((id, population), kept) in from.populations().zip(self.0) {
            match to.same_population(from, id) {
                Some(new) => new.of_mut(&mut carried.0).table = kept.table,
                None => kept.hand_over(&population.definition, gone),
            }
        }
        carried
    }

    /// Takes over another plan's rows of some populations, in the place of what was known, which is handed over as it
    /// lies in the changelog.
    pub(crate) fn take_over(
        &mut self,
        other: Self,
        (from, to): (&Plan, &Plan),
        wanted: impl Fn(PopulationId) -> bool,
        gone: &mut dyn FnMut(Changelog, Vec<u8>, Written),
    ) {
        for ((id, population), kept) in from.populations().zip(other.0) {
            let Some(own) = to.same_population(from, id).filter(|own| wanted(*own)) else { continue };
            let known = &mut own.of_mut(&mut self.0).table;
            let known = std::mem::replace(known, Table::new(Changelog::Populations));
            Kept { table: known, grain: Grain::default() }.hand_over(&population.definition, gone);
            for (key, row) in kept.table.into_values() {
                own.of_mut(&mut self.0).table.replace(key, row);
            }
        }
    }

    /// Writes what has changed. `horizon` says before which instant no version of a population's rows can be asked for
    /// any more: those are merged into one.
    pub(crate) fn write(
        &mut self,
        plan: &Plan,
        horizon: impl Fn(PopulationId) -> Option<Timestamp>,
        writer: &mut Writer<'_>,
    ) {
        let covered = writer.covered;
        for (id, population) in plan.populations() {
            let definition = &population.definition;
            let (name, horizon) = (definition.state_name(), horizon(id));
            id.of_mut(&mut self.0).table.write(writer, |key, row| {
                if let Some(horizon) = horizon {
                    row.forget_before(&definition.columns, horizon);
                }
                let wire = RowKey { population: name.clone(), key: key.clone() };
                (encode(&wire), encode(&RowState { version: VERSION, row: row.clone(), covered }))
            });
        }
    }

    /// Takes a row from the changelog; `false` if there is no unit that it belongs to.
    pub(crate) fn load(
        &mut self,
        plan: &Plan,
        units: &Units,
        key: RowKey,
        value: &[u8],
        written: Written,
    ) -> Result<bool, RecordError> {
        let state: RowState = decode("row", value)?;
        check_version("row", state.version)?;
        let population = plan.population_of_state(&key.population);
        let Some(population) = population.filter(|population| units.knows(*population)) else { return Ok(false) };
        population.of_mut(&mut self.0).table.load(key.key, state.row, written);
        Ok(true)
    }
}

/// Whether a condition holds; `None` where that cannot be relied on: then what it decides is not known either.
fn holds(when: Option<&Expression>, context: &Context<'_>, doubtful: bool) -> Option<bool> {
    let Some(when) = when else { return Some(true) };
    if when.matches(context) {
        return Some(true);
    }
    let unsure = (doubtful || when.reads_untyped()) && when.undecided(context);
    (!unsure).then_some(false)
}

/// The key of the row that an event is about.
fn row_key(feed: &Feed, slots: &[Value]) -> Option<String> {
    let text = |slot: usize| match slots.get(slot) {
        // No entity may pass itself off as what the engine keeps for itself.
        Some(Value::Text(key)) if !key.starts_with('\0') => Some(key.to_string()),
        Some(Value::Int(key)) => Some(key.to_string()),
        _ => None,
    };
    match (feed.of, feed.partition_slot) {
        (FeedOf::Snapshot(_), _) => Some(Population::SNAPSHOT.to_owned()),
        (FeedOf::Entity, None) => text(feed.key_slot),
        (FeedOf::Entity, Some(partition)) => Some(format!("{}\u{1}{}", text(partition)?, text(feed.key_slot)?)),
    }
}

/// What an event says of the entity's being there.
fn own_columns(
    population: &Population,
    feed: &Feed,
    selected: &Selected,
    context: &Context<'_>,
) -> Vec<(usize, Value)> {
    let mut columns = Vec::new();
    if let (Some(column), Some(remove)) = (population.removed, &feed.remove) {
        columns.push((column, holds(Some(remove), context, selected.doubtful).map_or(Value::Mistyped, Value::Bool)));
    }
    if let Some(column) = population.listed {
        match feed.of {
            FeedOf::Snapshot(taken_at) => {
                let taken_at = context.slots.get(taken_at).cloned().unwrap_or_default().coerce(Type::Time);
                columns.push((column, taken_at.first_instant(context.calendar.zone)));
            }
            FeedOf::Entity if feed.lists => columns.push((column, Value::Time(selected.time))),
            FeedOf::Entity => {}
        }
    }
    columns
}
