//! What the last committed transactions say, for metrics and for people.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use measurement::time::Timestamp;
use records::Accounting;
use serde::Serialize;

use crate::task::{Fate, Task};

/// Where the first event lies that was not counted, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// Beyond the horizon of a construct that asks for it.
    pub late: Option<i64>,
    /// Again.
    pub duplicate: Option<i64>,
    /// Another event has its identity.
    pub conflict: Option<i64>,
    /// Not readable.
    pub rejected: Option<i64>,
}

impl Examples {
    pub(crate) fn note(&mut self, fate: Fate, offset: i64) {
        let place = match fate {
            Fate::Late => &mut self.late,
            Fate::Duplicate => &mut self.duplicate,
            Fate::Conflict => &mut self.conflict,
            Fate::Rejected => &mut self.rejected,
            Fate::Used | Fate::NotRelevant => return,
        };
        place.get_or_insert(offset);
    }
}

/// Where a record lies in `vernier.events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// What became of the events of one source, as people read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Name of the source.
    pub source: String,
    /// Numbers since the beginning, over the partitions of this instance.
    #[serde(flatten)]
    pub counts: Accounting,
    /// The first one of each kind since this process started, by what became of it.
    pub examples: BTreeMap<&'static str, Place>,
}

/// What is known of one task.
#[derive(Clone, Debug, Default)]
struct Known {
    accounting: BTreeMap<String, Accounting>,
    watermarks: BTreeMap<String, Timestamp>,
    examples: BTreeMap<String, Examples>,
    /// How many offsets a build has still to read again.
    build: Option<i64>,
}

#[derive(Debug, Default)]
struct Shared {
    /// By partition.
    known: BTreeMap<i32, Known>,
    /// What has come since the process started, by source; falls never, whoever owns a partition.
    since: BTreeMap<String, Accounting>,
}

/// Counters by source. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Stats(Arc<Mutex<Shared>>);

impl Stats {
    /// Notes a task as it was restored: what it accounts for was there before.
    pub(crate) fn begin(&self, task: &Task) {
        self.with(|shared| shared.known.insert(task.partition(), Known::of(task)));
    }

    /// Notes a task whose transaction stands.
    pub(crate) fn note(&self, task: &Task) {
        self.with(|shared| {
            let known = Known::of(task);
            let before = shared.known.get(&task.partition()).map(|known| known.accounting.clone()).unwrap_or_default();
            // What is read a second time, because the state is built anew, has been told.
            if !task.is_rebuilding() {
                for (source, now) in &known.accounting {
                    let before = before.get(source).copied().unwrap_or_default();
                    *shared.since.entry(source.clone()).or_default() += more(*now, before);
                }
            }
            shared.known.insert(task.partition(), known);
        });
    }

    pub(crate) fn forget(&self, partition: i32) {
        self.with(|shared| shared.known.remove(&partition));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Accounting by source, over the partitions that this instance owns.
    pub fn accounting(&self) -> BTreeMap<String, Accounting> {
        self.with(|shared| {
            let mut sums: BTreeMap<String, Accounting> = BTreeMap::new();
            for (source, counts) in shared.known.values().flat_map(|known| &known.accounting) {
                *sums.entry(source.clone()).or_default() += *counts;
            }
            sums
        })
    }

    /// What has come since this process started, by source.
    pub fn since_start(&self) -> BTreeMap<String, Accounting> {
        self.with(|shared| shared.since.clone())
    }

    /// The accounts of all sources, each with the first example of what was not counted.
    pub fn accounts(&self) -> Vec<Account> {
        let accounting = self.accounting();
        self.with(|shared| {
            let account = |(source, counts)| {
                let mut examples = BTreeMap::new();
                for (partition, known) in &shared.known {
                    let Some(found) = known.examples.get(&source) else { continue };
                    let Examples { late, duplicate, conflict, rejected } = *found;
                    let named =
                        [("late", late), ("duplicate", duplicate), ("conflict", conflict), ("rejected", rejected)];
                    for (name, offset) in named {
                        let Some(offset) = offset else { continue };
                        examples.entry(name).or_insert(Place { partition: *partition, offset });
                    }
                }
                Account { source, counts, examples }
            };
            accounting.into_iter().map(account).collect()
        })
    }

    /// How many offsets builds have still to read again, by partition.
    pub fn builds(&self) -> BTreeMap<i32, i64> {
        self.with(|shared| {
            let builds = shared.known.iter().map(|(partition, known)| (*partition, known.build.unwrap_or(0)));
            builds.collect()
        })
    }

    /// Least watermark by source, over the partitions that this instance owns.
    pub fn watermarks(&self) -> BTreeMap<String, Timestamp> {
        self.with(|shared| {
            let mut least: BTreeMap<String, Timestamp> = BTreeMap::new();
            for (source, watermark) in shared.known.values().flat_map(|known| &known.watermarks) {
                least.entry(source.clone()).and_modify(|least| *least = (*least).min(*watermark)).or_insert(*watermark);
            }
            least
        })
    }
}

impl Known {
    fn of(task: &Task) -> Self {
        Self {
            accounting: task.accounting().clone(),
            watermarks: task.watermarks().clone(),
            examples: task.examples().clone(),
            build: task.build().map(|(next, until)| until.saturating_sub(next)),
        }
    }
}

/// What is more now than before.
const fn more(now: Accounting, before: Accounting) -> Accounting {
    let Accounting { read, used, not_relevant, late, duplicate, conflict, rejected, references } = now;
    Accounting {
        read: read.saturating_sub(before.read),
        used: used.saturating_sub(before.used),
        not_relevant: not_relevant.saturating_sub(before.not_relevant),
        late: late.saturating_sub(before.late),
        duplicate: duplicate.saturating_sub(before.duplicate),
        conflict: conflict.saturating_sub(before.conflict),
        rejected: rejected.saturating_sub(before.rejected),
        references: references.saturating_sub(before.references),
    }
}
