//! What a task keeps, with the digest over what it has written.
//!
//! The digest is the sum modulo 2^128 of a hash of each live key and value in the task's changelogs. It
//! is kept by subtracting the old and adding the new, does not depend on order or compaction, and is
//! computed anew at a restore: a changelog that was torn, cut or written by somebody else differs.

use std::collections::HashMap;

use measurement::{accumulate::Accumulator, calendar::Period, population::Row, time::Timestamp};
use records::IntakeMinute;
use sha2::{Digest as _, Sha256};

/// Sum of hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// The hash of one record.
    pub fn of(topic: u8, key: &[u8], value: &[u8]) -> u128 {
        let mut hasher = Sha256::new();
        hasher.update([topic]);
        hasher.update(u64::try_from(key.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(key);
        hasher.update(value);
        hasher.finalize().iter().take(16).fold(0, |hash, byte| (hash << 8) | u128::from(*byte))
    }

    /// Replaces one record's hash by another; 0 stands for no record.
    pub fn replace(&mut self, old: u128, new: u128) {
        self.0 = self.0.wrapping_sub(old).wrapping_add(new);
    }

    /// As a frontier writes it.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// Key of an aggregate within a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellKey {
    /// Index of the construct.
    pub construct: usize,
    /// Index of the base measure.
    pub base: usize,
    /// Start of the period.
    pub start: Timestamp,
    /// Number of the group.
    pub group: u32,
}

/// An aggregate.
#[derive(Clone, Debug)]
pub struct Cell {
    /// End of the period.
    pub end: Timestamp,
    /// Value.
    pub accumulator: Accumulator,
    /// Hash of what was written last; 0 for nothing.
    pub written: u128,
    /// Whether it has changed since.
    pub dirty: bool,
}

/// What a source sent in one elementary interval.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivityCell {
    /// First and last sign of life; `None` where there is none.
    pub life: Option<(Timestamp, Timestamp)>,
    /// Number of events.
    pub count: u64,
    /// Elements of source records that were read.
    pub read: u64,
    /// Elements that are in no figure because they could not be read.
    pub refused: u64,
    /// Elements in which something had to be replaced.
    pub replaced: u64,
    /// Hash of what was written last.
    pub written: u128,
    /// Whether it has changed since.
    pub dirty: bool,
}

impl ActivityCell {
    fn lives(&mut self, (first, last): (Timestamp, Timestamp)) {
        self.life = Some(self.life.map_or((first, last), |known| (known.0.min(first), known.1.max(last))));
    }
}

/// A row of a population.
#[derive(Clone, Debug, Default)]
pub struct RowCell {
    /// Versions.
    pub row: Row,
    /// Hash of what was written last.
    pub written: u128,
    /// Whether it has changed since.
    pub dirty: bool,
}

/// The state of a task.
#[derive(Debug, Default)]
pub struct Store {
    /// Aggregates.
    pub cells: HashMap<CellKey, Cell>,
    /// Aggregates that have changed.
    pub dirty_cells: Vec<CellKey>,
    /// Activity by source and start of the interval.
    pub activity: HashMap<(String, Timestamp), ActivityCell>,
    /// Activity that has changed.
    pub dirty_activity: Vec<(String, Timestamp)>,
    /// Rows by population.
    pub rows: Vec<HashMap<String, RowCell>>,
    /// Rows that have changed.
    pub dirty_rows: Vec<(usize, String)>,
    /// Hashes of seen chunks as written.
    pub chunks: HashMap<i64, u128>,
    /// Over everything that was written.
    pub digest: Digest,
    /// Keys that lie in the changelogs and belong to nothing in this state: tombstones to be written.
    /// The number says which changelog.
    pub orphans: Vec<(u8, Vec<u8>)>,
}

/// Number of the measures topic within digests.
pub const MEASURES: u8 = 0;
/// Number of the populations topic within digests.
pub const POPULATIONS: u8 = 1;

impl Store {
    /// An empty state for so many populations.
    pub fn new(populations: usize) -> Self {
        Self { rows: vec![HashMap::new(); populations], ..Self::default() }
    }

    /// The aggregate of a key, made if it is new, marked as changed.
    pub fn touch(&mut self, key: CellKey, period: &Period, new: impl FnOnce() -> Accumulator) -> &mut Cell {
        let cell = self.cells.entry(key).or_insert_with(|| Cell {
            end: period.end,
            accumulator: new(),
            written: 0,
            dirty: false,
        });
        if !cell.dirty {
            cell.dirty = true;
            self.dirty_cells.push(key);
        }
        cell
    }

    /// Notes an event of a source. `alive` says whether it is one by which the source is alive.
    pub fn note_activity(&mut self, source: &str, interval: Timestamp, time: Timestamp, alive: bool) {
        let cell = self.touch_activity(source, interval);
        cell.count = cell.count.saturating_add(1);
        if alive {
            cell.lives((time, time));
        }
    }

    /// Notes an event that is in no figure: another one has its identity.
    pub fn note_conflict(&mut self, source: &str, interval: Timestamp) {
        let cell = self.touch_activity(source, interval);
        cell.refused = cell.refused.saturating_add(1);
    }

    /// Notes what became of source records. `alive` says whether records are what the source is alive by.
    pub fn note_intake(&mut self, source: &str, interval: Timestamp, minute: &IntakeMinute, alive: bool) {
        let cell = self.touch_activity(source, interval);
        cell.read = cell.read.saturating_add(minute.read);
        cell.refused = cell.refused.saturating_add(minute.refused);
        cell.replaced = cell.replaced.saturating_add(minute.replaced);
        if alive {
            cell.lives((minute.first, minute.last));
        }
    }

    fn touch_activity(&mut self, source: &str, interval: Timestamp) -> &mut ActivityCell {
        let key = (source.to_owned(), interval);
        let cell = self.activity.entry(key).or_default();
        if !cell.dirty {
            cell.dirty = true;
            self.dirty_activity.push((source.to_owned(), interval));
        }
        cell
    }

    /// Marks everything as changed: after a rebuild all of it is written again.
    pub fn touch_all(&mut self) {
        self.dirty_cells = self.cells.keys().copied().collect();
        self.cells.values_mut().for_each(|cell| cell.dirty = true);
        self.dirty_activity = self.activity.keys().cloned().collect();
        self.activity.values_mut().for_each(|cell| cell.dirty = true);
        self.dirty_rows = self
            .rows
            .iter()
            .enumerate()
            .flat_map(|(population, rows)| rows.keys().map(move |key| (population, key.clone())))
            .collect();
        self.rows.iter_mut().flat_map(HashMap::values_mut).for_each(|row| row.dirty = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_order_and_forgets_what_was_replaced() {
        let hash = |key: &[u8], value: &[u8]| Digest::of(MEASURES, key, value);
        let mut one = Digest::default();
        one.replace(0, hash(b"a", b"1"));
        one.replace(0, hash(b"b", b"2"));
        one.replace(hash(b"a", b"1"), hash(b"a", b"3"));
        let mut two = Digest::default();
        two.replace(0, hash(b"a", b"3"));
        two.replace(0, hash(b"b", b"2"));
        assert_eq!(one, two);
        assert_ne!(hash(b"ab", b"c"), hash(b"a", b"bc"));
        assert_ne!(Digest::of(MEASURES, b"a", b"1"), Digest::of(POPULATIONS, b"a", b"1"));
    }
}
