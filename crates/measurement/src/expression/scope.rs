//! What the names in an expression mean, and what it stands on.

use std::collections::BTreeMap;

use crate::{
    rates::SharedRates,
    value::{Type, Value},
    working::SharedHours,
};

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
