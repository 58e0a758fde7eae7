//! A strict JSON reader: refuses what two readers could understand differently (members named
//! twice, numbers beyond 64 bits) and what costs too much (depth, number of values), and keeps only
//! the parts that are wanted, so that a native event need not become a tree.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, HashSet},
    fmt,
};

use measurement::fields::{Step, parse_path};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, error::Category};

use crate::reject::{Reason, Refusal};

/// Deepest nesting accepted.
const DEPTH_LIMIT: usize = 64;
/// Most values in one text; 1 MiB of empty objects would otherwise become 50 MiB of tree.
const VALUE_LIMIT: usize = 100_000;
/// Magnitude from which a number cannot be a 64-bit integer any more.
const NUMBER_LIMIT: f64 = 9_223_372_036_854_775_808.0;
/// Members up to which a linear search for duplicates is the faster one.
const FEW_MEMBERS: usize = 16;

/// A path to a member: `finding_info_list[0].uid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

impl Path {
    /// Reads a path; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { text: text.to_owned(), steps: parse_path(text)? })
    }

    /// The member at this path. `null` counts as missing.
    pub fn get<'v>(&self, object: &'v Map<String, Value>) -> Option<&'v Value> {
        let (first, rest) = self.steps.split_first()?;
        let Step::Name(name) = first else { return None };
        let mut value = object.get(name)?;
        for step in rest {
            value = match step {
                Step::Name(name) => value.get(name)?,
                Step::Index(item) => value.get(item)?,
            };
        }
        (!value.is_null()).then_some(value)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The parts of a text that are kept.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    everything: bool,
    members: BTreeMap<String, Self>,
    items: Option<Box<Self>>,
}

impl Wanted {
    /// The whole text.
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// The values at these paths with what lies below them, and nothing else.
    pub fn paths<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut wanted = Self::default();
        for path in paths {
            let mut place = &mut wanted;
            for step in &path.steps {
                place = match step {
                    Step::Name(name) => place.members.entry(name.clone()).or_default(),
                    Step::Index(_) => place.items.get_or_insert_default(),
                };
            }
            place.everything = true;
        }
        wanted
    }

    fn member(&self, name: &str) -> Option<&Self> {
        if self.everything { Some(self) } else { self.members.get(name) }
    }

    fn item(&self) -> Option<&Self> {
        if self.everything { Some(self) } else { self.items.as_deref() }
    }
}

/// Reads one JSON object, keeping what is wanted of it.
pub fn read_object(text: &str, wanted: &Wanted) -> Result<Map<String, Value>, Refusal> {
    match read(text, Some(wanted))? {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(Refusal::new(Reason::NotAnObject, "the value is not a JSON object")),
    }
}

/// Reads one JSON value for its faults alone.
pub fn check(text: &str) -> Result<(), Refusal> {
    read(text, None).map(drop)
}

fn read(text: &str, wanted: Option<&Wanted>) -> Result<Option<Value>, Refusal> {
    let bounds = Bounds { values: Cell::new(VALUE_LIMIT), fault: Cell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let reader = Reader { wanted, depth: 0, bounds: &bounds };
    reader
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| refusal(&error, bounds.fault.get()))
}

/// The place of a fault; the reader's own words could quote the text.
pub(crate) fn refusal(error: &serde_json::Error, fault: Option<Reason>) -> Refusal {
    let what = match (fault, error.classify()) {
        (Some(Reason::DuplicateKey), _) => "an object names a member twice",
        (Some(Reason::TooDeep), _) => "nested deeper than 64 levels",
        (Some(Reason::TooManyValues), _) => "more than 100000 values",
        (_, Category::Eof) => "the JSON text ends too early",
        _ => "not JSON",
    };
    let reason = fault.unwrap_or(Reason::InvalidJson);
    Refusal::new(reason, format!("{what} (line {} column {})", error.line(), error.column()))
}

/// What all readers of one text share.
struct Bounds {
    values: Cell<usize>,
    fault: Cell<Option<Reason>>,
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    /// `None`: only look for faults.
    wanted: Option<&'a Wanted>,
    depth: usize,
    bounds: &'a Bounds,
}

impl Reader<'_> {
    fn fault<E: Error>(&self, reason: Reason) -> E {
        self.bounds.fault.set(Some(reason));
        E::custom(reason.name())
    }

    fn nested<E: Error>(&self) -> Result<usize, E> {
        let depth = self.depth + 1;
        if depth > DEPTH_LIMIT { Err(self.fault(Reason::TooDeep)) } else { Ok(depth) }
    }

    fn keep(&self, value: impl FnOnce() -> Value) -> Option<Value> {
        self.wanted.map(|_| value())
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let left = self.bounds.values.get();
        if left == 0 {
            return Err(self.fault(Reason::TooManyValues));
        }
        self.bounds.values.set(left - 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.keep(|| Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.keep(|| Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.keep(|| Value::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(self.fault(Reason::InvalidJson)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        match Number::from_f64(value) {
            Some(number) if value.abs() < NUMBER_LIMIT => Ok(self.keep(|| Value::Number(number))),
            _ => Err(self.fault(Reason::InvalidJson)),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.keep(|| Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let item = Self { wanted: self.wanted.and_then(Wanted::item), depth: self.nested()?, bounds: self.bounds };
        let mut items = Vec::new();
        while let Some(value) = access.next_element_seed(item)? {
            items.extend(value);
        }
        Ok(self.keep(|| Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let depth = self.nested()?;
        let mut seen = Names::default();
        let mut members = Map::new();
        while let Some(name) = access.next_key_seed(Name)? {
            let wanted = self.wanted.and_then(|wanted| wanted.member(&name));
            let value = access.next_value_seed(Self { wanted, depth, bounds: self.bounds })?;
            if let Some(value) = value {
                members.insert(name.to_string(), value);
            }
            if !seen.insert(name) {
                return Err(self.fault(Reason::DuplicateKey));
            }
        }
        Ok(self.keep(|| Value::Object(members)))
    }
}

/// The member names of one object.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Says whether the name is new.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < FEW_MEMBERS {
            self.few.push(name);
            return true;
        }
        self.many.insert(name)
    }
}

/// Reads a member name without copying it, if it holds no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reason(text: &str) -> Reason {
        read_object(text, &Wanted::everything()).unwrap_err().reason
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(reason(r#"{"a":1,"a":1}"#), Reason::DuplicateKey);
        assert_eq!(reason(r#"{"a":{"b":1,"b":1}}"#), Reason::DuplicateKey);
        assert_eq!(reason(r#"{"a":1,"\u0061":1}"#), Reason::DuplicateKey);
        assert_eq!(reason(r#"{"a":NaN}"#), Reason::InvalidJson);
        assert_eq!(reason(r#"{"a":1e400}"#), Reason::InvalidJson);
        assert_eq!(reason(r#"{"a":18446744073709551615}"#), Reason::InvalidJson);
        assert_eq!(reason(r#"{"a":1e30}"#), Reason::InvalidJson);
        assert_eq!(reason(r#"{"a":"#), Reason::InvalidJson);
        assert_eq!(reason("{} {}"), Reason::InvalidJson);
        assert_eq!(reason("\u{feff}{}"), Reason::InvalidJson);
        assert_eq!(reason("[]"), Reason::NotAnObject);
        assert_eq!(reason("3"), Reason::NotAnObject);
        assert_eq!(reason(&format!("{{\"a\":[{}0]}}", "0,".repeat(VALUE_LIMIT))), Reason::TooManyValues);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read_object(&nested(63), &Wanted::everything()).is_ok());
        assert_eq!(reason(&nested(64)), Reason::TooDeep);
        assert_eq!(reason(&nested(100_000)), Reason::TooDeep);
    }

    #[test]
    fn many_members_are_checked_too() {
        let members: Vec<String> = (0..200).map(|number| format!("\"m{number}\":1")).collect();
        assert!(check(&format!("{{{}}}", members.join(","))).is_ok());
        let twice = format!("{{{},\"m150\":2}}", members.join(","));
        assert_eq!(check(&twice).unwrap_err().reason, Reason::DuplicateKey);
    }

    #[test]
    fn only_wanted_parts_are_kept() {
        let paths: Vec<Path> = ["time", "a.b", "l[0].uid"].iter().map(|text| Path::parse(text).unwrap()).collect();
        let text = r#"{"time":5,"a":{"b":{"c":1},"x":2},"l":[{"uid":"u","x":1},{"uid":"v"}],"y":[1]}"#;
        let object = read_object(text, &Wanted::paths(&paths)).unwrap();
        assert_eq!(
            Value::Object(object.clone()),
            json!({"time": 5, "a": {"b": {"c": 1}}, "l": [{"uid": "u"}, {"uid": "v"}]})
        );
        assert_eq!(paths[2].get(&object), Some(&json!("u")));
    }

    #[test]
    fn paths_are_read_and_followed() {
        let object = json!({"a": [[1, 2], 3], "b": null, "c": {"d": 7}});
        let object = object.as_object().unwrap();
        let get = |text: &str| Path::parse(text).unwrap().get(object).cloned();
        assert_eq!(get("a[0][1]"), Some(json!(2)));
        assert_eq!(get("c.d"), Some(json!(7)));
        assert_eq!(get("b"), None);
        assert_eq!(get("a.d"), None);
        for text in ["", ".a", "a.", "a[", "a[x]", "a[0]b", "[0]"] {
            assert!(Path::parse(text).is_none(), "{text}");
        }
    }
}
