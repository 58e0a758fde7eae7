//! Bytes to elements. One record may hold one event, several lines, an array, a `Records` wrapper
//! or a shipper's envelope with the original text in `message`; whatever it holds, each element
//! goes its own way from here, so that one bad element does not take the others with it.

use std::borrow::Cow;

use measurement::catalogue::{Decode, DuplicateMembers, Encoding, Source, Unwrap};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    json,
    reject::{Reason, Refusal},
};

/// How much of a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest record that is looked into, in bytes.
    pub record_bytes: usize,
    /// Longest element of a record, in bytes; a longer one is refused alone.
    pub element_bytes: usize,
    /// Most elements of a record; those beyond are refused.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record_bytes: 16 << 20, element_bytes: 1 << 20, elements: 100_000 }
    }
}

/// How the bytes of a source are taken apart, as its file in the catalogue says.
#[derive(Clone, Debug)]
pub struct Framing {
    /// Lines or JSON.
    pub decode: Decode,
    /// How bytes become characters.
    pub encoding: Encoding,
    /// What is taken off, from the outside in; `None` where nothing is said.
    pub unwrap: Option<Vec<Unwrap>>,
    /// What becomes of objects that name a member twice.
    pub duplicates: DuplicateMembers,
}

impl Framing {
    /// What a source says of itself.
    pub fn of(source: &Source) -> Self {
        Self {
            decode: source.decode,
            encoding: source.encoding,
            unwrap: source.unwrap.clone(),
            duplicates: source.duplicate_members,
        }
    }

    /// Lines or JSON in UTF-8, and nothing else said.
    pub fn plain(decode: Decode) -> Self {
        Self { decode, encoding: Encoding::Utf8, unwrap: None, duplicates: DuplicateMembers::Refuse }
    }
}

/// One element of a record: what goes its own way from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it holds.
    pub form: Form<'a>,
    /// Whether bytes or characters of it had to be replaced.
    pub replaced: bool,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// A line of text.
    Line(Cow<'a, str>),
    /// The text of one JSON value, not yet looked into.
    Json(Cow<'a, str>),
    /// Something that cannot be read, and why.
    Broken(Refusal),
}

/// Splits a record into its elements; blank lines and empty arrays give none.
pub fn decode<'a>(framing: &Framing, value: Option<&'a [u8]>, limits: Limits) -> Result<Vec<Element<'a>>, Refusal> {
    let bytes = value.ok_or_else(|| Refusal::new(Reason::Empty, "the record has no value"))?;
    if bytes.len() > limits.record_bytes {
        let detail = format!("{} bytes, the limit is {}", bytes.len(), limits.record_bytes);
        return Err(Refusal::new(Reason::TooLarge, detail));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refusal::new(Reason::WrongEncoding, format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    if text.trim().is_empty() {
        return Err(Refusal::new(Reason::Empty, "the record holds nothing but white space"));
    }
    let forms = match framing.decode {
        Decode::Text => lines(text)?,
        Decode::Json => values(text)?,
    };
    Ok(forms.into_iter().map(|form| Element { form, replaced: false }).collect())
}

fn lines(text: &str) -> Result<Vec<Form<'_>>, Refusal> {
    if text.trim_start().starts_with('{')
        && let Some(message) = Envelope::read(text)?.and_then(|envelope| envelope.message)
    {
        let line = |line: &str| Form::Line(Cow::Owned(line.to_owned()));
        return Ok(filled_lines(&message).map(line).collect());
    }
    Ok(filled_lines(text).map(|line| Form::Line(Cow::Borrowed(line))).collect())
}

fn filled_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

fn values(text: &str) -> Result<Vec<Form<'_>>, Refusal> {
    let mut elements = Vec::new();
    for value in split(text)? {
        let inner = match value.strip_prefix('{') {
            Some(_) => Envelope::read(value)?,
            None => None,
        };
        match inner {
            Some(Envelope { records: Some(records), .. }) => {
                elements.extend(records.into_iter().map(|record| Form::Json(Cow::Borrowed(record.get()))));
            }
            Some(Envelope { message: Some(message), .. }) if message.trim_start().starts_with(['{', '[']) => {
                let inner = split(&message)?.into_iter();
                elements.extend(inner.map(|value| Form::Json(Cow::Owned(value.to_owned()))));
            }
            _ => elements.push(Form::Json(Cow::Borrowed(value))),
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
