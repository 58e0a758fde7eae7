//! The types of the class table, held at the door: what a source writes in another form is brought into the type's
//! own by the table of [`measurement::coerce`]; what cannot be stays as it came and is told as mistyped.

use std::{collections::BTreeMap, sync::Arc};

use measurement::{
    coerce::{self, Coerced},
    forms::Reading,
    value::Type,
};
use serde_json::Value;

use crate::{config::Classes, expand::Draft, reject::Refusal};

/// Attributes whose values could not be read as their type: by class and path, with how often.
pub type Mistyped = BTreeMap<(Arc<str>, String), u64>;

/// The types of a class's attributes, as a tree.
#[derive(Clone, Debug, Default)]
pub struct Types {
    wanted: Option<Type>,
    members: BTreeMap<String, Self>,
    items: Option<Box<Self>>,
}

impl Types {
    /// The types of these paths: `vulnerabilities[].cve.uid` is of every item.
    pub fn new<'p>(attributes: impl IntoIterator<Item = (&'p str, Type)>) -> Self {
        let mut types = Self::default();
        for (path, wanted) in attributes {
            let mut place = &mut types;
            for part in path.split('.') {
                let name = part.split('[').next().unwrap_or(part);
                place = place.members.entry(name.to_owned()).or_default();
                for _ in part.matches('[') {
                    place = place.items.get_or_insert_default();
                }
            }
            place.wanted = Some(wanted);
        }
        types
    }

    /// Says whether anything was changed.
    fn hold(&self, value: &mut Value, path: &mut String, hand: &mut Hand<'_>) -> bool {
        if let Some(wanted) = self.wanted {
            return match coerce::json(value, wanted, hand.reading) {
                Coerced::AsItCame => false,
                Coerced::Changed(changed) => {
                    *value = changed;
                    true
                }
                Coerced::Mistyped => {
                    *hand.mistyped.entry((Arc::clone(hand.class), path.clone())).or_default() += 1;
                    false
                }
            };
        }
        let length = path.len();
        let mut changed = false;
        match (value, &self.items) {
            (Value::Object(members), _) => {
                for (name, value) in members {
                    let Some(types) = self.members.get(name) else { continue };
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    changed |= types.hold(value, path, hand);
                    path.truncate(length);
                }
            }
            (Value::Array(values), Some(types)) => {
                path.push_str("[]");
                for value in values {
                    changed |= types.hold(value, path, hand);
                }
                path.truncate(length);
            }
            _ => {}
        }
        changed
    }
}

/// What is passed on while a draft is walked through.
struct Hand<'w> {
    class: &'w Arc<str>,
    reading: Reading,
    mistyped: &'w mut Mistyped,
}

/// Brings the attributes of a draft into their types. A native event is published as it came unless one of the
/// attributes that are read had to change.
pub fn hold_types(draft: &mut Draft<'_>, classes: &Classes, reading: Reading) -> Result<Mistyped, Refusal> {
    let class = draft.attributes.get("class_uid").and_then(coerce::whole).and_then(|uid| classes.get(uid));
    let Some(class) = class else {
        return Ok(Mistyped::new());
    };
    let (changed, mistyped) = hold(draft, &class.label, &class.types, reading);
    if !changed || draft.text.is_none() {
        return Ok(mistyped);
    }
    draft.open()?;
    Ok(hold(draft, &class.label, &class.types, reading).1)
}

fn hold(draft: &mut Draft<'_>, class: &Arc<str>, types: &Types, reading: Reading) -> (bool, Mistyped) {
    let mut mistyped = Mistyped::new();
    // When it happened is judged by its record, later on.
    let time = draft.attributes.remove("time");
    let mut event = Value::Object(std::mem::take(&mut draft.attributes));
    let mut hand = Hand { class, reading, mistyped: &mut mistyped };
    let mut changed = types.hold(&mut event, &mut String::new(), &mut hand);
    if let Value::Object(attributes) = event {
        draft.attributes = attributes;
    }
    if let Some(time) = time {
        // The event itself needs an instant: a day without a time begins in the source's zone.
        let instant = coerce::instant(&time, reading).map(|instant| Value::from(instant.0));
        changed |= instant.as_ref().is_some_and(|instant| *instant != time);
        draft.attributes.insert("time".to_owned(), instant.unwrap_or(time));
    }
    (changed, mistyped)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use measurement::catalogue::{DuplicateMembers, TimeUnit};
    use serde_json::json;

    use super::*;

    fn classes() -> Classes {
        Classes::new(&measurement::classes::Classes::known(), [])
    }

    fn held(event: Value, reading: Reading) -> (Value, Vec<(String, u64)>) {
        let Value::Object(attributes) = event else { unreachable!("tests give objects") };
        let mut draft = Draft::mapped(attributes);
        let mistyped = hold_types(&mut draft, &classes(), reading).unwrap();
        let paths = mistyped.into_iter().map(|((class, path), count)| (format!("{class} {path}"), count)).collect();
        (Value::Object(draft.attributes), paths)
    }

    #[test]
    fn every_typed_attribute_is_brought_into_its_type() {
        let event = json!({
            "class_uid": "2002", "activity_id": "1", "severity_id": 5.0, "time": "2026-03-10T08:00:00Z",
            "metadata": {"uid": 77}, "device": {"uid": 12}, "unmapped": {"x": "7"},
            "finding_info": {"uid": 4.0, "created_time": "2026-02-10"},
            "vulnerabilities": [
                {"cve": {"uid": "C"}, "cvss": [{"base_score": "9.8"}, {"base_score": " 10 "}], "is_exploit_available": "True"},
                {"cvss": [{"base_score": "high"}, {"base_score": "none"}], "is_exploit_available": 1},
            ],
        });
        let (event, mistyped) = held(event, Reading::default());
        let expected = json!({
            "class_uid": 2002, "activity_id": 1, "severity_id": 5.0, "time": 1_773_129_600_000_i64,
            "metadata": {"uid": "77"}, "device": {"uid": "12"}, "unmapped": {"x": "7"},
            "finding_info": {"uid": "4", "created_time": "2026-02-10"},
            "vulnerabilities": [
                {"cve": {"uid": "C"}, "cvss": [{"base_score": 9.8}, {"base_score": 10}], "is_exploit_available": true},
                {"cvss": [{"base_score": "high"}, {"base_score": "none"}], "is_exploit_available": true},
            ],
        });
        assert_eq!(event, expected);
        assert_eq!(mistyped, [("vulnerability_finding vulnerabilities[].cvss[].base_score".to_owned(), 2)]);
    }

    #[test]
    fn instants_go_by_the_sources_unit_and_zone() {
        let zone = chrono_tz::America::New_York;
        for (unit, time, instant) in [
            (TimeUnit::Seconds, json!(1_773_129_600), 1_773_129_600_000_i64),
            (TimeUnit::Seconds, json!("1773129600.25"), 1_773_129_600_250),
            (TimeUnit::Microseconds, json!(1_773_129_600_000_999_i64), 1_773_129_600_000),
            (TimeUnit::Nanoseconds, json!("1773129600000000001"), 1_773_129_600_000),
            (TimeUnit::Milliseconds, json!(1.773_129_6e12), 1_773_129_600_000),
            (TimeUnit::Milliseconds, json!("2026-03-10 04:00:00"), 1_773_129_600_000),
            (TimeUnit::Milliseconds, json!("2026-03-10"), 1_773_115_200_000),
        ] {
            let (event, mistyped) = held(json!({"class_uid": 3002, "time": time}), Reading { unit, zone });
            assert_eq!(event["time"], instant, "{time}");
            assert!(mistyped.is_empty());
        }
    }

    #[test]
    fn a_native_event_is_opened_only_if_something_read_had_to_change() {
        let mut classes = classes();
        classes.also([("vulnerabilities[0].cvss[0].base_score")]);
        let native = |text: &'static str| {
            let mut draft = Draft::native(Cow::Borrowed(text), classes.wanted(), DuplicateMembers::Refuse).unwrap();
            let mistyped = hold_types(&mut draft, &classes, Reading::default()).unwrap();
            (draft, mistyped.len())
        };
        let whole =
            r#"{"class_uid":2002,"time":5,"severity_id":"x",  "vulnerabilities":[{"cvss":[{"base_score":9.8}]}]}"#;
        let (draft, mistyped) = native(whole);
        assert_eq!((draft.text.as_deref(), mistyped), (Some(whole), 0), "nobody reads severity_id");
        let (draft, mistyped) = native(
            r#"{"class_uid":2002,"time":5,"severity_id":"x","y":1,"vulnerabilities":[{"cvss":[{"base_score":"9.8"}]}]}"#,
        );
        assert_eq!((&draft.text, mistyped), (&None, 1));
        assert_eq!(
            (&draft.attributes["y"], &draft.attributes["vulnerabilities"][0]["cvss"][0]["base_score"]),
            (&json!(1), &json!(9.8))
        );
        let text = r#"{"class_uid":2002,"time":5,"vulnerabilities":[{"cvss":[{"base_score":"high"}]}]}"#;
        let (draft, mistyped) = native(text);
        assert_eq!((draft.text.as_deref(), mistyped), (Some(text), 1), "as it came, and told");
    }
}
