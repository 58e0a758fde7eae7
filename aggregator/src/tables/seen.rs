//! Duplicates and conflicts: identities that were seen within the source's window, and what their events said.
//!
//! An identity is remembered as a 64-bit hash: among ten million of them a new event is mistaken for a
//! known one with a chance below one in 10^12. Beside it stands a hash of the event's text: whoever comes again and says
//! the same is a duplicate, whoever says something else is in conflict. What each transaction adds is one chunk of state;
//! a chunk goes when the newest of its identities has expired by the watermark.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use measurement::time::Timestamp;
use records::{RecordError, Seen, SeenKey, check_version, decode, encode};
use sha2::{Digest as _, Sha256};

use super::changelog::{Changelog, Writer, Written};

/// What is remembered where nobody knows what an event said: the chunk is older than the question.
const UNKNOWN: u64 = 0;

/// Most identities of one chunk: some 260 kB on the wire. A transaction that adds more, as after a rebuild, makes several
/// chunks, so that none is larger than a topic takes.
const MOST: usize = 8192;

/// Digits of a hash on the wire.
const DIGITS: usize = 16;

/// What the memory says of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Its identity is new.
    New,
    /// It came before, and said the same.
    Duplicate,
    /// Another event has its identity.
    Conflict,
}

/// One chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chunk {
    expires: Timestamp,
    hashes: Vec<u64>,
    written: Written,
}

/// The identities of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenSet {
    /// What was said, by identity.
    known: Known,
    chunks: BTreeMap<i64, Chunk>,
    /// What the open transaction adds: chunks by the offset of the first event of each.
    open: Vec<(i64, Chunk)>,
}

/// What was said, by identity. In parts, each of which grows by itself: one table would need half as much again while it
/// grows, when most memory is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known(Vec<HashMap<u64, u64>>);

impl Known {
    /// Leading bits of an identity that choose its part.
    const BITS: u32 = 6;

    fn part(&mut self, identity: u64) -> &mut HashMap<u64, u64> {
        let part = usize::try_from(identity >> (u64::BITS - Self::BITS)).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "there are as many parts as the bits can say")]
        &mut self.0[part]
    }
}

impl Default for Known {
    fn default() -> Self {
        Self(vec![HashMap::new(); 1 << Self::BITS])
    }
}

/// The hash of an identity within its scope: the primary copy, or one population's reference copies.
pub(crate) fn identity(source: &str, scope: &str, uid: &str) -> u64 {
    let mut hasher = Sha256::new();
    for part in [source, scope, uid] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    first_eight(hasher)
}

/// The hash of what an event says: its JSON without the white space between members, which means nothing. Never 0.
pub(crate) fn content(event: &[u8]) -> u64 {
    let mut hasher = Sha256::new();
    let (mut from, mut in_text, mut escaped) = (0, false, false);
    for (at, byte) in event.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b' ' | b'\t' | b'\n' | b'\r' if !in_text => {
                hasher.update(event.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
    }
    hasher.update(event.get(from..).unwrap_or_default());
    first_eight(hasher).max(1)
}

fn first_eight(hasher: Sha256) -> u64 {
    hasher.finalize().iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

impl SeenSet {
    /// Remembers an identity, and what its event said, until the watermark passes `expires`.
    pub(crate) fn insert(&mut self, identity: u64, content: u64, offset: i64, expires: Timestamp) -> Sight {
        match self.known.part(identity).entry(identity) {
            Entry::Occupied(known) if *known.get() == content || *known.get() == UNKNOWN => Sight::Duplicate,
            Entry::Occupied(_) => Sight::Conflict,
            Entry::Vacant(place) => {
                place.insert(content);
                // An event has one identity at most, so that no two chunks begin at the same offset.
                if self.open.last().is_none_or(|(_, chunk)| chunk.hashes.len() >= MOST) {
                    self.open.push((offset, Chunk::default()));
                }
                if let Some((_, chunk)) = self.open.last_mut() {
                    chunk.expires = chunk.expires.max(expires);
                    chunk.hashes.push(identity);
                }
                Sight::New
            }
        }
    }

    /// Writes what the open transaction adds, and removes what has expired by the watermark, if that is known.
    pub(crate) fn write(&mut self, watermark: Option<Timestamp>, writer: &mut Writer<'_>) {
        for (offset, mut chunk) in std::mem::take(&mut self.open) {
            let wire = encode(&SeenKey { first_offset: offset });
            let value = encode(&self.wire(&chunk));
            chunk.written = writer.put(Changelog::Populations, wire, value, Written::NOTHING);
            self.chunks.insert(offset, chunk);
        }
        let Some(watermark) = watermark else { return };
        for (first_offset, chunk) in self.chunks.extract_if(.., |_, chunk| chunk.expires < watermark) {
            for hash in chunk.hashes {
                self.known.part(hash).remove(&hash);
            }
            writer.remove(Changelog::Populations, encode(&SeenKey { first_offset }), chunk.written);
        }
    }

    fn wire(&mut self, chunk: &Chunk) -> Seen {
        let contents =
            chunk.hashes.iter().map(|identity| self.known.part(*identity).get(identity).copied().unwrap_or(UNKNOWN));
        Seen {
            version: records::VERSION,
            expires: chunk.expires,
            hashes: hexadecimal(chunk.hashes.iter().copied()),
            contents: hexadecimal(contents),
        }
    }

    /// Takes a chunk from the changelog.
    pub(crate) fn load(&mut self, key: SeenKey, value: &[u8], written: Written) -> Result<(), RecordError> {
        let seen: Seen = decode("seen chunk", value)?;
        check_version("seen chunk", seen.version)?;
        let hashes = numbers(&seen.hashes)?;
        let mut contents = numbers(&seen.contents)?.into_iter();
        for identity in &hashes {
            self.known.part(*identity).insert(*identity, contents.next().unwrap_or(UNKNOWN));
        }
        self.chunks.insert(key.first_offset, Chunk { expires: seen.expires, hashes, written });
        Ok(())
    }
}

fn hexadecimal(hashes: impl ExactSizeIterator<Item = u64>) -> String {
    use std::fmt::Write as _;
    let text = String::with_capacity(hashes.len() * DIGITS);
    hashes.fold(text, |mut text, hash| {
        // Writing to a String cannot fail.
        write!(text, "{hash:016x}").ok();
        text
    })
}

fn numbers(digits: &str) -> Result<Vec<u64>, RecordError> {
    let unreadable = |fault: &dyn std::fmt::Display| RecordError::Unreadable {
        kind: "seen chunk",
        source: serde::de::Error::custom(fault),
    };
    let number = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).map_err(|fault| unreadable(&fault))?;
        u64::from_str_radix(digits, 16).map_err(|fault| unreadable(&fault))
    };
    digits.as_bytes().chunks(DIGITS).map(number).collect()
}

#[cfg(test)]
mod tests {
    use records::Topics;
    use streaming::Outbox;

    use super::*;
    use crate::tables::changelog::Digest;

    fn insert(seen: &mut SeenSet, identity: u64, offset: i64, expires: i64) -> Sight {
        seen.insert(identity, 7, offset, Timestamp(expires))
    }

    /// Writes what is open and gives it to another set, as a restore does.
    fn restored(seen: &mut SeenSet, watermark: Option<Timestamp>) -> SeenSet {
        let (topics, mut digest, mut out) = (Topics::default(), Digest::default(), Outbox::default());
        let mut writer = Writer { topics: &topics, partition: 0, covered: 0, digest: &mut digest, out: &mut out };
        seen.write(watermark, &mut writer);
        let mut restored = SeenSet::default();
        for record in out.into_records() {
            let key = decode::<SeenKey>("seen chunk", &record.key.unwrap()).unwrap();
            restored.load(key, &record.value.unwrap(), Written::NOTHING).unwrap();
        }
        restored
    }

    #[test]
    fn an_identity_is_known_until_it_expires_also_after_a_restore() {
        let mut seen = SeenSet::default();
        let (a, b) = (identity("s", "", "a"), identity("s", "", "b"));
        assert_eq!(insert(&mut seen, a, 5, 100), Sight::New);
        assert_eq!(insert(&mut seen, a, 6, 100), Sight::Duplicate);
        let mut restored = restored(&mut seen, None);
        assert_eq!(insert(&mut restored, a, 9, 100), Sight::Duplicate);
        assert_eq!(insert(&mut restored, b, 9, 300), Sight::New);
        let (topics, mut digest, mut out) = (Topics::default(), Digest::default(), Outbox::default());
        let mut writer = Writer { topics: &topics, partition: 0, covered: 0, digest: &mut digest, out: &mut out };
        restored.write(Some(Timestamp(101)), &mut writer);
        let gone: Vec<_> = out.into_records().into_iter().filter(|record| record.value.is_none()).collect();
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].key, Some(encode(&SeenKey { first_offset: 5 })));
        assert_eq!(insert(&mut restored, a, 12, 400), Sight::New);
        assert_eq!(insert(&mut restored, b, 13, 400), Sight::Duplicate);
        assert_ne!(identity("s", "assets", "a"), a, "a reference copy is not a duplicate of its event");
    }

    #[test]
    fn who_says_something_else_is_in_conflict_also_after_a_restore() {
        let mut seen = SeenSet::default();
        let a = identity("s", "", "a");
        let (one, two) = (content(b"{\"n\":1}"), content(b"{\"n\":2}"));
        assert_eq!(seen.insert(a, one, 5, Timestamp(100)), Sight::New);
        assert_eq!(seen.insert(a, two, 6, Timestamp(100)), Sight::Conflict);
        assert_eq!(seen.insert(a, one, 7, Timestamp(100)), Sight::Duplicate, "what came first holds");
        let mut restored = restored(&mut seen, None);
        assert_eq!(restored.insert(a, two, 8, Timestamp(100)), Sight::Conflict);
        assert_eq!(restored.insert(a, one, 8, Timestamp(100)), Sight::Duplicate);
    }

    #[test]
    fn a_chunk_that_does_not_say_what_was_said_makes_duplicates() {
        let a = identity("s", "", "a");
        let older = Seen { version: 1, expires: Timestamp(9), hashes: format!("{a:016x}"), contents: String::new() };
        let mut seen = SeenSet::default();
        seen.load(SeenKey { first_offset: 3 }, &encode(&older), Written::NOTHING).unwrap();
        assert_eq!(seen.insert(a, content(b"{}"), 5, Timestamp(9)), Sight::Duplicate);
        let torn = Seen { hashes: "0".repeat(15) + "x", ..older };
        assert!(seen.load(SeenKey { first_offset: 4 }, &encode(&torn), Written::NOTHING).is_err());
    }

    #[test]
    fn a_transaction_of_many_identities_makes_chunks_of_a_bounded_size() {
        let mut seen = SeenSet::default();
        let many = i64::try_from(MOST).unwrap() * 2 + 1;
        for number in 0..many {
            assert_eq!(insert(&mut seen, identity("s", "", &number.to_string()), number, 100), Sight::New);
        }
        let mut restored = restored(&mut seen, None);
        assert_eq!(seen.chunks.keys().copied().collect::<Vec<_>>(), [0, many / 2, many - 1]);
        assert!(seen.chunks.values().all(|chunk| chunk.hashes.len() <= MOST));
        for number in 0..many {
            assert_eq!(insert(&mut restored, identity("s", "", &number.to_string()), number, 100), Sight::Duplicate);
        }
    }

    #[test]
    fn white_space_between_members_says_nothing() {
        assert_eq!(content(b"{\"a\": [1,\n\t2], \"b\":\"x y\"}\r\n"), content(b"{\"a\":[1,2],\"b\":\"x y\"}"));
        assert_ne!(content(b"{\"b\":\"x y\"}"), content(b"{\"b\":\"xy\"}"));
        assert_ne!(content(b"{\"b\":\"\\\" \"}"), content(b"{\"b\":\"\\\"\"}"), "an escaped quote ends no text");
    }
}
