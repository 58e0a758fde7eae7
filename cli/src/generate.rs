//! `vernier generate`: a synthetic organisation, and the true answers beside its records.
//!
//! 1. [`random`]: numbers that are the same for the same seed, for ever;
//! 2. `days`: months and periods of a calendar of their own;
//! 3. [`plant`]: what happens in the organisation: people, systems, incidents, log-ins …;
//! 4. [`render`]: how its sources tell of it: raw records, some late, doubled, out of order or broken;
//! 5. [`truth`]: the true answers of the shipped constructs, worked out from what was planted. They share no
//!    code with the engine: another calendar arithmetic, another fraction, no expressions, no rows.

pub mod random;
mod days;
pub mod plant;
pub mod render;
pub mod truth;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use measurement::time::Timestamp;
use serde::Serialize;

pub use plant::Organisation;
pub use render::Raw;

use crate::replay::parse_time;

/// Arguments of `vernier generate`.
#[derive(Debug, clap::Args)]
pub struct GenerateArgs {
    /// Folder to write to: one file for each source topic, truth.ndjson, manifest.json
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// What the organisation is like.
    #[command(flatten)]
    pub organisation: OrganisationArgs,
}

/// What the organisation is like.
#[derive(Clone, Debug, clap::Args)]
pub struct OrganisationArgs {
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// End of the history (RFC 3339 or a day); default: now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub end: Option<Timestamp>,
    /// Months of history
    #[arg(long, default_value_t = 15)]
    pub months: u32,
    /// Size: 1 is some 120 people, 300 systems and 450,000 log-ins; 0.1 is enough for a test
    #[arg(long, default_value_t = 0.3)]
    pub scale: f64,
}

impl OrganisationArgs {
    /// The organisation.
    pub fn organisation(&self, now: Timestamp) -> Organisation {
        Organisation::plant(self.seed, self.end.unwrap_or(now), self.months.clamp(2, 60), self.scale.clamp(0.02, 50.0))
    }
}

/// What was written.
#[derive(Debug, Serialize)]
struct Manifest {
    seed: u64,
    scale: f64,
    start: Timestamp,
    end: Timestamp,
    topics: BTreeMap<&'static str, Counts>,
    answers: usize,
}

/// Records of one topic.
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
pub struct Counts {
    /// All records.
    pub records: u64,
    /// Records sent a second time.
    pub duplicates: u64,
    /// Records that come days after their event.
    pub late: u64,
}

/// Writes the organisation's records and the true answers.
pub fn run(args: &GenerateArgs, now: Timestamp) -> anyhow::Result<()> {
    let organisation = args.organisation.organisation(now);
    write(&args.out, &organisation, args.organisation.seed, args.organisation.scale)
}

/// Writes an organisation into a folder.
pub fn write(folder: &Path, organisation: &Organisation, seed: u64, scale: f64) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mut files: BTreeMap<&'static str, BufWriter<File>> = BTreeMap::new();
    let mut topics: BTreeMap<&'static str, Counts> = BTreeMap::new();
    for topic in render::TOPICS {
        let ending = if *topic == "raw.sshd" { "log" } else { "ndjson" };
        let path = folder.join(format!("{topic}.{ending}"));
        let file = File::create(&path).with_context(|| format!("write {}", path.display()))?;
        files.insert(topic, BufWriter::new(file));
        topics.insert(topic, Counts::default());
    }
    for raw in render::records(organisation) {
        if let (Some(file), Some(counts)) = (files.get_mut(raw.topic), topics.get_mut(raw.topic)) {
            file.write_all(&raw.bytes)?;
            file.write_all(b"\n")?;
            counts.records += 1;
            match raw.flaw {
                render::Flaw::None => {}
                render::Flaw::Duplicate => counts.duplicates += 1,
                render::Flaw::Late => counts.late += 1,
            }
        }
    }
    for file in files.values_mut() {
        file.flush()?;
    }
    let answers = truth::answers(organisation);
    let path = folder.join("truth.ndjson");
    let mut file = BufWriter::new(File::create(&path).with_context(|| format!("write {}", path.display()))?);
    for answer in &answers {
        writeln!(file, "{}", serde_json::to_string(answer)?)?;
    }
    file.flush()?;
    let manifest =
        Manifest { seed, scale, start: organisation.start, end: organisation.end, topics, answers: answers.len() };
    fs::write(folder.join("manifest.json"), serde_json::to_string_pretty(&manifest)? + "\n")?;
    Ok(())
}

#[cfg(test)]
mod tests;
