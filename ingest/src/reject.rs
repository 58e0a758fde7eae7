//! Why a record was refused: the closed set of reasons, each belonging to one stage, and the dead
//! letter that carries the original bytes.

use std::sync::Arc;

use records::{DeadLetter, Stage};
use streaming::OutRecord;

use crate::arrival::Arrival;

/// Longest detail that rides in a header.
const DETAIL_LIMIT: usize = 500;
/// Longest record that a dead letter carries, in bytes: brokers and clients take records of about a megabyte unless they
/// are told otherwise, and a letter that cannot be written would stop everything.
const RECORD_LIMIT: usize = 900_000;

/// Everything that can be wrong with a record. The name is a metric label and never changes its
/// meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No value, or nothing but white space.
    Empty,
    /// Longer than the limit; not looked into.
    TooLarge,
    /// Bytes of an encoding that the source does not declare.
    WrongEncoding,
    /// Text that is not JSON: cut off, `NaN`, brackets that do not close.
    InvalidJson,
    /// An object that names a member twice: two readers could disagree about it.
    DuplicateKey,
    /// Nested deeper than the limit.
    TooDeep,
    /// More elements or values than the limit.
    TooManyValues,
    /// JSON that is not an object.
    NotAnObject,
    /// It looks like a wrapper around events that the source does not declare.
    UndeclaredWrapper,
    /// The mapping refused the record.
    MappingAborted,
    /// The mapping failed: a fault of the program, or input that it did not expect.
    MappingFailed,
    /// The mapping took more steps than a record may cost.
    MappingTooLong,
    /// The mapping returned something other than events.
    MappingResult,
    /// `count` is not a whole number of at least one and within the bound.
    CountOutOfRange,
    /// `class_uid` is missing or not a class that the catalogue knows.
    UnknownClass,
    /// An attribute that the class requires is missing.
    MissingAttribute,
    /// An attribute has the wrong type or contradicts another one.
    BadAttribute,
    /// `time` is not a whole number of milliseconds.
    BadTime,
    /// `time` lies too far in the future, or before the year 2000.
    ImplausibleTime,
    /// The entity that the event is about has no usable key.
    NoKey,
}

impl Reason {
    /// All reasons, in the order of the stages.
    pub const ALL: [Self; 20] = [
        Self::Empty,
        Self::TooLarge,
        Self::WrongEncoding,
        Self::InvalidJson,
        Self::DuplicateKey,
        Self::TooDeep,
        Self::TooManyValues,
        Self::NotAnObject,
        Self::UndeclaredWrapper,
        Self::MappingAborted,
        Self::MappingFailed,
        Self::MappingTooLong,
        Self::MappingResult,
        Self::CountOutOfRange,
        Self::UnknownClass,
        Self::MissingAttribute,
        Self::BadAttribute,
        Self::BadTime,
        Self::ImplausibleTime,
        Self::NoKey,
    ];

    /// The name in headers, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
            Self::WrongEncoding => "wrong-encoding",
            Self::InvalidJson => "invalid-json",
            Self::DuplicateKey => "duplicate-key",
            Self::TooDeep => "too-deep",
            Self::TooManyValues => "too-many-values",
            Self::NotAnObject => "not-an-object",
            Self::UndeclaredWrapper => "undeclared-wrapper",
            Self::MappingAborted => "mapping-aborted",
            Self::MappingFailed => "mapping-failed",
            Self::MappingTooLong => "mapping-too-long",
            Self::MappingResult => "mapping-result",
            Self::CountOutOfRange => "count-out-of-range",
            Self::UnknownClass => "unknown-class",
            Self::MissingAttribute => "missing-attribute",
            Self::BadAttribute => "bad-attribute",
            Self::BadTime => "bad-time",
            Self::ImplausibleTime => "implausible-time",
            Self::NoKey => "no-key",
        }
    }

    /// The stage that refuses for this reason.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Empty
            | Self::TooLarge
            | Self::WrongEncoding
            | Self::InvalidJson
            | Self::DuplicateKey
            | Self::TooDeep
            | Self::TooManyValues
            | Self::NotAnObject
            | Self::UndeclaredWrapper => Stage::Decode,
            Self::MappingAborted | Self::MappingFailed | Self::MappingTooLong | Self::MappingResult => Stage::Map,
            Self::CountOutOfRange => Stage::Expand,
            Self::UnknownClass
            | Self::MissingAttribute
            | Self::BadAttribute
            | Self::BadTime
            | Self::ImplausibleTime => Stage::Validate,
            Self::NoKey => Stage::Route,
        }
    }
}

/// A record, or one element of it, was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// What exactly; speaks of places, names and numbers, never quotes the record.
    pub detail: String,
    /// How many elements it speaks of: one, unless what was refused whole is known to hold several.
    pub elements: u64,
}

impl Refusal {
    /// A refusal for the given reason.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), elements: 1 }
    }

    /// The same for that many elements, at least one.
    #[must_use]
    pub fn of(self, elements: u64) -> Self {
        Self { elements: elements.max(1), ..self }
    }

    /// One refusal for a record of which several elements were refused: the first one, placed.
    pub fn of_elements(refused: &[(usize, Self)], elements: u64) -> Option<Self> {
        let (position, first) = refused.first()?;
        let all: u64 = refused.iter().map(|(_, refusal)| refusal.elements).sum();
        if elements < 2 || first.elements == elements {
            return Some(first.clone());
        }
        let others = all - first.elements;
        let more = if others > 0 { format!("; {others} more refused") } else { String::new() };
        let detail = format!("element {} of {elements}: {}{more}", position + 1, first.detail);
        Some(Self { reason: first.reason, detail, elements: all })
    }
}

/// The dead letter: the record as it came, with its origin and the reason beside it. A very long one stays at its origin.
pub fn dead_letter(refusal: &Refusal, topic: &Arc<str>, source: &str, arrival: &Arrival<'_>) -> OutRecord {
    let value = arrival.value.filter(|value| value.len() <= RECORD_LIMIT);
    let letter = DeadLetter {
        source: source.to_owned(),
        topic: arrival.topic.to_owned(),
        partition: arrival.partition,
        offset: arrival.offset,
        stage: refusal.reason.stage(),
        reason: refusal.reason.name(),
        detail: refusal.detail.chars().take(DETAIL_LIMIT).collect(),
    };
    OutRecord {
        topic: Arc::clone(topic),
        partition: None,
        key: arrival.key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: letter.headers(),
        timestamp: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_complete() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        assert!(Reason::ALL.is_sorted(), "declared in the order of the stages");
    }

    #[test]
    fn a_very_long_record_stays_where_it_is() {
        let topic: Arc<str> = "vernier.dead-letter".into();
        let refusal = Refusal::new(Reason::TooLarge, "too long");
        for (length, carried) in [(RECORD_LIMIT, true), (RECORD_LIMIT + 1, false)] {
            let value = vec![b'x'; length];
            let timestamp = measurement::time::Timestamp(0);
            let arrival =
                Arrival { topic: "raw", partition: 0, offset: 7, timestamp, key: None, value: Some(value.as_slice()) };
            let letter = dead_letter(&refusal, &topic, "lab", &arrival);
            assert_eq!(letter.value.is_some(), carried);
            assert!(letter.headers.iter().any(|(_, value)| value == b"7"), "where it lies is told");
        }
    }

    #[test]
    fn several_refused_elements_make_one_refusal() {
        let refused = |position| (position, Refusal::new(Reason::BadTime, "time is text"));
        let one = Refusal::of_elements(&[refused(2), refused(4)], 5).unwrap();
        assert_eq!(one.detail, "element 3 of 5: time is text; 1 more refused");
        assert_eq!(one.elements, 2);
        assert_eq!(Refusal::of_elements(&[refused(0)], 1).unwrap().detail, "time is text");
        let whole = (0, Refusal::new(Reason::WrongEncoding, "UTF-16").of(7));
        assert_eq!(Refusal::of_elements(&[whole], 7).unwrap().detail, "UTF-16");
        assert_eq!(Refusal::of_elements(&[], 3), None);
    }
}
