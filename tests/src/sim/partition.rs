//! One partition: records, of open transactions too, and markers, all of which occupy offsets.

use std::{collections::BTreeMap, sync::Arc};

use streaming::Record;

/// What became of the transaction that a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug)]
enum Slot {
    Record { record: Arc<Record>, producer: u64, fate: Fate },
    Marker,
}

/// The log of one partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    slots: Vec<Slot>,
    first: i64,
    /// First offset of each producer's open transaction.
    open: BTreeMap<u64, i64>,
    /// Newest epoch of each producer that has written here.
    epochs: BTreeMap<u64, u32>,
}

/// What a read found.
pub(super) struct Found {
    pub(super) records: Vec<Arc<Record>>,
    /// Offset after everything that was looked at.
    pub(super) next: i64,
}

impl Partition {
    pub(super) const fn first(&self) -> i64 {
        self.first
    }

    pub(super) fn end(&self) -> i64 {
        i64::try_from(self.slots.len()).expect("no partition is that long")
    }

    pub(super) fn stable(&self) -> i64 {
        self.open.values().min().copied().unwrap_or_else(|| self.end())
    }

    pub(super) fn has_open(&self, producer: u64) -> bool {
        self.open.contains_key(&producer)
    }

    pub(super) fn knows_newer(&self, producer: u64, epoch: u32) -> bool {
        self.epochs.get(&producer).is_some_and(|known| *known > epoch)
    }

    /// Appends a record that belongs to no transaction.
    pub(super) fn append_plain(&mut self, mut record: Record) {
        record.offset = self.end();
        self.slots.push(Slot::Record { record: Arc::new(record), producer: 0, fate: Fate::Committed });
    }

    /// Appends a record of a transaction.
    pub(super) fn append(&mut self, mut record: Record, producer: u64, epoch: u32) {
        record.offset = self.end();
        self.open.entry(producer).or_insert(record.offset);
        self.epochs.insert(producer, epoch);
        self.slots.push(Slot::Record { record: Arc::new(record), producer, fate: Fate::Open });
    }

    /// Writes the marker that ends a producer's transaction. Gives how many records it decides on.
    pub(super) fn mark(&mut self, producer: u64, epoch: u32, commit: bool) -> usize {
        let mut count = 0;
        if let Some(from) = self.open.remove(&producer) {
            let decided = if commit { Fate::Committed } else { Fate::Aborted };
            for slot in self.slots.iter_mut().skip(usize::try_from(from).unwrap_or(0)) {
                if let Slot::Record { producer: of, fate, .. } = slot
                    && *of == producer
                    && *fate == Fate::Open
                {
                    *fate = decided;
                    count += 1;
                }
            }
        }
        self.epochs.insert(producer, epoch);
        self.slots.push(Slot::Marker);
        count
    }

    /// The next committed records, at most `most`.
    pub(super) fn read(&self, from: i64, most: usize) -> Found {
        let stable = self.stable();
        let mut found = Found { records: Vec::new(), next: from };
        let start = usize::try_from(from).unwrap_or(0);
        let end = usize::try_from(stable).unwrap_or(0);
        for slot in self.slots.get(start.min(end)..end).unwrap_or_default() {
            if let Slot::Record { record, fate: Fate::Committed, .. } = slot {
                if found.records.len() == most {
                    break;
                }
                found.records.push(Arc::clone(record));
            }
            found.next += 1;
        }
        found
    }

    pub(super) fn after_last_record(&self) -> i64 {
        let readable = |slot: &Slot| matches!(slot, Slot::Record { fate: Fate::Committed, .. });
        let last = self.slots.iter().rposition(readable);
        last.map_or(0, |last| i64::try_from(last).expect("no partition is that long") + 1)
    }

    /// Removes everything before an offset.
    pub(super) fn delete_before(&mut self, offset: i64) {
        self.first = offset.clamp(self.first, self.end());
    }
}
