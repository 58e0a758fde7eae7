//! Sources of events.

use schemars::JsonSchema;
use serde::Deserialize;

/// The library that runs mappings, with its version: a new one may make other events of the same bytes, so it has a
/// say in every figure that rests on a mapping. A test of ingest compares it with what is built in.
pub const MAPPING_LIBRARY: &str = "vrl 0.38.0";

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

/// What stands around the events of a record, and is taken off before they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unwrap {
    /// The member at this path is an array of events.
    Records(String),
    /// The member at this path is a text: lines, or JSON again, as `decode` says.
    Text(String),
}

/// How the bytes of a source become characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16 in the order that its byte order mark says; little-endian without one.
    #[serde(rename = "utf-16")]
    Utf16,
    /// UTF-16, little-endian.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, big-endian.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// ISO 8859-1: each byte is the character of its number.
    #[serde(rename = "latin-1")]
    Latin1,
}

impl Encoding {
    /// As sources write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Latin1 => "latin-1",
        }
    }
}

/// What becomes of an object that names a member twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DuplicateMembers {
    /// The element is refused: two readers could understand it differently.
    #[default]
    Refuse,
    /// The first one holds.
    First,
    /// The last one holds.
    Last,
}

/// Unit of instants that are numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds, perhaps with a fraction.
    Seconds,
    /// Milliseconds, as OCSF asks.
    #[default]
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

/// A source of events.
#[derive(Clone, Debug)]
pub struct Source {
    /// Digest of its settings: how its records are read and mapped, and how its clock is. They hold from when they are
    /// set on, and are no part of what a measure is.
    pub digest: String,
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
    /// What is taken off its records, from the outside in; `None` where nothing is said.
    pub unwrap: Option<Vec<Unwrap>>,
    /// How its bytes become characters.
    pub encoding: Encoding,
    /// What becomes of objects that name a member twice.
    pub duplicate_members: DuplicateMembers,
    /// Unit of instants that are numbers.
    pub time_unit: TimeUnit,
    /// Zone of times without one.
    pub zone: chrono_tz::Tz,
    /// Class of the events by which the source is alive; `None` where every record tells of life.
    pub alive_by: Option<u32>,
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
    /// Whether the catalogue in force does not have it any more: see [`Catalogue::layered`](super::Catalogue::layered).
    pub ended: bool,
}
