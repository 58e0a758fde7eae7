//! Sources of events.

use schemars::JsonSchema;
use serde::Deserialize;

/// How records of a source are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decode {
    /// Each line is a text.
    Text,
    /// JSON: an object, an array of objects, several lines, or objects in a wrapper.
    Json,
}

/// How records of a source become OCSF events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MappingKind {
    /// They are OCSF events already.
    Ocsf,
    /// By `mappings/<source>/map.vrl`.
    Vrl,
}

/// A source of events.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Who answers for it.
    pub owner: String,
    /// Topics it writes to.
    pub topics: Vec<String>,
    /// How its records are read.
    pub decode: Decode,
    /// Path of its mapping, `None` where its records are OCSF events already.
    pub mapping: Option<std::path::PathBuf>,
    /// Text of the mapping: it has a say in every figure.
    pub program: Option<String>,
    /// How long after its time an event may come without being late, in milliseconds.
    pub lateness: i64,
    /// How long a source partition must be quiet before the clock moves its watermark, in milliseconds.
    pub idle: i64,
    /// How far in the future an event time may lie, in milliseconds.
    pub max_future: i64,
    /// Longest silence that is normal, in milliseconds.
    pub rhythm: i64,
    /// How long identities are remembered, in milliseconds.
    pub deduplicate: i64,
}
