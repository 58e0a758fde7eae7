//! Rows of populations.

use measurement::{
    catalogue::{Feed, FeedOf, Merge, Population},
    expression::{Context, Expression, NoHistory},
    value::{Type, Value},
};

use crate::{config::FeedRef, select::Selected, task::Task};

/// Takes an event into the row that it is about. True if the feed wanted it.
pub fn update(task: &mut Task, reference: &FeedRef, selected: &Selected, slots: &[Value]) -> bool {
    let plan = std::sync::Arc::clone(&task.plan);
    let Some(population) = plan.catalogue.populations.get(&reference.population) else { return false };
    let Some(feed) = population.feeds.get(reference.feed) else { return false };
    let Some(grain) = task.population_grains.get_mut(reference.index) else { return false };
    let interval = grain.interval_at(selected.time);
    let calendar = measurement::calendar::Calendar::civil(measurement::calendar::UTC);
    let context = Context { slots, period: interval, as_of: interval.end, calendar: &calendar, history: &NoHistory };
    let of_feed = holds(feed.when.as_ref(), &context, selected.doubtful);
    if of_feed == Some(false) {
        return false;
    }
    let Some(key) = row_key(feed, slots) else { return false };
    let Some(rows) = task.store.rows.get_mut(reference.index) else { return false };
    let cell = rows.entry(key.clone()).or_default();
    let order = selected.order();
    let mut changed = false;
    for (column, value) in own_columns(population, feed, selected, &context) {
        let value = if of_feed.is_some() { value } else { Value::Mistyped };
        changed |= cell.row.update(&population.columns, interval.start, column, &order, value);
    }
    for set in &feed.set {
        let of_set = holds(set.when.as_ref(), &context, selected.doubtful);
        if of_set == Some(false) {
            continue;
        }
        let Some(column) = population.columns.get(set.column) else { continue };
        let value = if of_feed.and(of_set).is_none() {
            Value::Mistyped
        } else if column.merge == Merge::Count {
            Value::Null
        } else {
            // A set collects texts.
            let kind = if column.kind == Type::Set { Type::Text } else { column.kind };
            set.value.kept(&context).coerce(kind)
        };
        changed |= cell.row.update(&population.columns, interval.start, set.column, &order, value);
    }
    if changed {
        if !cell.dirty {
            cell.dirty = true;
            task.store.dirty_rows.push((reference.index, key));
        }
        if let Some(dirty) = task.uncomputed_from.get_mut(reference.index) {
            *dirty = Some(dirty.map_or(selected.time, |earliest| earliest.min(selected.time)));
        }
    }
    true
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
