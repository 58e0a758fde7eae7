//! Base and derived measures.

use super::Extra;
use crate::{
    expression::{Context, Expression},
    number::Exact,
    value::Value,
};

/// A base measure.
#[derive(Clone, Debug)]
pub struct BaseMeasure {
    /// Name.
    pub name: String,
    /// Digest of all that decides its values: what is folded, of which events or rows of which sources, over which
    /// periods and groups. A new one is another measure; formulas, bands and settings of sources have no say in it.
    pub digest: String,
    /// What is measured.
    pub of: BaseOf,
    /// At which moments a population is looked at.
    pub basis: Basis,
    /// What its expressions ask for beside the columns of the population.
    pub extras: Vec<Extra>,
    /// What counts.
    pub filter: Option<Expression>,
    /// How it is folded.
    pub fold: Fold,
    /// Unit, where it matters.
    pub unit: Option<String>,
}

/// The two kinds of base measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseOf {
    /// The events of a class in a period.
    Event {
        /// Name of the class.
        class: String,
        /// OCSF `class_uid`.
        uid: u32,
    },
    /// The rows of a population. Slots of its expressions are columns.
    Population(String),
}

/// At which moments of a period a population is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// As of its end.
    #[default]
    End,
    /// As of its start.
    Start,
    /// At the end of any of its days: a row counts if it matches once.
    Any,
    /// At the end of each of its days, on average.
    Average,
}

/// How matching events or rows become one value.
#[derive(Clone, Debug)]
pub enum Fold {
    /// How many.
    Count,
    /// Exact sum.
    Sum(Expression),
    /// Least value.
    Min(Expression),
    /// Greatest value.
    Max(Expression),
    /// Exact mean.
    Mean(Expression),
    /// Variance of a sample.
    Variance(Expression),
    /// How many different values.
    Distinct(Expression),
    /// The value that a share of all do not exceed.
    Quantile(Expression, Exact),
    /// Length of the union of intervals.
    Union(Box<Union>),
}

/// Intervals whose overlaps count once.
#[derive(Clone, Debug)]
pub struct Union {
    /// Their begin.
    pub from: Expression,
    /// Their end; null while they last.
    pub to: Expression,
    /// Intervals of different values do not overlap.
    pub per: Option<Expression>,
    /// Milliseconds of the unit in which the length is given.
    pub unit: i64,
}

impl BaseMeasure {
    /// Whether it cannot be relied on what an event or a row does to the measure, given whether the filter matches.
    pub fn undecided(&self, context: &Context<'_>, matches: bool) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.undecided(context))
            || (matches && self.fold.expressions().into_iter().any(|value| value.undecided(context)))
    }

    /// Whether values of unlike types may meet in its expressions although each is what it ought to be.
    pub fn reads_untyped(&self) -> bool {
        self.filter.iter().chain(self.fold.expressions()).any(Expression::reads_untyped)
    }
}

impl Union {
    /// Begin and end of the interval of an event or a row; a day is one from its first instant to its last.
    pub fn interval(&self, context: &Context<'_>) -> (Value, Value) {
        let zone = context.calendar.zone;
        let to = match self.to.kept(context) {
            day @ Value::Day(_) => match day.last_instant(zone) {
                Value::Time(last) => Value::Time(last.plus(1)),
                other => other,
            },
            to => to,
        };
        (self.from.kept(context).first_instant(zone), to)
    }
}

impl Fold {
    /// Whether one event or row more or less moves it by one at most. What moves by any amount has no bound.
    pub const fn is_bounded(&self) -> bool {
        matches!(self, Self::Count | Self::Distinct(_))
    }

    /// Its expressions.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Count => Vec::new(),
            Self::Sum(value)
            | Self::Min(value)
            | Self::Max(value)
            | Self::Mean(value)
            | Self::Variance(value)
            | Self::Distinct(value)
            | Self::Quantile(value, _) => vec![value],
            Self::Union(union) => [&union.from, &union.to].into_iter().chain(&union.per).collect(),
        }
    }
}

/// A derived measure. Slots of its formula: base measures, then derived measures, then dimensions.
#[derive(Clone, Debug)]
pub struct DerivedMeasure {
    /// Name.
    pub name: String,
    /// The measurement function.
    pub formula: Expression,
    /// Unit.
    pub unit: String,
    /// Least denominator with which it is judged.
    pub minimum_denominator: u32,
    /// The interval that is shown beside a ratio.
    pub confidence: Confidence,
}

/// The interval that is shown beside a ratio of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// None.
    #[default]
    None,
    /// 95 % by Wilson's score.
    Wilson,
}
