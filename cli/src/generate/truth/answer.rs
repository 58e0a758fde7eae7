//! One true answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One true answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Identifier of the construct.
    pub construct: String,
    /// Start of the period, in milliseconds.
    pub period_start: i64,
    /// End of the period, in milliseconds.
    pub period_end: i64,
    /// `all` or `category=malware`.
    pub group: String,
    /// Base measures, exact; empty where nothing is stated.
    pub base: BTreeMap<String, String>,
    /// The indicator's value, exact.
    pub value: Option<String>,
    /// Band, or why there is none.
    pub outcome: String,
}
