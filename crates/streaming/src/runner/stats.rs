//! Counters of a runner, shared with whoever exports them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[derive(Debug, Default)]
struct Counters {
    records: AtomicU64,
    commits: AtomicU64,
    aborts: AtomicU64,
    rebuilds: AtomicU64,
    restored: AtomicU64,
    assigned: AtomicU64,
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

    /// Producers replaced because the outcome of a transaction was unknown.
    pub fn rebuilds(&self) -> u64 {
        self.0.rebuilds.load(Ordering::Relaxed)
    }

    /// Changelog records read by restores.
    pub fn restored(&self) -> u64 {
        self.0.restored.load(Ordering::Relaxed)
    }

    /// Partitions assigned now.
    pub fn assigned(&self) -> u64 {
        self.0.assigned.load(Ordering::Relaxed)
    }

    pub(super) fn add_records(&self, count: usize) {
        self.0.records.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn add_commit(&self) {
        self.0.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_abort(&self) {
        self.0.aborts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_rebuild(&self) {
        self.0.rebuilds.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_restored(&self, count: usize) {
        self.0.restored.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn set_assigned(&self, count: usize) {
        self.0.assigned.store(count as u64, Ordering::Relaxed);
    }
}
