//! A draft to an event: a class that is known, the attributes without which it says nothing, and a
//! time that can be true. One event from the year 3000 must not close every period.

use std::sync::Arc;

use measurement::{coerce, time::Timestamp};
use serde_json::Value;

use crate::{
    config::{Class, Classes},
    expand::Draft,
    reject::{Reason, Refusal},
};

/// 2000-01-01T00:00:00Z. Earlier times are clocks that were never set, or seconds taken for milliseconds.
const EARLIEST: Timestamp = Timestamp(946_684_800_000);
/// Longest `metadata.uid`: it is kept for as long as duplicates are looked for.
const UID_LIMIT: usize = 512;

/// An event that may be published.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// What is published.
    pub draft: Draft<'a>,
    /// Its class.
    pub class: Arc<Class>,
    /// When it happened.
    pub time: Timestamp,
}

/// Checks a draft. `latest` is the last instant that is not "the far future" of its record.
pub fn validate<'a>(draft: Draft<'a>, classes: &Classes, latest: Timestamp) -> Result<Event<'a>, Refusal> {
    let class = class_of(&draft, classes)?;
    let activity = required_integer(&draft, "activity_id")?;
    let expected = class.uid.checked_mul(100).and_then(|base| base.checked_add(activity));
    if integer(&draft, "type_uid")?.is_some_and(|type_uid| Some(type_uid) != expected) {
        let detail = "type_uid is not class_uid * 100 + activity_id";
        return Err(Refusal::new(Reason::BadAttribute, detail));
    }
    if integer(&draft, "category_uid")?.is_some_and(|category| category != class.category) {
        return Err(Refusal::new(Reason::BadAttribute, format!("category_uid is not that of {}", class.name)));
    }
    check_uid(&draft)?;
    let time = time_of(&draft, latest)?;
    for path in &class.required {
        if path.get(&draft.attributes).is_none() {
            return Err(Refusal::new(Reason::MissingAttribute, format!("{} without {path}", class.name)));
        }
    }
    Ok(Event { draft, class, time })
}

fn class_of(draft: &Draft<'_>, classes: &Classes) -> Result<Arc<Class>, Refusal> {
    let uid = integer(draft, "class_uid")?
        .ok_or_else(|| Refusal::new(Reason::UnknownClass, "the event names no class_uid"))?;
    classes
        .get(uid)
        .cloned()
        .ok_or_else(|| Refusal::new(Reason::UnknownClass, format!("class_uid {uid} is not in the catalogue")))
}

fn check_uid(draft: &Draft<'_>) -> Result<(), Refusal> {
    let uid = draft.attributes.get("metadata").and_then(|metadata| metadata.get("uid"));
    match uid.and_then(Value::as_str) {
        Some(uid) if !uid.is_empty() && uid.len() <= UID_LIMIT && !uid.contains(char::is_control) => Ok(()),
        _ => Err(Refusal::new(Reason::BadAttribute, format!("metadata.uid is not a text of 1 to {UID_LIMIT} bytes"))),
    }
}

fn time_of(draft: &Draft<'_>, latest: Timestamp) -> Result<Timestamp, Refusal> {
    let time = match draft.attributes.get("time") {
        None | Some(Value::Null) => {
            return Err(Refusal::new(Reason::BadTime, "the event has no time"));
        }
        // Its type was held before.
        Some(time) => time
            .as_i64()
            .map(Timestamp)
            .ok_or_else(|| Refusal::new(Reason::BadTime, "time is neither an instant nor a number of one"))?,
    };
    if time < EARLIEST {
        return Err(Refusal::new(Reason::ImplausibleTime, format!("{time} is before 2000")));
    }
    if time > latest {
        return Err(Refusal::new(Reason::ImplausibleTime, format!("{time} is later than {latest}")));
    }
    Ok(time)
}

/// Whether an instant can be that of an event; see [`validate`].
pub fn is_plausible(time: Timestamp, latest: Timestamp) -> bool {
    EARLIEST <= time && time <= latest
}

fn required_integer(draft: &Draft<'_>, name: &str) -> Result<i64, Refusal> {
    integer(draft, name)?.ok_or_else(|| Refusal::new(Reason::MissingAttribute, format!("the event has no {name}")))
}

fn integer(draft: &Draft<'_>, name: &str) -> Result<Option<i64>, Refusal> {
    match draft.attributes.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match coerce::whole(value) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::new(Reason::BadAttribute, format!("{name} is not a whole number"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{json::Path, types::Types};
    use serde_json::json;

    const NOW: i64 = 1_770_000_000_000;

    fn checked(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Result<Timestamp, Refusal> {
        let classes = Classes::of([Class {
            name: "door".to_owned(),
            label: "door".into(),
            types: Types::default(),
            uid: 42,
            category: 4,
            primary: Path::parse("door.uid").unwrap(),
            required: vec![Path::parse("status_id").unwrap()],
            references: Vec::new(),
        }]);
        let mut event = json!({
            "class_uid": 42, "activity_id": 1, "type_uid": 4201, "time": NOW, "status_id": 0,
            "metadata": {"uid": "u"}, "door": {"uid": "d"},
        });
        change(event.as_object_mut().unwrap());
        let Value::Object(attributes) = event else { unreachable!("it was an object") };
        validate(Draft::mapped(attributes), &classes, Timestamp(NOW + 1)).map(|event| event.time)
    }

    fn with(name: &'static str, value: Value) -> Result<Timestamp, Reason> {
        checked(|event| drop(event.insert(name.to_owned(), value))).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_sound_event_passes() {
        assert_eq!(checked(|_| ()), Ok(Timestamp(NOW)));
        assert_eq!(with("type_uid", json!(null)), Ok(Timestamp(NOW)));
        for (name, value) in [("class_uid", json!("42")), ("activity_id", json!(1.0)), ("type_uid", json!("4201.0"))] {
            assert_eq!(with(name, value.clone()), Ok(Timestamp(NOW)), "{name} = {value}");
        }
    }

    #[test]
    fn each_fault_has_its_reason() {
        for (name, value, reason) in [
            ("class_uid", json!(43), Reason::UnknownClass),
            ("class_uid", json!(null), Reason::UnknownClass),
            ("class_uid", json!("door"), Reason::BadAttribute),
            ("activity_id", json!(null), Reason::MissingAttribute),
            ("activity_id", json!(1.5), Reason::BadAttribute),
            ("type_uid", json!(4202), Reason::BadAttribute),
            ("category_uid", json!(5), Reason::BadAttribute),
            ("status_id", json!(null), Reason::MissingAttribute),
            ("metadata", json!({"uid": ""}), Reason::BadAttribute),
            ("metadata", json!({"uid": 7}), Reason::BadAttribute),
            ("metadata", json!({"uid": "a\nb"}), Reason::BadAttribute),
            ("metadata", json!({"uid": "x".repeat(513)}), Reason::BadAttribute),
            ("time", json!(null), Reason::BadTime),
            ("time", json!("2026-01-01T00:00:00Z"), Reason::BadTime),
            ("time", json!({"at": 1}), Reason::BadTime),
        ] {
            assert_eq!(with(name, value.clone()), Err(reason), "{name} = {value}");
        }
    }

    #[test]
    fn time_must_be_able_to_be_true() {
        assert_eq!(with("time", json!(NOW + 1)), Ok(Timestamp(NOW + 1)));
        assert_eq!(with("time", json!(NOW + 2)), Err(Reason::ImplausibleTime));
        assert_eq!(with("time", json!(EARLIEST.0)), Ok(EARLIEST));
        assert_eq!(with("time", json!(EARLIEST.0 - 1)), Err(Reason::ImplausibleTime));
        assert_eq!(with("time", json!(NOW / 1000)), Err(Reason::ImplausibleTime), "seconds");
        assert_eq!(with("time", json!(i64::MAX)), Err(Reason::ImplausibleTime));
    }
}
