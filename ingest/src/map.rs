//! A source's own form to events: one VRL program per source, and the only file that knows VRL.
//!
//! The program sees the element as `.` (a line of text as `.message`), the time of the record as
//! `%received_ms` and the name of the source as `%source`. It returns an event, an array of
//! events, or null for what is sound but of no interest; `abort` refuses the element. What it writes to
//! `%seen_ms` is when that happened which it leaves out: a source is alive when it sends.

use std::{
    fmt,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use chrono_tz::Tz;
use measurement::{catalogue::mapping_digest, time::Timestamp};
use serde_json::{Map, Number};
use vrl::{
    compiler::{
        ExpressionError, Program, TargetValueRef,
        runtime::{Runtime, Terminate},
    },
    core::Value,
    diagnostic::{DiagnosticList, DiagnosticMessage},
    prelude::TimeZone,
    value::Secrets,
};

use crate::reject::{Reason, Refusal};

mod format_time;
mod functions;
mod klog;
mod local;
mod parse_time;
mod stamps;
mod syslog;

/// Metadata in which a program finds the time of the record.
const RECEIVED: &str = "received_ms";
/// Metadata in which a program may say when something happened that it leaves out.
const SEEN: &str = "seen_ms";

/// Longest program; beyond it the compiler's own recursion is not to be trusted.
const PROGRAM_LIMIT: usize = 64 * 1024;
/// Deepest brackets of a program, for the same reason.
const BRACKET_LIMIT: usize = 48;
/// Expressions that one element may cost. A count, not a time: whether a record is accepted must
/// not depend on how busy the machine is.
const STEP_LIMIT: u32 = 200_000;

/// A fault of a program, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ProgramFault {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// What a program made of an element.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The events.
    pub events: Result<Vec<Map<String, serde_json::Value>>, Refusal>,
    /// When the element happened, if the program said so.
    pub seen: Option<Timestamp>,
}

/// A compiled program with the runtime that it uses again and again.
pub struct Mapping {
    program: Program,
    text: String,
    digest: String,
    runtime: Runtime,
    zone: TimeZone,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mapping").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl Mapping {
    /// Compiles a program; all faults at once. The zone is the source's, for stamps without one: never the host's, since
    /// the same record must give the same event everywhere.
    pub fn compile(text: &str, zone: Tz) -> Result<Self, Vec<ProgramFault>> {
        let whole = |message: &str| vec![ProgramFault { line: 1, column: 1, message: message.to_owned() }];
        if text.len() > PROGRAM_LIMIT {
            return Err(whole("the program is longer than 64 KiB"));
        }
        if bracket_depth(text) > BRACKET_LIMIT {
            return Err(whole("brackets are nested deeper than 48 levels"));
        }
        match vrl::compiler::compile(text, &functions::functions()) {
            Ok(compiled) => Ok(Self {
                program: compiled.program,
                text: text.to_owned(),
                digest: mapping_digest(text),
                runtime: Runtime::default(),
                zone: TimeZone::Named(zone),
            }),
            Err(faults) => Err(program_faults(text, &faults)),
        }
    }

    /// What tells events that it makes from those that another program makes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the program names a member, so that it may look at it.
    pub fn names(&self, member: &str) -> bool {
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        self.text.match_indices(member).any(|(at, found)| {
            let (before, after) = (self.text.get(..at), self.text.get(at + found.len()..));
            !before.is_some_and(|text| text.ends_with(letter)) && !after.is_some_and(|text| text.starts_with(letter))
        })
    }

    /// Runs the program on one element; no event means "not relevant".
    pub fn apply(&mut self, element: serde_json::Value, source: &str, received: Timestamp) -> Applied {
        let mut value = Value::from(element);
        let mut metadata = Value::Object(
            [("source".into(), Value::from(source)), (RECEIVED.into(), Value::Integer(received.0))].into(),
        );
        let mut secrets = Secrets::new();
        let mut target = TargetValueRef { value: &mut value, metadata: &mut metadata, secrets: &mut secrets };
        let mut steps = 0_u32;
        let mut control = || {
            steps += 1;
            if steps > STEP_LIMIT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let (runtime, program, zone) = (&mut self.runtime, &self.program, &self.zone);
        // Foreign code on foreign input: a panic in it costs the record, not the service.
        let outcome =
            catch_unwind(AssertUnwindSafe(|| runtime.resolve_with_control(&mut target, program, zone, &mut control)));
        self.runtime.clear();
        let seen = metadata.as_object().and_then(|members| members.get(SEEN)).and_then(Value::as_integer);
        let events = match outcome {
            Ok(Ok(value)) => events(value),
            Ok(Err(end)) => Err(self.refusal(end)),
            Err(_) => Err(Refusal::new(Reason::MappingFailed, "the program panicked")),
        };
        Applied { events, seen: seen.map(Timestamp) }
    }

    fn refusal(&self, end: Terminate) -> Refusal {
        match end {
            Terminate::Interrupted => {
                Refusal::new(Reason::MappingTooLong, format!("the program took more than {STEP_LIMIT} steps"))
            }
            Terminate::Abort(ExpressionError::Abort { message, span }) => {
                let (line, _) = position(&self.text, span.start());
                let message = message.unwrap_or_else(|| "aborted".to_owned());
                Refusal::new(Reason::MappingAborted, format!("{message} (map.vrl line {line})"))
            }
            Terminate::Abort(error) | Terminate::Error(error) => {
                let start = error.labels().first().map_or(0, |label| label.span.start());
                let (line, _) = position(&self.text, start);
                // What follows the first colon may quote the record.
                let message = error.message();
                let what = message.split([':', '(']).next().unwrap_or_default().trim().trim_end_matches(" at");
                Refusal::new(Reason::MappingFailed, format!("{what} (map.vrl line {line})"))
            }
        }
    }
}

fn program_faults(text: &str, faults: &DiagnosticList) -> Vec<ProgramFault> {
    let fault = |diagnostic: &vrl::diagnostic::Diagnostic| {
        let label = diagnostic.labels().iter().find(|label| label.primary).or_else(|| diagnostic.labels().first());
        let (line, column) = position(text, label.map_or(0, |label| label.span.start()));
        let mut message = diagnostic.message().to_owned();
        if let Some(label) = label.filter(|label| !label.message.is_empty()) {
            let culprit = text.get(label.span.range()).and_then(|code| code.lines().next()).unwrap_or_default();
            message = format!("{message}: {}: `{culprit}`", label.message);
        }
        ProgramFault { line, column, message }
    };
    faults.iter().filter(|diagnostic| diagnostic.is_problem()).map(fault).collect()
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

fn bracket_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn events(value: Value) -> Result<Vec<Map<String, serde_json::Value>>, Refusal> {
    let values = if let Value::Array(values) = value { values } else { vec![value] };
    let mut events = Vec::with_capacity(values.len());
    for value in values {
        match json(value)? {
            serde_json::Value::Null => {}
            serde_json::Value::Object(event) if event.is_empty() => {}
            serde_json::Value::Object(event) => events.push(event),
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_) => return Err(refused("something other than events")),
        }
    }
    Ok(events)
}

fn refused(what: &str) -> Refusal {
    Refusal::new(Reason::MappingResult, format!("the program returned {what}"))
}

/// Not the library's own conversion: that one turns an infinite number into null, silently.
fn json(value: Value) -> Result<serde_json::Value, Refusal> {
    Ok(match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Float(value) => match Number::from_f64(value.into_inner()) {
            Some(number) => number.into(),
            None => return Err(refused("a number that is not finite")),
        },
        Value::Timestamp(time) => Timestamp::of(&time).to_string().into(),
        Value::Regex(_) => return Err(refused("a pattern")),
        Value::Array(values) => values.into_iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| Ok((name.to_string(), json(value)?)))
            .collect::<Result<Map<_, _>, Refusal>>()?
            .into(),
        Value::String(text) => text.to_string().into(),
        Value::Bytes(bytes) => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => text.into(),
            Err(_) => return Err(refused("bytes that are not UTF-8")),
        },
    })
}

#[cfg(test)]
mod tests;
