//! Puts another catalogue into force: its texts, its record, and a marker in every partition of the events, in one
//! transaction. Two that try at once cannot both succeed: the second fences the first, and finds its record if it stood.

use std::{sync::Arc, time::Duration};

use measurement::{catalogue::Files, time::Timestamp};
use records::{CatalogueRecord, Marker, TextKey, Topics, VERSION, encode, headers};
use streaming::{Log, LogError, OutRecord, TopicPartition, TransactionError, transact};

use crate::{History, ProgrammeError, plan::Beside};

/// Longest text of one file, in bytes: with its key and headers it must be a record that brokers take.
const LONGEST_TEXT: usize = 900_000;
/// How long to wait for what was written to be readable.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be put into force.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// The files.
    pub files: &'a Files,
    /// Digest of what they measure.
    pub digest: &'a str,
    /// Number of the catalogue that it follows; 0 where it is the first.
    pub follows: u64,
    /// Number of the last one that is known to have been in force, where the topic has lost it; else 0.
    pub lost: u64,
    /// Whether all state is built anew.
    pub rebuild: bool,
    /// From when on what is new counts, at the earliest.
    pub effective_from: Option<Timestamp>,
    /// Whether what is new is built from the events that were there before.
    pub history: bool,
    /// What is entered beside what states a period.
    pub beside: Beside,
    /// Who approved it.
    pub approver: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Digest of the plan that was approved.
    pub plan: Option<&'a str>,
    /// By the clock.
    pub at: Timestamp,
}

/// Why a catalogue was not put into force.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The topics cannot be read.
    #[error(transparent)]
    Programme(#[from] ProgrammeError),
    /// Another catalogue was put into force meanwhile.
    #[error("catalogue {found} is in force, not {expected}: somebody else was first; plan anew")]
    Moved {
        /// What was expected.
        expected: u64,
        /// What is in force.
        found: u64,
    },
    /// A file is too long.
    #[error("{0} is longer than {LONGEST_TEXT} bytes: split it")]
    TooLong(String),
    /// The transaction did not stand, or nobody knows.
    #[error("the catalogue was not put into force for certain: {0}; look with `vernier plan` and try again")]
    Transaction(String),
}

impl From<LogError> for PutError {
    fn from(fault: LogError) -> Self {
        Self::Programme(fault.into())
    }
}

/// Puts a catalogue into force. Gives its number.
pub fn put(log: &Arc<dyn Log>, topics: &Topics, change: &Change<'_>) -> Result<u64, PutError> {
    if let Some((path, _)) = change.files.0.iter().find(|(_, text)| text.len() > LONGEST_TEXT) {
        return Err(PutError::TooLong(path.clone()));
    }
    // Fences whoever has begun the same; what it has committed is found below.
    let mut producer = log.producer(&topics.catalogue)?;
    let mut history = History::read(Arc::clone(log), topics)?;
    if history.head() != change.follows {
        return Err(PutError::Moved { expected: change.follows, found: history.head() });
    }
    let partitions = log.partitions(&topics.events)?;
    let cut = |partition| Ok((partition, log.end_offset(&TopicPartition::new(&topics.events, partition))?));
    let record = CatalogueRecord {
        version: VERSION,
        sequence: change.follows.max(change.lost) + 1,
        previous: history.last_hash().to_owned(),
        digest: change.digest.to_owned(),
        files: change.files.0.iter().map(|(path, text)| (path.clone(), TextKey::of(text).hash)).collect(),
        effective_from: change.effective_from,
        history: change.history,
        rebuild: change.rebuild,
        backcast_from: change.beside.backcast_from,
        overlap: change.beside.overlap,
        approver: change.approver.to_owned(),
        reason: change.reason.to_owned(),
        plan: change.plan.map(str::to_owned),
        at: change.at,
        cuts: (0..partitions).map(cut).collect::<Result<_, LogError>>()?,
    };
    let sequence = record.sequence;
    transact(producer.as_mut(), records(&history, topics, change, &record, partitions), None).map_err(|fault| {
        match fault {
            TransactionError::Fenced { .. } => PutError::Moved { expected: change.follows, found: sequence },
            fault => PutError::Transaction(fault.to_string()),
        }
    })?;
    let slice = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    while history.follow(slice)? < sequence {
        if waited > PATIENCE {
            return Err(PutError::Transaction("it was committed and cannot be read".to_owned()));
        }
        waited += slice;
    }
    Ok(sequence)
}

fn records(
    history: &History,
    topics: &Topics,
    change: &Change<'_>,
    record: &CatalogueRecord,
    partitions: i32,
) -> Vec<OutRecord> {
    let topic: Arc<str> = Arc::from(topics.catalogue.as_str());
    let to_catalogue = |key: Vec<u8>, value: Vec<u8>| OutRecord {
        topic: Arc::clone(&topic),
        partition: Some(0),
        key: Some(key),
        value: Some(value),
        ..OutRecord::default()
    };
    let mut out = Vec::new();
    let mut written = std::collections::BTreeSet::new();
    for text in change.files.0.values() {
        let key = TextKey::of(text);
        if !history.has_text(&key.hash) && written.insert(key.hash.clone()) {
            out.push(to_catalogue(encode(&key), text.as_bytes().to_vec()));
        }
    }
    let bytes = encode(record);
    let marker = Marker { version: VERSION, sequence: record.sequence, record: CatalogueRecord::hash(&bytes) };
    out.push(to_catalogue(CatalogueRecord::KEY.to_vec(), bytes));
    let events: Arc<str> = Arc::from(topics.events.as_str());
    out.extend((0..partitions).map(|partition| OutRecord {
        topic: Arc::clone(&events),
        partition: Some(partition),
        key: Some(marker.key()),
        value: Some(encode(&marker)),
        headers: vec![(headers::KIND.to_owned(), headers::CATALOGUE.to_vec())],
        ..OutRecord::default()
    }));
    out
}
