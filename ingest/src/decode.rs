//! Bytes to elements. A record holds lines, or JSON: one value, several, arrays; what stands around them is taken off if
//! the source declares it, and nothing is guessed. Each element goes its own way from here, so that one bad element does
//! not take the others with it.

mod bytes;
mod json;
pub(crate) mod scan;
mod text;
pub mod undeclared;
mod wrapper;

pub use bytes::foreign;

use std::borrow::Cow;

use measurement::{
    catalogue::{Decode, DuplicateMembers, Encoding, Source, Unwrap},
    fields::{Step, parse_path},
};
use serde::Deserialize;

use self::{
    bytes::characters,
    json::{Part, State},
    wrapper::Found,
};
use crate::reject::{Reason, Refusal};

/// Arrays within arrays that are taken apart.
const ARRAYS: usize = 8;

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
        Self { record_bytes: 16 << 20, element_bytes: 900_000, elements: 100_000 }
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
    pub unwrap: Option<Vec<Wrapper>>,
    /// What becomes of objects that name a member twice.
    pub duplicates: DuplicateMembers,
}

impl Framing {
    /// What a source says of itself.
    pub fn of(source: &Source) -> Self {
        Self {
            decode: source.decode,
            encoding: source.encoding,
            unwrap: source.unwrap.as_ref().map(|unwrap| unwrap.iter().filter_map(Wrapper::of).collect()),
            duplicates: source.duplicate_members,
        }
    }

    /// Lines or JSON in UTF-8, and nothing else said.
    pub fn plain(decode: Decode) -> Self {
        Self { decode, encoding: Encoding::Utf8, unwrap: None, duplicates: DuplicateMembers::Refuse }
    }
}

/// What is taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// An array of events.
    Records(Vec<Step>),
    /// A text that holds events.
    Text(Vec<Step>),
}

impl Wrapper {
    /// Paths were checked when the catalogue was loaded.
    pub fn of(unwrap: &Unwrap) -> Option<Self> {
        match unwrap {
            Unwrap::Records(path) => parse_path(path).map(Self::Records),
            Unwrap::Text(path) => parse_path(path).map(Self::Text),
        }
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

impl<'a> Element<'a> {
    fn broken(refusal: Refusal) -> Self {
        Self { form: Form::Broken(refusal), replaced: false }
    }

    fn into_owned(self) -> Element<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let form = match self.form {
            Form::Line(line) => Form::Line(owned(line)),
            Form::Json(text) => Form::Json(owned(text)),
            Form::Broken(refusal) => Form::Broken(refusal),
        };
        Element { form, replaced: self.replaced }
    }

    /// The text, if there is one.
    pub fn text(&self) -> Option<&str> {
        match &self.form {
            Form::Line(text) | Form::Json(text) => Some(text),
            Form::Broken(_) => None,
        }
    }
}

/// Splits a record into its elements; blank lines and empty arrays give none.
pub fn decode<'a>(framing: &Framing, value: Option<&'a [u8]>, limits: Limits) -> Result<Vec<Element<'a>>, Refusal> {
    let record = value.ok_or_else(|| Refusal::new(Reason::Empty, "the record has no value"))?;
    if record.len() > limits.record_bytes {
        let detail = format!("{} bytes, the limit is {} (limits.record_bytes)", record.len(), limits.record_bytes);
        return Err(Refusal::new(Reason::TooLarge, detail).of(held_in(framing, record)));
    }
    let text = bytes::text(record, framing.encoding).map_err(|refusal| refusal.of(held_in(framing, record)))?;
    if text.bytes.trim_ascii().is_empty() {
        return Err(Refusal::new(Reason::Empty, "the record holds nothing but white space"));
    }
    let apart = Apart { framing, limits, doubtful: text.replaced, arrays: 0 };
    let steps = framing.unwrap.as_deref().unwrap_or_default();
    let mut elements = match text.bytes {
        Cow::Borrowed(bytes) => apart.text(bytes, steps),
        Cow::Owned(bytes) => apart.passing(&bytes, steps),
    };
    if let Some(beyond) = elements.len().checked_sub(limits.elements).filter(|beyond| *beyond > 0) {
        elements.truncate(limits.elements);
        let detail = format!("{beyond} elements more than {}, the limit (limits.elements)", limits.elements);
        let refusal = Refusal::new(Reason::TooManyValues, detail).of(u64::try_from(beyond).unwrap_or(u64::MAX));
        elements.push(Element::broken(refusal));
    }
    Ok(elements)
}

/// How many elements a record that is not looked into may hold: its lines, or the objects of JSON that follow one another.
fn held_in(framing: &Framing, record: &[u8]) -> u64 {
    match framing.decode {
        Decode::Text => {
            let lines = record.split(|byte| *byte == b'\n').filter(|line| line.iter().any(|byte| *byte > b' '));
            u64::try_from(lines.count()).unwrap_or(u64::MAX)
        }
        // Zeros are half of what UTF-16 writes for brackets.
        Decode::Json => json::boundaries(record.iter().copied().filter(|byte| *byte != 0)) + 1,
    }
}

/// Takes texts apart.
#[derive(Clone, Copy)]
struct Apart<'f> {
    framing: &'f Framing,
    limits: Limits,
    /// Whether a replacement character may be ours.
    doubtful: bool,
    /// How many arrays are around.
    arrays: usize,
}

impl Apart<'_> {
    /// The elements of a text, with these wrappers still around them.
    fn text<'t>(self, text: &'t [u8], steps: &[Wrapper]) -> Vec<Element<'t>> {
        let mut elements = Vec::new();
        match (self.framing.decode, steps) {
            (Decode::Text, []) => elements.extend(text::lines(text).filter_map(|line| self.line(line))),
            (Decode::Text, steps) => {
                let parts = json::values(text);
                if parts.iter().all(is_wrapping) {
                    for part in parts {
                        self.value(part, steps, &mut elements);
                    }
                } else {
                    for line in text::lines(text) {
                        self.wrapped_line(line, steps, &mut elements);
                    }
                }
            }
            (Decode::Json, steps) => {
                for part in json::values(text) {
                    self.value(part, steps, &mut elements);
                }
            }
        }
        elements
    }

    /// The same for a text that does not outlive its elements.
    fn passing(self, text: &[u8], steps: &[Wrapper]) -> Vec<Element<'static>> {
        self.text(text, steps).into_iter().map(Element::into_owned).collect()
    }

    /// A line among others, which may be a wrapper of its own.
    fn wrapped_line<'t>(self, line: &'t [u8], steps: &[Wrapper], elements: &mut Vec<Element<'t>>) {
        match <[Part<'t>; 1]>::try_from(json::values(line)) {
            Ok([part]) if is_wrapping(&part) => self.value(part, steps, elements),
            _ => elements.extend(self.line(line)),
        }
    }

    /// A value, out of which the wrappers are taken. One that lacks a wrapper is taken as it is, and an array is taken apart.
    fn value<'t>(self, part: Part<'t>, steps: &[Wrapper], elements: &mut Vec<Element<'t>>) {
        // Of a broken item, its brackets cannot be trusted a second time.
        let apart = self.arrays == 0 || matches!(part.state, State::Sound { .. });
        if part.bytes.first() == Some(&b'[') && apart && self.arrays < ARRAYS {
            return self.items(json::items(part.bytes, 0, &[]), steps, elements);
        }
        let [step, rest @ ..] = steps else {
            return self.innermost(&part, elements);
        };
        let (Wrapper::Records(path) | Wrapper::Text(path)) = step;
        match (wrapper::find(part.bytes, path, self.framing.duplicates), step) {
            (Found::Doubled, _) => {
                let refusal = Refusal::new(Reason::DuplicateKey, "a wrapper names a member twice");
                elements.push(Element::broken(refusal.of(json::boundaries(part.bytes.iter().copied()) + 1)));
            }
            (Found::At { start, levels }, Wrapper::Records(_)) if part.bytes.get(start) == Some(&b'[') => {
                self.items(json::items(part.bytes, start, &levels), rest, elements);
            }
            (Found::At { start, .. }, Wrapper::Text(_)) if part.bytes.get(start) == Some(&b'"') => {
                match wrapper::text_at(part.bytes, start) {
                    Some((text, replaced)) => {
                        let inner = Self { doubtful: self.doubtful || replaced, arrays: 0, ..self };
                        elements.extend(inner.passing(text.as_bytes(), rest));
                    }
                    None => self.innermost(&part, elements),
                }
            }
            (Found::Missing | Found::At { .. }, _) => self.value(part, rest, elements),
        }
    }

    /// What stands in an array.
    fn items<'t>(self, items: Vec<Part<'t>>, steps: &[Wrapper], elements: &mut Vec<Element<'t>>) {
        let within = Self { arrays: self.arrays + 1, ..self };
        for item in items {
            within.value(item, steps, elements);
        }
    }

    /// A value from which everything is taken off that was declared.
    fn innermost<'t>(self, part: &Part<'t>, elements: &mut Vec<Element<'t>>) {
        if self.framing.decode == Decode::Text {
            // An item of an array may be a text; anywhere else, quotes belong to the line.
            if self.arrays > 0
                && part.bytes.first() == Some(&b'"')
                && let Some((text, replaced)) = wrapper::text_at(part.bytes, 0)
            {
                let inner = Self { doubtful: self.doubtful || replaced, arrays: 0, ..self };
                return elements.extend(inner.passing(text.as_bytes(), &[]));
            }
            return elements.extend(text::lines(part.bytes).filter_map(|line| self.line(line)));
        }
        let sound = matches!(part.state, State::Sound { .. });
        match wrapper::only_records(part.bytes, sound) {
            Some(array) if self.framing.unwrap.is_none() => {
                elements.extend(json::items(part.bytes, array, b"{").iter().map(|item| self.json(item)));
            }
            _ => elements.push(self.json(part)),
        }
    }

    fn json<'t>(self, part: &Part<'t>) -> Element<'t> {
        let replaced = match part.state {
            State::Broken { at, values } => {
                let detail = match part.bytes.len() {
                    0 => "the array is not closed".to_owned(),
                    length if at >= length => format!("the JSON text ends too early, after {length} bytes"),
                    length => format!("not JSON from byte {} of {length}", at + 1),
                };
                return Element::broken(
                    Refusal::new(Reason::InvalidJson, detail).of(values.max(self.shifted(part.bytes))),
                );
            }
            State::Sound { .. } if part.bytes.len() > self.limits.element_bytes => return self.too_large(part.bytes),
            State::Sound { replaced } => replaced,
        };
        let (text, more) = characters(part.bytes, self.doubtful);
        Element { form: Form::Json(text), replaced: replaced || more }
    }

    fn line(self, line: &[u8]) -> Option<Element<'_>> {
        if self.shifted(line) > 0 {
            let detail = "characters of UTF-16 are shifted by one byte: a byte is missing or one too many";
            return Some(Element::broken(Refusal::new(Reason::WrongEncoding, detail).of(self.shifted(line))));
        }
        if line.len() > self.limits.element_bytes {
            Some(self.too_large(line))
        } else {
            text::element(line, self.doubtful)
        }
    }

    /// How many lines or objects stand in UTF-16 whose bytes are shifted by one, so that what separates them is another
    /// character; 0 where nothing is.
    fn shifted(self, bytes: &[u8]) -> u64 {
        // An end of line, and an opening bracket.
        const SHIFTED: [&[u8]; 2] = ["\u{a00}".as_bytes(), "\u{7b00}".as_bytes()];
        if matches!(self.framing.encoding, Encoding::Utf8 | Encoding::Latin1) {
            return 0;
        }
        let of = |sign: &[u8]| bytes.windows(sign.len()).filter(|found| *found == sign).count();
        let [lines, objects] = SHIFTED.map(of);
        let held = if lines > 0 {
            lines + 1
        } else if self.framing.decode == Decode::Json {
            objects
        } else {
            0
        };
        u64::try_from(held).unwrap_or(u64::MAX)
    }

    fn too_large<'t>(self, bytes: &[u8]) -> Element<'t> {
        let limit = self.limits.element_bytes;
        let detail = format!("{} bytes, the limit is {limit} (limits.element_bytes)", bytes.len());
        Element::broken(Refusal::new(Reason::TooLarge, detail).of(undeclared::held(bytes, self.framing.decode)))
    }
}

/// Whether a part of a text is an object, or an array of objects: something that lines can be wrapped in.
fn is_wrapping(part: &Part<'_>) -> bool {
    let objects = match part.bytes {
        [b'{', ..] => true,
        [b'[', rest @ ..] => rest.trim_ascii_start().starts_with(b"{"),
        _ => false,
    };
    objects && matches!(part.state, State::Sound { .. })
}

#[cfg(test)]
mod tests;
