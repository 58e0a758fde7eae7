//! How far time has passed by the progress records of one partition of the events.

use std::collections::BTreeMap;

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::Progress;

/// Watermarks by source and source partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Watermarks {
    sources: BTreeMap<String, (u32, BTreeMap<String, Timestamp>)>,
    /// Sources of which a clock has moved a watermark, and not an event.
    pub(super) idle: Vec<String>,
}

impl Watermarks {
    pub(super) fn take(&mut self, catalogue: &Catalogue, progress: &Progress) {
        let Some(source) = catalogue.sources.get(&progress.source) else { return };
        let (partitions, marks) = self.sources.entry(progress.source.clone()).or_default();
        *partitions = progress.partitions;
        let by_events = progress.newest.map(|newest| newest.0 - source.lateness);
        let quiet_for = progress.at.0 - progress.quiet_since.0;
        let by_clock =
            (progress.caught_up && quiet_for >= source.idle).then_some(progress.at.0.saturating_sub(source.lateness));
        if by_clock > by_events && !self.idle.contains(&progress.source) {
            self.idle.push(progress.source.clone());
        }
        for mark in [by_events, by_clock].into_iter().flatten().map(Timestamp) {
            let known = marks.entry(format!("{}/{}", progress.topic, progress.partition)).or_insert(mark);
            *known = (*known).max(mark);
        }
    }

    /// Of one source, once all of its partitions have told.
    pub(super) fn of(&self, source: &str) -> Option<Timestamp> {
        let (partitions, marks) = self.sources.get(source)?;
        let all = marks.len() >= usize::try_from(*partitions).unwrap_or(usize::MAX);
        marks.values().min().copied().filter(|_| all)
    }

    /// Of several sources: that of the slowest.
    pub(super) fn least(&self, sources: &[String]) -> Option<Timestamp> {
        let marks: Option<Vec<Timestamp>> = sources.iter().map(|source| self.of(source)).collect();
        marks?.into_iter().min()
    }
}
