//! Counters of a runner, shared with whoever exports them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::protocol::Counts;

#[derive(Debug, Default)]
struct Counters {
    records: AtomicU64,
    commits: AtomicU64,
    aborts: AtomicU64,
    rebuilds: AtomicU64,
    restored: AtomicU64,
    assigned: AtomicU64,
    reading: AtomicU64,
    refused: AtomicU64,
}

/// Counters since the start of the process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct RunnerStats(Arc<Counters>);

impl RunnerStats {
    /// Records read.
    pub fn records(&self) -> u64 {
        self.0.records.load(Ordering::Relaxed)
    }

    /// Transactions committed.
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Relaxed)
    }

    /// Transactions aborted.
    pub fn aborts(&self) -> u64 {
        self.0.aborts.load(Ordering::Relaxed)
    }

    /// Producers replaced, because the outcome of a transaction was unknown or a request had been repeated.
    pub fn rebuilds(&self) -> u64 {
        self.0.rebuilds.load(Ordering::Relaxed)
    }

    /// Changelog records that state was restored from.
    pub fn restored(&self) -> u64 {
        self.0.restored.load(Ordering::Relaxed)
    }

    /// Partitions assigned now.
    pub fn assigned(&self) -> u64 {
        self.0.assigned.load(Ordering::Relaxed)
    }

    /// Whether there are partitions, and all of them are restored and read.
    pub fn ready(&self) -> bool {
        let assigned = self.assigned();
        assigned > 0 && self.0.reading.load(Ordering::Relaxed) == assigned
    }

    /// Partitions that are assigned and not read, because the topic has grown beyond what the state is bound to.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    pub(super) fn add_records(&self, count: usize) {
        self.0.records.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn add_restored(&self, count: usize) {
        self.0.restored.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn note(&self, counts: Counts, assigned: usize, reading: usize, refused: usize) {
        for (counter, value) in [
            (&self.0.commits, counts.commits),
            (&self.0.aborts, counts.aborts),
            (&self.0.rebuilds, counts.unclear + counts.repeats),
            (&self.0.assigned, assigned as u64),
            (&self.0.reading, reading as u64),
            (&self.0.refused, refused as u64),
        ] {
            counter.store(value, Ordering::Relaxed);
        }
    }
}
