//! What seems to stand around events and was not declared. Nothing is taken off because it looks like a wrapper: it is named,
//! and refused as many times as it may hold events, so that what is missing is not taken for less than it is.

use measurement::{catalogue::Decode, fields::parse_path};

use super::{
    Form, Framing,
    json::{self, State},
    scan::Scanner,
    text,
    wrapper::{after, members, unquoted},
};
use crate::reject::{Reason, Refusal};

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

/// How deep members are looked at: of what is of no interest, and of what was refused.
const DEPTH: usize = 2;
const DEPTH_REFUSED: usize = 4;
/// How many wrappers may stand in one another.
const WITHIN: usize = 4;

/// What an element seems to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Guess {
    /// What to declare, from the outside in; empty where no declaration would help.
    steps: Vec<String>,
    /// How many events it may hold.
    held: u64,
}

impl Guess {
    fn declaration(&self) -> Option<String> {
        match self.steps.as_slice() {
            [] => None,
            [step] => Some(format!("unwrap: {{ {step} }}")),
            steps => Some(format!("unwrap: [{{ {} }}]", steps.join(" }, { "))),
        }
    }
}

/// What became of an element, unless nothing did and it looks like something around events that nobody declared: then
/// that is what it is refused for, with what to declare.
pub fn judge<T>(framing: &Framing, form: &Form<'_>, found: Result<Vec<T>, Refusal>) -> Result<Vec<T>, Refusal> {
    let refusal = match &found {
        Ok(events) if events.is_empty() => None,
        Err(refusal) if may_hold_others(refusal.reason) => Some(refusal),
        _ => return found,
    };
    let (Form::Line(text) | Form::Json(text)) = form else { return found };
    // An empty list says that there is nothing to take off, whatever it looks like.
    if framing.unwrap.as_ref().is_some_and(Vec::is_empty) {
        return found;
    }
    let Some(guess) = guess(text.as_bytes(), framing.decode, refusal.is_some(), WITHIN) else { return found };
    let why = match refusal {
        Some(refusal) if !may_be_a_wrapper(refusal.reason) => return Err(refusal.clone().of(guess.held)),
        Some(refusal) => format!(" ({}: {})", refusal.reason.name(), refusal.detail),
        None => String::new(),
    };
    match (guess.declaration(), refusal) {
        (Some(declaration), _) => {
            let detail = format!(
                "it looks like something around events: declare `{declaration}`, or `unwrap: []` if it is none{why}"
            );
            Err(Refusal::new(Reason::UndeclaredWrapper, detail).of(guess.held))
        }
        (None, Some(refusal)) => Err(refusal.clone().of(guess.held)),
        (None, None) => found,
    }
}

/// How many events a text may hold that is not looked into: at least one.
pub(super) fn held(bytes: &[u8], decode: Decode) -> u64 {
    guess(bytes, decode, true, WITHIN).map_or(1, |guess| guess.held)
}

/// Whether it is not known of what was refused that it is one event.
const fn may_hold_others(reason: Reason) -> bool {
    let unread =
        matches!(reason, Reason::DuplicateKey | Reason::TooDeep | Reason::TooManyValues | Reason::MappingTooLong);
    unread || may_be_a_wrapper(reason)
}

const fn may_be_a_wrapper(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NotAnObject
            | Reason::MappingAborted
            | Reason::MappingFailed
            | Reason::MappingResult
            | Reason::UnknownClass
            | Reason::MissingAttribute
            | Reason::BadAttribute
            | Reason::BadTime
    )
}

/// What a text looks like: an array of objects, or a text that holds objects or lines. Of what was refused, whatever else makes up
/// most of it counts as well.
fn guess(bytes: &[u8], decode: Decode, refused: bool, within: usize) -> Option<Guess> {
    let within = within.checked_sub(1)?;
    let mut look = Look { scanner: Scanner::new(bytes), decode, refused, within, alone: false, text: None };
    let start = look.scanner.space(0);
    let found = match look.scanner.byte(start)? {
        b'{' => look.object(start, "", 0),
        b'[' if refused => Some(look.array(start)),
        b'"' if refused => look.quoted(start),
        _ => None,
    };
    found.or(look.text).filter(|guess| guess.held > 1 || !guess.steps.is_empty())
}

struct Look<'t> {
    scanner: Scanner<'t>,
    decode: Decode,
    refused: bool,
    /// How many wrappers more are looked for in what is found.
    within: usize,
    /// Whether the text is an object of one member.
    alone: bool,
    /// The first text that looks like one: arrays come first.
    text: Option<Guess>,
}

impl Look<'_> {
    /// The first array among the members of an object and of those in it.
    fn object(&mut self, open: usize, path: &str, depth: usize) -> Option<Guess> {
        let members = members(&mut self.scanner, open);
        if depth == 0 {
            self.alone = members.len() == 1;
        }
        let deepest = if self.refused { DEPTH_REFUSED } else { DEPTH };
        for (name, value) in members {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            let found = match self.scanner.byte(value) {
                Some(b'[') if self.is_array_of_events(&name, value) => {
                    return Some(declared("records", &path, self.array(value)));
                }
                Some(b'{') if depth + 1 < deepest => self.object(value, &path, depth + 1),
                Some(b'"') if self.text.is_none() => {
                    let known = TEXTS.contains(&&*name) || TEXTS.contains(&path.as_str());
                    let found = if known || self.is_most(value) { self.quoted(value) } else { None };
                    self.text =
                        found.filter(|guess| known || guess.held > 1).map(|guess| declared("text", &path, guess));
                    None
                }
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether an array may be one of events, by what is in it, its name and its size.
    fn is_array_of_events(&mut self, name: &str, open: usize) -> bool {
        let first = self.scanner.byte(self.scanner.space(open + 1));
        let known = ARRAYS.contains(&name) || self.alone;
        match first {
            Some(b'{') => (known && (self.refused || self.decode == Decode::Json)) || self.is_most(open),
            Some(b'"' | b'[') => self.is_most(open),
            _ => false,
        }
    }

    /// Whether a value makes up most of something that was refused, and is an array of several items if it is one.
    fn is_most(&mut self, value: usize) -> bool {
        let Some(end) = after(&mut self.scanner, value).filter(|_| self.refused) else { return false };
        let most = 2 * (end - value) >= self.scanner.len();
        most && (self.scanner.byte(value) != Some(b'[') || self.array(value).held > 1)
    }

    /// What the array holds that opens here: items, and in each of them the text that it seems to be around.
    fn array(&mut self, open: usize) -> Guess {
        let mut guess = Guess::default();
        let mut at = self.scanner.space(open + 1);
        while self.scanner.byte(at).is_some_and(|byte| byte != b']') {
            let Some(next) = after(&mut self.scanner, at) else { break };
            let item = self.scanner.slice(at, next);
            let inner = if self.refused { item_of(item, self.decode, self.within) } else { None };
            let inner = inner.unwrap_or(Guess { steps: Vec::new(), held: 1 });
            if guess.held == 0 {
                guess.steps = inner.steps;
            }
            guess.held = guess.held.saturating_add(inner.held.max(1));
            match self.scanner.byte(next) {
                Some(b',') => at = self.scanner.space(next + 1),
                _ => break,
            }
        }
        guess.held = guess.held.max(1);
        guess
    }

    /// What the text holds whose quote stands here: lines, or JSON again.
    fn quoted(&mut self, quote: usize) -> Option<Guess> {
        let end = self.scanner.string(quote, &mut false).ok()?;
        let (inner, _) = unquoted(self.scanner.slice(quote, end));
        if self.decode == Decode::Text {
            let lines = text::lines(inner.as_bytes()).count();
            return (lines > 0).then(|| Guess { steps: Vec::new(), held: u64::try_from(lines).unwrap_or(u64::MAX) });
        }
        let parts = json::values(inner.as_bytes());
        let is_object = |part: &json::Part<'_>| {
            let opens = match part.bytes {
                [b'{', ..] => true,
                [b'[', rest @ ..] => rest.trim_ascii_start().starts_with(b"{"),
                _ => false,
            };
            opens && matches!(part.state, State::Sound { .. })
        };
        if parts.is_empty() || !parts.iter().all(is_object) {
            return None;
        }
        let mut guess = Guess::default();
        for part in parts {
            let inner = if self.refused { self::guess(part.bytes, self.decode, true, self.within) } else { None };
            let inner = inner.unwrap_or(Guess { steps: Vec::new(), held: 1 });
            if guess.held == 0 {
                guess.steps = inner.steps;
            }
            guess.held = guess.held.saturating_add(inner.held);
        }
        Some(guess)
    }
}

/// What an item of an array of events is around, if it is around a text. An array in it is the event's own.
fn item_of(item: &[u8], decode: Decode, within: usize) -> Option<Guess> {
    let within = within.checked_sub(1)?;
    let mut look = Look { scanner: Scanner::new(item), decode, refused: false, within, alone: false, text: None };
    match look.scanner.byte(0)? {
        b'{' => {
            look.object(0, "", 0);
            look.text
        }
        b'[' => Some(look.array(0)),
        b'"' => look.quoted(0),
        _ => None,
    }
}

/// A guess with what stands around it.
fn declared(what: &str, path: &str, guess: Guess) -> Guess {
    // A name that cannot be written as a path cannot be declared.
    if parse_path(path).is_none() {
        return Guess { steps: Vec::new(), ..guess };
    }
    let steps = std::iter::once(format!("{what}: {path}")).chain(guess.steps).collect();
    Guess { steps, ..guess }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_wrapper_is_named() {
        let looks_like = |text: &str, decode| guess(text.as_bytes(), decode, false, WITHIN)?.declaration();
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
    fn what_was_refused_counts_as_what_it_may_hold() {
        let refused = |text: &str, decode| guess(text.as_bytes(), decode, true, WITHIN).unwrap_or_default();
        let json = |text: &str| refused(text, Decode::Json);
        let lines = |text: &str| refused(text, Decode::Text);
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let three = r#"[{"a":1},{"a":2},{"a":3}]"#;
        for (text, steps, held) in [
            (format!(r#"{{"events":{three}}}"#), &["records: events"][..], 3),
            (format!(r#"{{"a":{{"b":{{"events":{three}}}}}}}"#), &["records: a.b.events"], 3),
            (format!(r#"{{"n":1,"attempts":{three}}}"#), &["records: attempts"], 3),
            (format!(r#"{{"a b":{three}}}"#), &[], 3),
            (format!(r#"{{"message":{}}}"#, quoted("{\"a\":1}\n{\"a\":2}")), &["text: message"], 2),
            (format!(r#"{{"message":{}}}"#, quoted(three)), &["text: message"], 3),
            (
                format!(r#"{{"message":{},"x":1}}"#, quoted(&format!(r#"{{"events":{three}}}"#))),
                &["text: message", "records: events"],
                3,
            ),
            (
                format!(r#"{{"logEvents":[{{"id":1,"message":{0}}},{{"id":2,"message":{0}}}]}}"#, quoted(r#"{"a":1}"#)),
                &["records: logEvents", "text: message"],
                2,
            ),
            (quoted(three), &[], 3),
            (three.to_owned(), &[], 3),
            (format!(r#"{{"x":"{}","attempts":{three}}}"#, "long ".repeat(20)), &[], 0),
            (r#"{"id":1,"tags":[{"k":1}]}"#.to_owned(), &[], 0),
            (r#"{"a":1}"#.to_owned(), &[], 0),
        ] {
            let found = json(&text);
            assert_eq!(
                (found.steps.as_slice(), found.held),
                (steps.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(), held),
                "{text}"
            );
        }
        for (text, steps, held) in [
            (format!(r#"{{"log":{}}}"#, quoted("one\ntwo\n\nthree\r\n")), &["text: log"][..], 3),
            (r#"{"message":["one","two","three"]}"#.to_owned(), &["records: message"], 3),
            (
                r#"{"events":[{"message":"one"},{"message":"two"}]}"#.to_owned(),
                &["records: events", "text: message"],
                2,
            ),
            (r#"{"nobody":"knows\nthis one"}"#.to_owned(), &["text: nobody"], 2),
            ("Failed password for {root} [x]".to_owned(), &[], 0),
        ] {
            let found = lines(&text);
            assert_eq!(
                (found.steps.as_slice(), found.held),
                (steps.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(), held),
                "{text}"
            );
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(json(&deep).held <= 1, "depth costs no stack");
    }

    #[test]
    fn a_wrapper_that_nobody_declared_is_refused_by_its_name() {
        let judged = |unwrap, text: &str, found: Result<Vec<u8>, Refusal>| {
            let framing = Framing { unwrap, ..Framing::plain(Decode::Json) };
            judge(&framing, &Form::Json(text.into()), found)
        };
        let wrapper = r#"{"n":1,"events":[{"a":[{},{}]},{"a":2},{"a":3}]}"#;
        let refusal = judged(None, wrapper, Ok(Vec::new())).unwrap_err();
        assert_eq!((refusal.reason, refusal.elements), (Reason::UndeclaredWrapper, 3));
        assert!(refusal.detail.contains("`unwrap: { records: events }`"), "{}", refusal.detail);
        let class = || Err(Refusal::new(Reason::UnknownClass, "the event names no class_uid"));
        let refusal = judged(Some(Vec::new()), wrapper, class()).unwrap_err();
        assert_eq!(refusal.reason, Reason::UnknownClass, "it was said that nothing is to be taken off");
        assert!(
            judged(None, wrapper, class())
                .unwrap_err()
                .detail
                .ends_with("(unknown-class: the event names no class_uid)")
        );
        assert_eq!(judged(None, wrapper, Ok(vec![1])), Ok(vec![1]), "it gave an event");
        assert_eq!(judged(None, r#"{"type":"heartbeat"}"#, Ok(Vec::new())), Ok(Vec::new()));
        let deep = || Err::<Vec<u8>, _>(Refusal::new(Reason::TooDeep, ""));
        assert_eq!(
            judged(None, wrapper, deep()).unwrap_err(),
            deep().unwrap_err().of(3),
            "of its own reason, as many times"
        );
    }
}
