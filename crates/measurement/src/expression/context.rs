//! What an expression is evaluated on.

use std::fmt;

use crate::{
    calendar::{Calendar, Period},
    time::Timestamp,
    value::Value,
};

/// Earlier values of the variables of a formula.
pub trait History {
    /// The value of a variable `back` periods ago (0 is the current period); `None` where there is no such result.
    fn value(&self, slot: usize, back: u32) -> Option<Value>;
}

/// No history: every look back finds nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoHistory;

impl History for NoHistory {
    fn value(&self, _slot: usize, _back: u32) -> Option<Value> {
        None
    }
}

/// What an expression is evaluated on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Values of the variables by slot; a slot beyond the end is null.
    pub slots: &'a [Value],
    /// The period.
    pub period: Period,
    /// The moment at which a population is looked at.
    pub as_of: Timestamp,
    /// The construct's calendar.
    pub calendar: &'a Calendar,
    /// Earlier values.
    pub history: &'a dyn History,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("slots", &self.slots)
            .field("period", &self.period)
            .field("as_of", &self.as_of)
            .finish_non_exhaustive()
    }
}
