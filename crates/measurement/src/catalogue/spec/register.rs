//! Sources, populations, and what the organisation says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OneOrMany, ParameterSpec, Scalar, Text};
use crate::{
    catalogue::{Decode, DuplicateMembers, Encoding, MappingKind, Merge, Scale, TimeUnit, Unwrap},
    value::Type,
};

/// A source of events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct SourceSpec {
    /// Name.
    pub(in crate::catalogue) source: Text,
    /// Title for people.
    pub(in crate::catalogue) title: String,
    /// Who answers for it.
    pub(in crate::catalogue) owner: String,
    /// Topics it writes to.
    pub(in crate::catalogue) topics: Vec<Text>,
    /// How its records are read.
    pub(in crate::catalogue) decode: Decode,
    /// What stands around the events: `{ records: Records }` for an array, `{ text: message }` for a text; a list is
    /// taken off from the outside in, and an empty one takes nothing off. JSON whose only member is `Records` is taken
    /// apart unless something else is said here.
    pub(in crate::catalogue) unwrap: Option<OneOrMany<Unwrap>>,
    /// utf-8, utf-16, utf-16le, utf-16be or latin-1; utf-8 unless said otherwise.
    #[serde(default)]
    pub(in crate::catalogue) encoding: Encoding,
    /// What becomes of an object that names a member twice: refuse, first or last; refuse unless said otherwise.
    #[serde(default)]
    pub(in crate::catalogue) duplicate_members: DuplicateMembers,
    /// Unit of instants that are numbers: seconds, milliseconds, microseconds, nanoseconds; milliseconds unless said otherwise.
    #[serde(default)]
    pub(in crate::catalogue) time_unit: TimeUnit,
    /// IANA zone of times without one; UTC unless said otherwise.
    pub(in crate::catalogue) zone: Option<Text>,
    /// Event class by whose events the source is alive, where not every record tells of life.
    pub(in crate::catalogue) alive_by: Option<Text>,
    /// `ocsf` for records that are OCSF events already, `vrl` for mappings/<source>/map.vrl.
    pub(in crate::catalogue) mapping: MappingKind,
    /// How long after its time an event may come without being late.
    pub(in crate::catalogue) lateness: Text,
    /// Quiet for so long and read to the end: the clock moves the watermark.
    pub(in crate::catalogue) idle: Text,
    /// A time further ahead is refused.
    pub(in crate::catalogue) max_future: Text,
    /// A longer silence is a finding, not a zero.
    pub(in crate::catalogue) rhythm: Text,
    /// How long identities are remembered.
    pub(in crate::catalogue) deduplicate: Text,
}

/// A population: a table kept from events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct PopulationSpec {
    /// Name.
    pub(in crate::catalogue) population: Text,
    /// Title for people.
    pub(in crate::catalogue) title: String,
    /// Columns by name.
    pub(in crate::catalogue) columns: BTreeMap<String, ColumnSpec>,
    /// Sources whose events change rows; unless said otherwise those of the constructs that use the population.
    pub(in crate::catalogue) sources: Option<Vec<Text>>,
    /// Events that change rows.
    pub(in crate::catalogue) feeds: Vec<FeedSpec>,
    /// Populations that share the partition, by the column that holds their key.
    #[serde(default)]
    pub(in crate::catalogue) joins: BTreeMap<String, Text>,
    /// Events that tell of a full snapshot: what was not listed since is gone.
    pub(in crate::catalogue) snapshot: Option<SnapshotSpec>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct ColumnSpec {
    /// Type of its values.
    #[serde(rename = "type")]
    pub(in crate::catalogue) kind: Type,
    /// How updates become one value.
    pub(in crate::catalogue) merge: Merge,
    /// What may be done with its values.
    #[serde(default)]
    pub(in crate::catalogue) scale: Scale,
    /// Unit of its numbers.
    pub(in crate::catalogue) unit: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct FeedSpec {
    /// Event class.
    pub(in crate::catalogue) class: Text,
    /// Path of the row's key.
    pub(in crate::catalogue) key: Text,
    /// Path of the key that decides the partition, where rows lie beside those of another population.
    pub(in crate::catalogue) partition: Option<Text>,
    /// Sources whose events it takes, where not all of the population's.
    pub(in crate::catalogue) sources: Option<Vec<Text>>,
    /// Which events count.
    pub(in crate::catalogue) when: Option<Text>,
    /// Which of them remove the entity; the others bring it back.
    pub(in crate::catalogue) remove: Option<Text>,
    /// Whether they say that the register lists the entity.
    #[serde(default)]
    pub(in crate::catalogue) lists: bool,
    /// Columns and the values they take.
    #[serde(default)]
    pub(in crate::catalogue) set: BTreeMap<String, SetSpec>,
}

/// An expression, or an expression under a condition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::catalogue) enum SetSpec {
    Conditional(ConditionalSet),
    Plain(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct ConditionalSet {
    /// The value.
    pub(in crate::catalogue) value: String,
    /// When it is taken.
    pub(in crate::catalogue) when: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct SnapshotSpec {
    /// Event class.
    pub(in crate::catalogue) class: Text,
    /// Sources whose snapshots count, where not all of the population's.
    pub(in crate::catalogue) sources: Option<Vec<Text>>,
    /// Which events count.
    pub(in crate::catalogue) when: Option<Text>,
    /// Path of the instant at which the snapshot was taken.
    pub(in crate::catalogue) taken_at: Text,
}

/// `organisation.yaml`: values laid over those of the library, by construct and parameter.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct OrganisationSpec {
    #[serde(default)]
    pub(in crate::catalogue) parameters: BTreeMap<String, BTreeMap<String, ParameterSpec>>,
}

/// `rates.yaml`: rates of exchange to one currency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct RatesSpec {
    /// The currency that amounts are converted to, ISO 4217.
    pub(in crate::catalogue) currency: String,
    /// IANA zone of the days.
    pub(in crate::catalogue) zone: Text,
    /// One unit of each currency from a day on.
    pub(in crate::catalogue) rates: Vec<RateSpec>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::catalogue) struct RateSpec {
    /// First day.
    pub(in crate::catalogue) from: Text,
    /// Value of one unit by currency.
    pub(in crate::catalogue) of: BTreeMap<String, Scalar>,
}
