//! Reading the wanted fields of an event in one pass over its bytes, without building a tree.
//!
//! This is the door to extraction: whoever wants it faster replaces what is behind [`Extractor`].

use std::{fmt, sync::Arc};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{
    fields::{Fields, Step, parse_path},
    number::Exact,
    value::Value,
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

/// A node of the tree of wanted paths.
#[derive(Clone, Debug, Default)]
struct Node {
    slot: Option<usize>,
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
            node.slot = Some(slot);
        }
        Self { root, slots: fields.len() }
    }

    /// Reads an event. Fields that are absent, or are objects or arrays, are null.
    pub fn extract(&self, event: &[u8], slots: &mut Vec<Value>) -> Result<(), ExtractError> {
        slots.clear();
        slots.resize(self.slots, Value::Null);
        let mut json = serde_json::Deserializer::from_slice(event);
        Object { node: &self.root, slots }.deserialize(&mut json)?;
        json.end()?;
        Ok(())
    }
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
struct Object<'a> {
    node: &'a Node,
    slots: &'a mut Vec<Value>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Wanted { node: self.node, slots: self.slots })
    }
}

/// A wanted value.
struct Wanted<'a> {
    node: &'a Node,
    slots: &'a mut Vec<Value>,
}

impl Wanted<'_> {
    #[expect(clippy::unnecessary_wraps, reason = "the form that every visitor's method has")]
    fn set<E>(self, value: Value) -> Result<(), E> {
        if let Some(slot) = self.node.slot.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = value;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
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
                Some(node) => map.next_value_seed(Wanted { node, slots: self.slots })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let wanted = self.node.elements.iter().find(|(known, _)| *known == index).map(|(_, node)| node);
            let more = match wanted {
                Some(node) => elements.next_element_seed(Wanted { node, slots: self.slots })?,
                None => elements.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if more.is_none() {
                return Ok(());
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

    fn extractor(paths: &[&str]) -> Extractor {
        let mut fields = Fields::new();
        for path in paths {
            fields.slot(path).unwrap();
        }
        Extractor::new(&fields)
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
        assert_eq!(slots[Fields::TIME], Value::Int(1_700_000_000_000));
        assert_eq!(slots[4], Value::text("A \"1\""));
        assert_eq!(slots[5], Value::Number(Exact::ratio(98, 10).unwrap()));
        assert_eq!(slots[6], Value::Bool(true));
        assert_eq!((&slots[7], &slots[8]), (&Value::Null, &Value::Null));
        assert_eq!(slots[9], Value::Number(Exact::from(u64::MAX)));
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
