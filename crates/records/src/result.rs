//! Entries of the ledger on `vernier.results`. Nothing there is overwritten: a correction is a new
//! revision that names the one it replaces and why.

use std::collections::{BTreeMap, BTreeSet};

use measurement::{digest, number::Exact, time::Timestamp};
use serde::{Deserialize, Serialize};

use crate::encode;

/// Whether an entry is the first word on its period or a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerState {
    /// Revision 1, written when the period closed.
    Final,
    /// A later revision.
    Revised,
    /// What another definition says of a period that is not its own, because somebody asked for it: an overlap, or a
    /// back-cast. It has revisions of its own, and replaces nothing.
    Beside,
}

/// Why an entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The period closed.
    PeriodClosed,
    /// Of many periods in which no source told anything, all in one.
    Silence,
    /// Time stood still, the period was closed by the clock.
    Stalled,
    /// Time has passed a period since that was closed by the clock.
    StallEnded,
    /// The figures have changed, or what was known of the sources.
    LateData,
    /// An earlier period was revised.
    HistoryRevised,
    /// The state was built anew from the events since the entry before was written, and gives other figures.
    Rebuilt,
}

/// The period that a result is about. A silence that lasted for many periods is one entry, which spans them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodRef {
    /// First instant of the period.
    pub start: Timestamp,
    /// First instant after the period.
    pub end: Timestamp,
    /// IANA name of the calendar's zone.
    pub zone: String,
    /// First instant of the window, where a result looks at more than its period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_start: Option<Timestamp>,
}

/// The merged value of one base measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseValue {
    /// Exact value; absent where it is not defined (the mean of nothing).
    pub value: Option<Exact>,
    /// How many events or rows are behind it.
    pub n: u64,
    /// How many events or rows passed the filter and had no value to be folded: a field that is absent.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub without: u64,
    /// How many events or rows could not be decided or folded because something in them was mistyped or replaced.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub undecided: u64,
    /// Relative standard error, where the value is an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Exact>,
}

/// How far the ledger was written, beside the base measures that it rests on: a ledger that is shorter has lost
/// something. On `vernier.measures`, in partition 0, in the transactions that write the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Version of this payload.
    pub version: u32,
    /// How many entries there are.
    pub entries: u64,
    /// Hash of the newest.
    pub hash: String,
}

impl Published {
    /// The key.
    pub const KEY: &'static [u8] = br#"["ledger"]"#;
}

/// Where a series ends and another begins under the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// Digest of the measurement before.
    pub previous: String,
    /// Number of the catalogue that brought the other one; absent where catalogues do not come from the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<u64>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub approver: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How one source did in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceQuality {
    /// Events with a time in the period.
    pub events: u64,
    /// Last event before the end of the period.
    pub last: Option<Timestamp>,
    /// Whether the source was alive to the end of the period, by its declared rhythm.
    pub alive: bool,
    /// Elements of its records that were read, where it is known.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub read: u64,
    /// Elements of its records that are in no figure because they could not be read.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub refused: u64,
    /// Elements of which it is not certain what their mapping made of them: something in them had to be replaced.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub replaced: u64,
    /// Digests of the mappings that made its events: more than one where a mapping was changed within the period.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub mappings: BTreeSet<String>,
}

/// What a result rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Per source of the construct.
    pub sources: BTreeMap<String, SourceQuality>,
}

/// One entry of the ledger. Ratios are exact (`"2/3"`); rounding belongs to whoever shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultRecord {
    /// Version of this payload.
    pub version: u32,
    /// Position in the ledger, from 0 without gaps.
    pub sequence: u64,
    /// SHA-256 of the previous entry's bytes in hexadecimal; empty for the first.
    pub previous: String,
    /// Identifier of the construct.
    pub construct: String,
    /// Semantic version of the construct.
    pub construct_version: String,
    /// Digest of the construct's measurement: formulas, parameters, populations, sources. Another one is another series.
    pub definition: String,
    /// Digest of the decision criteria that were in force in the period.
    pub criteria: String,
    /// The period.
    pub period: PeriodRef,
    /// Dimension to value; empty for the total.
    pub group: BTreeMap<String, String>,
    /// First word or a later one.
    pub state: LedgerState,
    /// Counts from 1 per construct, period and group.
    pub revision: u32,
    /// The revision that this one replaces.
    pub supersedes: Option<u32>,
    /// Why this entry was written.
    pub reason: Reason,
    /// Where a series begins: what was measured before under the same name, and who changed it. Figures on both sides
    /// cannot be compared.
    #[serde(rename = "break", default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<Break>,
    /// Base measures by name; left out where the result is suppressed.
    pub base: BTreeMap<String, BaseValue>,
    /// Derived measures by name.
    pub derived: BTreeMap<String, Option<Exact>>,
    /// The indicator's value.
    pub value: Option<Exact>,
    /// Numerator of the indicator's ratio, where it is one.
    pub numerator: Option<Exact>,
    /// Denominator of the indicator's ratio, where it is one.
    pub denominator: Option<Exact>,
    /// 95 % interval of the value, where the construct asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(Exact, Exact)>,
    /// Target that was in force in the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Exact>,
    /// A band of the construct, or why there is none (`no-data`, `insufficient-n` …).
    pub outcome: String,
    /// What the outcome rests on, in words, where it is not a plain band.
    pub because: Option<String>,
    /// `rising`, `falling` or `level` against the previous period.
    pub trend: Option<String>,
    /// Sources.
    pub quality: Quality,
    /// Watermark at which the entry was written.
    pub watermark: Timestamp,
    /// Offset covered per partition of `vernier.events`.
    pub covered: BTreeMap<i32, i64>,
    /// How many times the state of a partition was built anew from the events, by partition, where it was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub builds: BTreeMap<i32, u32>,
    /// Version of the program that judged.
    pub build: String,
}

impl ResultRecord {
    /// The group as people and metrics name it: `all` for the total, else `dimension=value,…`.
    pub fn group_label(&self) -> String {
        group_label(&self.group)
    }

    /// Hash of this entry as the next one names it.
    pub fn hash(&self) -> String {
        hash(&encode(self))
    }

    /// Key on the topic: entries of one construct, period and group share it.
    pub fn key(&self) -> Vec<u8> {
        encode(&("result", &self.construct, self.period.start, self.group_label()))
    }

    /// Whether two entries say the same about the world; place in the ledger, revision, reason and
    /// lineage aside.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self {
            definition,
            period,
            group,
            base,
            derived,
            value,
            outcome,
            trend,
            // Made of the measures, which are compared.
            numerator: _,
            denominator: _,
            interval: _,
            // What the outcome rests on, in words.
            because: _,
            quality: _,
            // By which criteria it was judged, and what is wanted.
            criteria: _,
            target: _,
            // Place in the ledger, revision and reason.
            version: _,
            sequence: _,
            previous: _,
            construct: _,
            construct_version: _,
            state: _,
            revision: _,
            supersedes: _,
            reason: _,
            breaks: _,
            // Lineage.
            watermark: _,
            covered: _,
            builds: _,
            build: _,
        } = self;
        *definition == other.definition
            && *period == other.period
            && *group == other.group
            && *base == other.base
            && *derived == other.derived
            && *value == other.value
            && *outcome == other.outcome
            && *trend == other.trend
    }
}

/// The group as people and metrics name it: `all` for the total, else `dimension=value,…`.
pub fn group_label(group: &BTreeMap<String, String>) -> String {
    if group.is_empty() {
        return "all".to_owned();
    }
    let parts: Vec<String> = group.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(",")
}

/// SHA-256 of a ledger entry's bytes, in hexadecimal.
pub fn hash(entry: &[u8]) -> String {
    digest::whole(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_called_all() {
        assert_eq!(group_label(&BTreeMap::new()), "all");
        let group = BTreeMap::from([("category".to_owned(), "malware".to_owned())]);
        assert_eq!(group_label(&group), "category=malware");
    }

    #[test]
    fn reasons_have_their_names_on_the_wire() {
        let reasons = [
            (Reason::PeriodClosed, "period-closed"),
            (Reason::Silence, "silence"),
            (Reason::Stalled, "stalled"),
            (Reason::StallEnded, "stall-ended"),
            (Reason::LateData, "late-data"),
            (Reason::HistoryRevised, "history-revised"),
        ];
        for (reason, name) in reasons {
            assert_eq!(String::from_utf8_lossy(&encode(&reason)), format!("\"{name}\""));
        }
    }
}
