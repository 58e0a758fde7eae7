//! A strict JSON reader: refuses what two readers could understand differently (members named twice, unless the source
//! says which one holds) and what costs too much (depth, number of values), keeps numbers exactly as they are written, and
//! keeps only the parts that are wanted, so that a native event need not become a tree.

mod parse;
pub(crate) mod scalar;

use std::{collections::BTreeMap, fmt};

use measurement::{
    catalogue::DuplicateMembers,
    fields::{Step, parse_path},
};
use serde_json::{Map, Value};

use crate::reject::{Reason, Refusal};

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

/// What was read of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The wanted parts.
    pub object: Map<String, Value>,
    /// Whether the text says something else to another reader: a member named twice, a character that had to be replaced,
    /// a wanted number that no 64 bits hold.
    pub altered: bool,
}

/// Reads one JSON object, keeping what is wanted of it.
pub fn read_object(text: &str, wanted: &Wanted, duplicates: DuplicateMembers) -> Result<Read, Refusal> {
    match parse::Parser::read(text, wanted, duplicates)? {
        (Value::Object(object), altered) => Ok(Read { object, altered }),
        _ => Err(Refusal::new(Reason::NotAnObject, "the value is not a JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str, duplicates: DuplicateMembers) -> Result<Read, Reason> {
        read_object(text, &Wanted::everything(), duplicates).map_err(|refusal| refusal.reason)
    }

    fn reason(text: &str) -> Reason {
        read(text, DuplicateMembers::Refuse).unwrap_err()
    }

    fn object(text: &str) -> (Value, bool) {
        let read = read(text, DuplicateMembers::Refuse).unwrap();
        (read.object.into(), read.altered)
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(reason(r#"{"a":1,"a":1}"#), Reason::DuplicateKey);
        assert_eq!(reason(r#"{"a":{"b":1,"b":1}}"#), Reason::DuplicateKey);
        assert_eq!(reason(r#"{"a":1,"\u0061":1}"#), Reason::DuplicateKey);
        assert_eq!(reason(r#"{"a":NaN}"#), Reason::InvalidJson);
        assert_eq!(reason(r#"{"a":"#), Reason::InvalidJson);
        assert_eq!(reason("{} {}"), Reason::InvalidJson);
        assert_eq!(reason("[]"), Reason::NotAnObject);
        assert_eq!(reason("3"), Reason::NotAnObject);
        assert_eq!(reason(&format!("{{\"a\":[{}0]}}", "0,".repeat(parse::VALUE_LIMIT))), Reason::TooManyValues);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(parse::DEPTH_LIMIT - 1), DuplicateMembers::Refuse).is_ok());
        assert_eq!(reason(&nested(64)), Reason::TooDeep);
        assert_eq!(reason(&nested(100_000)), Reason::TooDeep);
    }

    #[test]
    fn many_members_are_checked_too() {
        let members: Vec<String> = (0..200).map(|number| format!("\"m{number}\":1")).collect();
        assert_eq!(object(&format!("{{{}}}", members.join(","))).0.as_object().unwrap().len(), 200);
        let twice = format!("{{{},\"m150\":2}}", members.join(","));
        assert_eq!(reason(&twice), Reason::DuplicateKey);
        assert_eq!(read(&twice, DuplicateMembers::First).unwrap().object["m150"], 1);
        assert_eq!(read(&twice, DuplicateMembers::Last).unwrap().object["m150"], 2);
    }

    #[test]
    fn a_source_says_which_of_two_members_holds() {
        let text = r#"{"a":{"b":1,"c":2,"\u0062":3},"x":[{"y":1,"y":[]}]}"#;
        let (first, last) = (read(text, DuplicateMembers::First).unwrap(), read(text, DuplicateMembers::Last).unwrap());
        assert_eq!(Value::Object(first.object), json!({"a": {"b": 1, "c": 2}, "x": [{"y": 1}]}));
        assert_eq!(Value::Object(last.object), json!({"a": {"b": 3, "c": 2}, "x": [{"y": []}]}));
        assert!(first.altered && last.altered);
        let nobody = Wanted::paths(&[Path::parse("a.c").unwrap()]);
        assert_eq!(read_object(text, &nobody, DuplicateMembers::Refuse).unwrap_err().reason, Reason::DuplicateKey);
    }

    #[test]
    fn numbers_and_texts_cost_nobody_an_event() {
        let text = r#"{"k":9232379236109516800,"n":1.0,"x":1e400,"u":"\ud800","t":"a\tb"}"#;
        let (value, altered) = object(text);
        assert_eq!(
            value,
            json!({"k": 9_232_379_236_109_516_800_u64, "n": 1.0, "x": "1e400", "u": "\u{fffd}", "t": "a\tb"})
        );
        assert!(altered);
        let nobody = Wanted::paths(&[Path::parse("k").unwrap()]);
        assert!(
            !read_object(r#"{"k":9232379236109516800,"x":1e400}"#, &nobody, DuplicateMembers::Refuse).unwrap().altered
        );
        assert!(!object(r#"{"a":[1,-2.5,"\u00e9\ud83d\ude00",true,null,{}]}"#).1);
    }

    #[test]
    fn only_wanted_parts_are_kept() {
        let paths: Vec<Path> = ["time", "a.b", "l[0].uid"].iter().map(|text| Path::parse(text).unwrap()).collect();
        let text = r#"{"time":5,"a":{"b":{"c":1},"x":2},"l":[{"uid":"u","x":1},{"uid":"v"}],"y":[1]}"#;
        let object = read_object(text, &Wanted::paths(&paths), DuplicateMembers::Refuse).unwrap().object;
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
