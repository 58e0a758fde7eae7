//! Events that came promptly: none of them may ever be late.
//!
//! The checker takes the watermarks for what the progress records make of them; whether those are true, only the world
//! outside knows.

use std::{collections::BTreeSet, time::Duration};

use measurement::time::Timestamp;
use records::{Late, Topics, decode};
use serde_json::Value;
use streaming::{Log as _, TopicPartition, log::read_to_end};

use super::{log::SimLog, report::Wrong};
use crate::load::Sent;

/// How long after its time an event may come to be prompt, in milliseconds: less than any source's lateness.
const PROMPT: i64 = 30_000;

/// Identities of events, by how they came first.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    seen: BTreeSet<String>,
    prompt: BTreeSet<String>,
}

impl Prompt {
    /// A record is written now.
    pub(super) fn sent(&mut self, sent: &Sent, now: Timestamp) {
        let Ok(event) = serde_json::from_slice::<Value>(sent.value.as_deref().unwrap_or_default()) else { return };
        let time = event.get("time").and_then(Value::as_i64);
        let uid = event.pointer("/metadata/uid").and_then(Value::as_str);
        let (Some(time), Some(uid)) = (time, uid) else { return };
        if self.seen.insert(uid.to_owned()) && (0..=PROMPT).contains(&(now.0 - time)) {
            self.prompt.insert(uid.to_owned());
        }
    }

    /// Prompt events that were reported as late.
    pub(super) fn check(&self, log: &SimLog, topics: &Topics) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for partition in 0..log.partitions(&topics.late).expect("it exists") {
            let at = TopicPartition::new(&topics.late, partition);
            read_to_end(log, &at, Duration::ZERO, &mut |record| {
                if let Ok(late) = decode::<Late>("late", record.value().unwrap_or_default())
                    && self.prompt.contains(&late.uid)
                {
                    let Late { uid, time, watermark, .. } = late;
                    wrong.push(Wrong::LateThoughPrompt { uid, time, watermark });
                }
            })
            .expect("an onlooker's calls do not fail");
        }
        wrong
    }
}
