//! `vernier results`: the ledger as table, JSON or CSV.

use std::{
    collections::HashMap,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::bail;
use evaluator::{
    decide::{Evaluation, Phase},
    ledger::for_each_entry,
    table::{self, Row},
};
use measurement::{catalogue::Catalogue, diagnostic::meant, time::Timestamp};
use records::{LedgerState, ResultRecord};
use streaming::Log;

use crate::{check, connect::ConnectArgs, replay::parse_time};

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
    /// Print periods that end after this instant (RFC 3339 or a day); figures are those of whole periods
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub from: Option<Timestamp>,
    /// Print periods that begin before this instant (RFC 3339 or a day)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub to: Option<Timestamp>,
}

impl ShowArgs {
    /// Constructs that are asked for must be known: a misspelt one would print nothing.
    pub fn check(&self, catalogue: &Catalogue) -> anyhow::Result<()> {
        self.check_span()?;
        let known: Vec<String> = catalogue.constructs.iter().map(|construct| construct.id.clone()).collect();
        match self.construct.iter().find(|id| !known.contains(id)) {
            Some(unknown) => bail!("unknown construct `{unknown}`: {}", meant(unknown, &known)),
            None => Ok(()),
        }
    }

    /// There must be a time to be shown.
    fn check_span(&self) -> anyhow::Result<()> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => {
                bail!("no time lies from {from} on and before {to}: --to is the first instant that is left out")
            }
            _ => Ok(()),
        }
    }

    /// Why nothing is shown, where nothing is.
    pub fn nothing(&self, entries: &[ResultRecord], open: &[Row]) -> Option<String> {
        let closed = entries.iter().map(|entry| (&*entry.construct, entry.period.start, entry.period.end));
        let open = open.iter().map(|row| (&*row.construct, row.period_start, row.period_end));
        let all: Vec<_> = closed.chain(open).filter(|(construct, ..)| self.asks_for(construct)).collect();
        if all.iter().any(|(construct, start, end)| self.wants(construct, *start, *end)) {
            return None;
        }
        let first = all.iter().map(|(_, start, _)| *start).min();
        let last = all.iter().map(|(_, _, end)| *end).max();
        Some(match first.zip(last) {
            Some((first, last)) => format!("no period is shown: those that there are lie from {first} to {last}"),
            None => "there is no period: no record told a time".to_owned(),
        })
    }

    fn asks_for(&self, construct: &str) -> bool {
        self.construct.is_empty() || self.construct.iter().any(|id| id == construct)
    }

    fn wants(&self, construct: &str, start: Timestamp, end: Timestamp) -> bool {
        self.asks_for(construct) && self.from.is_none_or(|from| end > from) && self.to.is_none_or(|to| start < to)
    }
}

/// Reads the ledger, whose chain of hashes is checked on the way, and prints it.
pub fn run(args: &ResultsArgs) -> anyhow::Result<()> {
    args.show.check_span()?;
    let (config, log) = args.connect.open()?;
    let catalogue = check::load(args.catalogue.as_ref().unwrap_or(&config.catalogue))?;
    let entries = entries(log.as_ref(), &config.topics().results)?;
    // The ledger may hold what the catalogue no longer has.
    if !args.show.construct.iter().all(|id| entries.iter().any(|entry| entry.construct == *id)) {
        args.show.check(&catalogue)?;
    }
    show(&catalogue, entries, Vec::new(), &args.show)
}

/// Prints the entries that were asked for, and beside them rows of periods that are not closed.
pub fn show(
    catalogue: &Catalogue,
    entries: Vec<ResultRecord>,
    mut open: Vec<Row>,
    args: &ShowArgs,
) -> anyhow::Result<()> {
    let mut entries = newest(entries, args.all_revisions);
    entries.retain(|entry| args.wants(&entry.construct, entry.period.start, entry.period.end));
    open.retain(|row| args.wants(&row.construct, row.period_start, row.period_end));
    print(&mut io::stdout().lock(), catalogue, &entries, open, args.format)
}

/// Rows of all periods that have begun and are not closed.
pub fn open(evaluation: &Evaluation) -> Vec<Row> {
    table::unfinished(evaluation)
}

/// What to do about periods that are asked for and not closed.
pub fn hints(evaluation: &Evaluation, args: &ShowArgs) -> Vec<String> {
    let mut closes = Vec::new();
    for (index, construct) in evaluation.catalogue().constructs.iter().enumerate() {
        for state in evaluation.periods(index).filter(|state| state.phase != Phase::Final) {
            if args.wants(&construct.id, state.period.start, state.period.end) {
                closes.push(construct.calendar.add(state.period.end, construct.close_after));
            }
        }
    }
    closes.sort_unstable();
    let (Some(first), Some(last)) = (closes.first(), closes.last()) else { return Vec::new() };
    let all = if first == last { String::new() } else { format!(", all with --until {last}") };
    let many = match closes.len() {
        1 => "1 period is open: it closes".to_owned(),
        count if first == last => format!("{count} periods are open: they close"),
        count => format!("{count} periods are open: the first closes"),
    };
    vec![format!("{many} with --until {first}{all}")]
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
            // What was entered beside replaces nothing.
            let beside = (entry.state == LedgerState::Beside).then(|| entry.definition.clone());
            newest.insert((entry.construct.clone(), entry.period.start, entry.group_label(), beside), entry);
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

/// Prints entries, and rows of open periods where the format is one of rows.
pub fn print(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    entries: &[ResultRecord],
    open: Vec<Row>,
    format: Format,
) -> anyhow::Result<()> {
    if format == Format::Json {
        for entry in entries {
            writeln!(out, "{}", serde_json::to_string(entry)?)?;
        }
        return Ok(());
    }
    let mut rows: Vec<Row> = entries.iter().map(|entry| table::row(catalogue, entry)).chain(open).collect();
    rows.sort_by(|left, right| {
        let key = |row: &Row| (row.construct.clone(), row.period_start, row.group.clone(), row.revision);
        key(left).cmp(&key(right))
    });
    if format == Format::Csv {
        return csv(out, &rows);
    }
    for line in lines(&rows, false) {
        writeln!(out, "{line}")?;
    }
    for row in rows.iter().filter(|row| row.group == "all") {
        if let Some(told) = &row.breaks {
            writeln!(out, "{} {}: {told}; earlier periods cannot be compared", row.construct, row.period)?;
        }
    }
    Ok(())
}

fn csv(out: &mut dyn Write, rows: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "construct",
        "period",
        "period_start",
        "period_end",
        "group",
        "value",
        "estimate",
        "exact",
        "unit",
        "n",
        "outcome",
        "state",
        "revision",
        "because",
        "break",
    ])?;
    for row in rows {
        let cells = [
            row.construct.clone(),
            row.period.clone(),
            row.period_start.to_string(),
            row.period_end.to_string(),
            row.group.clone(),
            row.value.clone(),
            if row.estimate { "yes" } else { "no" }.to_owned(),
            row.exact.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.unit.clone(),
            row.n.clone().unwrap_or_default(),
            row.outcome.clone(),
            row.state.clone(),
            row.revision.to_string(),
            row.because.clone().unwrap_or_default(),
            row.breaks.clone().unwrap_or_default(),
        ];
        writer.write_record(cells.iter().map(|cell| guarded(cell)))?;
    }
    Ok(writer.flush()?)
}

/// A cell that begins like a formula is quoted: a spreadsheet must not run it.
fn guarded(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.len() > 1 && cell.parse::<f64>().is_err();
    if formula { format!("'{cell}") } else { cell.to_owned() }
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
                if row.estimate { format!("\u{2248} {}", row.value) } else { row.value.clone() },
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
