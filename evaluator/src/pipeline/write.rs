//! What a transaction of the evaluator holds.

use std::sync::Arc;

use measurement::time::Timestamp;
use records::{Published, ResultRecord, Topics, VERSION};
use streaming::OutRecord;

use crate::ledger::Ledger;

/// The entries, and how far the ledger is written with them.
pub(super) fn to_records(
    entries: &[(Vec<u8>, ResultRecord)],
    topics: &Topics,
    ledger: &Ledger,
    now: Timestamp,
) -> Vec<OutRecord> {
    let topic: Arc<str> = Arc::from(topics.results.as_str());
    let each = entries.iter().map(|(bytes, entry)| OutRecord {
        topic: Arc::clone(&topic),
        partition: Some(0),
        key: Some(entry.key()),
        value: Some(bytes.clone()),
        timestamp: Some(now.0),
        ..OutRecord::default()
    });
    let (count, last) = entries.last().map_or_else(
        || (ledger.len(), ledger.last_hash().to_owned()),
        |(bytes, entry)| (entry.sequence + 1, records::result::hash(bytes)),
    );
    let published = OutRecord {
        topic: Arc::from(topics.measures.as_str()),
        partition: Some(0),
        key: Some(Published::KEY.to_vec()),
        value: Some(records::encode(&Published { version: VERSION, entries: count, hash: last })),
        ..OutRecord::default()
    };
    each.chain([published]).collect()
}
