//! The aggregator's own state: rows and seen chunks on `vernier.populations`, the frontier as the
//! last record of every transaction on `vernier.measures`.

use std::collections::BTreeMap;

use measurement::{population::Row, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What one row is about. On the wire: `["row", population, key]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "RowKeyWire", from = "RowKeyWire")]
pub struct RowKey {
    /// Name of the population.
    pub population: String,
    /// Key of the entity.
    pub key: String,
}

type RowKeyWire = (RowTag, String, String);

#[derive(Serialize, Deserialize)]
enum RowTag {
    #[serde(rename = "row")]
    Row,
}

impl From<RowKey> for RowKeyWire {
    fn from(key: RowKey) -> Self {
        (RowTag::Row, key.population, key.key)
    }
}

impl From<RowKeyWire> for RowKey {
    fn from((_, population, key): RowKeyWire) -> Self {
        Self { population, key }
    }
}

/// One entity of a population with the versions that a period may still ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowState {
    /// Version of this payload.
    pub version: u32,
    /// The versions.
    pub row: Row,
    /// Offset in `vernier.events` up to which (exclusive) the row is folded.
    pub covered: i64,
}

/// What one seen chunk is about. On the wire: `["seen", first offset]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "SeenKeyWire", from = "SeenKeyWire")]
pub struct SeenKey {
    /// Offset of the first event of the transaction that wrote the chunk.
    pub first_offset: i64,
}

type SeenKeyWire = (SeenTag, i64);

#[derive(Serialize, Deserialize)]
enum SeenTag {
    #[serde(rename = "seen")]
    Seen,
}

impl From<SeenKey> for SeenKeyWire {
    fn from(key: SeenKey) -> Self {
        (SeenTag::Seen, key.first_offset)
    }
}

impl From<SeenKeyWire> for SeenKey {
    fn from((_, first_offset): SeenKeyWire) -> Self {
        Self { first_offset }
    }
}

/// The identities that one transaction added to the de-duplication window: one record per
/// transaction, not per event, so that the window costs few bytes an event. Removed by a
/// tombstone when the newest of them expires.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Version of this payload.
    pub version: u32,
    /// Watermark after which the identities may be forgotten.
    pub expires: Timestamp,
    /// 64-bit hashes of the identities, 16 hexadecimal digits each, joined.
    pub hashes: String,
    /// 64-bit hashes of what the events of these identities said, in the same order and form. Absent in chunks that are
    /// older than the question: what they said is unknown, and whatever comes again is a duplicate.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contents: String,
}

/// What became of the records of one source that one task read.
/// Read = used + not relevant + late + duplicate + conflict + rejected; reference copies, progress
/// and intake records are counted apart, because accounting counts an event once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounting {
    /// Events under their primary key that were read.
    pub read: u64,
    /// Events that at least one measure or population used.
    pub used: u64,
    /// Events that no active construct asks for.
    pub not_relevant: u64,
    /// Events that came after the restatement horizon of a construct that asks for them.
    pub late: u64,
    /// Events whose identity had been seen within the window, and which say the same as then.
    pub duplicate: u64,
    /// Events whose identity had been seen within the window, and which say something else.
    #[serde(default)]
    pub conflict: u64,
    /// Events that could not be read.
    pub rejected: u64,
    /// Reference copies that were read.
    pub references: u64,
}

impl std::ops::AddAssign for Accounting {
    fn add_assign(&mut self, more: Self) {
        self.read += more.read;
        self.used += more.used;
        self.not_relevant += more.not_relevant;
        self.late += more.late;
        self.duplicate += more.duplicate;
        self.conflict += more.conflict;
        self.rejected += more.rejected;
        self.references += more.references;
    }
}

/// What a task knows of one source partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceProgress {
    /// How many source partitions the source has.
    pub partitions: u32,
    /// Watermark of each source partition (`topic/partition`): event time before which nothing
    /// more is expected from it.
    pub watermarks: BTreeMap<String, Timestamp>,
}

/// The last record of every transaction of a task, on `vernier.measures`. Its key is `["frontier"]`
/// in every partition: compaction works per partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frontier {
    /// Version of this payload.
    pub version: u32,
    /// Offset of the next event to fold.
    pub next_offset: i64,
    /// Offset of the first record that the state was built from: where it is built anew from.
    pub replay_from: i64,
    /// Counts the transactions of this partition.
    pub transaction: u64,
    /// Number of partitions of `vernier.events` that the state was built for.
    pub partitions: i32,
    /// Digest of the catalogue that the task was run with last: for people. Which state belongs to what, units say.
    pub catalogue: String,
    /// Number of the catalogue whose marker was met last; 0 where catalogues do not come from the log.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub sequence: u64,
    /// Latest event time among all events that were read; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// How many times the state was built anew from the events.
    #[serde(default, skip_serializing_if = "is_none_built")]
    pub builds: u32,
    /// Published watermark per source. Everything before it is in the aggregates of this transaction.
    pub watermarks: BTreeMap<String, Timestamp>,
    /// Source partitions behind the watermarks.
    pub sources: BTreeMap<String, SourceProgress>,
    /// By population: earliest event time among the changes of rows that no measure of a period before the watermark
    /// knows of yet. Measures are computed now and then, rows are kept with every transaction.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncomputed: BTreeMap<String, Timestamp>,
    /// Accounting per source since the beginning.
    pub accounting: BTreeMap<String, Accounting>,
    /// Sum modulo 2^128 of a hash of every live key and value of this partition's changelogs, the
    /// frontier itself left out; 32 hexadecimal digits.
    pub digest: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
const fn is_none_built(builds: &u32) -> bool {
    *builds == 0
}

impl Frontier {
    /// The key, the same in every partition.
    pub const KEY: &'static [u8] = br#"["frontier"]"#;
}
