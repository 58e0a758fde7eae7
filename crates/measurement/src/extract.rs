//! Reading the wanted fields of an event in one pass over its bytes, without building a tree.
//!
//! This is the door to extraction: whoever wants it faster replaces what is behind [`Extractor`].

use std::{fmt, sync::Arc};

use serde::{
    Deserialize as _,
    de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    fields::{Fields, Step, parse_path},
    number::Exact,
    value::{Type, Value},
};

/// The event is no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON object: {0}")]
pub struct ExtractError(#[from] serde_json::Error);

/// Reads the fields of a [`Fields`] table into slots.
#[derive(Clone, Debug)]
pub struct Extractor {
    root: Node,
    slots: usize,
}

/// What is to be said of an event that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Whether a wanted value is mistyped or was not legible in full.
    pub doubtful: bool,
}

/// A node of the tree of wanted paths.
#[derive(Clone, Debug, Default)]
struct Node {
    slot: Option<(usize, Option<Type>)>,
    names: Vec<(String, Self)>,
    elements: Vec<(usize, Self)>,
}

impl Extractor {
    /// An extractor for the fields of a catalogue.
    pub fn new(fields: &Fields) -> Self {
        let mut root = Node::default();
        for (path, slot) in fields.iter() {
            let mut node = &mut root;
            for step in parse_path(path).unwrap_or_default() {
                node = node.child(step);
            }
            node.slot = Some((slot, fields.type_of(slot)));
        }
        Self { root, slots: fields.len() }
    }

    /// Reads an event, each value as the type of its field. Fields that are absent are null; what cannot be read as
    /// its type, objects and arrays included, is mistyped.
    pub fn extract(&self, event: &[u8], slots: &mut Vec<Value>) -> Result<Extracted, ExtractError> {
        match self.read(event, slots, false) {
            Ok(Notes { inexact: false, extracted }) => Ok(extracted),
            // A wanted number has more digits than the fast way keeps, or is none that it can hold: it is read again,
            // from the digits themselves.
            Ok(_) | Err(_) => Ok(self.read(event, slots, true)?.extracted),
        }
    }

    fn read(&self, event: &[u8], slots: &mut Vec<Value>, by_digits: bool) -> Result<Notes, ExtractError> {
        slots.clear();
        slots.resize(self.slots, Value::Null);
        let mut notes = Notes::default();
        let mut json = serde_json::Deserializer::from_slice(event);
        let row = &mut Row { slots, notes: &mut notes, by_digits };
        Object { node: &self.root, row }.deserialize(&mut json)?;
        json.end()?;
        Ok(notes)
    }
}

/// What was noted while an event was read.
#[derive(Clone, Copy, Debug, Default)]
struct Notes {
    extracted: Extracted,
    /// Whether a number was read that may have lost digits.
    inexact: bool,
}

/// Where the values go.
struct Row<'a> {
    slots: &'a mut Vec<Value>,
    notes: &'a mut Notes,
    /// Whether numbers are read from their digits.
    by_digits: bool,
}

impl Node {
    fn child(&mut self, step: Step) -> &mut Self {
        fn entry<K: PartialEq>(list: &mut Vec<(K, Node)>, key: K) -> &mut Node {
            let index = list.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                list.push((key, Node::default()));
                list.len() - 1
            });
            // The index was just found or made.
            #[expect(clippy::indexing_slicing, reason = "the index was just found or made")]
            &mut list[index].1
        }
        match step {
            Step::Name(name) => entry(&mut self.names, name),
            Step::Index(index) => entry(&mut self.elements, index),
        }
    }

    fn named(&self, name: &str) -> Option<&Self> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }
}

/// The event itself, which must be an object.
struct Object<'a, 'r> {
    node: &'a Node,
    row: &'r mut Row<'a>,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Wanted { node: self.node, row: self.row })
    }
}

/// A wanted value.
struct Wanted<'a, 'r> {
    node: &'a Node,
    row: &'r mut Row<'a>,
}

impl Wanted<'_, '_> {
    #[expect(clippy::unnecessary_wraps, reason = "the form that every visitor's method has")]
    fn set<E>(self, value: Value) -> Result<(), E> {
        let Some((slot, wanted)) = self.node.slot else { return Ok(()) };
        let value = match wanted {
            Some(wanted) if value.type_of() != Some(wanted) => value.coerce(wanted),
            _ => value,
        };
        self.row.notes.extracted.doubtful |= value.is_mistyped() || value.is_replaced();
        if let Some(slot) = self.row.slots.get_mut(slot) {
            *slot = value;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Wanted<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.row.by_digits || self.node.slot.is_none() {
            return deserializer.deserialize_any(self);
        }
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return self.set(Exact::from_decimal(raw).map_or(Value::Mistyped, Value::from_exact));
        }
        serde_json::Deserializer::from_str(raw).deserialize_any(self).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Wanted<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.set(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.set(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let value = i64::try_from(value).map_or_else(|_| Value::Number(Exact::from(value)), Value::Int);
        self.set(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.row.notes.inexact |= self.node.slot.is_some();
        self.set(Exact::from_f64(value).map_or(Value::Null, Value::from_exact))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.set(Value::Text(Arc::from(value)))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.set(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(node) = map.next_key_seed(Key { node: self.node })? {
            match node {
                Some(node) => map.next_value_seed(Wanted { node, row: &mut *self.row })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        self.set(Value::Mistyped)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let wanted = self.node.elements.iter().find(|(known, _)| *known == index).map(|(_, node)| node);
            let more = match wanted {
                Some(node) => elements.next_element_seed(Wanted { node, row: &mut *self.row })?,
                None => elements.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if more.is_none() {
                return self.set(Value::Mistyped);
            }
            index += 1;
        }
    }
}

/// The name of a member: which wanted node it is, if any.
struct Key<'a> {
    node: &'a Node,
}

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = Option<&'a Node>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Option<&'a Node>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.node.named(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{classes::Classes, time::Timestamp};

    fn extractor(paths: &[&str]) -> Extractor {
        let mut fields = Fields::new();
        for path in paths {
            fields.slot(path).unwrap();
        }
        Extractor::new(&fields.typed(&Classes::known()))
    }

    /// The value of one field of an event that has nothing else.
    fn read(path: &str, json: &str) -> Value {
        let mut slots = Vec::new();
        let event = format!(r#"{{"x":[1.5,{{}}],"{path}":{json},"y":1e5}}"#);
        extractor(&[path]).extract(event.as_bytes(), &mut slots).unwrap();
        slots[Fields::new().slot(path).unwrap()].clone()
    }

    fn number(text: &str) -> Value {
        Value::from_exact(text.parse().unwrap())
    }

    #[test]
    fn wanted_fields_are_read_exactly() {
        let extractor = extractor(&["device.uid", "findings[1].score", "open", "nothing", "device", "big"]);
        let mut slots = Vec::new();
        let event =
            br#"{"x":[{"y":1}],"device":{"uid":"A \"1\"","z":{}},"findings":[{"score":1},{"score":9.8}],"open":true,
            "time":1700000000000,"class_uid":3002,"nothing":null,"big":18446744073709551615}"#;
        extractor.extract(event, &mut slots).unwrap();
        assert_eq!(slots[Fields::CLASS], Value::Int(3002));
        assert_eq!(slots[Fields::TIME], Value::Time(Timestamp(1_700_000_000_000)));
        assert_eq!(slots[4], Value::text("A \"1\""));
        assert_eq!(slots[5], Value::Number(Exact::ratio(98, 10).unwrap()));
        assert_eq!(slots[6], Value::Bool(true));
        assert_eq!((&slots[7], &slots[8]), (&Value::Null, &Value::Mistyped), "an object is no value");
        assert_eq!(slots[9], Value::Number(Exact::from(u64::MAX)));
    }

    #[test]
    fn every_number_is_read_digit_by_digit() {
        for text in [
            "0",
            "-7",
            "9007199254740993",
            "18446744073709551616",
            "123456789012345678901234567890",
            "0.1000000000000000055",
            "12345678901234567.25",
            "1e400",
            "-2.5E-3",
        ] {
            for path in ["count", "unmapped_number"] {
                assert_eq!(read(path, text), number(text), "{path} {text}");
            }
        }
        assert_eq!(read("count", "1.0"), Value::Int(1));
        assert_eq!(read("time", "1.77e12"), Value::Time(Timestamp(1_770_000_000_000)));
        assert_eq!(read("count", "1e500"), Value::Mistyped, "more than anybody counts");
    }

    #[test]
    fn values_are_read_as_their_types() {
        for (path, json, expected) in [
            ("count", r#""9.8""#, number("9.8")),
            ("count", r#""many""#, Value::Mistyped),
            ("count", "true", Value::Mistyped),
            ("count", "[1]", Value::Mistyped),
            ("count", "null", Value::Null),
            ("message", "1001", Value::text("1001")),
            ("message", "1001.50", Value::text("1001.5")),
            ("message", "{}", Value::Mistyped),
            ("is_mfa", r#""true""#, Value::Bool(true)),
            ("is_mfa", r#""yes""#, Value::Mistyped),
            ("time", r#""2026-03-10T08:00:00Z""#, Value::Time(Timestamp(1_773_129_600_000))),
            ("time", r#""2026-03-10""#, Value::text("2026-03-10").coerce(Type::Time)),
            ("time", r#""tomorrow""#, Value::Mistyped),
        ] {
            assert_eq!(read(path, json), expected, "{path} {json}");
        }
    }

    #[test]
    fn what_is_not_whole_is_told() {
        let extractor = extractor(&["message", "count"]);
        let doubtful = |event: &str| extractor.extract(event.as_bytes(), &mut Vec::new()).unwrap().doubtful;
        assert!(!doubtful(r#"{"message":"a","count":1.5,"other":"\ufffd"}"#));
        assert!(doubtful(r#"{"message":"a\ufffdb"}"#));
        assert!(doubtful(r#"{"count":"x"}"#));
        assert!(doubtful(r#"{"count":"x","severity_id":1.5}"#));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let extractor = extractor(&[]);
        for event in ["", "[]", "1", "{", "{} {}", "{\"a\":}", "\u{feff}{}"] {
            assert!(extractor.extract(event.as_bytes(), &mut Vec::new()).is_err(), "{event}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let outcome = extractor(&["a.b", "c[0]"]).extract(&bytes, &mut Vec::new());
            prop_assert!(outcome.is_ok() || outcome.is_err());
        }
    }
}
