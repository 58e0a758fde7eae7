//! What happened, in few words: the newest lines to be read, all of them as a hash.

use std::{collections::VecDeque, fmt::Write as _};

/// Lines that are kept.
const KEPT: usize = 400;

/// The trace of a run.
#[derive(Debug, Default)]
pub struct Trace {
    lines: VecDeque<String>,
    hash: u64,
    count: u64,
    whole: bool,
}

impl Trace {
    /// A trace of which every line is kept.
    pub fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Adds a line.
    pub fn add(&mut self, now: i64, who: &str, what: std::fmt::Arguments<'_>) {
        let mut line = if self.lines.len() < KEPT || self.whole {
            String::with_capacity(96)
        } else {
            let mut line = self.lines.pop_front().unwrap_or_default();
            line.clear();
            line
        };
        // Writing to a String cannot fail.
        write!(line, "{}.{:03} {who} {what}", now / 1000 % 1_000_000, now % 1000).ok();
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        self.count += 1;
        self.lines.push_back(line);
    }

    /// A hash of all lines.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The newest lines.
    pub fn tail(&self, count: usize) -> String {
        let skip = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skip).fold(String::new(), |text, line| text + line + "\n")
    }
}
