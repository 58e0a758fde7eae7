//! How far ingest has read each source partition: the clock that rides in the data.

use std::collections::BTreeSet;

use measurement::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::VERSION;

/// Written to every partition of `vernier.events`, in the same transaction as the events it
/// speaks of and after them, and every few seconds when nothing arrives.
///
/// A reader of one partition of `vernier.events` that has met this record has therefore met all
/// events up to `newest` that came from this source partition into its own partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Version of this payload.
    pub version: u32,
    /// Name of the source.
    pub source: String,
    /// Topic of the source partition.
    pub topic: String,
    /// Number of the source partition within its topic.
    pub partition: i32,
    /// How many source partitions the source has, over all its topics. Until that many have
    /// reported, the source's watermark is unknown.
    pub partitions: u32,
    /// Newest plausible event time seen in this source partition.
    pub newest: Option<Timestamp>,
    /// Whether everything up to the end of the source partition had been read.
    pub caught_up: bool,
    /// Wall-clock time since which nothing has arrived from this source partition.
    pub quiet_since: Timestamp,
    /// Wall-clock time of which this speaks: when the end was seen to be reached, or else when it was written.
    pub at: Timestamp,
    /// Offset of the next record to be read from the source partition.
    pub next_offset: i64,
    /// The reference copies that are made of events, as `Population::copies` names them: of what was read without, rows
    /// do not know. Absent where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<BTreeSet<String>>,
}

impl Progress {
    /// The identity of the source partition within its source.
    pub fn source_partition(&self) -> String {
        format!("{}/{}", self.topic, self.partition)
    }

    /// A progress record of this build's version with nothing read yet.
    pub fn new(source: &str, topic: &str, partition: i32, partitions: u32, at: Timestamp) -> Self {
        Self {
            version: VERSION,
            source: source.to_owned(),
            topic: topic.to_owned(),
            partition,
            partitions,
            newest: None,
            caught_up: false,
            quiet_since: at,
            at,
            next_offset: 0,
            copies: None,
        }
    }
}
