//! Raw records as they are sent: now and then late or doubled.

use crate::generate::{days::DAY, random::Random};

/// Source topics.
pub const TOPICS: &[&str] = &[
    "raw.awareness",
    "raw.cmdb",
    "raw.contracts",
    "raw.edr",
    "raw.facility",
    "raw.finance",
    "raw.grc",
    "raw.hr",
    "raw.iam",
    "raw.isms",
    "raw.itsm",
    "raw.lms",
    "raw.monitoring",
    "raw.network",
    "raw.scanner",
    "raw.sshd",
];
/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// It was sent before.
    Duplicate,
    /// It comes days after its event.
    Late,
}

/// A raw record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// When it arrives, in milliseconds.
    pub arrival: i64,
    /// Source topic.
    pub topic: &'static str,
    /// Value.
    pub bytes: Vec<u8>,
    /// What is wrong with it.
    pub flaw: Flaw,
}

pub(super) struct Writer {
    pub(super) random: Random,
    pub(super) end: i64,
    pub(super) next_id: u64,
    pub(super) records: Vec<Raw>,
}

impl Writer {
    pub(super) fn id(&mut self) -> String {
        self.next_id += 1;
        format!("tx-{:08}", self.next_id)
    }

    /// A record with an identity: now and then late or doubled.
    pub(super) fn send(&mut self, topic: &'static str, at: i64, value: &serde_json::Value) {
        let bytes = value.to_string().into_bytes();
        let delay = self.random.millis(20_000);
        let late = self.random.below(1000) < 30;
        let late_by = if late { 2 * DAY + self.random.millis(17 * DAY) } else { 0 };
        let arrival = at + delay + late_by;
        let in_time = arrival < self.end;
        let flaw = if late && in_time { Flaw::Late } else { Flaw::None };
        let arrival = if in_time { arrival } else { (at + delay).min(self.end - 1).max(at) };
        let doubled = self.random.below(1000) < 100;
        let again = arrival + self.random.millis(2 * DAY);
        if doubled && again < self.end {
            self.records.push(Raw { arrival: again, topic, bytes: bytes.clone(), flaw: Flaw::Duplicate });
        }
        self.records.push(Raw { arrival, topic, bytes, flaw });
    }
}
