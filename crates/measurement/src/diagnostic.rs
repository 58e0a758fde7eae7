//! Faults of a catalogue: where, what, and what to do.

use std::fmt;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// File, relative to the catalogue's folder.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// Identifier of the construct, population or source; empty where it could not be read.
    pub subject: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.subject.is_empty() {
            write!(formatter, "{}: ", self.subject)?;
        }
        formatter.write_str(&self.reason)?;
        if !self.hint.is_empty() {
            write!(formatter, " ({})", self.hint)?;
        }
        Ok(())
    }
}

/// The hint for a name that is not known: the nearest one that is, or all.
pub fn meant(name: &str, known: &[String]) -> String {
    let near = known
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match near {
        Some((_, other)) => format!("did you mean `{other}`?"),
        None if known.is_empty() => "check the spelling".to_owned(),
        None if known.len() > 40 => format!("known: {}, …", known.get(..40).unwrap_or_default().join(", ")),
        None => format!("known: {}", known.join(", ")),
    }
}

/// All faults that were found, ordered by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
