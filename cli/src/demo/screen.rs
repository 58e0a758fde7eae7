//! The table of the demo: redrawn in place on a terminal, printed now and then elsewhere.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
};

use evaluator::table::Row;
use measurement::{catalogue::Catalogue, time::Timestamp};

use crate::results;

/// How often the table is printed where it cannot be redrawn, in milliseconds.
const PRINT_EVERY: i64 = 10_000;

/// Where the demo prints.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    printed_at: Timestamp,
    shown: u64,
}

impl Screen {
    /// Standard output.
    pub fn new() -> Self {
        Self { terminal: io::stdout().is_terminal(), printed_at: Timestamp(0), shown: 0 }
    }

    /// Prints a line.
    pub fn say(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(io::stdout(), "{text}")?;
        Ok(())
    }

    /// Shows how much of the past has been read.
    pub fn progress(&mut self, read: u64, written: u64) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if self.terminal {
            write!(out, "\r{read} of {written} records read")?;
            out.flush()?;
        } else if read > self.shown && (read == written || read >= self.shown + written / 4) {
            writeln!(out, "{read} of {written} records read")?;
            self.shown = read;
        }
        Ok(())
    }

    /// Shows the newest period of every indicator.
    pub fn table(
        &mut self,
        rows: &[Row],
        catalogue: &Catalogue,
        now: Timestamp,
        happening: &str,
        address: SocketAddr,
    ) -> anyhow::Result<()> {
        if !self.terminal && now.0.saturating_sub(self.printed_at.0) < PRINT_EVERY {
            return Ok(());
        }
        self.printed_at = now;
        let mut out = io::stdout().lock();
        if self.terminal {
            write!(out, "\u{1b}[H\u{1b}[2J")?;
        }
        writeln!(out, "Vernier demo, {now}: {} constructs, newest period of each\n", catalogue.constructs.len())?;
        for line in results::lines(rows, self.terminal) {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "\n{happening}\n")?;
        writeln!(out, "Open   http://{address}/metrics        what Prometheus scrapes")?;
        writeln!(out, "       http://{address}/api/results    this table as JSON")?;
        writeln!(
            out,
            "Try    make demo-kafka                         three processes on a real Apache Kafka, with Prometheus"
        )?;
        writeln!(out, "       target/debug/vernier replay --help      the same chain on files of your own records")?;
        writeln!(out, "       docs/constructs                         how to write a construct")?;
        writeln!(out, "Ctrl-C ends it.\n")?;
        out.flush()?;
        Ok(())
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}
