//! Expressions: CEL in its usual syntax, checked against a scope when the catalogue is loaded and
//! compiled once to a plan of our own.
//!
//! What differs from plain CEL, because results must be exact and missing data must stay visible:
//! - numbers are exact: `1 / 3` is a fraction, `9.8` is 98/10;
//! - a field that is absent is `null`; comparing or computing with `null` gives `null`, and `&&`,
//!   `||`, `!` treat it as unknown. A filter that is unknown does not match;
//! - `x == null` and `x != null` ask for absence itself;
//! - division by zero gives `null`; judgement tells 0/0 from x/0 by the operands;
//! - no loops and no macros: cost is bounded by the size of the text.

mod compile;
mod evaluate;

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    calendar::{Calendar, Period},
    time::Timestamp,
    value::{Type, Value},
};

/// Longest text of an expression, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Most nodes of a plan.
pub const MAX_NODES: usize = 512;

/// A parameter of a construct: one value, or a table by one of its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The dimension whose value selects an entry; `None` for a single value.
    pub by: Option<String>,
    /// The table; empty for a single value.
    pub values: BTreeMap<String, Value>,
    /// The single value, or what holds for every value that the table does not name and for the total.
    pub default: Value,
}

impl Parameter {
    /// The value for one value of the dimension.
    pub fn lookup(&self, dimension_value: &Value) -> &Value {
        match dimension_value {
            Value::Text(name) => self.values.get(name.as_ref()).unwrap_or(&self.default),
            _ => &self.default,
        }
    }
}

/// What the names in an expression mean.
pub trait Scope {
    /// The slot of a variable (`score`, `finding_info.uid`, `vulnerabilities[0].cvss[0].base_score`) and
    /// its type; a type of `None` is known only when the value is.
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)>;

    /// A parameter, and the slot of the dimension that selects an entry of its table.
    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)>;

    /// Whether `previous` and `mean_last` are allowed.
    fn has_history(&self) -> bool {
        false
    }

    /// Names for the hint of an unknown name.
    fn known_names(&self) -> Vec<String> {
        Vec::new()
    }
}

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

/// Why an expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ExpressionError {
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: String,
    /// Byte offset in the text, as far as the parser tells.
    pub offset: usize,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
    plan: Node,
    result: Option<Type>,
    slots: Vec<usize>,
    looks_back: u32,
    reads_time: bool,
}

impl Expression {
    /// Parses, checks and compiles an expression.
    pub fn compile(text: &str, scope: &mut dyn Scope) -> Result<Self, ExpressionError> {
        compile::compile(text, scope)
    }

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

    /// The value.
    pub fn evaluate(&self, context: &Context<'_>) -> Value {
        evaluate::evaluate(&self.plan, context)
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

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An arithmetic operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A test on a text.
#[derive(Clone, Debug)]
enum TextTest {
    StartsWith(Arc<str>),
    EndsWith(Arc<str>),
    Contains(Arc<str>),
    Matches(regex::Regex),
}

/// The plan.
#[derive(Clone, Debug)]
enum Node {
    Constant(Value),
    Slot(usize),
    PeriodStart,
    PeriodEnd,
    AsOf,
    YearStart,
    MonthsBefore(Box<Self>, u32),
    Table(Arc<Parameter>, usize),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    IsNull(Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    Negate(Box<Self>),
    In(Box<Self>, Vec<Value>),
    If(Box<Self>, Box<Self>, Box<Self>),
    Text(Box<Self>, TextTest),
    Previous(usize, u32),
    MeanLast(usize, u32),
}

#[cfg(test)]
mod tests;
