//! `vernier map try`: what a source's mapping makes of a file, record by record, and which fields are found.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::bail;
use ingest::{arrival::Arrival, config::Plan, process::process};
use measurement::{catalogue::Catalogue, diagnostic::meant, time::Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::{
    check,
    command::Ending,
    replay::{
        parse_time,
        split::{Shape, read_file},
    },
};

/// Arguments of `vernier map`.
#[derive(Debug, clap::Args)]
pub struct MapArgs {
    #[command(subcommand)]
    command: MapCommand,
}

#[derive(Debug, clap::Subcommand)]
enum MapCommand {
    /// Show what becomes of each record of a file, and which fields are found
    Try(TryArgs),
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One JSON object a record, the summary last
    Json,
}

/// Arguments of `vernier map try`.
#[derive(Debug, clap::Args)]
struct TryArgs {
    /// Name of the source
    source: String,
    /// A file of its records; gzip and zstd are seen, `-` is standard input
    file: PathBuf,
    /// Folder of the catalogue
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    catalogue: PathBuf,
    /// When the records were received (RFC 3339); default: now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    received: Option<Timestamp>,
    /// Print the events, too, and with them whatever the records hold
    #[arg(long)]
    events: bool,
    /// Print the summary alone
    #[arg(long)]
    summary: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What became of one record.
#[derive(Debug, Serialize)]
struct Tried {
    line: u64,
    events: Vec<Made>,
    refused: Vec<Refused>,
    /// Elements that are sound and of no interest.
    not_relevant: u64,
    /// Lines, values and items of arrays: some of them gave events, the others are not relevant or refused.
    elements: u64,
    /// Attributes that could not be read as their type, by class and path.
    mistyped: BTreeMap<String, u64>,
    /// Elements in which characters had to be replaced.
    replaced: u64,
}

#[derive(Debug, Serialize)]
struct Made {
    class: String,
    time: Timestamp,
    fields: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Refused {
    reason: &'static str,
    detail: String,
    /// How many elements that is about.
    elements: u64,
}

/// Over all records.
#[derive(Debug, Default, Serialize)]
struct Summary {
    records: u64,
    elements: u64,
    not_relevant: u64,
    refused: BTreeMap<&'static str, u64>,
    mistyped: BTreeMap<String, u64>,
    replaced: u64,
    classes: BTreeMap<String, Coverage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Events of a class.
#[derive(Debug, Default, Serialize)]
struct Coverage {
    events: u64,
    /// In how many of them each field is found.
    fields: BTreeMap<String, u64>,
}

/// Tries it.
pub fn run(args: &MapArgs, now: Timestamp) -> anyhow::Result<()> {
    let MapCommand::Try(args) = &args.command;
    let catalogue = check::load(&args.catalogue)?;
    let Some(source) = catalogue.sources.get(&args.source) else {
        let known: Vec<String> = catalogue.sources.keys().cloned().collect();
        bail!("unknown source `{}`: {}", args.source, meant(&args.source, &known));
    };
    let Some(topic) = source.topics.first().cloned() else { bail!("the source `{}` has no topic", args.source) };
    let mut out = io::stdout().lock();
    let mut summary = Summary::default();
    summary.file = each(&catalogue, (&topic, &args.file), args.received.unwrap_or(now), |tried| {
        summary.add(&tried);
        if args.summary {
            return Ok(());
        }
        let tried = if args.events { tried } else { tried.without_events() };
        print(&mut out, &args.file, &tried, args.format)
    })?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::json!({ "summary": summary }))?,
        Format::Text => summary.print(&mut out, &args.file, &asked(&catalogue))?,
    }
    if summary.records == 0 {
        bail!("{}: there is no record in it", args.file.display());
    }
    if summary.file.is_some() {
        return Err(Ending { code: 3, why: format!("{}: it could be read in part", args.file.display()) }.into());
    }
    Ok(())
}

/// Takes each record of a file through the source's mapping. Gives what is wrong with the file.
fn each(
    catalogue: &Catalogue,
    (topic, file): (&str, &Path),
    received: Timestamp,
    mut sink: impl FnMut(Tried) -> anyhow::Result<()>,
) -> anyhow::Result<Option<String>> {
    let mut plan = Plan::new(catalogue).map_err(|faults| anyhow::anyhow!("the sources cannot be used:\n{faults}"))?;
    let shape = Shape::of_topic(catalogue, topic, ingest::Options::default().limits.record_bytes)?;
    let mut offset = 0;
    read_file(file, &shape, |piece| {
        let Some((source, classes)) = plan.of_topic(topic) else { bail!("the topic {topic} belongs to no source") };
        let value = Some(piece.bytes.as_slice());
        let arrival = Arrival { topic, partition: 0, offset, timestamp: received, key: None, value };
        offset += 1;
        let processed = process(source, classes, &arrival);
        let mut events = Vec::new();
        for (event, _) in &processed.events {
            let body: Value = serde_json::from_slice(&event.draft.bytes())?;
            let mut fields = BTreeSet::new();
            leaves(&body, String::new(), &mut fields);
            let fields = fields.into_iter().collect();
            events.push(Made { class: event.class.name.clone(), time: event.time, fields, event: Some(body) });
        }
        let refused: Vec<Refused> = processed
            .refused
            .iter()
            .map(|(_, refusal)| {
                let (reason, detail) = (refusal.reason.name(), refusal.detail.clone());
                Refused { reason, detail, elements: refusal.elements }
            })
            .collect();
        let mistyped =
            processed.mistyped.iter().map(|((class, path), count)| (format!("{path} of {class}"), *count)).collect();
        let (not_relevant, elements, replaced) = (processed.not_relevant(), processed.elements, processed.replaced);
        sink(Tried { line: piece.line, events, refused, not_relevant, elements, mistyped, replaced })
    })
}

/// Paths of all values that are there; items of an array share theirs.
fn leaves(value: &Value, path: String, found: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, value) in members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(value, inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, format!("{path}[]"), found)),
        _ => {
            found.insert(path);
        }
    }
}

/// The fields that some construct or population asks for.
fn asked(catalogue: &Catalogue) -> BTreeSet<Arc<str>> {
    catalogue.fields.iter().map(|(path, _)| Arc::from(path)).collect()
}

impl Tried {
    fn without_events(mut self) -> Self {
        self.events.iter_mut().for_each(|made| made.event = None);
        self
    }
}

fn print(out: &mut dyn Write, file: &Path, tried: &Tried, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        writeln!(out, "{}", serde_json::to_string(tried)?)?;
        return Ok(());
    }
    let place = format!("{}:{}", file.display(), tried.line);
    for made in &tried.events {
        writeln!(out, "{place}: {} at {}: {}", made.class, made.time, made.fields.join(", "))?;
        if let Some(event) = &made.event {
            writeln!(out, "  {event}")?;
        }
    }
    for Refused { reason, detail, elements } in &tried.refused {
        match elements {
            1 => writeln!(out, "{place}: refused, {reason}: {detail}")?,
            count => writeln!(out, "{place}: {count} refused, {reason}: {detail}")?,
        }
    }
    for (attribute, count) in &tried.mistyped {
        writeln!(out, "{place}: {count} mistyped: {attribute}")?;
    }
    if tried.replaced > 0 {
        writeln!(out, "{place}: {} with characters replaced", tried.replaced)?;
    }
    match tried.not_relevant {
        0 => {}
        1 if tried.events.is_empty() && tried.refused.is_empty() => writeln!(out, "{place}: not relevant")?,
        count => writeln!(out, "{place}: {count} not relevant")?,
    }
    Ok(())
}

impl Summary {
    fn add(&mut self, tried: &Tried) {
        self.records += 1;
        self.elements += tried.elements;
        self.not_relevant += tried.not_relevant;
        self.replaced += tried.replaced;
        for refused in &tried.refused {
            *self.refused.entry(refused.reason).or_default() += refused.elements;
        }
        for (attribute, count) in &tried.mistyped {
            *self.mistyped.entry(attribute.clone()).or_default() += count;
        }
        for made in &tried.events {
            let class = self.classes.entry(made.class.clone()).or_default();
            class.events += 1;
            for field in &made.fields {
                *class.fields.entry(field.clone()).or_default() += 1;
            }
        }
    }

    fn print(&self, out: &mut dyn Write, file: &Path, asked: &BTreeSet<Arc<str>>) -> io::Result<()> {
        let refused: u64 = self.refused.values().sum();
        let events: u64 = self.classes.values().map(|class| class.events).sum();
        let published = self.elements.saturating_sub(self.not_relevant).saturating_sub(refused);
        writeln!(
            out,
            "{}: {} records, read {} = {published} published + {} not relevant + {refused} refused; {events} events",
            file.display(),
            self.records,
            self.elements,
            self.not_relevant,
        )?;
        for (reason, count) in &self.refused {
            writeln!(out, "  {count} refused, {reason}")?;
        }
        for (attribute, count) in &self.mistyped {
            writeln!(out, "  {count} mistyped: {attribute}")?;
        }
        if self.replaced > 0 {
            writeln!(out, "  {} with characters replaced", self.replaced)?;
        }
        for (name, class) in &self.classes {
            writeln!(out, "  {} {name}; of the fields, * what the catalogue asks for:", class.events)?;
            for (field, count) in &class.fields {
                let mark = if asked.contains(field.as_str()) { '*' } else { ' ' };
                writeln!(out, "  {mark} {count:>8}  {field}")?;
            }
        }
        if let Some(fault) = &self.file {
            writeln!(out, "{}: {fault}", file.display())?;
        }
        Ok(())
    }
}
