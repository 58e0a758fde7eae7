//! Events that came promptly: none of them may ever be late.
//!
//! The checker takes the watermarks for what the progress records make of them; whether those are true, only the world
//! outside knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use measurement::time::Timestamp;
use records::{Late, Topics, decode};
use serde_json::Value;
use streaming::{Log as _, TopicPartition, log::read_to_end};

use super::{log::SimLog, report::Wrong};
use crate::{
    checker::clock::Clock,
    load::{MAX_FUTURE, Sent},
};

/// How long after its time an event may come to be prompt, in milliseconds: less than any source's lateness.
const PROMPT: i64 = 30_000;

/// Identities of events, by how they came first.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    seen: BTreeSet<String>,
    uids: BTreeSet<String>,
    clocks: BTreeMap<(&'static str, i32), Clock>,
}

impl Prompt {
    /// A record is written now. Where most records of a partition agree that it is later, no event of the right time is
    /// prompt; what single ones say changes nothing.
    pub(super) fn sent(&mut self, sent: &Sent, now: Timestamp) {
        let Ok(value) = serde_json::from_slice::<Value>(sent.value.as_deref().unwrap_or_default()) else { return };
        let events = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
        let time = |event: &Value| event.get("time").and_then(Value::as_i64).map(Timestamp);
        let clock = self.clocks.entry((sent.topic, sent.partition)).or_default();
        clock.passed(now);
        let newest = clock.newest().unwrap_or(Timestamp::MIN).max(now);
        for event in events {
            let uid = event.pointer("/metadata/uid").and_then(Value::as_str);
            let (Some(time), Some(uid)) = (time(event), uid) else { continue };
            if self.seen.insert(uid.to_owned()) && time <= now && newest.0 - time.0 <= PROMPT {
                self.uids.insert(uid.to_owned());
            }
        }
        let accepted = |time: &Timestamp| *time <= now.plus(MAX_FUTURE);
        if let Some(latest) = events.iter().filter_map(time).filter(accepted).max() {
            clock.record(latest);
        }
    }

    /// Prompt events that were reported as late.
    pub(super) fn check(&self, log: &SimLog, topics: &Topics) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for partition in 0..log.partitions(&topics.late).expect("it exists") {
            let at = TopicPartition::new(&topics.late, partition);
            read_to_end(log, &at, Duration::ZERO, &mut |record| {
                if let Ok(late) = decode::<Late>("late", record.value().unwrap_or_default())
                    && self.uids.contains(&late.uid)
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
