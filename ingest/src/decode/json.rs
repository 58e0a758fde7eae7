//! JSON taken apart: values one after the other. What is broken is a part of its own and takes as little as possible with
//! it: its end is where its brackets close, or else the next line that begins a value. Nothing vanishes: every byte is in
//! a part or between two.

mod items;

pub(super) use self::items::{boundaries, items};
use super::scan::{Extent, Scanner};

/// A part of a text: one value, or something that should have been one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Sound {
        /// Whether something in it will be replaced when it is read.
        replaced: bool,
    },
    Broken {
        /// Where it is no JSON any more, from its start.
        at: usize,
        /// How many values it may stand for.
        values: u64,
    },
}

/// The values of a text, one after the other; arrays are not yet taken apart.
pub(super) fn values(bytes: &[u8]) -> Vec<Part<'_>> {
    let mut scanner = Scanner::new(bytes);
    let mut parts = Vec::new();
    let mut at = between(&scanner, 0);
    while at < scanner.len() {
        let (end, state) = match scanner.value(at) {
            Ok(Extent { end, replaced }) if ends_here(&scanner, at, end) => (end, State::Sound { replaced }),
            Ok(Extent { end: fault, .. }) | Err(fault) => {
                let end = end_of_broken(&mut scanner, at);
                let values = lines_that_open(scanner.slice(at, end));
                (end, State::Broken { at: fault - at, values })
            }
        };
        parts.push(Part { bytes: trimmed(scanner.slice(at, end)), state });
        at = between(&scanner, end);
    }
    parts
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let space = bytes.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    bytes.get(..bytes.len() - space).unwrap_or_default()
}

/// Skips what may stand between two values: white space, commas, record separators, zeros and byte order marks.
fn between(scanner: &Scanner<'_>, mut at: usize) -> usize {
    loop {
        match scanner.byte(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x1e | 0) => at += 1,
            Some(0xef) if scanner.slice(at, at + 3) == "\u{feff}".as_bytes() => at += 3,
            _ => return at,
        }
    }
}

/// Whether a value that was read up to here is whole: its line ends, or another one follows. An array behind which more is
/// closed was closed too early, by an item.
fn ends_here(scanner: &Scanner<'_>, start: usize, end: usize) -> bool {
    let next = between(scanner, end);
    let passed = scanner.slice(end, next);
    let follows = scanner.byte(next);
    let goes_on = matches!(follows, Some(b']' | b'}')) || (follows == Some(b'"') && passed.contains(&b','));
    if goes_on && scanner.byte(start) == Some(b'[') {
        return false;
    }
    let line_ends = next == scanner.len() || passed.contains(&b'\n');
    match scanner.byte(start) {
        Some(b'{' | b'[') => line_ends || (!passed.contains(&b',') && matches!(scanner.byte(next), Some(b'{' | b'['))),
        _ => line_ends && !scanner.slice(start, end).contains(&b'\n'),
    }
}

/// The end of a broken value: of its brackets, or the line before the next one that is or begins a value.
fn end_of_broken(scanner: &mut Scanner<'_>, start: usize) -> usize {
    let opens = matches!(scanner.byte(start), Some(b'{' | b'['));
    if opens
        && scanner.may_look_again()
        && let Some(end) = scanner.brackets(start, true)
        && scanner.slice(end, next_line(scanner, end).unwrap_or(scanner.len())).trim_ascii().is_empty()
        && !goes_on(scanner, end)
    {
        return end;
    }
    let mut at = start;
    while let Some(line) = next_line(scanner, at) {
        // What is indented stands within something.
        let indented = matches!(scanner.byte(line), Some(b' ' | b'\t'));
        let first = between(scanner, line);
        if !opens || (!indented && is_value(scanner, first)) || is_damaged_value(scanner, line) {
            return line;
        }
        at = line;
    }
    scanner.len()
}

fn next_line(scanner: &Scanner<'_>, at: usize) -> Option<usize> {
    let rest = scanner.slice(at, scanner.len());
    rest.iter().position(|byte| *byte == b'\n').map(|found| at + found + 1)
}

/// Whether a line is or begins a value that stands alone: no item of an array that began before it.
fn is_value(scanner: &mut Scanner<'_>, at: usize) -> bool {
    if !matches!(scanner.byte(at), Some(b'{' | b'[')) {
        return false;
    }
    let Ok(extent) = scanner.value_again(at) else { return false };
    ends_here(scanner, at, extent.end) && !goes_on(scanner, extent.end)
}

/// Whether what follows belongs to something that began before.
fn goes_on(scanner: &Scanner<'_>, end: usize) -> bool {
    let next = between(scanner, end);
    scanner.slice(end, next).contains(&b',') || matches!(scanner.byte(next), Some(b']' | b'}' | b'"'))
}

/// A line that opens an object with a member and closes as many as it opens: a value of its own, broken or not, unless what
/// follows belongs to something that began before.
fn is_damaged_value(scanner: &mut Scanner<'_>, line: usize) -> bool {
    if scanner.value_again(line).is_ok() {
        return false;
    }
    let end = next_line(scanner, line).unwrap_or(scanner.len());
    let text = scanner.slice(line, end).trim_ascii_end();
    let depth = text.iter().fold((0_i64, 0_i64), |(objects, arrays), byte| match byte {
        b'{' => (objects + 1, arrays),
        b'}' => (objects - 1, arrays),
        b'[' => (objects, arrays + 1),
        b']' => (objects, arrays - 1),
        _ => (objects, arrays),
    });
    let alone = text.starts_with(b"{\"") && text.ends_with(b"}") && depth == (0, 0);
    alone && !goes_on(scanner, line + text.len())
}

/// How many lines begin an object: how many values a text without order may hold.
fn lines_that_open(bytes: &[u8]) -> u64 {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{"));
    u64::try_from(lines.count()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
