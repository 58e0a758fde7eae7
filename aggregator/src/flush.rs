//! What a transaction of a task holds beside its tables: late events, dead letters; the frontier last.

use std::sync::Arc;

use records::{DeadLetter, Frontier, Late, Topics, encode};
use streaming::{OutRecord, Outbox};

/// An event for the dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// Where it lies and why it is one; whoever writes it fills in the name of the topic.
    pub about: DeadLetter,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its text.
    pub value: Vec<u8>,
}

/// Tells of events that came after a restatement horizon.
pub(crate) fn late(topics: &Topics, late: impl Iterator<Item = Late>, out: &mut Outbox) {
    for late in late {
        out.send(OutRecord {
            topic: Arc::from(topics.late.as_str()),
            key: Some(late.uid.clone().into_bytes()),
            value: Some(encode(&late)),
            ..OutRecord::default()
        });
    }
}

/// Writes events that were refused, as they stand, and why.
pub(crate) fn letters(topics: &Topics, letters: impl Iterator<Item = Letter>, out: &mut Outbox) {
    for Letter { about, key, value } in letters {
        let about = DeadLetter { topic: topics.events.clone(), ..about };
        out.send(OutRecord {
            topic: Arc::from(topics.dead_letter.as_str()),
            key,
            value: Some(value),
            headers: about.headers(),
            ..OutRecord::default()
        });
    }
}

/// Ends a transaction: who reads the frontier has read all that belongs to it.
pub(crate) fn frontier(topics: &Topics, partition: i32, frontier: &Frontier, out: &mut Outbox) {
    out.send(OutRecord {
        topic: Arc::from(topics.measures.as_str()),
        partition: Some(partition),
        key: Some(Frontier::KEY.to_vec()),
        value: Some(encode(frontier)),
        ..OutRecord::default()
    });
}
