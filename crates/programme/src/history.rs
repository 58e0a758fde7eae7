//! The records of `vernier.catalogue`, read and checked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use measurement::catalogue::Files;
use records::{CatalogueRecord, TextKey, Topics, check_version, decode};
use streaming::{Log, LogError, Reader, TopicPartition, log::read_to_end};

use crate::ProgrammeError;

/// How long reading the topic may wait for somebody else's open transaction to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Every catalogue that was ever in force, as far as it was read.
pub struct History {
    log: Arc<dyn Log>,
    topics: Topics,
    /// Made when it is first needed.
    reader: Option<Box<dyn Reader>>,
    next_offset: i64,
    read: Read,
}

#[derive(Default)]
struct Read {
    records: BTreeMap<u64, CatalogueRecord>,
    texts: HashMap<String, Arc<str>>,
    hashes: BTreeMap<u64, String>,
    last_hash: String,
}

impl std::fmt::Debug for History {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("History").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl History {
    /// Reads the topic to its end.
    pub fn read(log: Arc<dyn Log>, topics: &Topics) -> Result<Self, ProgrammeError> {
        let mut read = Read::default();
        let at = TopicPartition::new(&topics.catalogue, 0);
        let mut outcome = Ok(());
        let next_offset = read_to_end(log.as_ref(), &at, PATIENCE, &mut |record| {
            if outcome.is_ok() {
                let taken = read.take(record.key().unwrap_or_default(), record.value());
                outcome = taken.map_err(|reason| (record.offset(), reason));
            }
        })?;
        outcome.map_err(|(offset, reason)| broken(topics, offset, reason))?;
        Ok(Self { log, topics: topics.clone(), reader: None, next_offset, read })
    }

    /// Reads what was written since. Gives the number of the newest catalogue; 0 while there is none.
    pub fn follow(&mut self, timeout: Duration) -> Result<u64, ProgrammeError> {
        let Self { log, topics, reader, next_offset, read } = self;
        if reader.is_none() {
            *reader = Some(log.reader(&topics.catalogue, &[(0, *next_offset)])?);
        }
        let Some(open) = reader else { return Ok(self.head()) };
        let mut outcome = Ok(());
        let polled = open.poll(timeout, 10_000, &mut |record| {
            if outcome.is_ok() && record.offset() >= *next_offset {
                *next_offset = record.offset() + 1;
                let taken = read.take(record.key().unwrap_or_default(), record.value());
                outcome = taken.map_err(|reason| (record.offset(), reason));
            }
        });
        match polled {
            Ok(_) => outcome.map_err(|(offset, reason)| broken(topics, offset, reason))?,
            // A reader is as good as its connection: the next one begins where this one ended.
            Err(fault @ LogError::Unavailable { .. }) => {
                *reader = None;
                return Err(fault.into());
            }
            Err(fault) => return Err(fault.into()),
        }
        Ok(self.head())
    }

    /// Number of the newest catalogue; 0 while there is none.
    pub fn head(&self) -> u64 {
        self.read.records.last_key_value().map_or(0, |(sequence, _)| *sequence)
    }

    /// The record of a catalogue.
    pub fn record(&self, sequence: u64) -> Option<&CatalogueRecord> {
        self.read.records.get(&sequence)
    }

    /// The hash of the bytes of a record.
    pub fn hash(&self, sequence: u64) -> Option<&str> {
        self.read.hashes.get(&sequence).map(String::as_str)
    }

    /// All records, oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &CatalogueRecord> {
        self.read.records.values()
    }

    /// Hash of the newest record; empty while there is none.
    pub fn last_hash(&self) -> &str {
        &self.read.last_hash
    }

    /// Whether a text was written already.
    pub fn has_text(&self, hash: &str) -> bool {
        self.read.texts.contains_key(hash)
    }

    /// The files of a catalogue.
    pub fn files(&self, sequence: u64) -> Option<Files> {
        let record = self.record(sequence)?;
        let text = |(path, hash): (&String, &String)| Some((path.clone(), self.read.texts.get(hash)?.to_string()));
        record.files.iter().map(text).collect::<Option<BTreeMap<_, _>>>().map(Files)
    }

    /// Number of the catalogue that was in force at an offset of a partition of the events.
    pub fn in_force_at(&self, partition: i32, offset: i64) -> u64 {
        let before = |record: &&CatalogueRecord| record.cuts.get(&partition).is_some_and(|cut| *cut < offset);
        let found = self.records().rev().find(before).or_else(|| self.records().next());
        found.map_or(0, |record| record.sequence)
    }
}

fn broken(topics: &Topics, offset: i64, reason: String) -> ProgrammeError {
    ProgrammeError::Broken { topic: topics.catalogue.clone(), offset, reason }
}

impl Read {
    /// Takes in the next record of the topic; the error says what is wrong with it.
    fn take(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        let value = value.ok_or("a tombstone: nothing is ever taken back")?;
        if let Ok(TextKey { hash }) = decode::<TextKey>("text", key) {
            let text = std::str::from_utf8(value).map_err(|fault| format!("a text that is no text: {fault}"))?;
            if TextKey::of(text).hash != hash {
                return Err("a text that is not what its hash says".to_owned());
            }
            self.texts.insert(hash, Arc::from(text));
            return Ok(());
        }
        let record: CatalogueRecord = decode("catalogue", value).map_err(|fault| fault.to_string())?;
        check_version("catalogue", record.version).map_err(|fault| fault.to_string())?;
        let last = self.records.last_key_value().map_or(0, |(sequence, _)| *sequence);
        // What was before the first one may be lost, with its numbers.
        if record.sequence != last + 1 && (last > 0 || record.sequence == 0) {
            return Err(format!("catalogue {} follows catalogue {last}", record.sequence));
        }
        if record.previous != self.last_hash {
            return Err(format!("catalogue {} names another hash of the one before it", record.sequence));
        }
        if let Some((path, _)) = record.files.iter().find(|(_, hash)| !self.texts.contains_key(*hash)) {
            return Err(format!("catalogue {} names a text of {path} that was not written", record.sequence));
        }
        self.last_hash = CatalogueRecord::hash(value);
        self.hashes.insert(record.sequence, self.last_hash.clone());
        self.records.insert(record.sequence, record);
        Ok(())
    }
}
