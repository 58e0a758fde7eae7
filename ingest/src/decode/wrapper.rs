//! What stands around events: finding it where it is declared, and naming it where it is not. Nothing is taken off
//! because it looks like a wrapper.

use std::{borrow::Cow, collections::HashSet};

use measurement::{
    catalogue::{Decode, DuplicateMembers},
    fields::{Step, parse_path},
};

use super::scan::Scanner;
use crate::json::scalar;

/// Members that shippers, services and tools put arrays of events into.
const ARRAYS: &[&str] = &[
    "Records",
    "records",
    "events",
    "Events",
    "event",
    "value",
    "values",
    "items",
    "Items",
    "data",
    "logs",
    "log",
    "logEvents",
    "entries",
    "Entries",
    "results",
    "Results",
    "result",
    "hits",
    "rows",
    "batch",
    "messages",
    "alerts",
    "findings",
    "incidents",
    "Resources",
    "resources",
    "logins",
    "documents",
    "docs",
    "payload",
    "list",
    "content",
    "resourceLogs",
    "detections",
];
/// Members that shippers put texts into.
const TEXTS: &[&str] = &[
    "message",
    "log",
    "MESSAGE",
    "msg",
    "Message",
    "event.original",
    "raw",
    "_raw",
    "body",
    "line",
    "text",
    "payload",
];

/// Where the value at a path stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Missing,
    /// An object on the way names a member twice.
    Doubled,
    At {
        start: usize,
        /// The brackets around it, from the outside in.
        levels: Vec<u8>,
    },
}

/// Looks for the value at a path, as far as the text is whole.
pub(super) fn find(bytes: &[u8], path: &[Step], duplicates: DuplicateMembers) -> Found {
    let mut scanner = Scanner::new(bytes);
    let mut start = scanner.space(0);
    let mut levels = Vec::new();
    let mut steps = path;
    while let [step, rest @ ..] = steps {
        let found = match step {
            Step::Name(name) => {
                let members = members(&mut scanner, start);
                let mut names = HashSet::with_capacity(members.len());
                if duplicates == DuplicateMembers::Refuse && !members.iter().all(|(name, _)| names.insert(name)) {
                    return Found::Doubled;
                }
                // A name with dots in it, as some shippers flatten their objects.
                let flat = joined(steps);
                let is = |member: &&(Cow<'_, str>, usize)| member.0 == *name || Some(&*member.0) == flat.as_deref();
                let found = match duplicates {
                    DuplicateMembers::Last => members.iter().rfind(is),
                    DuplicateMembers::Refuse | DuplicateMembers::First => members.iter().find(is),
                };
                levels.push(b'{');
                found.map(|(found, start)| (*start, if **found == **name { rest } else { &[] }))
            }
            Step::Index(index) => {
                levels.push(b'[');
                item(&mut scanner, start, *index).map(|start| (start, rest))
            }
        };
        match found {
            Some((value, rest)) => (start, steps) = (value, rest),
            None => return Found::Missing,
        }
    }
    Found::At { start, levels }
}

fn joined(steps: &[Step]) -> Option<String> {
    let name = |step: &Step| match step {
        Step::Name(name) => Some(name.clone()),
        Step::Index(_) => None,
    };
    let names: Option<Vec<String>> = steps.iter().map(name).collect();
    names.filter(|names| names.len() > 1).map(|names| names.join("."))
}

/// The members of an object and where their values begin; none if it is no object.
fn members<'t>(scanner: &mut Scanner<'t>, open: usize) -> Vec<(Cow<'t, str>, usize)> {
    let mut members = Vec::new();
    if scanner.byte(open) != Some(b'{') {
        return members;
    }
    let mut at = scanner.space(open + 1);
    while scanner.byte(at) == Some(b'"') {
        let Ok(end) = scanner.string(at, &mut false) else { break };
        let colon = scanner.space(end);
        if scanner.byte(colon) != Some(b':') {
            break;
        }
        let value = scanner.space(colon + 1);
        members.push((unquoted(scanner.slice(at, end)).0, value));
        let Some(next) = after(scanner, value) else { break };
        if scanner.byte(next) != Some(b',') {
            break;
        }
        at = scanner.space(next + 1);
    }
    members
}

fn item(scanner: &mut Scanner<'_>, open: usize, index: usize) -> Option<usize> {
    let mut at = scanner.space(open + 1);
    if scanner.byte(open) != Some(b'[') || scanner.byte(at) == Some(b']') {
        return None;
    }
    for _ in 0..index {
        let next = after(scanner, at)?;
        if scanner.byte(next) != Some(b',') {
            return None;
        }
        at = scanner.space(next + 1);
    }
    Some(at)
}

/// What stands behind a value, even behind a broken one if its brackets close.
fn after(scanner: &mut Scanner<'_>, value: usize) -> Option<usize> {
    let end = match scanner.value(value) {
        Ok(extent) => extent.end,
        Err(_) => scanner.brackets(value, false)?,
    };
    Some(scanner.space(end))
}

/// The text whose quote stands here, and whether something in it was replaced.
pub(super) fn text_at(bytes: &[u8], start: usize) -> Option<(Cow<'_, str>, bool)> {
    let scanner = Scanner::new(bytes);
    let end = scanner.string(start, &mut false).ok()?;
    Some(unquoted(scanner.slice(start, end)))
}

/// A text in quotes, and whether something in it was replaced.
fn unquoted(quoted: &[u8]) -> (Cow<'_, str>, bool) {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    match String::from_utf8_lossy(inner) {
        Cow::Borrowed(text) => scalar::text(text),
        Cow::Owned(text) => (Cow::Owned(scalar::text(&text).0.into_owned()), true),
    }
}

/// The array of an object that holds `Records` and nothing else, as object stores and streams deliver events.
pub(super) fn only_records(bytes: &[u8], sound: bool) -> Option<usize> {
    let mut scanner = Scanner::new(bytes);
    let open = scanner.space(0);
    let name = scanner.space(open + 1);
    let end = name + "\"Records\"".len();
    if scanner.byte(open) != Some(b'{') || scanner.slice(name, end) != b"\"Records\"" {
        return None;
    }
    let colon = scanner.space(end);
    let array = scanner.space(colon + 1);
    if scanner.byte(colon) != Some(b':') || scanner.byte(array) != Some(b'[') {
        return None;
    }
    // Of a broken one, nothing more is known.
    let alone = !sound || after(&mut scanner, array).is_some_and(|next| scanner.byte(next) == Some(b'}'));
    alone.then_some(array)
}

/// What to declare, if a text looks like something around events: an array of objects, or a text that holds an object or
/// a line.
pub fn looks_like(text: &str, decode: Decode) -> Option<String> {
    let mut scanner = Scanner::new(text.as_bytes());
    let start = scanner.space(0);
    let members = members(&mut scanner, start);
    let arrays = decode == Decode::Json;
    let mut found = None;
    for (name, value) in &members {
        let within = self::members(&mut scanner, *value);
        let inner = within.iter().map(|(inner, value)| (format!("{name}.{inner}"), &**inner, *value));
        for (path, name, value) in std::iter::once((name.to_string(), &**name, *value)).chain(inner) {
            if parse_path(&path).is_none() {
                continue;
            }
            let known = ARRAYS.contains(&name) || members.len() == 1;
            if arrays && known && holds_objects(&scanner, value) {
                return Some(format!("unwrap: {{ records: {path} }}"));
            }
            let known = TEXTS.contains(&name) || TEXTS.contains(&&*path);
            if found.is_none() && known && holds_text(&scanner, value, decode) {
                found = Some(format!("unwrap: {{ text: {path} }}"));
            }
        }
    }
    found
}

fn holds_objects(scanner: &Scanner<'_>, array: usize) -> bool {
    scanner.byte(array) == Some(b'[') && scanner.byte(scanner.space(array + 1)) == Some(b'{')
}

fn holds_text(scanner: &Scanner<'_>, quote: usize, decode: Decode) -> bool {
    if scanner.byte(quote) != Some(b'"') {
        return false;
    }
    let Ok(end) = scanner.string(quote, &mut false) else { return false };
    let (text, _) = unquoted(scanner.slice(quote, end));
    match decode {
        Decode::Text => !text.trim().is_empty(),
        Decode::Json => {
            let mut inner = Scanner::new(text.as_bytes());
            let start = inner.space(0);
            let opens = inner.byte(start) == Some(b'{') || holds_objects(&inner, start);
            opens && inner.value(start).is_ok_and(|extent| inner.space(extent.end) == inner.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, path: &str, duplicates: DuplicateMembers) -> Option<String> {
        match find(text.as_bytes(), &parse_path(path).unwrap(), duplicates) {
            Found::At { start, .. } => text.get(start..).map(str::to_owned),
            Found::Missing => None,
            Found::Doubled => Some("doubled".to_owned()),
        }
    }

    #[test]
    fn values_are_found_by_their_path() {
        let text = r#"{"a": {"x": [1, {"b":[7]}]}, "\u0063":{"d":"t"}, "event.original":"e"}"#;
        let refuse = DuplicateMembers::Refuse;
        assert!(place(text, "a.x[1].b", refuse).unwrap().starts_with("[7]"));
        assert!(place(text, "c.d", refuse).unwrap().starts_with("\"t\""));
        assert!(place(text, "event.original", refuse).unwrap().starts_with("\"e\""));
        for path in ["a.y", "a[0]", "a.x[2]", "a.x.b", "b"] {
            assert_eq!(place(text, path, refuse), None, "{path}");
        }
        assert_eq!(place("[1]", "a", refuse), None);
        assert!(place(r#"{"x":NaN,"a":1"#, "a", refuse).is_none(), "a broken scalar is not passed");
        assert!(place(r#"{"x":{"y":NaN},"a":1"#, "a", refuse).is_some());
    }

    #[test]
    fn a_doubled_wrapper_is_what_the_source_says() {
        let text = r#"{"a":[1],"b":{"c":1,"c":2},"a":[2]}"#;
        assert_eq!(place(text, "a", DuplicateMembers::Refuse).unwrap(), "doubled");
        assert!(place(text, "a", DuplicateMembers::First).unwrap().starts_with("[1]"));
        assert!(place(text, "a", DuplicateMembers::Last).unwrap().starts_with("[2]"));
    }

    #[test]
    fn what_looks_like_a_wrapper_is_named() {
        let json = |text: &str| looks_like(text, Decode::Json);
        for (text, path) in [
            (r#"{"events":[{"a":1}]}"#, "records: events"),
            (r#"{"Records":[{"a":1}],"next":"x"}"#, "records: Records"),
            (r#"{"took":3,"hits":{"total":1,"hits":[{"a":1}]}}"#, "records: hits.hits"),
            (r#"{"data":{"items":[{}]}}"#, "records: data.items"),
            (r#"{"whatever":[{"a":1}]}"#, "records: whatever"),
            (r#"{"message":"{\"a\":1}","host":"h"}"#, "text: message"),
            (r#"{"event":{"original":" {\"a\":1}\n"},"host":"h"}"#, "text: event.original"),
            (r#"{"log":"[{\"a\":1}]","stream":"stdout"}"#, "text: log"),
        ] {
            assert_eq!(json(text), Some(format!("unwrap: {{ {path} }}")), "{text}");
        }
        for text in [
            r#"{"message":"hello","x":1}"#,
            r#"{"message":"[auth] no","x":1}"#,
            r#"{"message":"{user=root}","x":1}"#,
            r#"{"events":3}"#,
            r#"{"events":[]}"#,
            r#"{"events":[1,2]}"#,
            r#"{"tags":[{"k":1}],"x":1}"#,
            "[]",
            "3",
            "",
            "{",
            r#"{"a":"#,
        ] {
            assert_eq!(json(text), None, "{text}");
        }
        let line = r#"{"@timestamp":1.5,"message":"Failed password for root"}"#;
        assert_eq!(looks_like(line, Decode::Text).as_deref(), Some("unwrap: { text: message }"));
        assert_eq!(looks_like("Failed password for {root}", Decode::Text), None);
    }

    #[test]
    fn only_records_is_nothing_beside_them() {
        assert!(only_records(br#" { "Records" : [ {} ] } "#, true).is_some());
        for text in [r#"{"Records":[{}],"a":1}"#, r#"{"a":1,"Records":[{}]}"#, r#"{"Records":{}}"#, r#"{"records":[]}"#]
        {
            assert_eq!(only_records(text.as_bytes(), true), None, "{text}");
        }
    }
}
