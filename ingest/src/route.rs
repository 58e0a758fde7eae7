//! Which entity an event is about. It is published once under its primary key, and once more as a
//! reference copy for every population that knows the event by another entity.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    reject::{Reason, Refusal},
    validate::Event,
};

/// Longest key.
const KEY_LIMIT: usize = 512;

/// Where an event goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Key of the event itself.
    pub primary: String,
    /// Population and key of each reference copy.
    pub references: Vec<(Arc<str>, String)>,
    /// Populations of which every partition gets a copy.
    pub to_all: Vec<Arc<str>>,
    /// Populations that the class feeds but whose entity this event does not name.
    pub unnamed: usize,
}

/// Finds the keys of an event.
pub fn route(event: &Event<'_>) -> Result<Route, Refusal> {
    let (class, attributes) = (&event.class, &event.draft.attributes);
    let primary = class.primary.get(attributes).and_then(key).ok_or_else(|| {
        let detail = format!("{} without a usable key at {}", class.name, class.primary);
        Refusal::new(Reason::NoKey, detail)
    })?;
    let mut route = Route { primary, references: Vec::new(), to_all: Vec::new(), unnamed: 0 };
    for reference in &class.references {
        if reference.to_all {
            route.to_all.push(Arc::clone(&reference.population));
            continue;
        }
        match reference.key.get(attributes).and_then(key) {
            Some(key) => route.references.push((Arc::clone(&reference.population), key)),
            None => route.unnamed += 1,
        }
    }
    Ok(route)
}

/// A key is a text, or a whole number as a text.
fn key(value: &Value) -> Option<String> {
    let key = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_i64()?.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!key.is_empty() && key.len() <= KEY_LIMIT).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Class, Reference},
        expand::Draft,
        json::Path,
        types::Types,
    };
    use measurement::time::Timestamp;
    use serde_json::json;

    fn routed(event: Value) -> Result<Route, Refusal> {
        let class = Class {
            name: "door".to_owned(),
            label: "door".into(),
            types: Types::default(),
            uid: 42,
            category: 4,
            primary: Path::parse("door.uid").unwrap(),
            required: Vec::new(),
            references: vec![Reference {
                population: "rooms".into(),
                key: Path::parse("rooms[0].uid").unwrap(),
                to_all: false,
            }],
        };
        let Value::Object(attributes) = event else { unreachable!("tests give objects") };
        route(&Event { draft: Draft::mapped(attributes), class: Arc::new(class), time: Timestamp(0) })
    }

    #[test]
    fn an_event_about_two_entities_goes_to_both() {
        let route = routed(json!({"door": {"uid": "d1"}, "rooms": [{"uid": 7}]})).unwrap();
        assert_eq!(route.primary, "d1");
        assert_eq!(route.references, [(Arc::from("rooms"), "7".to_owned())]);
        assert_eq!(route.unnamed, 0);
    }

    #[test]
    fn a_copy_needs_its_entity() {
        let route = routed(json!({"door": {"uid": "d1"}})).unwrap();
        assert_eq!((route.references.len(), route.unnamed), (0, 1));
    }

    #[test]
    fn an_event_without_a_key_is_refused() {
        for door in
            [json!({}), json!({"uid": ""}), json!({"uid": 1.5}), json!({"uid": ["a"]}), json!({"uid": "k".repeat(513)})]
        {
            assert_eq!(routed(json!({"door": door})).unwrap_err().reason, Reason::NoKey);
        }
    }
}
