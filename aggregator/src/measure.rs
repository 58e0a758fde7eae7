//! Population measures: rows as of the end of each period that is open, closing or restated.
//!
//! They are computed before the watermark that passes them is published, so that whoever sees the
//! watermark sees the figures. Between two computations the published watermark stands still.

mod look;

use measurement::{accumulate::Accumulator, calendar::Period, time::Timestamp};

use self::look::Found;
use crate::{
    plan::{Plan, PopulationUse, groups},
    schedule::{Schedule, is_late_at},
    tables::{aggregates::Aggregates, rows::Rows},
};

/// Computes what may have changed, and publishes the watermarks. `refresh` is the least time between
/// two computations, in milliseconds by the clock.
pub(crate) fn populations(
    plan: &Plan,
    schedule: &mut Schedule,
    rows: &Rows,
    aggregates: &mut Aggregates,
    (now, refresh): (Timestamp, i64),
) {
    if !schedule.is_due(now, refresh) {
        return;
    }
    for place in &plan.uses {
        compute(plan, schedule, rows, aggregates, place);
    }
    schedule.computed(plan);
}

fn compute(plan: &Plan, schedule: &Schedule, rows: &Rows, aggregates: &mut Aggregates, place: &PopulationUse) {
    let construct = &plan[place.construct];
    let Some(watermark) = schedule.of_construct(place.construct) else { return };
    let before = schedule.computed_to(place.construct);
    let changed = schedule.changed_from(place);
    let from = match before {
        Some(before) => Some(changed.map_or(before, |changed| changed.min(before))),
        None => rows.first(place.population),
    };
    let Some(from) = from else { return };
    if before == Some(watermark) && changed.is_none() {
        return;
    }
    let calendar = &construct.periods.calendar;
    let mut period = calendar.period_at(construct.periods.length, from);
    while period.start <= watermark {
        // Judged by where time stood before: a step of the watermark may be longer than the horizon.
        if before.is_none_or(|before| !is_late_at(construct, &period, before)) {
            replace(plan, aggregates, place, &period, look::at_period(plan, rows, place, &period, watermark));
        }
        period = calendar.next(construct.periods.length, &period);
    }
}

/// Puts what was found in the place of what was known. A group that has become empty is stated as such: its last
/// figure must not stay.
fn replace(plan: &Plan, aggregates: &mut Aggregates, place: &PopulationUse, period: &Period, mut found: Found) {
    for asks in &place.measures {
        for group in groups(&plan[place.construct].construct.dimensions) {
            if aggregates.contains(asks.measure, period, group) {
                let empty = || Accumulator::new(&plan[asks.measure].base);
                found.entry((asks.measure, group)).or_insert_with(empty);
            }
        }
    }
    for ((measure, group), accumulator) in found {
        aggregates.replace(measure, period, group, accumulator);
    }
}
