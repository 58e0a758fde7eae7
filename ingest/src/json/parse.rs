//! Reads a value that [`Scanner`] knows the grammar of.

use std::{borrow::Cow, collections::HashSet};

use measurement::catalogue::DuplicateMembers;
use serde_json::{Map, Value};

use super::{
    Wanted,
    scalar::{number, text},
};
use crate::{
    decode::scan::Scanner,
    reject::{Reason, Refusal},
};

/// Deepest nesting accepted.
pub(super) const DEPTH_LIMIT: usize = 64;
/// Most values in one text; 1 MiB of empty objects would otherwise become 50 MiB of tree.
pub(super) const VALUE_LIMIT: usize = 100_000;
/// Members up to which a linear search for duplicates is the faster one.
const FEW_MEMBERS: usize = 16;

/// What is wrong, and where.
struct Fault {
    reason: Reason,
    at: usize,
}

pub(super) struct Parser<'t> {
    text: &'t str,
    scanner: Scanner<'t>,
    at: usize,
    left: usize,
    duplicates: DuplicateMembers,
    altered: bool,
}

impl<'t> Parser<'t> {
    /// Reads a whole text: the wanted parts, and whether another reader could understand the text differently.
    pub(super) fn read(text: &'t str, wanted: &Wanted, duplicates: DuplicateMembers) -> Result<(Value, bool), Refusal> {
        let scanner = Scanner::new(text.as_bytes());
        let mut parser = Self { text, scanner, at: 0, left: VALUE_LIMIT, duplicates, altered: false };
        let value = parser.value(Some(wanted), 0).and_then(|value| {
            let end = parser.scanner.space(parser.at);
            if end < text.len() { Err(Fault { reason: Reason::InvalidJson, at: end }) } else { Ok(value) }
        });
        match value {
            Ok(value) => Ok((value.unwrap_or_default(), parser.altered)),
            Err(fault) => Err(refusal(text, &fault)),
        }
    }

    /// The value that begins here; `None` if nobody wants it.
    fn value(&mut self, wanted: Option<&Wanted>, depth: usize) -> Result<Option<Value>, Fault> {
        self.at = self.scanner.space(self.at);
        let start = self.at;
        self.left = self.left.checked_sub(1).ok_or(Fault { reason: Reason::TooManyValues, at: start })?;
        let broken = |at| Fault { reason: Reason::InvalidJson, at };
        match self.scanner.byte(start) {
            Some(b'{') => return self.object(wanted, depth + 1),
            Some(b'[') => return self.array(wanted, depth + 1),
            Some(b'"') => {
                let text = self.text()?;
                return Ok(wanted.map(|_| Value::from(text)));
            }
            Some(b't') => self.at = self.scanner.word(start, b"true").map_err(broken)?,
            Some(b'f') => self.at = self.scanner.word(start, b"false").map_err(broken)?,
            Some(b'n') => self.at = self.scanner.word(start, b"null").map_err(broken)?,
            Some(b'-' | b'0'..=b'9') => {
                self.at = self.scanner.number(start).map_err(broken)?;
                let written = self.text.get(start..self.at).unwrap_or_default();
                return Ok(wanted.map(|_| {
                    let (value, as_text) = number(written);
                    self.altered |= as_text;
                    value
                }));
            }
            _ => return Err(broken(start)),
        }
        let value = match self.scanner.byte(start) {
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            _ => Value::Null,
        };
        Ok(wanted.map(|_| value))
    }

    /// The text whose quote stands here.
    fn text(&mut self) -> Result<Cow<'t, str>, Fault> {
        let start = self.at;
        if self.scanner.byte(start) != Some(b'"') {
            return Err(Fault { reason: Reason::InvalidJson, at: start });
        }
        self.at = self.scanner.string(start, &mut false).map_err(|at| Fault { reason: Reason::InvalidJson, at })?;
        let (text, replaced) = text(self.text.get(start + 1..self.at - 1).unwrap_or_default());
        self.altered |= replaced;
        Ok(text)
    }

    fn array(&mut self, wanted: Option<&Wanted>, depth: usize) -> Result<Option<Value>, Fault> {
        let item = wanted.and_then(Wanted::item);
        let mut items = Vec::new();
        let mut more = self.enter(b']', depth)?;
        while more {
            items.extend(self.value(item, depth)?);
            more = self.goes_on(b']')?;
        }
        Ok(wanted.map(|_| Value::Array(items)))
    }

    fn object(&mut self, wanted: Option<&Wanted>, depth: usize) -> Result<Option<Value>, Fault> {
        let mut names = Names::default();
        let mut members = Map::new();
        let mut more = self.enter(b'}', depth)?;
        while more {
            self.at = self.scanner.space(self.at);
            let name = self.text()?;
            self.at = self.scanner.space(self.at);
            if self.scanner.byte(self.at) != Some(b':') {
                return Err(Fault { reason: Reason::InvalidJson, at: self.at });
            }
            self.at += 1;
            let twice = names.has(&name);
            let wanted = wanted.and_then(|wanted| wanted.member(&name));
            let wanted = wanted.filter(|_| !twice || self.duplicates == DuplicateMembers::Last);
            if let Some(value) = self.value(wanted, depth)? {
                members.insert(name.to_string(), value);
            }
            if !twice {
                names.add(name);
            } else if self.duplicates == DuplicateMembers::Refuse {
                return Err(Fault { reason: Reason::DuplicateKey, at: self.at });
            } else {
                self.altered = true;
            }
            more = self.goes_on(b'}')?;
        }
        Ok(wanted.map(|_| Value::Object(members)))
    }

    /// Steps over an opening bracket; says whether something stands behind it.
    fn enter(&mut self, closing: u8, depth: usize) -> Result<bool, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(Fault { reason: Reason::TooDeep, at: self.at });
        }
        self.at = self.scanner.space(self.at + 1);
        let empty = self.scanner.byte(self.at) == Some(closing);
        self.at += usize::from(empty);
        Ok(!empty)
    }

    /// Steps over a comma or a closing bracket; says which one it was.
    fn goes_on(&mut self, closing: u8) -> Result<bool, Fault> {
        self.at = self.scanner.space(self.at);
        let found = self.scanner.byte(self.at);
        if found != Some(b',') && found != Some(closing) {
            return Err(Fault { reason: Reason::InvalidJson, at: self.at });
        }
        self.at += 1;
        Ok(found == Some(b','))
    }
}

/// The place of a fault, and never what stands there.
fn refusal(text: &str, fault: &Fault) -> Refusal {
    let what = match fault.reason {
        Reason::DuplicateKey => "an object names a member twice",
        Reason::TooDeep => "nested deeper than 64 levels",
        Reason::TooManyValues => "more than 100000 values",
        _ if fault.at >= text.len() => "the JSON text ends too early",
        _ => "not JSON",
    };
    let before = text.as_bytes().get(..fault.at).unwrap_or(text.as_bytes());
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
    Refusal::new(fault.reason, format!("{what} (line {line} column {column})"))
}

/// The member names of one object.
#[derive(Default)]
struct Names<'t> {
    few: Vec<Cow<'t, str>>,
    many: HashSet<Cow<'t, str>>,
}

impl<'t> Names<'t> {
    fn has(&self, name: &str) -> bool {
        self.few.iter().any(|known| known == name) || self.many.contains(name)
    }

    fn add(&mut self, name: Cow<'t, str>) {
        if self.few.len() < FEW_MEMBERS {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
    }
}
