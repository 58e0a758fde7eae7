//! `vernier replay`: the whole chain, ingest included, on files of raw source records, without a broker.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use measurement::{catalogue::Catalogue, time::Timestamp};

use crate::{chain::Chain, check, results};

/// Records handed to the log at once.
const BATCH: usize = 20_000;

/// Arguments of `vernier replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Folder of the catalogue
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    pub catalogue: PathBuf,
    /// Records of a source, one a line; may end in .gz or .zst, `-` is standard input; repeatable
    #[arg(long = "source", value_name = "SOURCE=FILE", value_parser = parse_source)]
    pub sources: Vec<(String, PathBuf)>,
    /// Folder with a file for each source topic, such as raw.sshd.log or raw.itsm.ndjson.gz
    #[arg(long, value_name = "FOLDER")]
    pub input: Option<PathBuf>,
    /// Let time pass up to this instant after the last record (RFC 3339); default: the newest event
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until: Option<Timestamp>,
    /// When the records were received (RFC 3339): times beyond are refused, and stamps without a year are dated by it; default: now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub received: Option<Timestamp>,
    /// What to print.
    #[command(flatten)]
    pub show: results::ShowArgs,
}

/// Reads `SOURCE=FILE`.
pub fn parse_source(text: &str) -> Result<(String, PathBuf), String> {
    let (source, file) = text.split_once('=').ok_or("write SOURCE=FILE, such as sshd=auth.log")?;
    Ok((source.to_owned(), PathBuf::from(file)))
}

/// Reads an instant given on the command line.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    let day = || Timestamp::parse(&format!("{text}T00:00:00Z"));
    Timestamp::parse(text)
        .or_else(day)
        .ok_or_else(|| "write a time like 2026-03-01T12:00:00Z or a day like 2026-03-01".to_owned())
}

/// Replays and prints.
pub fn run(args: &ReplayArgs, now: Timestamp) -> anyhow::Result<()> {
    let catalogue = check::load(&args.catalogue)?;
    let files = files(&args.sources, args.input.as_deref(), &catalogue)?;
    if files.is_empty() {
        bail!("nothing to replay: give --source SOURCE=FILE or --input FOLDER");
    }
    let chain = replay(catalogue, &files, args.until, args.received.unwrap_or(now))?;
    let entries = results::entries(chain.log(), &chain.topics().results)?;
    results::show(chain.catalogue(), entries, &args.show)?;
    let dead = chain.dead_letters()?;
    if dead > 0 {
        writeln!(io::stderr(), "{dead} records could not be used: they are in no figure")?;
    }
    Ok(())
}

/// Runs the chain on files of topics and lets time pass up to an instant.
pub fn replay(
    catalogue: Catalogue,
    files: &[(Arc<str>, PathBuf)],
    until: Option<Timestamp>,
    received: Timestamp,
) -> anyhow::Result<Chain> {
    let mut chain = Chain::new(catalogue, 1, received)?;
    let progress = Progress::new();
    let mut records = 0;
    for (topic, path) in files {
        progress.say(&format!("reading {}", path.display()));
        read_file(path, |lines| {
            records += u64::try_from(lines.len())?;
            chain.write(lines.into_iter().map(|line| (Arc::clone(topic), line)), received)
        })
        .with_context(|| format!("read {}", path.display()))?;
    }
    progress.expect(records);
    chain.settle(|taken| progress.at(taken))?;
    progress.say("closing periods");
    if let Some(until) = until.or_else(|| chain.newest_event()) {
        chain.pass_time(until)?;
    }
    Ok(chain)
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

    /// From now on it is known how many records there are.
    fn expect(&self, records: u64) {
        let style =
            indicatif::ProgressStyle::with_template("{bar:40} {pos}/{len} records, {elapsed}, {eta} to go {msg}");
        if let Ok(style) = style {
            self.0.set_style(style);
        }
        self.0.set_length(records);
        self.0.set_message("");
    }

    fn at(&self, taken: u64) {
        self.0.set_position(taken);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The files with the topics they stand for.
pub fn files(
    sources: &[(String, PathBuf)],
    input: Option<&Path>,
    catalogue: &Catalogue,
) -> anyhow::Result<Vec<(Arc<str>, PathBuf)>> {
    let mut files = Vec::new();
    for (name, path) in sources {
        let Some(source) = catalogue.sources.get(name) else {
            let known = catalogue.sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            bail!("unknown source `{name}`; the catalogue has {known}");
        };
        let Some(topic) = source.topics.first() else { bail!("the source `{name}` has no topic") };
        files.push((Arc::from(topic.as_str()), path.clone()));
    }
    if let Some(folder) = input {
        files.extend(topic_files(folder, catalogue)?);
    }
    Ok(files)
}

/// Files of a folder whose names begin with a source topic's name.
pub fn topic_files(folder: &Path, catalogue: &Catalogue) -> anyhow::Result<Vec<(Arc<str>, PathBuf)>> {
    let mut topics = BTreeSet::new();
    for topic in catalogue.sources.values().flat_map(|source| &source.topics) {
        topics.insert(topic.as_str());
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("read the folder {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let topic = topics
            .iter()
            .find(|topic| name.strip_prefix(**topic).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
        if let Some(topic) = topic {
            files.push((Arc::from(*topic), path));
        }
    }
    Ok(files)
}

/// Reads the lines of a file in batches, without their ends.
pub fn read_file(path: &Path, mut sink: impl FnMut(Vec<Vec<u8>>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, open(path)?);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let mut line = Vec::new();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || batch.len() == BATCH {
            sink(std::mem::take(&mut batch))?;
        }
        if read == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        batch.push(line);
    }
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path)?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    })
}
