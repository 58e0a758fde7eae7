//! What stands around events and is declared: where it is.

use std::{borrow::Cow, collections::HashSet};

use measurement::{catalogue::DuplicateMembers, fields::Step};

use super::scan::Scanner;
use crate::json::scalar;

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
pub(super) fn members<'t>(scanner: &mut Scanner<'t>, open: usize) -> Vec<(Cow<'t, str>, usize)> {
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
pub(super) fn after(scanner: &mut Scanner<'_>, value: usize) -> Option<usize> {
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
pub(super) fn unquoted(quoted: &[u8]) -> (Cow<'_, str>, bool) {
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

#[cfg(test)]
mod tests {
    use measurement::fields::parse_path;

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
    fn only_records_is_nothing_beside_them() {
        assert!(only_records(br#" { "Records" : [ {} ] } "#, true).is_some());
        for text in [r#"{"Records":[{}],"a":1}"#, r#"{"a":1,"Records":[{}]}"#, r#"{"Records":{}}"#, r#"{"records":[]}"#]
        {
            assert_eq!(only_records(text.as_bytes(), true), None, "{text}");
        }
    }
}
