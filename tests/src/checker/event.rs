//! Events as the checker reads them: with a JSON reader of its own, from the text.

use measurement::time::Timestamp;
use serde_json::Value;

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) class: i64,
    pub(super) activity: Option<i64>,
    pub(super) time: Timestamp,
    pub(super) uid: String,
    pub(super) json: Value,
}

impl Event {
    /// Reads an event; `None` if it lacks class, time or identity.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(bytes).ok()?)
    }

    pub(super) fn of(json: Value) -> Option<Self> {
        Some(Self {
            class: json.get("class_uid")?.as_i64()?,
            activity: json.get("activity_id").and_then(Value::as_i64),
            time: Timestamp(json.get("time")?.as_i64()?),
            uid: at(&json, "metadata.uid")?.as_str().filter(|uid| !uid.is_empty())?.to_owned(),
            json,
        })
    }

    /// The number that makes the sum of a measure the sum of identities.
    pub(super) fn identity(&self) -> Option<i64> {
        at(&self.json, "unmapped.identity")?.as_i64()
    }

    /// A key at a path: a text, or a whole number as a text.
    pub(super) fn key(&self, path: &str) -> Option<String> {
        match at(&self.json, path)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => number.as_i64().map(|number| number.to_string()),
            _ => None,
        }
    }
}

/// The value at a path such as `finding_info_list[0].uid`.
pub(super) fn at<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    path.split(['.', '[']).try_fold(json, |value, step| match step.strip_suffix(']') {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(step),
    })
}
