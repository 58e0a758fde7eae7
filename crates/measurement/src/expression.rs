//! Expressions: CEL in its usual syntax, checked against a scope when the catalogue is loaded and
//! compiled once to a plan of our own.
//!
//! What differs from plain CEL, because results must be exact and missing data must stay visible:
//! - numbers are exact: `1 / 3` is a fraction, `9.8` is 98/10;
//! - a field that is absent is `null`; comparing or computing with `null` gives `null`, and `&&`,
//!   `||`, `!` treat it as unknown. A filter that is unknown does not match;
//! - `x == null` and `x != null` ask for absence itself;
//! - what is present and of a type that it cannot have is unknown, also to `== null` and `coalesce`, and so is what
//!   compares values of unlike types; whoever folds can ask for it ([`Expression::undecided`]);
//! - division by zero gives `null`; judgement tells 0/0 from x/0 by the operands;
//! - measures have units: what cannot be added or compared is refused when the catalogue is loaded;
//! - no loops and no macros: cost is bounded by the size of the text.

mod scope;
mod context;
mod plan;
mod compile;
mod evaluate;
mod mistyped;
mod range;
mod units;

use std::sync::Arc;

pub use context::{Context, History, NoHistory};
use plan::Node;
pub(crate) use range::{Facts, Range};
pub use scope::{ExpressionError, OpenItems, Parameter, Scope, Standing};
pub use units::Unit;

use crate::value::{Type, Value};

/// Longest text of an expression, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Most nodes of a plan.
pub const MAX_NODES: usize = 512;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
    plan: Node,
    result: Option<Type>,
    slots: Vec<usize>,
    looks_back: u32,
    reads_time: bool,
    has_durations: bool,
    reads_untyped: bool,
    parameters: Vec<String>,
    standing: Standing,
}

impl Expression {
    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The type of the result; `None` where only the value tells.
    pub const fn result(&self) -> Option<Type> {
        self.result
    }

    /// Slots of the variables that occur, in order, each once.
    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// How many periods back the expression looks; 0 for none.
    pub const fn looks_back(&self) -> u32 {
        self.looks_back
    }

    /// Whether the result may change with time alone: `as_of` occurs.
    pub const fn reads_time(&self) -> bool {
        self.reads_time
    }

    /// Whether `elapsed` or `worked` occurs.
    pub const fn has_durations(&self) -> bool {
        self.has_durations
    }

    /// Whether a variable occurs whose type only its value tells: values of unlike types may meet.
    pub const fn reads_untyped(&self) -> bool {
        self.reads_untyped
    }

    /// Names of the parameters that occur, each once.
    pub fn parameters(&self) -> &[String] {
        &self.parameters
    }

    /// What it stands on beside its text and the values of its names.
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The unit of the result, given those of the slots; the error says which two do not fit.
    pub fn unit(&self, of_slot: &dyn Fn(usize) -> Unit) -> Result<Unit, String> {
        units::unit(&self.plan, of_slot)
    }

    /// Whether the outermost operation that decides is a division.
    pub fn is_ratio(&self) -> bool {
        evaluate::is_ratio(&self.plan)
    }

    /// The bounds of the values of a formula; `None` where its form does not tell.
    pub(crate) fn range(&self, facts: &dyn Facts) -> Option<Range> {
        range::range(&self.plan, facts)
    }

    /// The value.
    pub fn evaluate(&self, context: &Context<'_>) -> Value {
        evaluate::evaluate(&self.plan, context)
    }

    /// The value as a row keeps it: a day stays a day, and what is mistyped is known to be so.
    pub fn kept(&self, context: &Context<'_>) -> Value {
        evaluate::kept(&self.plan, context)
    }

    /// Whether what the expression says cannot be relied on: its value is unknown because something in it is
    /// mistyped or of unlike types, or it is only known by a text that was not legible in full.
    pub fn undecided(&self, context: &Context<'_>) -> bool {
        if evaluate::is_mistyped(&self.plan, context) {
            return true;
        }
        let replaced = |slot: &usize| context.slots.get(*slot).is_some_and(Value::is_replaced);
        if !self.slots.iter().any(replaced) {
            return false;
        }
        // Whether it would be known without those texts.
        let without = |value: &Value| if value.is_replaced() { Value::Mistyped } else { value.clone() };
        let slots: Vec<Value> = context.slots.iter().map(without).collect();
        evaluate::is_mistyped(&self.plan, &Context { slots: &slots, ..*context })
    }

    /// Whether a filter matches: true, and not merely unknown.
    pub fn matches(&self, context: &Context<'_>) -> bool {
        evaluate::truth(&self.plan, context) == Some(true)
    }

    /// Numerator and denominator, where the outermost operation that decides is a division
    /// (`a / b`, `100 * a / b`): what a ratio is judged by and shown with.
    pub fn fraction(&self, context: &Context<'_>) -> Option<(Value, Value)> {
        evaluate::fraction(&self.plan, context)
    }
}

#[cfg(test)]
mod tests;
