//! `vernier replay`: the whole chain, ingest included, on files of raw source records, without a broker.
//!
//! 1. [`inputs`]: which files stand for which topics;
//! 2. [`bytes`]: compressed or not, whole or cut off;
//! 3. [`encoding`]: byte order marks and UTF-16;
//! 4. [`split`]: lines, or with [`values`] JSON that spans lines, to records;
//! 5. [`play`]: batch after batch through the chain, so that memory does not grow with the input;
//! 6. [`accounting`]: what became of everything.

pub mod accounting;
mod bytes;
mod encoding;
pub mod inputs;
pub mod play;
pub mod split;
mod values;

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use measurement::time::Timestamp;

pub use self::{
    inputs::{files, topic_files},
    play::{How, Replayed, replay},
};
use crate::{check, command::Ending, results};

/// Arguments of `vernier replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = crate::command::CODES)]
pub struct ReplayArgs {
    /// Folder of the catalogue
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    pub catalogue: PathBuf,
    /// Records of a source: a file, a folder or a pattern such as sshd=/var/log/auth.log*; gzip and zstd are seen, `-` is standard
    /// input; repeatable
    #[arg(long = "source", value_name = "SOURCE=FILE", value_parser = parse_source)]
    pub sources: Vec<(String, PathBuf)>,
    /// Folder with a file for each source topic, such as raw.sshd.log or raw.itsm.ndjson.gz, and nothing else
    #[arg(long, value_name = "FOLDER")]
    pub input: Option<PathBuf>,
    /// Let time pass up to this instant after the last record (RFC 3339); default: the newest event
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until: Option<Timestamp>,
    /// When the records were received (RFC 3339): times beyond are refused, and stamps without a year are dated by it; default: now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub received: Option<Timestamp>,
    /// Let records be late as they would be in a running system, in the order of files and lines; else all have come in time
    #[arg(long)]
    pub as_it_came: bool,
    /// Write what became of all records as JSON to a file, `-` being the standard output
    #[arg(long, value_name = "FILE")]
    pub accounting: Option<PathBuf>,
    /// End with code 2 if anything was refused, mistyped, in conflict or had characters replaced
    #[arg(long)]
    pub strict: bool,
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

/// Replays and prints: results on the standard output, what became of the records on the error stream.
pub fn run(args: &ReplayArgs, now: Timestamp) -> anyhow::Result<()> {
    let catalogue = check::load(&args.catalogue)?;
    args.show.check(&catalogue)?;
    let files = files(&args.sources, args.input.as_deref(), &catalogue)?;
    if files.is_empty() {
        bail!("nothing to replay: give --source SOURCE=FILE or --input FOLDER");
    }
    let how = How { until: args.until, received: args.received.unwrap_or(now), as_it_came: args.as_it_came };
    let Replayed { chain, accounting } = play::play(catalogue, &files, &how)?;
    let entries = results::entries(chain.log(), &chain.topics().results)?;
    let open = results::open(chain.evaluator().evaluation());
    let nothing = args.show.nothing(&entries, &open);
    let shown = results::show(chain.catalogue(), entries, open, &args.show);
    // Who has seen enough of the results is told what became of the records nevertheless.
    accounting.print(&mut io::stderr())?;
    let hints = results::hints(chain.evaluator().evaluation(), &args.show);
    for line in hints.into_iter().chain(nothing) {
        writeln!(io::stderr(), "{line}")?;
    }
    if let Some(path) = &args.accounting {
        write_accounting(path, &accounting)?;
    }
    shown?;
    if accounting.sources.is_empty() {
        bail!("nothing could be read: there is no record in these files");
    }
    let unreadable = accounting.unreadable();
    if !unreadable.is_empty() {
        bail!("nothing of {} could be read: no record of it is in a figure", unreadable.join(", "));
    }
    let blemishes = accounting.blemishes();
    if args.strict && !blemishes.is_empty() {
        return Err(Ending { code: 2, why: format!("--strict: {}", blemishes.join("; ")) }.into());
    }
    if let Some(damaged) = accounting.files.iter().find(|file| file.fault.is_some()) {
        return Err(Ending { code: 3, why: format!("{}: it could be read in part", damaged.file) }.into());
    }
    Ok(())
}

fn write_accounting(path: &Path, accounting: &accounting::Accounting) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(accounting)? + "\n";
    if path == Path::new("-") {
        io::stdout().write_all(text.as_bytes())?;
        return Ok(());
    }
    let mut file = File::create(path).with_context(|| format!("write {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
}
