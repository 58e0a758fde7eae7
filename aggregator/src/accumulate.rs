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
    config::{ClassPlan, Periods, Plan, group_is_unknown, group_of},
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
        let matches = measure.filter.as_ref().is_none_or(|filter| filter.matches(&context));
        let dimension =
            |index: usize| construct.dimensions.get(index).and_then(|dimension| slots.get(dimension.field?));
        let undecided = (selected.doubtful || reference.untyped)
            && (measure.undecided(&context, matches)
                || (matches && group_is_unknown(&construct.dimensions, dimension)));
        if !matches && !undecided {
            continue;
        }
        let group = group_of(&construct.dimensions, dimension);
        let mut fold_into = |period: Period, take: fn(&mut Accumulator, &Fold, &Context<'_>)| {
            if is_late(task, reference.construct, &period) {
                if measured.late.last() != Some(&construct.id) {
                    measured.late.push(construct.id.clone());
                }
                return;
            }
            let key = CellKey { construct: reference.construct, base: reference.base, start: period.start, group };
            let cell = task.store.touch(key, &period, || Accumulator::new(measure));
            take(&mut cell.accumulator, &measure.fold, &Context { period, as_of: period.end, ..context });
            measured.used = true;
        };
        if undecided {
            fold_into(period, |accumulator, _, _| accumulator.undecide());
        }
        if !matches {
            continue;
        }
        match &measure.fold {
            // An interval may lie in several periods, each of which sees its part.
            Fold::Union(union) => match reached(union, &context, periods) {
                Some(reached) => reached.into_iter().for_each(|period| fold_into(period, Accumulator::take)),
                None => fold_into(period, |accumulator, _, _| accumulator.leave_out()),
            },
            _ => fold_into(period, Accumulator::take),
        }
    }
    measured
}

/// Most periods of an interval: more than a year of hours. A longer one has no value, because each period is an
/// aggregate that is kept: one event could fill the memory.
const MAX_REACHED: usize = 10_000;

/// The periods that an interval touches; that of its event for one of no length. `None` if it has no beginning or no
/// end, ends before it begins, or touches too many: an event cannot tell how long something will still last.
fn reached(union: &Union, context: &Context<'_>, periods: &Periods) -> Option<Vec<Period>> {
    let (Value::Time(from), Value::Time(to)) = union.interval(context) else {
        return None;
    };
    if to <= from {
        return (to == from).then(|| vec![context.period]);
    }
    let mut reached = Vec::new();
    let mut period = periods.calendar.period_at(periods.length, from);
    while period.start < to {
        if reached.len() == MAX_REACHED {
            return None;
        }
        reached.push(period);
        period = periods.calendar.next(periods.length, &period);
    }
    Some(reached)
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
