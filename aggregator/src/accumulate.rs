//! Event measures: matching events of a period, folded in place.
//!
//! This is the door to folding: whoever wants it faster replaces what is behind [`EventMeasures::event`].

use measurement::{
    accumulate::Accumulator,
    calendar::Period,
    catalogue::{Fold, Union},
    expression::{Context, NoHistory},
    time::Timestamp,
    value::Value,
};

use crate::{
    plan::{ClassPlan, Periods, Plan, group_is_unknown, group_of},
    schedule::Schedule,
    select::Selected,
    tables::aggregates::Aggregates,
};

/// The period that was asked for last: events come in bursts of the same period.
#[derive(Clone, Copy, Debug, Default)]
struct PeriodCache(Option<Period>);

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
pub(crate) struct Measured {
    /// Whether one counted it.
    pub used: bool,
    /// Constructs whose restatement horizon had passed.
    pub late: Vec<String>,
}

/// The event measures of a task, with what makes folding quick.
#[derive(Debug)]
pub(crate) struct EventMeasures {
    /// By construct.
    periods: Vec<PeriodCache>,
}

impl EventMeasures {
    /// Those of a plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { periods: plan.constructs().map(|_| PeriodCache::default()).collect() }
    }

    /// Folds an event into all event measures that ask for it.
    pub(crate) fn event(
        &mut self,
        plan: &Plan,
        schedule: &Schedule,
        aggregates: &mut Aggregates,
        class: &ClassPlan,
        (selected, slots): (&Selected, &[Value]),
    ) -> Measured {
        let mut measured = Measured::default();
        for asks in &class.measures {
            let measure = &plan[asks.measure];
            let (construct, periods) = (&plan[measure.construct].construct, &plan[measure.construct].periods);
            let measure_of = (asks.measure, &measure.base);
            let cache = measure.construct.of_mut(&mut self.periods);
            let period = cache.get(selected.time, || periods.calendar.period_at(periods.length, selected.time));
            let context =
                Context { slots, period, as_of: period.end, calendar: &periods.calendar, history: &NoHistory };
            let matches = measure.base.filter.as_ref().is_none_or(|filter| filter.matches(&context));
            let dimension =
                |index: usize| construct.dimensions.get(index).and_then(|dimension| slots.get(dimension.field?));
            let undecided = (selected.doubtful || asks.untyped)
                && (measure.base.undecided(&context, matches)
                    || (matches && group_is_unknown(&construct.dimensions, dimension)));
            if !matches && !undecided {
                continue;
            }
            let group = group_of(&construct.dimensions, dimension);
            let mut fold_into = |period: Period, take: fn(&mut Accumulator, &Fold, &Context<'_>)| {
                if schedule.is_late(plan, measure.construct, &period) {
                    if measured.late.last() != Some(&construct.id) {
                        measured.late.push(construct.id.clone());
                    }
                    return;
                }
                let accumulator = aggregates.fold_into(measure_of, &period, group);
                take(accumulator, &measure.base.fold, &Context { period, as_of: period.end, ..context });
                measured.used = true;
            };
            if undecided {
                fold_into(period, |accumulator, _, _| accumulator.undecide());
            }
            if !matches {
                continue;
            }
            match &measure.base.fold {
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
