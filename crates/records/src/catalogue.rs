//! Which catalogue is in force: `vernier.catalogue`, and its markers on `vernier.events`.
//!
//! A catalogue is written once and for good: its texts, each under the hash of what it says, and one record that names
//! them, its predecessor, and who approved it. In the same transaction a marker goes to every partition of the events: its
//! offset is the cut, so that whoever reads the partition again meets the change where it was met first.

use std::collections::BTreeMap;

use measurement::{digest, time::Timestamp};
use serde::{Deserialize, Serialize};

use crate::encode;

/// What a text lies under. On the wire: `["text", hash]`; the value is the text itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "TextKeyWire", from = "TextKeyWire")]
pub struct TextKey {
    /// SHA-256 of the text, in hexadecimal.
    pub hash: String,
}

type TextKeyWire = (TextTag, String);

#[derive(Serialize, Deserialize)]
enum TextTag {
    #[serde(rename = "text")]
    Text,
}

impl From<TextKey> for TextKeyWire {
    fn from(key: TextKey) -> Self {
        (TextTag::Text, key.hash)
    }
}

impl From<TextKeyWire> for TextKey {
    fn from((_, hash): TextKeyWire) -> Self {
        Self { hash }
    }
}

impl TextKey {
    /// The key of a text.
    pub fn of(text: &str) -> Self {
        Self { hash: digest::whole(text.as_bytes()) }
    }
}

/// One catalogue that was put into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueRecord {
    /// Version of this payload.
    pub version: u32,
    /// Number of this record, from 1.
    pub sequence: u64,
    /// Hash of the bytes of the record before it; empty for the first.
    pub previous: String,
    /// Digest of what is measured, as services tell it.
    pub digest: String,
    /// Hashes of the texts, by path within the catalogue's folder.
    pub files: BTreeMap<String, String>,
    /// From when on what is new counts, at the earliest; absent for: as soon as nothing of it can be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Timestamp>,
    /// Whether what is new is built from the events that were there before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// From when on what is new is entered beside results of the definitions before; absent for: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backcast_from: Option<Timestamp>,
    /// For how many periods what is left is entered beside results of what has followed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub overlap: u32,
    /// Whether all state is built anew from the events, because what there is is not to be trusted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebuild: bool,
    /// Who approved it.
    pub approver: String,
    /// Why it was put into force.
    pub reason: String,
    /// Digest of the plan that was approved; absent where there was nothing to plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// When it was written, by the clock of whoever wrote it.
    pub at: Timestamp,
    /// Ends of the partitions of the events before it was written: its markers lie there or behind.
    pub cuts: BTreeMap<i32, i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_none(number: &u32) -> bool {
    *number == 0
}

impl CatalogueRecord {
    /// The key of all of them.
    pub const KEY: &'static [u8] = br#"["catalogue"]"#;

    /// The hash by which its successor names it.
    pub fn hash(bytes: &[u8]) -> String {
        digest::whole(bytes)
    }
}

/// Says in a partition of the events that another catalogue is in force from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// Version of this payload.
    pub version: u32,
    /// Number of the catalogue's record.
    pub sequence: u64,
    /// Hash of that record's bytes.
    pub record: String,
}

impl Marker {
    /// The key of a marker.
    pub fn key(&self) -> Vec<u8> {
        encode(&("catalogue", self.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    #[test]
    fn a_text_lies_under_what_it_says() {
        let key = TextKey::of("a: 1\n");
        assert_eq!(key.hash.len(), 64);
        assert_eq!(decode::<TextKey>("text", &encode(&key)).unwrap(), key);
        assert_ne!(TextKey::of("a: 2\n"), key);
        assert!(decode::<TextKey>("text", CatalogueRecord::KEY).is_err());
        let marker = Marker { version: 1, sequence: 7, record: "h".to_owned() };
        assert_eq!(marker.key(), br#"["catalogue",7]"#);
    }
}
