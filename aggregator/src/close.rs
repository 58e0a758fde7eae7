//! Population measures: rows as of the end of each period that is open, closing or restated.
//!
//! They are computed before the watermark that passes them is published, so that whoever sees the
//! watermark sees the figures. Between two computations the published watermark stands still.

mod look;

use std::{collections::HashMap, sync::Arc};

use measurement::{
    accumulate::Accumulator,
    calendar::Period,
    catalogue::{BaseMeasure, Construct},
    time::Timestamp,
};

use crate::{
    accumulate::is_late_at,
    config::{Plan, PopulationUse},
    store::CellKey,
    task::Task,
};

/// Computes what may have changed, and publishes the watermarks. `refresh` is the least time between
/// two computations, by the clock.
pub fn close(task: &mut Task, now: Timestamp, refresh: i64) {
    // A clock that was set back must not hold time up.
    if task.computed_at.is_some_and(|last| now.0.saturating_sub(last.0).saturating_abs() < refresh) {
        return;
    }
    task.computed_at = Some(now);
    let plan = Arc::clone(&task.plan);
    for place in &plan.uses {
        compute(task, &plan, place);
    }
    for (index, construct) in plan.catalogue.constructs.iter().enumerate() {
        if let (Some(watermark), Some(computed)) =
            (task.watermarks.of_sources(&construct.sources), task.computed_to.get_mut(index))
        {
            *computed = Some(watermark);
        }
    }
    for place in &plan.uses {
        // A population of a construct whose watermark is unknown stays to be computed.
        let known = task.computed_to.get(place.construct).is_some_and(Option::is_some);
        if !known {
            continue;
        }
        for population in place.joined.values().chain([&place.population]) {
            if let Some(dirty) = task.uncomputed_from.get_mut(*population) {
                *dirty = None;
            }
        }
    }
    task.published = task.watermarks.known();
}

fn compute(task: &mut Task, plan: &Plan, place: &PopulationUse) {
    let Some(construct) = plan.catalogue.constructs.get(place.construct) else { return };
    let Some(watermark) = task.watermarks.of_sources(&construct.sources) else { return };
    let before = task.computed_to.get(place.construct).copied().flatten();
    let asked = place.joined.values().chain([&place.population]);
    let dirty = asked.filter_map(|population| task.uncomputed_from.get(*population).copied().flatten()).min();
    let from = match before {
        Some(before) => Some(dirty.map_or(before, |dirty| dirty.min(before))),
        None => task
            .store
            .rows
            .get(place.population)
            .and_then(|rows| rows.values().filter_map(|cell| cell.row.first()).min()),
    };
    let Some(from) = from else { return };
    if before == Some(watermark) && dirty.is_none() {
        return;
    }
    let measures: Vec<(usize, &BaseMeasure)> =
        place.bases.iter().filter_map(|base| Some((*base, construct.base.get(*base)?))).collect();
    let mut period = construct.calendar.period_at(construct.period, from);
    while period.start <= watermark {
        // Judged by where time stood before: a step of the watermark may be longer than the horizon.
        if before.is_none_or(|before| !is_late_at(plan, place.construct, &period, before)) {
            let found = look::at_period(task, plan, place, &measures, (&period, watermark));
            replace(task, place, construct, &measures, &period, found);
        }
        period = construct.calendar.next(construct.period, &period);
    }
}

/// Puts what was found in the place of what was known. A group that has become empty is stated as such: its last
/// figure must not stay.
fn replace(
    task: &mut Task,
    place: &PopulationUse,
    construct: &Construct,
    measures: &[(usize, &BaseMeasure)],
    period: &Period,
    mut found: HashMap<(usize, u32), Accumulator>,
) {
    for (base, measure) in measures {
        for group in groups_of(task, place.construct, *base, construct, period) {
            found.entry((*base, group)).or_insert_with(|| Accumulator::new(measure));
        }
    }
    for ((base, group), accumulator) in found {
        let key = CellKey { construct: place.construct, base, start: period.start, group };
        if task.store.cells.get(&key).is_some_and(|cell| cell.accumulator == accumulator) {
            continue;
        }
        let cell = task.store.touch(key, period, || accumulator.clone());
        cell.accumulator = accumulator;
    }
}

fn groups_of(task: &Task, construct: usize, base: usize, definition: &Construct, period: &Period) -> Vec<u32> {
    let count = definition.dimensions.iter().fold(1_u32, |count, dimension| {
        count.saturating_mul(u32::try_from(dimension.values.len()).unwrap_or(u32::MAX).saturating_add(1))
    });
    (0..count)
        .filter(|group| task.store.cells.contains_key(&CellKey { construct, base, start: period.start, group: *group }))
        .collect()
}
