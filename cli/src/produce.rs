//! `vernier produce`: files of raw records, or the synthetic organisation, into source topics on Kafka.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use measurement::time::Timestamp;
use streaming::{Log, OutRecord, Producer, transact};

use crate::{
    check,
    command::Ending,
    connect::ConnectArgs,
    generate::{OrganisationArgs, render},
    replay::{
        self, parse_source,
        split::{Shape, read_file},
    },
};

/// Records of one transaction, where no rate is asked for.
const BATCH: usize = 5_000;
/// Transactions a second, where a rate is asked for.
const PACE: u64 = 5;

/// Arguments of `vernier produce`.
#[derive(Debug, clap::Args)]
pub struct ProduceArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Folder of the catalogue that names the source topics; default: the configuration's
    #[arg(long, value_name = "FOLDER")]
    catalogue: Option<PathBuf>,
    /// Records of a source: a file, a folder or a pattern such as sshd=/var/log/auth.log*; gzip and zstd are seen, `-` is standard
    /// input; repeatable
    #[arg(long = "source", value_name = "SOURCE=FILE", value_parser = parse_source)]
    sources: Vec<(String, PathBuf)>,
    /// Folder with a file for each source topic, such as raw.sshd.log
    #[arg(long, value_name = "FOLDER")]
    input: Option<PathBuf>,
    /// Records a second; default: as fast as the brokers take them
    #[arg(long, value_name = "NUMBER")]
    rate: Option<u64>,
    /// Without --source and --input, the records of a synthetic organisation
    #[command(flatten)]
    organisation: OrganisationArgs,
}

/// Writes the records and says how many.
pub fn run(args: &ProduceArgs, now: Timestamp) -> anyhow::Result<()> {
    let (config, log) = args.connect.open()?;
    let catalogue = check::load(args.catalogue.as_ref().unwrap_or(&config.catalogue))?;
    let mut writer = Writer::new(log.as_ref(), args.rate)?;
    let mut damaged = None;
    if args.sources.is_empty() && args.input.is_none() {
        for raw in render::records(&args.organisation.organisation(now)) {
            writer.write(&Arc::from(raw.topic), raw.bytes)?;
        }
    } else {
        for (topic, path) in replay::files(&args.sources, args.input.as_deref(), &catalogue)? {
            let shape = Shape::of_topic(&catalogue, &topic, ingest::Options::default().limits.record_bytes)?;
            let fault = read_file(&path, &shape, |piece| writer.write(&topic, piece.bytes))?;
            if let Some(fault) = fault {
                writeln!(io::stderr(), "{}: {fault}", path.display())?;
                damaged = Some(path);
            }
        }
    }
    let written = writer.finish()?;
    writeln!(io::stdout(), "{written} records written")?;
    match damaged {
        Some(path) => Err(Ending { code: 3, why: format!("{}: it could be read in part", path.display()) }.into()),
        None => Ok(()),
    }
}

/// Number of writers that this process has made.
static WRITERS: AtomicU32 = AtomicU32::new(0);

/// Writes in transactions, spread over the partitions of each topic.
pub struct Writer<'a> {
    log: &'a dyn Log,
    producer: Box<dyn Producer>,
    partitions: HashMap<Arc<str>, i32>,
    batch: Vec<OutRecord>,
    batch_size: usize,
    pause: Option<Duration>,
    written: u64,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Writer").field("written", &self.written).finish_non_exhaustive()
    }
}

impl<'a> Writer<'a> {
    /// A writer; with a rate, in records a second.
    pub fn new(log: &'a dyn Log, rate: Option<u64>) -> anyhow::Result<Self> {
        let (batch_size, pause) = match rate {
            Some(rate) => {
                (usize::try_from((rate / PACE).max(1))?, Some(Duration::from_millis(1000 / rate.clamp(1, PACE))))
            }
            None => (BATCH, None),
        };
        // Two writers of one name would fence each other.
        let number = WRITERS.fetch_add(1, Ordering::Relaxed);
        let id = format!("vernier-produce-{}-{number}", std::process::id());
        Ok(Self {
            log,
            producer: log.producer(&id)?,
            partitions: HashMap::new(),
            batch: Vec::new(),
            batch_size,
            pause,
            written: 0,
        })
    }

    /// Takes a record.
    pub fn write(&mut self, topic: &Arc<str>, value: Vec<u8>) -> anyhow::Result<()> {
        let partitions = if let Some(partitions) = self.partitions.get(topic) {
            *partitions
        } else {
            let partitions = self.log.partitions(topic)?;
            self.partitions.insert(Arc::clone(topic), partitions);
            partitions
        };
        self.written += 1;
        let partition = i32::try_from(self.written.checked_rem(u64::try_from(partitions)?).unwrap_or(0))?;
        self.batch.push(OutRecord {
            topic: Arc::clone(topic),
            partition: Some(partition),
            value: Some(value),
            ..OutRecord::default()
        });
        if self.batch.len() >= self.batch_size {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left; the number of records.
    pub fn finish(mut self) -> anyhow::Result<u64> {
        self.flush()?;
        Ok(self.written)
    }

    /// Writes what has gathered.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            transact(self.producer.as_mut(), batch, None).context("write source records")?;
            if let Some(pause) = self.pause {
                thread::sleep(pause);
            }
        }
        Ok(())
    }
}
