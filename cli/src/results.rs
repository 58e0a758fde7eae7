//! `vernier results`: the ledger as table, JSON or CSV.

use std::{
    collections::HashMap,
    io::{self, Write},
    path::PathBuf,
};

use evaluator::{
    pipeline::for_each_entry,
    table::{self, Row},
};
use measurement::catalogue::Catalogue;
use records::ResultRecord;
use streaming::Log;

use crate::{check, connect::ConnectArgs};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// One ledger entry a line, exact
    Json,
    /// Comma-separated values
    Csv,
}

/// Arguments of `vernier results`.
#[derive(Debug, clap::Args)]
pub struct ResultsArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Folder of the catalogue that names units and periods; default: the configuration's
    #[arg(long, value_name = "FOLDER")]
    catalogue: Option<PathBuf>,
    #[command(flatten)]
    show: ShowArgs,
}

/// Which results to print, and how.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Print results of this construct alone; repeatable
    #[arg(long, value_name = "ID")]
    pub construct: Vec<String>,
    /// Print superseded revisions too
    #[arg(long)]
    pub all_revisions: bool,
}

/// Reads the ledger, whose chain of hashes is checked on the way, and prints it.
pub fn run(args: &ResultsArgs) -> anyhow::Result<()> {
    let (config, log) = args.connect.open()?;
    let catalogue = check::load(args.catalogue.as_ref().unwrap_or(&config.catalogue))?;
    show(&catalogue, entries(log.as_ref(), &config.topics().results)?, &args.show)
}

/// Prints the entries that were asked for.
pub fn show(catalogue: &Catalogue, entries: Vec<ResultRecord>, args: &ShowArgs) -> anyhow::Result<()> {
    let mut entries = newest(entries, args.all_revisions);
    entries.retain(|entry| args.construct.is_empty() || args.construct.contains(&entry.construct));
    match print(&mut io::stdout().lock(), catalogue, &entries, args.format) {
        // The reader has seen enough, as `head` does.
        Err(fault) if fault.downcast_ref::<io::Error>().is_some_and(|f| f.kind() == io::ErrorKind::BrokenPipe) => {
            Ok(())
        }
        outcome => outcome,
    }
}

/// The entries of a ledger, in order.
pub fn entries(log: &dyn Log, topic: &str) -> anyhow::Result<Vec<ResultRecord>> {
    let mut entries = Vec::new();
    for_each_entry(log, topic, |_, entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

/// The newest revision of each construct, period and group, by construct, period and group; with `all`, every revision.
pub fn newest(entries: Vec<ResultRecord>, all: bool) -> Vec<ResultRecord> {
    let mut kept = entries;
    if !all {
        let mut newest = HashMap::new();
        for entry in kept {
            newest.insert((entry.construct.clone(), entry.period.start, entry.group_label()), entry);
        }
        kept = newest.into_values().collect();
    }
    kept.sort_by(|left, right| {
        let key =
            |entry: &ResultRecord| (entry.construct.clone(), entry.period.start, entry.group_label(), entry.revision);
        key(left).cmp(&key(right))
    });
    kept
}

/// Prints entries.
pub fn print(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    entries: &[ResultRecord],
    format: Format,
) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            for entry in entries {
                writeln!(out, "{}", serde_json::to_string(entry)?)?;
            }
        }
        Format::Csv => {
            writeln!(
                out,
                "construct,period,period_start,period_end,group,value,exact,unit,n,outcome,state,revision,because"
            )?;
            for row in entries.iter().map(|entry| table::row(catalogue, entry)) {
                writeln!(out, "{}", csv(&row))?;
            }
        }
        Format::Table => {
            let rows: Vec<Row> = entries.iter().map(|entry| table::row(catalogue, entry)).collect();
            for line in lines(&rows, false) {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// A cell that begins like a formula is quoted: a spreadsheet must not run it.
fn csv(row: &Row) -> String {
    let cell = |text: &str| {
        let text = if text.starts_with(['=', '+', '-', '@']) && text.len() > 1 && text.parse::<f64>().is_err() {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    [
        cell(&row.construct),
        cell(&row.period),
        row.period_start.to_string(),
        row.period_end.to_string(),
        cell(&row.group),
        cell(&row.value),
        row.exact.as_ref().map(ToString::to_string).unwrap_or_default(),
        cell(&row.unit),
        row.n.clone().unwrap_or_default(),
        row.outcome.clone(),
        row.state.clone(),
        row.revision.to_string(),
        cell(row.because.as_deref().unwrap_or_default()),
    ]
    .join(",")
}

/// Rows in columns, with a heading. With `colour`, bands are coloured for a terminal.
pub fn lines(rows: &[Row], colour: bool) -> Vec<String> {
    let heading = ["construct", "period", "group", "value", "unit", "n", "outcome", "state", "rev"];
    let cells: Vec<[String; 9]> = rows
        .iter()
        .map(|row| {
            [
                row.construct.clone(),
                row.period.clone(),
                row.group.clone(),
                row.value.clone(),
                row.unit.clone(),
                row.n.clone().unwrap_or_default(),
                row.outcome.clone(),
                row.state.clone(),
                row.revision.to_string(),
            ]
        })
        .collect();
    let mut widths = heading.map(str::len);
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 9], colour: bool| {
        let mut text = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let right = matches!(index, 3 | 5 | 8);
            let cell = if colour && index == 6 { paint(cell) } else { cell.clone() };
            if right {
                text.push_str(&padding);
                text.push_str(&cell);
            } else {
                text.push_str(&cell);
                text.push_str(&padding);
            }
            text.push_str("  ");
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![line(&heading.map(str::to_owned), false)];
    lines.extend(cells.iter().map(|row| line(row, colour)));
    lines
}

fn paint(outcome: &str) -> String {
    let code = match outcome {
        "green" => "32",
        "yellow" => "33",
        "red" => "31",
        _ => "2",
    };
    format!("\u{1b}[{code}m{outcome}\u{1b}[0m")
}
