//! What must never go back, told record by record: frontiers of tasks, and the ledger.

use std::collections::{BTreeMap, HashMap};

use measurement::time::Timestamp;
use records::{Frontier, LedgerState, ResultRecord};

use super::anomaly::Anomaly;

/// The frontiers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Frontiers {
    last: Option<Frontier>,
}

impl Frontiers {
    /// The newest one.
    pub(super) const fn last(&self) -> Option<&Frontier> {
        self.last.as_ref()
    }

    /// Takes in the next one. Numbers follow each other from 1 without gaps, whoever writes: who takes a partition
    /// over goes on with the number that stands.
    pub(super) fn see(&mut self, (partition, offset): (i32, i64), frontier: Frontier, anomalies: &mut Vec<Anomaly>) {
        let before = self.last.as_ref();
        let number = before.map_or(0, |before| before.transaction);
        if frontier.transaction != number + 1 {
            let (from, to) = (number, frontier.transaction);
            anomalies.push(Anomaly::TransactionNumber { partition, offset, from, to });
        }
        if let Some(before) = before {
            if frontier.next_offset < before.next_offset {
                let (from, to) = (before.next_offset, frontier.next_offset);
                anomalies.push(Anomaly::FrontierFell { partition, offset, from, to });
            }
            for (source, from) in &before.watermarks {
                let to = frontier.watermarks.get(source).copied();
                if to.is_none_or(|to| to < *from) {
                    let source = source.clone();
                    anomalies.push(Anomaly::WatermarkFell { partition, offset, source, from: *from, to });
                }
            }
        }
        self.last = Some(frontier);
    }
}

/// The ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    next_sequence: u64,
    last_hash: String,
    revisions: HashMap<(String, Timestamp, BTreeMap<String, String>), u32>,
}

impl Chain {
    /// Takes in the next entry.
    pub(super) fn see(&mut self, offset: i64, bytes: &[u8], entry: &ResultRecord, anomalies: &mut Vec<Anomaly>) {
        let mut broken = |reason: String| {
            anomalies.push(Anomaly::LedgerBroken { offset, sequence: entry.sequence, reason });
        };
        if entry.sequence != self.next_sequence {
            broken(format!("{} is next", self.next_sequence));
        }
        if entry.previous != self.last_hash {
            broken(format!("the entry before it has the hash `{}`", self.last_hash));
        }
        let key = (entry.construct.clone(), entry.period.start, entry.group.clone());
        let standing = self.revisions.get(&key).copied();
        if entry.revision != standing.unwrap_or(0) + 1 || entry.supersedes != standing {
            let (revision, supersedes) = (entry.revision, entry.supersedes);
            broken(format!("revision {revision} supersedes {supersedes:?}, {standing:?} stands: {key:?}"));
        }
        let first = standing.is_none();
        if first != (entry.state == LedgerState::Final) {
            broken(format!("the state is {:?}, revision {standing:?} stands: {key:?}", entry.state));
        }
        self.revisions.insert(key, entry.revision);
        self.next_sequence = entry.sequence + 1;
        self.last_hash = records::result::hash(bytes);
    }
}
