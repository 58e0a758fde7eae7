//! Progress records to watermarks.
//!
//! The watermark of a source partition is the newest event time less the declared lateness; once the
//! partition was read to its end and has been quiet beyond the source's idle bound, it is ingest's
//! clock less the lateness. That of a source is the least over its partitions, and unknown until all
//! have reported. The clock rides in the progress record: nothing here reads one.

use std::collections::BTreeMap;

use measurement::{catalogue::Source, time::Timestamp};
use records::{Progress, SourceProgress};

/// Watermarks of all sources, as one task sees them. None ever falls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watermarks {
    sources: BTreeMap<String, SourceProgress>,
}

impl Watermarks {
    /// What a frontier remembers.
    pub(super) const fn restore(sources: BTreeMap<String, SourceProgress>) -> Self {
        Self { sources }
    }

    /// What a frontier has to remember.
    pub(super) const fn sources(&self) -> &BTreeMap<String, SourceProgress> {
        &self.sources
    }

    /// Takes in a progress record.
    pub(super) fn update(&mut self, source: &Source, progress: &Progress) {
        let entry = self
            .sources
            .entry(progress.source.clone())
            .or_insert_with(|| SourceProgress { partitions: progress.partitions, watermarks: BTreeMap::new() });
        // A topic that has grown is known to some instances of ingest before others.
        entry.partitions = entry.partitions.max(progress.partitions);
        let by_events = progress.newest.map(|newest| newest.minus(source.lateness));
        let idle = progress.caught_up && progress.at.0.saturating_sub(progress.quiet_since.0) >= source.idle;
        let by_clock = idle.then(|| progress.at.minus(source.lateness));
        if let Some(watermark) = by_events.max(by_clock) {
            let known = entry.watermarks.entry(progress.source_partition()).or_insert(watermark);
            *known = (*known).max(watermark);
        }
    }

    /// The watermark of a source; `None` while it is unknown.
    pub(super) fn of_source(&self, source: &str) -> Option<Timestamp> {
        let progress = self.sources.get(source)?;
        let all = u32::try_from(progress.watermarks.len()).is_ok_and(|reported| reported >= progress.partitions);
        all.then(|| progress.watermarks.values().min().copied()).flatten()
    }

    /// The least watermark of several sources; `None` while one is unknown.
    pub(super) fn of_sources<'a>(&self, sources: impl IntoIterator<Item = &'a String>) -> Option<Timestamp> {
        sources.into_iter().map(|source| self.of_source(source)).reduce(Option::min).flatten()
    }

    /// All known watermarks of sources.
    pub(super) fn known(&self) -> BTreeMap<String, Timestamp> {
        self.sources.keys().filter_map(|source| Some((source.clone(), self.of_source(source)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use measurement::catalogue::{Decode, DuplicateMembers, Encoding, TimeUnit};

    use super::*;

    fn source() -> Source {
        Source {
            digest: String::new(),
            name: "sshd".to_owned(),
            title: String::new(),
            owner: String::new(),
            topics: vec!["raw.sshd".to_owned()],
            decode: Decode::Text,
            unwrap: None,
            encoding: Encoding::Utf8,
            duplicate_members: DuplicateMembers::Refuse,
            time_unit: TimeUnit::Milliseconds,
            zone: measurement::calendar::UTC,
            alive_by: None,
            mapping: None,
            program: None,
            lateness: 100,
            idle: 1000,
            max_future: 0,
            rhythm: 0,
            deduplicate: 0,
            ended: false,
        }
    }

    fn progress(partition: i32, newest: Option<i64>, caught_up: bool, quiet_since: i64, at: i64) -> Progress {
        Progress {
            newest: newest.map(Timestamp),
            caught_up,
            quiet_since: Timestamp(quiet_since),
            ..Progress::new("sshd", "raw.sshd", partition, 2, Timestamp(at))
        }
    }

    #[test]
    fn a_source_waits_for_all_its_partitions() {
        let mut watermarks = Watermarks::default();
        watermarks.update(&source(), &progress(0, Some(5000), false, 0, 9000));
        assert_eq!(watermarks.of_source("sshd"), None);
        watermarks.update(&source(), &progress(1, Some(3000), false, 0, 9000));
        assert_eq!(watermarks.of_source("sshd"), Some(Timestamp(2900)));
        assert_eq!(watermarks.of_sources(&["sshd".to_owned(), "unknown".to_owned()]), None);
    }

    #[test]
    fn the_clock_moves_a_quiet_partition_only_when_it_was_read_to_its_end() {
        let mut watermarks = Watermarks::default();
        watermarks.update(&source(), &progress(0, Some(5000), false, 0, 90_000));
        watermarks.update(&source(), &progress(1, None, false, 0, 90_000));
        assert_eq!(watermarks.of_source("sshd"), None, "lagging");
        watermarks.update(&source(), &progress(1, None, true, 89_500, 90_000));
        assert_eq!(watermarks.of_source("sshd"), None, "not quiet for long enough");
        watermarks.update(&source(), &progress(1, None, true, 89_000, 90_000));
        assert_eq!(watermarks.of_source("sshd"), Some(Timestamp(4900)));
        watermarks.update(&source(), &progress(0, Some(5000), true, 5000, 90_000));
        assert_eq!(watermarks.of_source("sshd"), Some(Timestamp(89_900)));
    }

    #[test]
    fn a_watermark_never_falls() {
        let mut watermarks = Watermarks::default();
        for partition in 0..2 {
            watermarks.update(&source(), &progress(partition, Some(5000), false, 0, 0));
            watermarks.update(&source(), &progress(partition, Some(1000), false, 0, 0));
        }
        assert_eq!(watermarks.of_source("sshd"), Some(Timestamp(4900)));
    }
}
