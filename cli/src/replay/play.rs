//! Files through the chain, batch after batch.

use std::{fs, path::Path, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use measurement::{catalogue::Catalogue, time::Timestamp};
use streaming::{Log as _, TopicPartition};

use super::{
    accounting::{Accounting, FileAccount},
    split::{Piece, Shape, read_file},
};
use crate::chain::{Chain, Timing};

/// Records of a batch.
const BATCH: usize = 10_000;
/// Bytes of a batch.
const BATCH_BYTES: usize = 8 << 20;

/// How a replay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// Up to when time passes after the last record; to the newest event where nothing is said.
    pub until: Option<Timestamp>,
    /// When the records were received.
    pub received: Timestamp,
    /// Whether lateness is played.
    pub as_it_came: bool,
}

/// What it left.
#[derive(Debug)]
pub struct Replayed {
    /// The chain, with the ledger in it.
    pub chain: Chain,
    /// What became of the records.
    pub accounting: Accounting,
}

/// Runs the chain on files of topics, all of which counts as having come in time, and lets time pass up to an instant.
pub fn replay(
    catalogue: Catalogue,
    files: &[(Arc<str>, PathBuf)],
    until: Option<Timestamp>,
    received: Timestamp,
) -> anyhow::Result<Chain> {
    Ok(play(catalogue, files, &How { until, received, as_it_came: false })?.chain)
}

/// Runs the chain on files of topics and lets time pass.
pub fn play(catalogue: Catalogue, files: &[(Arc<str>, PathBuf)], how: &How) -> anyhow::Result<Replayed> {
    for (_, path) in files.iter().filter(|(_, path)| path != Path::new("-")) {
        // Better now than after an hour.
        fs::metadata(path).with_context(|| format!("read {}", path.display()))?;
    }
    let timing = if how.as_it_came { Timing::AsItCame } else { Timing::InTime };
    let mut chain = Chain::with(catalogue, 1, how.received, timing)?;
    let progress = Progress::new();
    let limit = ingest::Options::default().limits.record_bytes;
    let mut accounts = Vec::new();
    for (topic, path) in files {
        let shape = Shape::of_topic(chain.catalogue(), topic, limit)?;
        let mut batch = Batch { topic: Arc::clone(topic), path, records: Vec::new(), bytes: 0, taken: 0 };
        let fault = read_file(path, &shape, |piece| {
            batch.bytes += piece.bytes.len();
            batch.records.push(piece);
            if batch.records.len() >= BATCH || batch.bytes >= BATCH_BYTES {
                batch.feed(&mut chain, how.received)?;
                progress.at(path, batch.taken);
            }
            Ok(())
        })?;
        batch.feed(&mut chain, how.received)?;
        if let Some(fault) = &fault {
            // What is not there may have belonged to any period: files are not in order.
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            chain.mark_incomplete(topic, &format!("{file}: {fault}"));
        }
        accounts.push(FileAccount {
            file: path.display().to_string(),
            topic: topic.to_string(),
            records: batch.taken,
            fault,
        });
    }
    progress.say("closing periods");
    if let Some(until) = how.until.or_else(|| chain.newest_event()) {
        chain.pass_time(until)?;
        chain.forget_read(&|_, _| None)?;
    }
    let accounting = Accounting::new(&chain, accounts);
    Ok(Replayed { chain, accounting })
}

/// Records on their way into the chain.
struct Batch<'a> {
    topic: Arc<str>,
    path: &'a Path,
    records: Vec<Piece>,
    bytes: usize,
    taken: u64,
}

impl Batch<'_> {
    fn feed(&mut self, chain: &mut Chain, received: Timestamp) -> anyhow::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        let first = chain.log().end_offset(&TopicPartition::new(&self.topic, 0))?;
        let lines: Vec<u64> = self.records.iter().map(|piece| piece.line).collect();
        let records = std::mem::take(&mut self.records);
        self.taken += u64::try_from(records.len())?;
        self.bytes = 0;
        chain.write(records.into_iter().map(|piece| (Arc::clone(&self.topic), piece.bytes)), received)?;
        chain.settle(|_| ())?;
        chain.forget_read(&|topic, offset| {
            let index = usize::try_from(offset.checked_sub(first)?).ok()?;
            let line = lines.get(index).filter(|_| topic == &*self.topic)?;
            Some(format!("{}:{line}", self.path.display()))
        })
    }
}

/// What a terminal sees of a replay; nothing where the error stream is a file or a pipe.
struct Progress(indicatif::ProgressBar);

impl Progress {
    fn new() -> Self {
        let bar = indicatif::ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(bar)
    }

    fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    fn at(&self, path: &Path, records: u64) {
        self.say(&format!("{}: {records} records", path.display()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
