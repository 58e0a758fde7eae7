//! Counters for the process shell: what the last committed transactions say.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use measurement::time::Timestamp;
use records::Accounting;

use crate::task::Task;

/// What is known of one task.
#[derive(Clone, Debug, Default)]
struct Known {
    accounting: BTreeMap<String, Accounting>,
    watermarks: BTreeMap<String, Timestamp>,
}

/// Counters by source. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Stats(Arc<Mutex<BTreeMap<i32, Known>>>);

impl Stats {
    pub(crate) fn note(&self, task: &Task) {
        let known = Known { accounting: task.accounting().clone(), watermarks: task.watermarks().clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task.partition, known);
    }

    pub(crate) fn forget(&self, partition: i32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    /// Accounting by source, over the partitions that this instance owns.
    pub fn accounting(&self) -> BTreeMap<String, Accounting> {
        let mut sums: BTreeMap<String, Accounting> = BTreeMap::new();
        for known in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            for (source, counts) in &known.accounting {
                *sums.entry(source.clone()).or_default() += *counts;
            }
        }
        sums
    }

    /// Least watermark by source, over the partitions that this instance owns.
    pub fn watermarks(&self) -> BTreeMap<String, Timestamp> {
        let mut least: BTreeMap<String, Timestamp> = BTreeMap::new();
        for known in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            for (source, watermark) in &known.watermarks {
                least.entry(source.clone()).and_modify(|least| *least = (*least).min(*watermark)).or_insert(*watermark);
            }
        }
        least
    }
}
