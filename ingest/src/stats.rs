//! What became of the records, counted when their transaction stands. For each source:
//! read = published + not relevant + rejected.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{pipeline::Processed, reject::Reason};

const REASONS: usize = Reason::ALL.len();

/// Counts of one transaction, or of one source so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records read.
    pub read: u64,
    /// Records of which all relevant elements were published.
    pub published: u64,
    /// Sound records that hold nothing of interest.
    pub not_relevant: u64,
    /// Records that went to the dead letters, even if some of their elements were published.
    pub rejected: u64,
    /// Events published; a record can hold several.
    pub events: u64,
    /// Reference copies published.
    pub references: u64,
    /// Reference copies that were not made, because the event does not name the entity.
    pub unnamed: u64,
    /// Rejected records by reason.
    pub reasons: BTreeMap<Reason, u64>,
}

impl Tally {
    /// Counts a record.
    pub fn count(&mut self, processed: &Processed<'_>) {
        self.read += 1;
        match processed.refusal() {
            Some(refusal) => {
                self.rejected += 1;
                *self.reasons.entry(refusal.reason).or_default() += 1;
            }
            None if processed.events.is_empty() => self.not_relevant += 1,
            None => self.published += 1,
        }
        for (_, route) in &processed.events {
            self.events += 1;
            self.references += whole(route.references.len());
            self.unnamed += whole(route.unnamed);
        }
    }
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[derive(Debug, Default)]
struct Counters {
    read: AtomicU64,
    published: AtomicU64,
    not_relevant: AtomicU64,
    rejected: AtomicU64,
    events: AtomicU64,
    references: AtomicU64,
    unnamed: AtomicU64,
    reasons: [AtomicU64; REASONS],
}

/// The counters of all sources, written by the loop and read by the exporter.
#[derive(Debug)]
pub struct Stats {
    sources: BTreeMap<Arc<str>, Counters>,
}

impl Stats {
    /// Counters for these sources, at zero.
    pub fn new(sources: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { sources: sources.into_iter().map(|source| (source, Counters::default())).collect() }
    }

    /// Adds what a transaction brought.
    pub fn add(&self, source: &str, tally: &Tally) {
        let Some(counters) = self.sources.get(source) else {
            return;
        };
        for (counter, count) in [
            (&counters.read, tally.read),
            (&counters.published, tally.published),
            (&counters.not_relevant, tally.not_relevant),
            (&counters.rejected, tally.rejected),
            (&counters.events, tally.events),
            (&counters.references, tally.references),
            (&counters.unnamed, tally.unnamed),
        ] {
            counter.fetch_add(count, Ordering::Relaxed);
        }
        for (reason, counter) in Reason::ALL.iter().zip(&counters.reasons) {
            counter.fetch_add(tally.reasons.get(reason).copied().unwrap_or_default(), Ordering::Relaxed);
        }
    }

    /// The counts so far, by source. Reasons that never occurred are there with zero, so that a
    /// series exists before its first fault.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<str>, Tally)> {
        self.sources.iter().map(|(source, counters)| {
            let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let reasons = Reason::ALL.iter().zip(&counters.reasons).map(|(reason, counter)| (*reason, get(counter)));
            let tally = Tally {
                read: get(&counters.read),
                published: get(&counters.published),
                not_relevant: get(&counters.not_relevant),
                rejected: get(&counters.rejected),
                events: get(&counters.events),
                references: get(&counters.references),
                unnamed: get(&counters.unnamed),
                reasons: reasons.collect(),
            };
            (source, tally)
        })
    }
}
