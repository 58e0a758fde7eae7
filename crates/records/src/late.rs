//! Events that came after the restatement horizon of a construct, on `vernier.late`.

use measurement::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One event that a construct could no longer count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// Version of this payload.
    pub version: u32,
    /// Source of the event.
    pub source: String,
    /// Constructs whose horizon had passed.
    pub constructs: Vec<String>,
    /// Identity of the event (`metadata.uid`).
    pub uid: String,
    /// Event time.
    pub time: Timestamp,
    /// Watermark when it came.
    pub watermark: Timestamp,
    /// Where it lies in `vernier.events`.
    pub partition: i32,
    /// Where it lies in `vernier.events`.
    pub offset: i64,
}

impl Late {
    /// How far behind the watermark the event was, in milliseconds.
    pub fn delay_ms(&self) -> i64 {
        self.watermark.0.saturating_sub(self.time.0)
    }
}
