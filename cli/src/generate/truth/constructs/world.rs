//! The organisation with the times of its sources, and the groups that are counted in it.

use std::collections::BTreeMap;

use crate::generate::{days::DAY, plant::Organisation, truth::outcome::SourceTimes};

/// Times of all events by source, and the organisation.
pub(super) struct World<'a> {
    pub(super) organisation: &'a Organisation,
    pub(super) sshd: SourceTimes,
    pub(super) itsm: SourceTimes,
    pub(super) scanner: SourceTimes,
    pub(super) cmdb: SourceTimes,
    pub(super) hr: SourceTimes,
    pub(super) lms: SourceTimes,
    pub(super) grc: SourceTimes,
    pub(super) isms: SourceTimes,
    pub(super) finance: SourceTimes,
    pub(super) contracts: SourceTimes,
    pub(super) facility: SourceTimes,
    pub(super) awareness: SourceTimes,
    pub(super) edr: SourceTimes,
    pub(super) network: SourceTimes,
    pub(super) monitoring: SourceTimes,
    pub(super) iam: SourceTimes,
}

impl World<'_> {
    /// Last end of a period that is final a day before the end.
    pub(super) fn last_end(&self, close_after: i64) -> i64 {
        self.organisation.end.0 - close_after - DAY
    }
}

/// The name of a group: the declared value, or `other`.
pub(super) fn declared<'a>(value: &'a str, values: &[&'a str]) -> &'a str {
    if values.contains(&value) { value } else { "other" }
}

/// The declared groups, `other` where something was counted, and the total.
pub(super) fn groups<'a>(values: &[&'a str], counts: &BTreeMap<&'a str, (i128, i128)>) -> Vec<Option<&'a str>> {
    let other = counts.get("other").is_some_and(|(a, b)| *a > 0 || *b > 0);
    let other = other.then_some(Some("other"));
    values.iter().map(|value| Some(*value)).chain(other).chain([None]).collect()
}

pub(super) fn pick(counts: &BTreeMap<&str, (i128, i128)>, group: Option<&str>) -> (i128, i128) {
    match group {
        Some(group) => counts.get(group).copied().unwrap_or((0, 0)),
        None => counts.values().fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1)),
    }
}

pub(super) fn label(dimension: &str, group: Option<&str>) -> String {
    group.map_or_else(|| "all".to_owned(), |group| format!("{dimension}={group}"))
}
