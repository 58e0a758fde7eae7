//! The digest of a task's state, computed from the topics: the sum modulo 2^128 of a hash of each live key and value
//! in the same partition of both changelogs, frontiers left out. The hash is the first half of SHA-256 over the
//! number of the changelog (0 measures, 1 populations), the length of the key in eight bytes, the lowest first, the
//! key and the value.

use std::collections::HashMap;

use streaming::Record;

/// Number of the measures.
pub(super) const MEASURES: u8 = 0;
/// Number of the populations.
pub(super) const POPULATIONS: u8 = 1;

/// One changelog's share of the digest.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    changelog: u8,
    live: HashMap<Vec<u8>, u128>,
    pub(super) sum: u128,
}

impl Digest {
    pub(super) fn new(changelog: u8) -> Self {
        Self { changelog, live: HashMap::new(), sum: 0 }
    }

    /// Takes in a record: the newest of its key is what lives, and a tombstone ends it.
    pub(super) fn take(&mut self, record: &Record) {
        let key = record.key.clone().unwrap_or_default();
        let old = match &record.value {
            Some(value) => {
                let hash = hash(self.changelog, &key, value);
                self.sum = self.sum.wrapping_add(hash);
                self.live.insert(key, hash)
            }
            None => self.live.remove(&key),
        };
        self.sum = self.sum.wrapping_sub(old.unwrap_or(0));
    }
}

fn hash(changelog: u8, key: &[u8], value: &[u8]) -> u128 {
    let length = u64::try_from(key.len()).expect("a key has a length").to_le_bytes();
    let whole: Vec<u8> = [&[changelog], length.as_slice(), key, value].concat();
    let digits = records::result::hash(&whole);
    let half = digits.get(..32).expect("SHA-256 has 64 digits");
    u128::from_str_radix(half, 16).expect("they are hexadecimal")
}
