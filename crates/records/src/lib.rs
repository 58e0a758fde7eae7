//! Everything that crosses a Vernier topic: names, keys, headers and payloads.
//!
//! A record's path through these modules:
//! 1. [`topics`]: the topics, all named after one prefix;
//! 2. [`headers`]: what rides beside the payload on `vernier.events`;
//! 3. [`progress`]: how far ingest has read each source partition;
//! 4. [`intake`]: what became of the source records, minute by minute;
//! 5. [`dead_letter`]: what ingest could not use, with its origin;
//! 6. [`state`]: the aggregator's rows, seen chunks and frontier;
//! 7. [`aggregate`]: partial base measures and source activity, read by the evaluator;
//! 8. [`mod@unit`]: of which measures and populations there is state, and from when on it is whole;
//! 9. [`late`]: events that came after the restatement horizon;
//! 10. [`result`]: entries of the ledger;
//! 11. [`catalogue`]: which catalogue is in force, and from which offset on.
//!
//! Payloads are JSON, each with a `version`; a reader refuses a newer version than it knows.
//! Keys of compacted topics are JSON arrays that begin with the kind of the record, so that one
//! topic can hold several kinds and a person can read them with any Kafka tool.

pub mod topics;
pub mod headers;
pub mod progress;
pub mod intake;
pub mod dead_letter;
pub mod state;
pub mod aggregate;
pub mod unit;
pub mod late;
pub mod result;
pub mod catalogue;

pub use aggregate::{Activity, ActivityKey, Aggregate, AggregateKey};
pub use catalogue::{CatalogueRecord, Marker, TextKey};
pub use dead_letter::{DeadLetter, Stage};
pub use intake::{Intake, IntakeMinute};
pub use late::Late;
pub use progress::Progress;
pub use result::{BaseValue, Break, LedgerState, PeriodRef, Published, Quality, Reason, ResultRecord, SourceQuality};
pub use state::{Accounting, Frontier, RowKey, RowState, Seen, SeenKey, SourceProgress};
pub use topics::Topics;
pub use unit::{Ended, PopulationKey, Since, Unit, UnitKey};

/// The version that this build writes into every payload.
pub const VERSION: u32 = 1;

/// Why a record of one of our own topics could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The key or the value is not what this kind of record holds.
    #[error("unreadable {kind} record: {source}")]
    Unreadable {
        /// The kind of record that was expected.
        kind: &'static str,
        /// What the JSON reader said.
        source: serde_json::Error,
    },
    /// A newer build wrote the record.
    #[error("{kind} record has version {found}, this build reads up to {VERSION}: upgrade before reading it")]
    Newer {
        /// The kind of record.
        kind: &'static str,
        /// The version found.
        found: u32,
    },
}

/// Serialises a payload or key. Our own types hold no map with non-text keys and no non-finite
/// number, so that this cannot fail for them; an empty answer would be refused by every reader.
pub fn encode<T: serde::Serialize>(payload: &T) -> Vec<u8> {
    serde_json::to_vec(payload).unwrap_or_default()
}

/// Reads a payload or key of the given kind. What a newer build wrote, with fields that this one does not know, is
/// named as such.
pub fn decode<'a, T: serde::Deserialize<'a>>(kind: &'static str, bytes: &'a [u8]) -> Result<T, RecordError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u32,
    }
    serde_json::from_slice(bytes).map_err(|source| match serde_json::from_slice::<Versioned>(bytes) {
        Ok(Versioned { version: found }) if found > VERSION => RecordError::Newer { kind, found },
        _ => RecordError::Unreadable { kind, source },
    })
}

/// For counts that are left out of a payload where they are zero.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
pub(crate) const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Refuses a payload of a newer version.
pub fn check_version(kind: &'static str, found: u32) -> Result<(), RecordError> {
    if found > VERSION { Err(RecordError::Newer { kind, found }) } else { Ok(()) }
}
