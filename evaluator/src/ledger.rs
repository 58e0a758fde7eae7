//! What was published: the ledger, read back and checked.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use measurement::time::Timestamp;
use records::{LedgerState, Published, RecordError, ResultRecord, check_version, decode, result::hash};
use streaming::{Log, LogError, TopicPartition, log::read_to_end};

/// How long reading a ledger may wait for somebody else's open transaction to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry cannot be read.
    #[error("{topic} at offset {offset}: {fault}")]
    Unreadable {
        /// The topic.
        topic: String,
        /// Where.
        offset: i64,
        /// What is wrong.
        fault: RecordError,
    },
    /// Something that was published is not there.
    #[error(
        "{topic}: {entries} entries were published, the last one with the hash {hash}, and the ledger has {found}: get the topic back; if it is lost for good, say so with `accept_lost_ledger: {hash}` in the configuration (docs/runbooks.md, section lost-ledger)"
    )]
    Lost {
        /// The topic.
        topic: String,
        /// How many were published.
        entries: u64,
        /// Hash of the last one.
        hash: String,
        /// What is found.
        found: String,
    },
    /// An entry does not follow the one before it.
    #[error(
        "{topic}: ledger entry {sequence} does not follow the one before it: {reason}; nothing is appended to a broken ledger"
    )]
    Broken {
        /// The topic.
        topic: String,
        /// The entry.
        sequence: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What the ledger says.
#[derive(Debug, Default)]
pub struct Ledger {
    topic: String,
    next_sequence: u64,
    last_hash: String,
    /// By construct and group, and then by the start of the period.
    newest: HashMap<(String, String), BTreeMap<Timestamp, ResultRecord>>,
    /// What was entered beside: the same, by definition.
    beside: HashMap<(String, String, String), BTreeMap<Timestamp, ResultRecord>>,
    /// Where each construct's newest series began that another definition was before.
    breaks: BTreeMap<String, Timestamp>,
}

impl Ledger {
    /// Reads a ledger to its end and checks its chain.
    pub fn read(log: &dyn Log, topic: &str) -> Result<Self, LedgerError> {
        let mut ledger = Self { topic: topic.to_owned(), ..Self::default() };
        for_each_entry(log, topic, |bytes, entry| ledger.add(bytes, entry))?;
        Ok(ledger)
    }

    /// Fails if it is shorter than what was published, or another one.
    pub fn holds(&self, published: &Published) -> Result<(), LedgerError> {
        let found = match self.next_sequence.cmp(&published.entries) {
            std::cmp::Ordering::Greater => return Ok(()),
            std::cmp::Ordering::Equal if self.last_hash == published.hash => return Ok(()),
            std::cmp::Ordering::Equal => format!("another one at its end, with the hash {}", self.last_hash),
            std::cmp::Ordering::Less => self.next_sequence.to_string(),
        };
        Err(LedgerError::Lost {
            topic: self.topic.clone(),
            entries: published.entries,
            hash: published.hash.clone(),
            found,
        })
    }

    /// Takes in the next entry. Fails if it does not follow the one before it.
    pub fn add(&mut self, bytes: &[u8], entry: ResultRecord) -> Result<(), LedgerError> {
        let (topic, sequence) = (self.topic.clone(), entry.sequence);
        let broken = |reason| LedgerError::Broken { topic, sequence, reason };
        if entry.sequence != self.next_sequence {
            return Err(broken("its number is not the next"));
        }
        if entry.previous != self.last_hash {
            return Err(broken("it names another hash of the entry before it"));
        }
        self.last_hash = hash(bytes);
        self.next_sequence += 1;
        if entry.state == LedgerState::Beside {
            let series = (entry.construct.clone(), entry.group_label(), entry.definition.clone());
            self.beside.entry(series).or_default().insert(entry.period.start, entry);
            return Ok(());
        }
        if entry.breaks.is_some() {
            let latest = self.breaks.entry(entry.construct.clone()).or_insert(entry.period.start);
            *latest = entry.period.start.max(*latest);
        }
        let series = self.newest.entry((entry.construct.clone(), entry.group_label())).or_default();
        series.insert(entry.period.start, entry);
        Ok(())
    }

    /// How many entries there are.
    pub const fn len(&self) -> u64 {
        self.next_sequence
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.next_sequence == 0
    }

    /// Hash of the newest entry; empty while there is none.
    pub fn last_hash(&self) -> &str {
        &self.last_hash
    }

    /// The newest entry of a construct, period and group.
    pub fn newest(&self, construct: &str, start: Timestamp, group: &str) -> Option<&ResultRecord> {
        self.newest.get(&(construct.to_owned(), group.to_owned()))?.get(&start)
    }

    /// The newest entry of a construct, period and group that was entered beside by a definition.
    pub fn beside(&self, construct: &str, start: Timestamp, group: &str, definition: &str) -> Option<&ResultRecord> {
        self.beside.get(&(construct.to_owned(), group.to_owned(), definition.to_owned()))?.get(&start)
    }

    /// Where the newest series of a construct began, if another definition was before.
    pub fn last_break(&self, construct: &str) -> Option<Timestamp> {
        self.breaks.get(construct).copied()
    }

    /// The newest entry of a construct and group on the last period before an instant that has one.
    pub fn before(&self, construct: &str, start: Timestamp, group: &str) -> Option<&ResultRecord> {
        let series = self.newest.get(&(construct.to_owned(), group.to_owned()))?;
        series.range(..start).next_back().map(|(_, entry)| entry)
    }
}

/// Hands over the entries of a ledger in order, with their bytes.
pub fn for_each_entry(
    log: &dyn Log,
    topic: &str,
    mut sink: impl FnMut(&[u8], ResultRecord) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let mut outcome = Ok(());
    read_to_end(log, &TopicPartition::new(topic, 0), PATIENCE, &mut |record| {
        if outcome.is_err() {
            return;
        }
        let bytes = record.value().unwrap_or_default();
        let entry = decode::<ResultRecord>("result", bytes).and_then(|entry| {
            check_version("result", entry.version)?;
            Ok(entry)
        });
        outcome = match entry {
            Ok(entry) => sink(bytes, entry),
            Err(fault) => Err(LedgerError::Unreadable { topic: topic.to_owned(), offset: record.offset(), fault }),
        };
    })?;
    outcome
}
