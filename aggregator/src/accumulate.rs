//! Event measures: matching events of a period, folded in place.
//!
//! This is the door to folding: whoever wants it faster replaces what is behind [`event`].

use measurement::{
    accumulate::Accumulator,
    calendar::Period,
    catalogue::{Fold, Union},
    expression::{Context, NoHistory},
    time::Timestamp,
    value::Value,
};

use crate::{
    config::{ClassPlan, Periods, Plan, group_of},
    select::Selected,
    store::CellKey,
    task::Task,
};

/// The period that was asked for last: events come in bursts of the same period.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeriodCache(Option<Period>);

impl PeriodCache {
    fn get(&mut self, time: Timestamp, period_at: impl FnOnce() -> Period) -> Period {
        match self.0 {
            Some(period) if period.contains(time) => period,
            _ => *self.0.insert(period_at()),
        }
    }
}

/// What became of an event among the event measures.
#[derive(Debug, Default)]
pub struct Measured {
    /// Whether one counted it.
    pub used: bool,
    /// Constructs whose restatement horizon had passed.
    pub late: Vec<String>,
}

/// Folds an event into all event measures that ask for it.
pub fn event(task: &mut Task, class: &ClassPlan, selected: &Selected, slots: &[Value]) -> Measured {
    let mut measured = Measured::default();
    let plan = std::sync::Arc::clone(&task.plan);
    let mut late_construct = None;
    for reference in &class.measures {
        let (Some(construct), Some(periods)) =
            (plan.catalogue.constructs.get(reference.construct), plan.periods.get(reference.construct))
        else {
            continue;
        };
        let Some(measure) = construct.base.get(reference.base) else { continue };
        let Some(cache) = task.period_caches.get_mut(reference.construct) else { continue };
        let period = cache.get(selected.time, || periods.calendar.period_at(periods.length, selected.time));
        let context = Context { slots, period, as_of: period.end, calendar: &periods.calendar, history: &NoHistory };
        if measure.filter.as_ref().is_some_and(|filter| !filter.matches(&context)) {
            continue;
        }
        if is_late(task, reference.construct, &period) {
            if late_construct != Some(reference.construct) {
                late_construct = Some(reference.construct);
                measured.late.push(construct.id.clone());
            }
            continue;
        }
        let group = group_of(&construct.dimensions, |index| {
            construct.dimensions.get(index).and_then(|dimension| slots.get(dimension.field?))
        });
        let mut fold_into = |period: Period| {
            let key = CellKey { construct: reference.construct, base: reference.base, start: period.start, group };
            let cell = task.store.touch(key, &period, || Accumulator::new(measure));
            cell.accumulator.take(&measure.fold, &Context { period, as_of: period.end, ..context });
        };
        match &measure.fold {
            // An interval may lie in several periods, each of which sees its part.
            Fold::Union(union) => reached(union, &context, periods).into_iter().for_each(fold_into),
            _ => fold_into(period),
        }
        measured.used = true;
    }
    measured
}

/// Most periods that one interval is looked for in.
const MAX_REACHED: usize = 1000;

/// The periods that an interval touches. One without an end is left to the period of its event, which counts it as
/// without a value.
fn reached(union: &Union, context: &Context<'_>, periods: &Periods) -> Vec<Period> {
    let mut reached = Vec::new();
    if let (Value::Time(from), Value::Time(to)) = (union.from.evaluate(context), union.to.evaluate(context)) {
        let mut period = periods.calendar.period_at(periods.length, from);
        while period.start < to && reached.len() < MAX_REACHED {
            reached.push(period);
            period = periods.calendar.next(periods.length, &period);
        }
    }
    if reached.is_empty() {
        reached.push(context.period);
    }
    reached
}

/// Whether the restatement horizon of a period has passed.
pub fn is_late(task: &Task, construct: usize, period: &Period) -> bool {
    let Some(definition) = task.plan.catalogue.constructs.get(construct) else { return false };
    let watermark = task.watermarks.of_sources(&definition.sources);
    watermark.is_some_and(|watermark| is_late_at(&task.plan, construct, period, watermark))
}

/// Whether the restatement horizon of a period has passed at a watermark.
pub fn is_late_at(plan: &Plan, construct: usize, period: &Period, watermark: Timestamp) -> bool {
    // Most events lie in or after the period of the watermark: only what is behind it is looked at closely.
    period.end < watermark
        && plan
            .periods
            .get(construct)
            .is_some_and(|periods| periods.calendar.add(period.end, periods.restate_for) < watermark)
}
