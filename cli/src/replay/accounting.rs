//! What became of everything that was read: a table for people, JSON for programs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use ingest::stats::Tally;
use serde::Serialize;

use crate::{chain::Chain, letters::Example};

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What its records held: read = published + not relevant + refused.
    pub read: u64,
    /// Of which events were published.
    pub published: u64,
    /// Sound, and of nothing that is asked for.
    pub not_relevant: u64,
    /// In no figure, because they could not be read.
    pub refused: u64,
    /// The refused ones by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Attributes that have another type than their class says.
    pub mistyped: u64,
    /// Those in which bytes or characters were replaced.
    pub replaced: u64,
    /// Events published.
    pub events: u64,
    /// Events that came too late for a construct.
    pub late: u64,
    /// Events that came a second time.
    pub duplicate: u64,
    /// Events with the identity of another one and other content.
    pub conflict: u64,
    /// The first example of each reason.
    pub examples: Vec<Example>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileAccount {
    /// Its path.
    pub file: String,
    /// The topic that it stood for.
    pub topic: String,
    /// Records found in it.
    pub records: u64,
    /// What is wrong with the file itself, where it was read in part.
    pub fault: Option<String>,
}

/// Of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// By source, those alone of which anything was read.
    pub sources: BTreeMap<String, Account>,
    /// In the order in which they were read.
    pub files: Vec<FileAccount>,
}

impl Accounting {
    /// What a chain has counted.
    pub fn new(chain: &Chain, files: Vec<FileAccount>) -> Self {
        let aggregated = chain.aggregated().accounting();
        let mut sources = BTreeMap::new();
        for (source, tally) in chain.counted().counts() {
            if tally.read == 0 {
                continue;
            }
            let events = aggregated.get(&*source).copied().unwrap_or_default();
            let mut examples: Vec<Example> = chain.letters().of_source(&source).cloned().collect();
            // An event that one construct could count and another could not is late all the same.
            let late = examples.iter().find(|example| example.reason == "late").map_or(0, |example| example.count);
            examples.extend(of_ingest(chain, &tally));
            let reasons = tally.refused.iter().filter(|(_, count)| **count > 0);
            let account = Account {
                read: tally.elements.read,
                published: tally.elements.published,
                not_relevant: tally.elements.not_relevant,
                refused: tally.elements.refused,
                reasons: reasons.map(|(reason, count)| (reason.name().to_owned(), *count)).collect(),
                mistyped: tally.mistyped.values().sum(),
                replaced: tally.replaced,
                events: tally.events,
                late,
                duplicate: events.duplicate,
                conflict: events.conflict,
                examples,
            };
            sources.insert(source.to_string(), account);
        }
        Self { sources, files }
    }

    /// The sources of which nothing could be read: all that they sent was refused.
    pub fn unreadable(&self) -> Vec<&str> {
        let refused = self.sources.iter().filter(|(_, account)| account.read == account.refused);
        refused.map(|(source, _)| source.as_str()).collect()
    }

    /// What a strict replay does not let pass, in words; empty if there is nothing.
    pub fn blemishes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (source, account) in &self.sources {
            for (count, what) in [
                (account.refused, "refused"),
                (account.mistyped, "mistyped"),
                (account.conflict, "in conflict"),
                (account.replaced, "with characters replaced"),
            ] {
                if count > 0 {
                    found.push(format!("{source}: {count} {what}"));
                }
            }
        }
        found
    }

    /// The table.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        const HEADING: [&str; 10] = [
            "source",
            "read",
            "published",
            "not relevant",
            "refused",
            "mistyped",
            "replaced",
            "late",
            "duplicate",
            "conflict",
        ];
        let mut rows = vec![HEADING.map(str::to_owned)];
        rows.extend(self.sources.iter().map(|(source, account)| account.cells(source)));
        let mut widths = [0; HEADING.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let heading = rows.len().min(1);
        let line = |row: &[String; 10]| {
            let cells = row.iter().zip(widths).enumerate();
            let cells = cells.map(|(index, (cell, width))| match index {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ")
        };
        for row in rows.iter().take(heading) {
            writeln!(out, "{}", line(row))?;
        }
        for (row, account) in rows.iter().skip(heading).zip(self.sources.values()) {
            writeln!(out, "{}", line(row))?;
            for Example { reason, count, place, detail } in &account.examples {
                writeln!(out, "  {count} {reason}, the first at {place}: {detail}")?;
            }
        }
        for FileAccount { file, records, fault, .. } in &self.files {
            match fault {
                Some(fault) => writeln!(out, "{file}: {fault}")?,
                None if *records == 0 => writeln!(out, "{file}: there is no record in it")?,
                None => {}
            }
        }
        Ok(())
    }
}

/// The first examples of what ingest could not read or had to change.
fn of_ingest(chain: &Chain, tally: &Tally) -> Vec<Example> {
    let of = |(key, example): (&String, &ingest::stats::Example)| {
        let of_attribute = |((class, path), _): &(&(_, String), &u64)| *key == format!("mistyped {class} {path}");
        let count = match example.what.as_str() {
            "mistyped" => tally.mistyped.iter().find(of_attribute).map(|(_, count)| *count),
            "replaced" => Some(tally.replaced),
            reason => tally.refused.iter().find(|(known, _)| known.name() == reason).map(|(_, count)| *count),
        };
        let place = chain.letters().place(&example.topic, example.offset);
        let place = match example.element {
            Some(element) if element > 1 => format!("{place}, element {element}"),
            _ => place,
        };
        let (reason, detail) = (example.what.clone(), example.detail.clone());
        Example { reason, count: count.unwrap_or_default(), place, detail }
    };
    tally.examples.iter().map(of).collect()
}

impl Account {
    fn cells(&self, source: &str) -> [String; 10] {
        [
            source.to_owned(),
            self.read.to_string(),
            self.published.to_string(),
            self.not_relevant.to_string(),
            self.refused.to_string(),
            self.mistyped.to_string(),
            self.replaced.to_string(),
            self.late.to_string(),
            self.duplicate.to_string(),
            self.conflict.to_string(),
        ]
    }
}
