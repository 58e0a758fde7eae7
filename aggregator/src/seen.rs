//! Duplicates: identities that were seen within the source's window.
//!
//! An identity is remembered as a 64-bit hash: among ten million of them a new event is mistaken for a
//! known one with a chance below one in 10^12. What each transaction adds is one chunk of state; a
//! chunk goes when the newest of its identities has expired by the watermark.

use std::collections::{BTreeMap, HashSet};

use measurement::time::Timestamp;
use records::Seen;
use sha2::{Digest as _, Sha256};

/// One chunk.
#[derive(Clone, Debug, Default)]
struct Chunk {
    expires: Timestamp,
    hashes: Vec<u64>,
}

/// The identities of a task.
#[derive(Clone, Debug, Default)]
pub struct SeenSet {
    known: HashSet<u64>,
    chunks: BTreeMap<i64, Chunk>,
    /// What the open transaction adds.
    open: Option<(i64, Chunk)>,
}

/// The hash of an identity within its scope: the primary copy, or one population's reference copies.
pub fn identity(source: &str, scope: &str, uid: &str) -> u64 {
    let mut hasher = Sha256::new();
    for part in [source, scope, uid] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

impl SeenSet {
    /// Remembers an identity until the watermark passes `expires`. False if it is known already.
    pub fn insert(&mut self, identity: u64, offset: i64, expires: Timestamp) -> bool {
        if !self.known.insert(identity) {
            return false;
        }
        let (_, chunk) = self.open.get_or_insert_with(|| (offset, Chunk::default()));
        chunk.expires = chunk.expires.max(expires);
        chunk.hashes.push(identity);
        true
    }

    /// Closes the chunk of the open transaction and gives its key and content.
    pub fn close_chunk(&mut self) -> Option<(i64, Seen)> {
        let (offset, chunk) = self.open.take()?;
        let seen = Seen { version: records::VERSION, expires: chunk.expires, hashes: hexadecimal(&chunk.hashes) };
        self.chunks.insert(offset, chunk);
        Some((offset, seen))
    }

    /// Takes a chunk from a changelog. `None` if it is not readable.
    pub fn restore(&mut self, offset: i64, seen: &Seen) -> Option<()> {
        let digits = seen.hashes.as_bytes().chunks(16);
        let hashes: Option<Vec<u64>> =
            digits.map(|digits| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()).collect();
        let hashes = hashes?;
        self.known.extend(&hashes);
        self.chunks.insert(offset, Chunk { expires: seen.expires, hashes });
        Some(())
    }

    /// Forgets the chunks that have expired and gives their keys.
    pub fn expire(&mut self, watermark: Timestamp) -> Vec<i64> {
        let expired: Vec<i64> =
            self.chunks.iter().filter(|(_, chunk)| chunk.expires < watermark).map(|(offset, _)| *offset).collect();
        for offset in &expired {
            for hash in self.chunks.remove(offset).map(|chunk| chunk.hashes).unwrap_or_default() {
                self.known.remove(&hash);
            }
        }
        expired
    }
}

fn hexadecimal(hashes: &[u64]) -> String {
    use std::fmt::Write as _;
    hashes.iter().fold(String::with_capacity(hashes.len() * 16), |mut text, hash| {
        // Writing to a String cannot fail.
        write!(text, "{hash:016x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_known_until_it_expires_also_after_a_restore() {
        let mut seen = SeenSet::default();
        let (a, b) = (identity("s", "", "a"), identity("s", "", "b"));
        assert!(seen.insert(a, 5, Timestamp(100)));
        assert!(!seen.insert(a, 6, Timestamp(100)));
        let (offset, chunk) = seen.close_chunk().unwrap();
        assert_eq!((offset, seen.close_chunk()), (5, None));
        let mut restored = SeenSet::default();
        restored.restore(offset, &chunk).unwrap();
        assert!(!restored.insert(a, 9, Timestamp(100)));
        assert!(restored.insert(b, 9, Timestamp(300)));
        restored.close_chunk();
        assert_eq!(restored.expire(Timestamp(101)), [5]);
        assert!(restored.insert(a, 12, Timestamp(400)));
        assert!(!restored.insert(b, 13, Timestamp(400)));
        assert_ne!(identity("s", "assets", "a"), a, "a reference copy is not a duplicate of its event");
    }
}
