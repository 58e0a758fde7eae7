//! One element that stands for several events: `count: N` ("message repeated N times") becomes N
//! events, told apart by their `metadata.uid`, so that every later stage counts events alone.

use std::borrow::Cow;

use measurement::{catalogue::DuplicateMembers, coerce};
use serde_json::{Map, Value};

use crate::{
    json::{self, Wanted},
    reject::{Reason, Refusal},
};

/// Most events that one record may stand for beyond one for each of its elements.
pub const EVENT_LIMIT: usize = 10_000;

/// An event on its way: its attributes, and its text as long as nothing had to be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft<'a> {
    /// The attributes; of a native event only those that ingest reads.
    pub attributes: Map<String, Value>,
    /// The text of a native event, to be published as it came.
    pub text: Option<Cow<'a, str>>,
}

impl<'a> Draft<'a> {
    /// An event made by a mapping.
    pub fn mapped(attributes: Map<String, Value>) -> Self {
        Self { attributes, text: None }
    }

    /// A native event, of which only the wanted parts are read. It goes on as it came, unless another reader could
    /// understand its text differently.
    pub fn native(text: Cow<'a, str>, wanted: &Wanted, duplicates: DuplicateMembers) -> Result<Self, Refusal> {
        let read = json::read_object(&text, wanted, duplicates)?;
        if read.altered {
            return Ok(Self {
                attributes: json::read_object(&text, &Wanted::everything(), duplicates)?.object,
                text: None,
            });
        }
        Ok(Self { attributes: read.object, text: Some(text) })
    }

    /// The bytes to publish: those of the source, if nothing had to be changed.
    pub fn bytes(&self) -> Vec<u8> {
        self.text.as_ref().map_or_else(|| records::encode(&self.attributes), |text| text.as_bytes().to_vec())
    }

    /// The event's own identity, if the source gave one; whether it is usable is for a later stage.
    fn uid(&self) -> Option<&Value> {
        self.attributes.get("metadata")?.get("uid").filter(|uid| !uid.is_null())
    }

    /// Reads the whole event, because it cannot be published as it came.
    pub(crate) fn open(&mut self) -> Result<(), Refusal> {
        if let Some(text) = self.text.take() {
            // No member is named twice: the event would have been read whole already.
            self.attributes = json::read_object(&text, &Wanted::everything(), DuplicateMembers::Refuse)?.object;
        }
        Ok(())
    }

    /// Gives the event another identity than its own.
    pub(crate) fn rename(&mut self, uid: String) -> Result<(), Refusal> {
        self.open()?;
        self.set_uid(uid)
    }

    fn set_uid(&mut self, uid: String) -> Result<(), Refusal> {
        let metadata = self.attributes.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        let metadata =
            metadata.as_object_mut().ok_or_else(|| Refusal::new(Reason::BadAttribute, "metadata is not an object"))?;
        metadata.insert("uid".to_owned(), uid.into());
        Ok(())
    }
}

/// The events that a draft stands for, each with a `metadata.uid`: the source's own, or the one
/// that ingest made from the place of the record. `room` is what is left of [`EVENT_LIMIT`].
pub fn expand(mut draft: Draft<'_>, room: usize, made_uid: impl FnOnce() -> String) -> Result<Vec<Draft<'_>>, Refusal> {
    let count = match draft.attributes.get("count") {
        None | Some(Value::Null) => 1,
        Some(count) => coerce::whole(count)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0)
            .ok_or_else(|| Refusal::new(Reason::CountOutOfRange, "count is not a whole number of at least 1"))?,
    };
    if count > room {
        let detail = format!("the record stands for more than {EVENT_LIMIT} events");
        return Err(Refusal::new(Reason::CountOutOfRange, detail));
    }
    if count == 1 {
        if draft.uid().is_none() {
            draft.open()?;
            draft.set_uid(made_uid())?;
        }
        return Ok(vec![draft]);
    }
    draft.open()?;
    draft.attributes.remove("count");
    let uid = match draft.uid() {
        None => made_uid(),
        Some(Value::String(uid)) => uid.clone(),
        Some(_) => {
            return Err(Refusal::new(Reason::BadAttribute, "metadata.uid is not a text"));
        }
    };
    (1..=count)
        .map(|number| {
            let mut event = draft.clone();
            event.set_uid(format!("{uid}-{number}"))?;
            Ok(event)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapped(value: Value) -> Draft<'static> {
        let Value::Object(attributes) = value else { unreachable!("tests give objects") };
        Draft::mapped(attributes)
    }

    fn uids(events: &[Draft<'_>]) -> Vec<String> {
        events.iter().map(|event| event.uid().unwrap().as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_repeated_message_becomes_that_many_events() {
        let events = expand(mapped(json!({"count": 3, "time": 5})), EVENT_LIMIT, || "made".to_owned()).unwrap();
        assert_eq!(uids(&events), ["made-1", "made-2", "made-3"]);
        assert_eq!(Value::Object(events[0].attributes.clone()), json!({"time": 5, "metadata": {"uid": "made-1"}}));
        let events =
            expand(mapped(json!({"count": 2, "metadata": {"uid": "own"}})), EVENT_LIMIT, || "made".to_owned()).unwrap();
        assert_eq!(uids(&events), ["own-1", "own-2"]);
    }

    #[test]
    fn a_single_event_keeps_its_identity_or_gets_one() {
        let events = expand(mapped(json!({"metadata": {"uid": "own"}})), EVENT_LIMIT, || "made".to_owned()).unwrap();
        assert_eq!(uids(&events), ["own"]);
        let events = expand(mapped(json!({"count": 1})), EVENT_LIMIT, || "made".to_owned()).unwrap();
        assert_eq!(uids(&events), ["made"]);
    }

    #[test]
    fn counts_are_bounded() {
        for count in [json!(0), json!(-1), json!(10_001), json!(1.5), json!("three")] {
            let refused = expand(mapped(json!({"count": count})), EVENT_LIMIT, || "made".to_owned()).unwrap_err();
            assert_eq!(refused.reason, Reason::CountOutOfRange);
        }
        assert_eq!(expand(mapped(json!({"count": "3"})), EVENT_LIMIT, || "made".to_owned()).unwrap().len(), 3);
        assert_eq!(expand(mapped(json!({"count": 2.0})), EVENT_LIMIT, || "made".to_owned()).unwrap().len(), 2);
        assert_eq!(expand(mapped(json!({"count": 10_000})), EVENT_LIMIT, || "made".to_owned()).unwrap().len(), 10_000);
    }

    #[test]
    fn a_native_event_is_copied_unless_it_must_change() {
        let wanted = Wanted::paths(&["count", "metadata.uid"].map(|text| json::Path::parse(text).unwrap()));
        let native = |text: &'static str| Draft::native(Cow::Borrowed(text), &wanted, DuplicateMembers::Last).unwrap();
        let whole = r#"{"metadata":{"uid":"own"},  "x":1}"#;
        let events = expand(native(whole), EVENT_LIMIT, || "made".to_owned()).unwrap();
        assert_eq!(events[0].text.as_deref(), Some(whole));
        let events = expand(native(r#"{"x":1}"#), EVENT_LIMIT, || "made".to_owned()).unwrap();
        assert_eq!(events[0].text, None);
        assert_eq!(Value::Object(events[0].attributes.clone()), json!({"x": 1, "metadata": {"uid": "made"}}));
        let refused = expand(native(r#"{"metadata":3}"#), EVENT_LIMIT, || "made".to_owned()).unwrap_err();
        assert_eq!(refused.reason, Reason::BadAttribute);
    }
}
