//! The measurement programme that is in force: the catalogues of `vernier.catalogue`, and their markers on
//! `vernier.events`.
//!
//! 1. [`history`]: the records of the topic, read and checked;
//! 2. [`frontier`](mod@frontier): by which of them a partition was measured last;
//! 3. [`Programme`]: the same for whoever measures, with the catalogues compiled;
//! 4. [`plan`](mod@plan): what another catalogue will do;
//! 5. [`put`](mod@put): how it is put into force.

pub mod history;
pub mod frontier;
pub mod plan;
pub mod put;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use measurement::{
    catalogue::{Catalogue, Files, Layer},
    diagnostic::Diagnostics,
};
use records::{CatalogueRecord, Marker, Topics};
use streaming::{Log, LogError};

pub use frontier::{frontier, measured_by};
pub use history::History;
pub use plan::{Beside, Facts, Plan, Wanted, plan};
pub use put::{Change, PutError, put};

/// How long a record may take to come of which a marker tells: they stand in one transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the programme in force cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ProgrammeError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The topic does not hold what it must.
    #[error(
        "{topic} at offset {offset}: {reason}; nothing is measured by a list of catalogues that somebody has altered"
    )]
    Broken {
        /// The topic.
        topic: String,
        /// Where.
        offset: i64,
        /// What is wrong.
        reason: String,
    },
    /// No such catalogue.
    #[error("catalogue {0} is named by a marker and is not in the topic of catalogues")]
    Unknown(u64),
    /// A catalogue is another one than when its markers were written.
    #[error(
        "the markers of catalogue {0} name another record than the topic of catalogues holds: somebody has altered it"
    )]
    Other(u64),
    /// This build cannot read a catalogue that another one has put into force.
    #[error("catalogue {sequence}, which is in force, is not sound for this build:\n{faults}")]
    Unsound {
        /// Its number.
        sequence: u64,
        /// What is wrong.
        faults: Diagnostics,
    },
}

/// Constructs of earlier catalogues that are still stated: the last catalogue that had each, and its identifier.
pub type Earlier = BTreeSet<(u64, String)>;

type Compiled = HashMap<(u64, Earlier), Arc<Catalogue>>;

/// The programme. Clones share what they know.
#[derive(Clone, Debug)]
pub struct Programme(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: Arc<dyn Log>,
    history: Mutex<History>,
    /// A few: those of one number before those of the next.
    compiled: Mutex<Compiled>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Programme {
    /// Reads the topic to its end.
    pub fn open(log: Arc<dyn Log>, topics: &Topics) -> Result<Self, ProgrammeError> {
        let history = History::read(Arc::clone(&log), topics)?;
        Ok(Self(Arc::new(Inner { log, history: Mutex::new(history), compiled: Mutex::default() })))
    }

    /// Where the topics are.
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.0.log)
    }

    /// Reads what was written since, without waiting for more. Gives the number of the newest catalogue; 0 while there is
    /// none.
    pub fn follow(&self) -> Result<u64, ProgrammeError> {
        lock(&self.0.history).follow(Duration::ZERO)
    }

    /// Number of the oldest catalogue that is there; 0 while there is none.
    pub fn first(&self) -> u64 {
        lock(&self.0.history).records().next().map_or(0, |record| record.sequence)
    }

    /// Number of the newest catalogue that was read; 0 while there is none.
    pub fn head(&self) -> u64 {
        lock(&self.0.history).head()
    }

    /// The record of a catalogue.
    pub fn record(&self, sequence: u64) -> Option<CatalogueRecord> {
        lock(&self.0.history).record(sequence).cloned()
    }

    /// The record that a marker tells of, and no other.
    pub fn marked(&self, marker: &Marker) -> Result<CatalogueRecord, ProgrammeError> {
        let record = self.awaited(marker.sequence)?;
        let history = lock(&self.0.history);
        if history.hash(marker.sequence) == Some(marker.record.as_str()) {
            return Ok(record);
        }
        drop(history);
        Err(ProgrammeError::Other(marker.sequence))
    }

    /// The same, waiting for it: a marker has told of it.
    pub fn awaited(&self, sequence: u64) -> Result<CatalogueRecord, ProgrammeError> {
        let slice = Duration::from_millis(100);
        let mut waited = Duration::ZERO;
        loop {
            if let Some(record) = self.record(sequence) {
                return Ok(record);
            }
            if waited > PATIENCE {
                return Err(ProgrammeError::Unknown(sequence));
            }
            match lock(&self.0.history).follow(slice) {
                Ok(_) => {}
                Err(ProgrammeError::Log(LogError::Unavailable { reason, .. })) if waited < PATIENCE => {
                    tracing::warn!(reason, sequence, "the topic of catalogues cannot be reached; trying again");
                    std::thread::sleep(slice);
                }
                Err(fault) => return Err(fault),
            }
            waited += slice;
        }
    }

    /// All records that were read, oldest first.
    pub fn records(&self) -> Vec<CatalogueRecord> {
        lock(&self.0.history).records().cloned().collect()
    }

    /// The files of a catalogue.
    pub fn files(&self, sequence: u64) -> Option<Files> {
        lock(&self.0.history).files(sequence)
    }

    /// Number of the catalogue that was in force at an offset of a partition of the events, where its state begins: the
    /// first one, if none was put into force before. A marker of an earlier one that comes later changes nothing.
    pub fn in_force_at(&self, partition: i32, offset: i64) -> u64 {
        lock(&self.0.history).in_force_at(partition, offset)
    }

    /// A catalogue with constructs of earlier ones, compiled. What of an earlier one this build cannot read is left out:
    /// nothing is stated of it any more.
    pub fn catalogue(&self, sequence: u64, earlier: &Earlier) -> Result<Arc<Catalogue>, ProgrammeError> {
        let key = (sequence, earlier.clone());
        if let Some(known) = lock(&self.0.compiled).get(&key) {
            return Ok(Arc::clone(known));
        }
        let head = self.files(sequence).ok_or(ProgrammeError::Unknown(sequence))?;
        let unsound = |faults| ProgrammeError::Unsound { sequence, faults };
        let mut layers: Vec<(u64, Files, BTreeSet<String>)> = Vec::new();
        for (of, construct) in earlier {
            if let Some((_, _, constructs)) = layers.last_mut().filter(|(last, _, _)| last == of) {
                constructs.insert(construct.clone());
            } else if let Some(files) = self.readable(*of) {
                layers.push((*of, files, BTreeSet::from([construct.clone()])));
            } else {
                tracing::error!(catalogue = of, construct, "what rests on an earlier catalogue is not stated any more");
            }
        }
        let layers: Vec<Layer<'_>> = layers
            .iter()
            .map(|(sequence, files, constructs)| Layer { sequence: *sequence, files, constructs })
            .collect();
        let catalogue = Arc::new(Catalogue::layered(&head, &layers).map_err(unsound)?);
        let mut compiled = lock(&self.0.compiled);
        compiled.retain(|(known, _), _| known.saturating_add(2) >= sequence);
        compiled.insert(key, Arc::clone(&catalogue));
        Ok(catalogue)
    }

    /// The files of an earlier catalogue, if they are there and this build can read them.
    fn readable(&self, sequence: u64) -> Option<Files> {
        let Some(files) = self.files(sequence) else {
            tracing::error!(catalogue = sequence, "an earlier catalogue is lost");
            return None;
        };
        match Catalogue::from_files(&files) {
            Ok(_) => Some(files),
            Err(faults) => {
                tracing::error!(catalogue = sequence, %faults, "an earlier catalogue cannot be read by this build");
                None
            }
        }
    }
}
