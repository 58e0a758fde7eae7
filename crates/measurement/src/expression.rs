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

mod compile;
mod evaluate;
mod mistyped;
mod range;
mod units;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub(crate) use range::{Facts, Range};
pub use units::Unit;

use crate::{
    calendar::{Calendar, Period},
    rates::SharedRates,
    time::Timestamp,
    value::{Type, Value},
    working::SharedHours,
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
        let named = dimension_value.name().and_then(|name| self.values.get(name.as_ref()));
        named.unwrap_or(&self.default)
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

    /// The slot of a column's value as of the start of the period.
    fn at_start(&mut self, _name: &str) -> Option<(usize, Option<Type>)> {
        None
    }

    /// What `elapsed` and `worked` make of a second instant that is not there yet; `None` where nobody said.
    fn open_items(&self) -> Option<OpenItems> {
        None
    }

    /// The construct's working hours.
    fn working_hours(&self) -> Option<SharedHours> {
        None
    }

    /// The organisation's rates of exchange.
    fn rates(&self) -> Option<SharedRates> {
        None
    }

    /// Names for the hint of an unknown name.
    fn known_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What becomes of a duration that has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OpenItems {
    /// It has lasted until the moment of looking.
    AsOf,
    /// It has no value yet, and is counted as such.
    LeaveOut,
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
    has_durations: bool,
    reads_untyped: bool,
    parameters: Vec<String>,
    standing: Standing,
}

/// What an expression stands on beside its text and the values of its names: it was compiled into the plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// What became of durations without an end, where there are durations.
    pub open: Option<OpenItems>,
    /// The working hours that `worked` counts.
    pub hours: Option<SharedHours>,
    /// The rates that `convert` converts by.
    pub rates: Option<SharedRates>,
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
    /// A slot whose integers are instants or lengths of time.
    SlotAs(usize, Type),
    InPeriod(Box<Self>),
    Coalesce(Box<Self>, Box<Self>),
    Elapsed(Box<Self>, Box<Self>, OpenItems),
    Worked(Box<Self>, Box<Self>, OpenItems, SharedHours),
    Convert(Box<Self>, Box<Self>, Box<Self>, SharedRates),
    Least(Box<Self>, Box<Self>),
    Greatest(Box<Self>, Box<Self>),
    Abs(Box<Self>),
    Sqrt(Box<Self>),
    Size(Box<Self>),
    Contains(Box<Self>, Box<Self>),
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
    /// Mean of so many periods, of which the newest lies so many periods back.
    MeanLast(usize, u32, u32),
    /// Whether each of the last so many steps goes one way.
    Direction(usize, u32, Direction),
}

/// How a value moves from each period to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Rising,
    Falling,
    NotRising,
    NotFalling,
}

#[cfg(test)]
mod tests;
