//! What every table of a task has in common: entries, whether they have changed, and what the changelogs hold of them.
//!
//! The digest is the sum modulo 2^128 of a hash of each live key and value in the task's changelogs. It
//! is kept by subtracting the old and adding the new, does not depend on order or compaction, and is
//! computed anew at a restore: a changelog that was torn, cut or written by somebody else differs.

use std::{
    collections::{HashMap, hash_map::Entry as Place},
    hash::Hash,
    sync::Arc,
};

use records::Topics;
use sha2::{Digest as _, Sha256};
use streaming::{OutRecord, Outbox, Record};

/// Which of a task's changelogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changelog {
    /// `vernier.measures`, which the evaluator reads.
    Measures,
    /// `vernier.populations`, which the task alone reads.
    Populations,
}

impl Changelog {
    /// Where a record of a changelog lies.
    pub(crate) fn of(topics: &Topics, record: &Record) -> Self {
        if *record.partition.topic == *topics.measures { Self::Measures } else { Self::Populations }
    }

    fn topic(self, topics: &Topics) -> &str {
        match self {
            Self::Measures => &topics.measures,
            Self::Populations => &topics.populations,
        }
    }

    /// Its number within hashes.
    const fn number(self) -> u8 {
        match self {
            Self::Measures => 0,
            Self::Populations => 1,
        }
    }
}

/// Hash of a record as it lies in a changelog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written(u128);

impl Written {
    /// No record lies there.
    pub(crate) const NOTHING: Self = Self(0);

    /// The hash of one record.
    pub(crate) fn hash(changelog: Changelog, key: &[u8], value: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([changelog.number()]);
        hasher.update(u64::try_from(key.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(key);
        hasher.update(value);
        Self(hasher.finalize().iter().take(16).fold(0, |hash, byte| (hash << 8) | u128::from(*byte)))
    }
}

/// Sum of hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(u128);

impl Digest {
    /// Replaces one record's hash by another.
    pub(crate) fn replace(&mut self, old: Written, new: Written) {
        self.0 = self.0.wrapping_sub(old.0).wrapping_add(new.0);
    }

    /// As a frontier writes it.
    pub(crate) fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// One transaction of a task, as its tables see it.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    /// Names of the topics.
    pub topics: &'a Topics,
    /// Partition of all changelogs.
    pub partition: i32,
    /// Offset in `vernier.events` up to which (exclusive) everything is folded.
    pub covered: i64,
    /// Over everything that lies in the changelogs.
    pub digest: &'a mut Digest,
    /// Where the records go.
    pub out: &'a mut Outbox,
}

impl Writer<'_> {
    /// Puts a record into a changelog, in the place of what was written under its key.
    pub(crate) fn put(&mut self, changelog: Changelog, key: Vec<u8>, value: Vec<u8>, before: Written) -> Written {
        let written = Written::hash(changelog, &key, &value);
        self.send(changelog, key, Some(value));
        self.digest.replace(before, written);
        written
    }

    /// Removes what was written under a key.
    pub(crate) fn remove(&mut self, changelog: Changelog, key: Vec<u8>, before: Written) {
        self.send(changelog, key, None);
        self.digest.replace(before, Written::NOTHING);
    }

    fn send(&mut self, changelog: Changelog, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.out.send(OutRecord {
            topic: Arc::from(changelog.topic(self.topics)),
            partition: Some(self.partition),
            key: Some(key),
            value,
            ..OutRecord::default()
        });
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry<V> {
    value: V,
    written: Written,
    dirty: bool,
}

/// Values by key. It knows which of them differ from what the changelog holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table<K: Eq + Hash, V> {
    changelog: Changelog,
    entries: HashMap<K, Entry<V>>,
    /// Keys of the entries that are dirty, each once.
    dirty: Vec<K>,
}

impl<K: Clone + Eq + Hash + Ord, V> Table<K, V> {
    /// An empty table with its changelog.
    pub(crate) fn new(changelog: Changelog) -> Self {
        Self { changelog, entries: HashMap::new(), dirty: Vec::new() }
    }

    /// The value of a key.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    /// The value of a key to be changed, made if it is new.
    pub(crate) fn change(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let entry = match self.entries.entry(key) {
            Place::Occupied(known) => {
                if !known.get().dirty {
                    self.dirty.push(known.key().clone());
                }
                known.into_mut()
            }
            Place::Vacant(place) => {
                self.dirty.push(place.key().clone());
                place.insert(Entry { value: new(), written: Written::NOTHING, dirty: true })
            }
        };
        entry.dirty = true;
        &mut entry.value
    }

    /// Puts a value in the place of what was known.
    pub(crate) fn replace(&mut self, key: K, value: V) {
        match self.entries.entry(key) {
            Place::Occupied(mut known) => {
                if !std::mem::replace(&mut known.get_mut().dirty, true) {
                    self.dirty.push(known.key().clone());
                }
                known.get_mut().value = value;
            }
            Place::Vacant(place) => {
                self.dirty.push(place.key().clone());
                place.insert(Entry { value, written: Written::NOTHING, dirty: true });
            }
        }
    }

    /// Changes the value of a key, made if it is new. `change` says whether it did: what it left as it was is not written
    /// again, and not kept where it was new.
    pub(crate) fn update(&mut self, key: K, new: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> bool) -> bool {
        match self.entries.entry(key) {
            Place::Occupied(mut known) => {
                let changed = change(&mut known.get_mut().value);
                if changed && !known.get().dirty {
                    known.get_mut().dirty = true;
                    self.dirty.push(known.key().clone());
                }
                changed
            }
            Place::Vacant(place) => {
                let mut value = new();
                let changed = change(&mut value);
                if changed {
                    self.dirty.push(place.key().clone());
                    place.insert(Entry { value, written: Written::NOTHING, dirty: true });
                }
                changed
            }
        }
    }

    /// Takes a value from the changelog.
    pub(crate) fn load(&mut self, key: K, value: V, written: Written) {
        self.entries.insert(key, Entry { value, written, dirty: false });
    }

    /// The same values under the keys that another plan has for them. What it has none for is handed to `gone`, with what
    /// the changelog holds of it.
    pub(crate) fn carry<L: Clone + Eq + Hash + Ord>(
        self,
        key: impl Fn(&K) -> Option<L>,
        mut gone: impl FnMut(K, Written),
    ) -> Table<L, V> {
        let mut carried = Table::new(self.changelog);
        for (old, entry) in self.entries {
            match key(&old) {
                Some(new) => {
                    if entry.dirty {
                        carried.dirty.push(new.clone());
                    }
                    carried.entries.insert(new, entry);
                }
                None => gone(old, entry.written),
            }
        }
        carried
    }

    /// All keys and values, whatever the changelog holds of them.
    pub(crate) fn into_values(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_iter().map(|(key, entry)| (key, entry.value))
    }

    /// Marks everything as changed: after a rebuild all of it is written again.
    pub(crate) fn touch_all(&mut self) {
        self.dirty = self.entries.keys().cloned().collect();
        self.entries.values_mut().for_each(|entry| entry.dirty = true);
    }

    /// Writes what has changed, in the order of keys. `wire` gives key and value of a record; it may let go of what
    /// nobody can ask for any more.
    pub(crate) fn write(&mut self, writer: &mut Writer<'_>, mut wire: impl FnMut(&K, &mut V) -> (Vec<u8>, Vec<u8>)) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        for key in dirty {
            let Some(entry) = self.entries.get_mut(&key) else {
                debug_assert!(false, "what is dirty is there");
                continue;
            };
            let (wire_key, wire_value) = wire(&key, &mut entry.value);
            entry.written = writer.put(self.changelog, wire_key, wire_value, entry.written);
            entry.dirty = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_order_and_forgets_what_was_replaced() {
        let hash = |key: &[u8], value: &[u8]| Written::hash(Changelog::Measures, key, value);
        let mut one = Digest::default();
        one.replace(Written::NOTHING, hash(b"a", b"1"));
        one.replace(Written::NOTHING, hash(b"b", b"2"));
        one.replace(hash(b"a", b"1"), hash(b"a", b"3"));
        let mut two = Digest::default();
        two.replace(Written::NOTHING, hash(b"a", b"3"));
        two.replace(Written::NOTHING, hash(b"b", b"2"));
        assert_eq!(one, two);
        assert_ne!(hash(b"ab", b"c"), hash(b"a", b"bc"));
        assert_ne!(hash(b"a", b"1"), Written::hash(Changelog::Populations, b"a", b"1"));
    }

    #[test]
    fn what_has_not_changed_is_not_written() {
        let topics = Topics::default();
        let (mut digest, mut out) = (Digest::default(), Outbox::default());
        let mut table: Table<u8, u8> = Table::new(Changelog::Populations);
        let mut write = |table: &mut Table<u8, u8>| {
            let before = out.len();
            let mut writer = Writer { topics: &topics, partition: 0, covered: 0, digest: &mut digest, out: &mut out };
            table.write(&mut writer, |key, value| (vec![*key], vec![*value]));
            (out.len() - before, digest)
        };
        *table.change(2, || 0) = 7;
        assert!(!table.update(1, || 5, |_| false));
        assert_eq!(table.get(&1), None, "nothing came of it");
        let (written, one) = write(&mut table);
        assert_eq!(written, 1);
        assert_eq!(write(&mut table), (0, one));
        let add = |value: &mut u8| {
            *value += 1;
            true
        };
        assert!(table.update(1, || 5, add) && table.update(1, || 5, add));
        assert_eq!(table.get(&1), Some(&7));
        let (written, two) = write(&mut table);
        assert_eq!(written, 1);
        assert_ne!(one, two);
        table.replace(1, 9);
        table.replace(1, 7);
        assert_eq!(write(&mut table), (1, two), "the same again is the same digest");
    }
}
