//! What is judged, and what is known of its input.

use std::fmt;

use crate::{
    calendar::Period,
    catalogue::{BaseMeasure, BaseOf, Construct},
    expression::History,
    number::Exact,
    time::Timestamp,
    value::Value,
};

/// How the sources of a construct did in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// All were alive to the end.
    Alive,
    /// One sent nothing; in words.
    Silent(String),
    /// One fell silent before the end, or time stood still; in words.
    Stale(String),
}

/// What is judged.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The construct.
    pub construct: &'a Construct,
    /// The period, whose start decides which criteria hold.
    pub period: Period,
    /// What the result looks at: the period, or a window that ends with it.
    pub window: Period,
    /// The moment of looking.
    pub as_of: Timestamp,
    /// One value per dimension; null for the total.
    pub group: &'a [Value],
    /// One value per base measure; `None` where it is not defined.
    pub base: &'a [Option<Exact>],
    /// How many events or rows are behind each base measure.
    pub n: &'a [u64],
    /// How the sources did.
    pub sources: &'a Sources,
    /// What of their input is in no figure.
    pub unread: &'a Unread,
    /// Earlier values, by slot of the construct's formulas.
    pub earlier: &'a dyn History,
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Case")
            .field("construct", &self.construct.id)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

impl Case<'_> {
    /// The value of a dimension; null for the total.
    pub(super) fn dimension_value(&self, name: &str) -> Value {
        let index = self.construct.dimensions.iter().position(|dimension| dimension.name == name);
        index.and_then(|index| self.group.get(index)).cloned().unwrap_or_default()
    }
}

/// What of the input is in no figure, or not for certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// What the sources sent in the time that event measures look at.
    pub events: Vec<SourceInput>,
    /// What the sources sent in the time of which rows of populations may still change; empty for a construct without
    /// population measures.
    pub rows: Vec<SourceInput>,
    /// By base measure: events or rows that could not be decided.
    pub undecided: Vec<u64>,
}

/// What a source sent, in elements: lines, values, items of arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInput {
    /// Name of the source.
    pub source: String,
    /// Elements that came.
    pub read: u64,
    /// Those of them that could not be used.
    pub refused: u64,
    /// Those of which it is not certain what was made of them: characters in them had to be replaced.
    pub doubtful: u64,
}

impl Unread {
    pub(super) fn sum(inputs: &[SourceInput], of: fn(&SourceInput) -> u64) -> u64 {
        inputs.iter().fold(0, |sum, input| sum.saturating_add(of(input)))
    }

    /// What a measure looks at.
    pub(super) fn inputs(&self, measure: &BaseMeasure) -> &[SourceInput] {
        if matches!(measure.of, BaseOf::Event { .. }) { &self.events } else { &self.rows }
    }

    /// How many events or rows may be missing from a measure, and how many that are in it may be wrong there; with those
    /// that were read with doubt, or without.
    pub(super) fn of(&self, index: usize, measure: &BaseMeasure, doubt: bool) -> (u64, u64) {
        let undecided = self.undecided.get(index).copied().unwrap_or(0);
        let inputs = self.inputs(measure);
        let refused = Self::sum(inputs, |input| input.refused);
        let doubtful = if doubt { Self::sum(inputs, |input| input.doubtful) } else { 0 };
        let wrong = undecided.saturating_add(doubtful);
        let missing = refused.saturating_add(wrong);
        match measure.of {
            BaseOf::Event { .. } => (missing, wrong),
            // What is not known of an entity may take it out as well as bring it in.
            BaseOf::Population(_) => (missing, missing),
        }
    }
}
