//! Bytes to elements. One record may hold one event, several lines, an array, a `Records` wrapper
//! or a shipper's envelope with the original text in `message`; whatever it holds, each element
//! goes its own way from here, so that one bad element does not take the others with it.

use std::borrow::Cow;

use measurement::catalogue::Decode;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    json,
    reject::{Reason, Refusal},
};

/// Most elements in one record.
const ELEMENT_LIMIT: usize = 10_000;

/// One element of a record, not yet looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// A line of text.
    Line(Cow<'a, str>),
    /// The text of one JSON value.
    Json(Cow<'a, str>),
}

/// Splits a record into its elements; blank lines and empty arrays give none.
pub fn decode(format: Decode, value: Option<&[u8]>, size_limit: usize) -> Result<Vec<Element<'_>>, Refusal> {
    let bytes = value.ok_or_else(|| Refusal::new(Reason::Empty, "the record has no value"))?;
    if bytes.len() > size_limit {
        let detail = format!("{} bytes, the limit is {size_limit}", bytes.len());
        return Err(Refusal::new(Reason::TooLarge, detail));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refusal::new(Reason::InvalidUtf8, format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    if text.trim().is_empty() {
        return Err(Refusal::new(Reason::Empty, "the record holds nothing but white space"));
    }
    let elements = match format {
        Decode::Text => lines(text)?,
        Decode::Json => values(text)?,
    };
    if elements.len() > ELEMENT_LIMIT {
        let detail = format!("{} elements, the limit is {ELEMENT_LIMIT}", elements.len());
        return Err(Refusal::new(Reason::TooManyValues, detail));
    }
    Ok(elements)
}

fn lines(text: &str) -> Result<Vec<Element<'_>>, Refusal> {
    if text.trim_start().starts_with('{')
        && let Some(message) = Envelope::read(text)?.and_then(|envelope| envelope.message)
    {
        let line = |line: &str| Element::Line(Cow::Owned(line.to_owned()));
        return Ok(filled_lines(&message).map(line).collect());
    }
    Ok(filled_lines(text).map(|line| Element::Line(Cow::Borrowed(line))).collect())
}

fn filled_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

fn values(text: &str) -> Result<Vec<Element<'_>>, Refusal> {
    let mut elements = Vec::new();
    for value in split(text)? {
        let inner = match value.strip_prefix('{') {
            Some(_) => Envelope::read(value)?,
            None => None,
        };
        match inner {
            Some(Envelope { records: Some(records), .. }) => {
                elements.extend(records.into_iter().map(|record| Element::Json(Cow::Borrowed(record.get()))));
            }
            Some(Envelope { message: Some(message), .. }) if message.trim_start().starts_with(['{', '[']) => {
                let inner = split(&message)?.into_iter();
                elements.extend(inner.map(|value| Element::Json(Cow::Owned(value.to_owned()))));
            }
            _ => elements.push(Element::Json(Cow::Borrowed(value))),
        }
    }
    Ok(elements)
}

/// The values of a text: the items of an array, or one value after the other. If a value is
/// broken, its line alone is broken, provided that the text before it was whole.
fn split(text: &str) -> Result<Vec<&str>, Refusal> {
    if text.trim_start().starts_with('[') {
        let items: Result<Vec<&RawValue>, _> = serde_json::from_str(text);
        if let Ok(items) = items {
            return Ok(items.into_iter().map(RawValue::get).collect());
        }
    }
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        match value {
            Ok(value) => values.push(value.get()),
            Err(_) if !values.is_empty() && text.contains('\n') => {
                return Ok(filled_lines(text).map(str::trim).collect());
            }
            Err(error) => return Err(json::refusal(&error, None)),
        }
    }
    Ok(values)
}

/// What shippers and cloud services put around events.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    /// An event that names its class is no envelope: OCSF has a `message` of its own.
    class_uid: Option<IgnoredAny>,
}

impl<'a> Envelope<'a> {
    /// `None` if the text is not an envelope; an envelope must be sound, like what it holds.
    fn read(text: &'a str) -> Result<Option<Self>, Refusal> {
        if !text.contains("\"Records\"") && !text.contains("\"message\"") {
            return Ok(None);
        }
        let Ok(envelope) = serde_json::from_str::<Self>(text) else {
            return Ok(None);
        };
        if envelope.class_uid.is_some() || (envelope.records.is_none() && envelope.message.is_none()) {
            return Ok(None);
        }
        json::check(text)?;
        Ok(Some(envelope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn texts(format: Decode, text: &str) -> Vec<String> {
        let element = |element| match element {
            Element::Line(text) | Element::Json(text) => text.into_owned(),
        };
        decode(format, Some(text.as_bytes()), LIMIT).unwrap().into_iter().map(element).collect()
    }

    fn reason(format: Decode, bytes: &[u8]) -> Reason {
        decode(format, Some(bytes), LIMIT).unwrap_err().reason
    }

    #[test]
    fn every_usual_shape_of_json_is_taken_apart() {
        assert_eq!(texts(Decode::Json, r#" {"a":1} "#), [r#"{"a":1}"#]);
        assert_eq!(texts(Decode::Json, "{\n\"a\":1\n}"), ["{\n\"a\":1\n}"]);
        assert_eq!(texts(Decode::Json, r#"[{"a":1},{"a":2}]"#), [r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(texts(Decode::Json, "{\"a\":1}\n\n{\"a\":2}\r\n"), [r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(texts(Decode::Json, r#"{"Records":[{"a":1},{"a":2}]}"#), [r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(texts(Decode::Json, r#"{"message":"{\"a\":1}","host":"h"}"#), [r#"{"a":1}"#]);
        assert_eq!(texts(Decode::Json, "[]"), Vec::<String>::new());
    }

    #[test]
    fn an_event_with_a_message_of_its_own_stays_whole() {
        for text in
            [r#"{"class_uid":1,"message":"{\"a\":1}"}"#, r#"{"b":1,"message":3}"#, r#"{"b":1,"message":"hello"}"#]
        {
            assert_eq!(texts(Decode::Json, text), [text]);
        }
    }

    #[test]
    fn a_broken_line_breaks_no_other() {
        let text = "{\"a\":1}\n{\"a\":\n{\"a\":3}";
        assert_eq!(texts(Decode::Json, text), [r#"{"a":1}"#, r#"{"a":"#, r#"{"a":3}"#]);
        assert_eq!(reason(Decode::Json, br#"{"a":"#), Reason::InvalidJson);
        assert_eq!(reason(Decode::Json, br#"[{"a":1},{"a":"#), Reason::InvalidJson);
    }

    #[test]
    fn text_is_split_into_lines() {
        assert_eq!(texts(Decode::Text, "one\r\n\n two\n"), ["one", " two"]);
        assert_eq!(texts(Decode::Text, r#"{"@timestamp":1.5,"message":"one\ntwo"}"#), ["one", "two"]);
        assert_eq!(texts(Decode::Text, "{not json"), ["{not json"]);
    }

    #[test]
    fn hopeless_records_are_refused_whole() {
        assert_eq!(decode(Decode::Json, None, LIMIT).unwrap_err().reason, Reason::Empty);
        assert_eq!(reason(Decode::Json, b""), Reason::Empty);
        assert_eq!(reason(Decode::Text, b" \n\t"), Reason::Empty);
        assert_eq!(reason(Decode::Text, b"abc\xff"), Reason::InvalidUtf8);
        assert_eq!(reason(Decode::Text, &vec![b'a'; LIMIT + 1]), Reason::TooLarge);
        assert_eq!(reason(Decode::Json, format!("[{}1]", "1,".repeat(10_000)).as_bytes()), Reason::TooManyValues);
        assert_eq!(reason(Decode::Json, br#"{"message":"{}","x":1,"x":2}"#), Reason::DuplicateKey);
    }
}
