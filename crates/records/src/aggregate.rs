//! Partial base measures and source activity on `vernier.measures`.
//!
//! Every value is whole and says which offset it covers: a repeated one replaces itself, and a
//! reader needs only the newest per key and partition. Nothing is ever added up from deltas.

use std::collections::BTreeSet;

use measurement::{accumulate::Accumulator, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What one aggregate is about. On the wire: `["aggregate", construct, definition, measure, period start, group]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "AggregateKeyWire", from = "AggregateKeyWire")]
pub struct AggregateKey {
    /// Identifier of the construct.
    pub construct: String,
    /// Digest of the base measure.
    pub definition: String,
    /// Name of the base measure.
    pub measure: String,
    /// Start of the period.
    pub period_start: Timestamp,
    /// One value per dimension of the construct, in its order; empty for a construct without dimensions.
    pub group: Vec<String>,
}

type AggregateKeyWire = (AggregateTag, String, String, String, Timestamp, Vec<String>);

#[derive(Serialize, Deserialize)]
enum AggregateTag {
    #[serde(rename = "aggregate")]
    Aggregate,
}

impl From<AggregateKey> for AggregateKeyWire {
    fn from(key: AggregateKey) -> Self {
        (AggregateTag::Aggregate, key.construct, key.definition, key.measure, key.period_start, key.group)
    }
}

impl From<AggregateKeyWire> for AggregateKey {
    fn from((_, construct, definition, measure, period_start, group): AggregateKeyWire) -> Self {
        Self { construct, definition, measure, period_start, group }
    }
}

/// The partial value of one base measure in one partition, period and group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// Version of this payload.
    pub version: u32,
    /// End of the period (exclusive).
    pub period_end: Timestamp,
    /// The mergeable value.
    pub accumulator: Accumulator,
    /// Offset in `vernier.events` up to which (exclusive) the partition is folded in.
    pub covered: i64,
}

/// What one activity record is about. On the wire: `["activity", source, interval start]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "ActivityKeyWire", from = "ActivityKeyWire")]
pub struct ActivityKey {
    /// Name of the source.
    pub source: String,
    /// Start of the elementary interval.
    pub interval_start: Timestamp,
}

type ActivityKeyWire = (ActivityTag, String, Timestamp);

#[derive(Serialize, Deserialize)]
enum ActivityTag {
    #[serde(rename = "activity")]
    Activity,
}

impl From<ActivityKey> for ActivityKeyWire {
    fn from(key: ActivityKey) -> Self {
        (ActivityTag::Activity, key.source, key.interval_start)
    }
}

impl From<ActivityKeyWire> for ActivityKey {
    fn from((_, source, interval_start): ActivityKeyWire) -> Self {
        Self { source, interval_start }
    }
}

/// What one source sent in one elementary interval of event time, as one partition saw it. It
/// tells a zero from silence: a measure is zero only where its sources were alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Version of this payload.
    pub version: u32,
    /// Time of the first sign of life: an event, or an element that was read and gave none. Absent where the interval
    /// holds nothing by which the source is alive: it goes by events of one kind, and these were others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// Time of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Number of events, duplicates and conflicts not counted.
    pub count: u64,
    /// Elements of source records that were read, as [`crate::IntakeMinute`] counts them.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub read: u64,
    /// Elements that are in no figure because they could not be read, or were in conflict with another of their identity.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub refused: u64,
    /// Elements of which it is not certain what their mapping made of them: something in them had to be replaced.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub replaced: u64,
    /// Digests of the mappings that made its events.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub mappings: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    #[test]
    fn keys_are_arrays_that_begin_with_their_kind() {
        let key = AggregateKey {
            construct: "isms/security-incidents-trend".to_owned(),
            definition: "0123456789abcdef".to_owned(),
            measure: "incidents".to_owned(),
            period_start: Timestamp(1_767_222_000_000),
            group: vec!["malware".to_owned()],
        };
        let wire = encode(&key);
        assert_eq!(
            String::from_utf8_lossy(&wire),
            r#"["aggregate","isms/security-incidents-trend","0123456789abcdef","incidents",1767222000000,["malware"]]"#
        );
        assert_eq!(decode::<AggregateKey>("aggregate", &wire).unwrap(), key);
        let activity = ActivityKey { source: "sshd".to_owned(), interval_start: Timestamp(0) };
        assert!(decode::<AggregateKey>("aggregate", &encode(&activity)).is_err());
    }

    #[test]
    fn an_interval_without_life_says_so_by_leaving_it_out() {
        let silent = Activity {
            version: 1,
            first: None,
            last: None,
            count: 2,
            read: 3,
            refused: 1,
            replaced: 0,
            mappings: BTreeSet::new(),
        };
        let wire = encode(&silent);
        assert_eq!(String::from_utf8_lossy(&wire), r#"{"version":1,"count":2,"read":3,"refused":1}"#);
        assert_eq!(decode::<Activity>("activity", &wire).unwrap(), silent);
        let older: Activity = decode("activity", br#"{"version":1,"first":5,"last":7,"count":2}"#).unwrap();
        assert_eq!((older.first, older.last), (Some(Timestamp(5)), Some(Timestamp(7))));
    }
}
