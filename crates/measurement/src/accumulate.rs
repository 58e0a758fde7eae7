//! Accumulators of base measures: exact, and mergeable in any order.
//!
//! Each is a function of the multiset of values that it was given: not of their order, of how they were
//! split over partitions, or of how often the parts were merged in between. Where exactness would cost
//! unbounded memory ([`distinct`], [`quantile`]), the step to an estimate depends on the final set alone.

mod distinct;
mod intervals;
mod quantile;

use serde::{Deserialize, Serialize};

pub use distinct::Distinct;
pub use intervals::Intervals;
pub use quantile::Quantile;

use crate::{
    calendar::Period,
    catalogue::{BaseMeasure, Basis, Fold},
    expression::Context,
    number::Exact,
    value::Value,
};

/// The partial value of a base measure. Merging is associative and commutative, so that the whole
/// does not depend on partitions or on the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulator {
    n: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    without: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    undecided: u64,
    state: State,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Count,
    Sum(Exact),
    Min(Option<Exact>),
    Max(Option<Exact>),
    Mean(Exact),
    /// Sum of the values and of their squares.
    Variance(Exact, Exact),
    Distinct(Distinct),
    Quantile(Quantile),
    Union(Intervals),
}

impl Accumulator {
    /// The accumulator of a base measure, of nothing.
    pub fn new(measure: &BaseMeasure) -> Self {
        let state = match &measure.fold {
            // A mean over moments is a sum of parts.
            Fold::Count if measure.basis == Basis::Average => State::Sum(Exact::zero()),
            Fold::Count => State::Count,
            Fold::Sum(_) => State::Sum(Exact::zero()),
            Fold::Min(_) => State::Min(None),
            Fold::Max(_) => State::Max(None),
            Fold::Mean(_) => State::Mean(Exact::zero()),
            Fold::Variance(_) => State::Variance(Exact::zero(), Exact::zero()),
            Fold::Distinct(_) => State::Distinct(Distinct::default()),
            Fold::Quantile(..) => State::Quantile(Quantile::default()),
            Fold::Union(_) => State::Union(Intervals::default()),
        };
        Self { n: 0, without: 0, undecided: 0, state }
    }

    /// A count.
    pub const fn counted(n: u64) -> Self {
        Self { n, without: 0, undecided: 0, state: State::Count }
    }

    /// Takes in one event or row that passed the filter. What has no value for the fold is counted apart.
    pub fn take(&mut self, fold: &Fold, context: &Context<'_>) {
        match fold {
            Fold::Count => self.n = self.n.saturating_add(1),
            Fold::Sum(value)
            | Fold::Min(value)
            | Fold::Max(value)
            | Fold::Mean(value)
            | Fold::Variance(value)
            | Fold::Distinct(value)
            | Fold::Quantile(value, _) => self.fold(&value.evaluate(context)),
            Fold::Union(union) => {
                let interval = union.interval(context);
                let part = union.per.as_ref().map(|per| per.evaluate(context).to_string()).unwrap_or_default();
                self.cover(part, &interval, &context.period, context);
            }
        }
    }

    /// Takes in a part of one row that is looked at several times: `value / moments`.
    pub fn take_part(&mut self, fold: &Fold, context: &Context<'_>, moments: u64) {
        let value = match fold {
            Fold::Sum(value) => value.evaluate(context).to_exact(),
            _ => Some(Exact::from(1_u64)),
        };
        match value.and_then(|value| value.divide(&Exact::from(moments))) {
            Some(part) => self.fold(&Value::Number(part)),
            None => self.leave_out(),
        }
    }

    /// Takes in one event or row that passed the filter, of which nothing can be folded.
    pub const fn leave_out(&mut self) {
        self.without = self.without.saturating_add(1);
    }

    /// Takes in one event or row of which it is not known whether and how it counts. What of it counts is taken in
    /// beside this.
    pub const fn undecide(&mut self) {
        self.undecided = self.undecided.saturating_add(1);
    }

    fn fold(&mut self, value: &Value) {
        let number = value.to_exact();
        match (&mut self.state, number) {
            (State::Distinct(distinct), _) if !value.is_null() && !value.is_mistyped() => {
                distinct.insert(&value.to_string());
            }
            (State::Sum(sum) | State::Mean(sum), Some(number)) => *sum = sum.add(&number),
            (State::Min(least), Some(number)) => {
                *least = Some(least.take().map_or(number.clone(), |least| least.min(number)));
            }
            (State::Max(greatest), Some(number)) => {
                *greatest = Some(greatest.take().map_or(number.clone(), |greatest| greatest.max(number)));
            }
            (State::Variance(sum, squares), Some(number)) => {
                *squares = squares.add(&number.multiply(&number));
                *sum = sum.add(&number);
            }
            (State::Quantile(quantile), Some(number)) => quantile.insert(number),
            _ => {
                self.leave_out();
                return;
            }
        }
        self.n = self.n.saturating_add(1);
    }

    /// Takes in what of an interval lies in the period; one without an end goes on to the moment of looking.
    fn cover(&mut self, part: String, interval: &(Value, Value), period: &Period, context: &Context<'_>) {
        let (from, to) = match interval {
            (Value::Time(from), Value::Time(to)) => (*from, *to),
            (Value::Time(from), Value::Null) => (*from, context.as_of),
            _ => {
                self.leave_out();
                return;
            }
        };
        if to < from {
            self.leave_out();
            return;
        }
        let (from, to) = (from.max(period.start), to.min(period.end).min(context.as_of));
        if let State::Union(intervals) = &mut self.state
            && from < to
        {
            intervals.add(part, from, to);
            self.n = self.n.saturating_add(1);
        }
    }

    /// Takes in another accumulator of the same fold; one of another fold is left out.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.state, &other.state) {
            (State::Count, State::Count) => {}
            (State::Sum(sum), State::Sum(more)) | (State::Mean(sum), State::Mean(more)) => *sum = sum.add(more),
            (State::Min(least), State::Min(other)) => *least = least.take().into_iter().chain(other.clone()).min(),
            (State::Max(greatest), State::Max(other)) => {
                *greatest = greatest.take().into_iter().chain(other.clone()).max();
            }
            (State::Variance(sum, squares), State::Variance(more, more_squares)) => {
                *sum = sum.add(more);
                *squares = squares.add(more_squares);
            }
            (State::Distinct(distinct), State::Distinct(other)) => distinct.merge(other),
            (State::Quantile(quantile), State::Quantile(other)) => quantile.merge(other),
            (State::Union(intervals), State::Union(other)) => intervals.merge(other),
            _ => return,
        }
        self.n = self.n.saturating_add(other.n);
        self.without = self.without.saturating_add(other.without);
        self.undecided = self.undecided.saturating_add(other.undecided);
    }

    /// The value; `None` where it is not defined: least, greatest, mean and quantile of nothing, variance of one.
    pub fn value(&self, fold: &Fold) -> Option<Exact> {
        match &self.state {
            State::Count => Some(Exact::from(self.n)),
            State::Sum(sum) => Some(sum.clone()),
            State::Min(value) | State::Max(value) => value.clone(),
            State::Mean(sum) => sum.divide(&Exact::from(self.n)),
            State::Variance(sum, squares) => self.variance(sum, squares),
            State::Distinct(distinct) => Some(distinct.estimate()),
            State::Quantile(quantile) => match fold {
                Fold::Quantile(_, at) => quantile.at(at),
                _ => None,
            },
            State::Union(intervals) => match fold {
                Fold::Union(union) => Exact::ratio(intervals.length(), union.unit),
                _ => None,
            },
        }
    }

    /// Sample variance: (Σx² - (Σx)²/n) / (n - 1).
    fn variance(&self, sum: &Exact, squares: &Exact) -> Option<Exact> {
        let n = Exact::from(self.n);
        let spread = squares.subtract(&sum.multiply(sum).divide(&n)?);
        spread.divide(&n.subtract(&Exact::from(1_u64)))
    }

    /// Relative standard error, where the value is an estimate.
    pub fn error(&self) -> Option<Exact> {
        match &self.state {
            State::Distinct(distinct) => distinct.error(),
            State::Quantile(quantile) => quantile.error(),
            _ => None,
        }
    }

    /// How many events or rows are behind the value.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// How many events or rows passed the filter and had no value to be folded: a field that is absent, a
    /// duration below zero.
    pub const fn without(&self) -> u64 {
        self.without
    }

    /// How many events or rows could not be decided or folded because something in them was mistyped or replaced.
    pub const fn undecided(&self) -> u64 {
        self.undecided
    }
}

#[cfg(test)]
mod tests;
