//! The identity of events: what ingest makes where a source gives none, and what tells the events of one record apart
//! that share the source's.

use std::collections::{HashMap, HashSet};

use measurement::digest;

use crate::{arrival::Arrival, expand::Draft, route::Route, validate::Event};

/// Makes identities for the events of one record.
#[derive(Debug)]
pub(crate) struct Maker<'w, 'a> {
    arrival: &'w Arrival<'a>,
    /// Start of the digest of the record's bytes, once an event has asked for it.
    digest: Option<String>,
}

impl<'w, 'a> Maker<'w, 'a> {
    /// For this record.
    pub(crate) fn new(arrival: &'w Arrival<'a>) -> Self {
        Self { arrival, digest: None }
    }

    /// The identity of an event that brought none: what the record held and where it lay. Reading
    /// the record again gives the same one.
    pub(crate) fn uid(&mut self, place: Option<usize>, within: Option<usize>) -> String {
        let Arrival { topic, partition, offset, value, .. } = *self.arrival;
        let digest = self.digest.get_or_insert_with(|| digest::short(value.unwrap_or_default()));
        let mut uid = format!("{digest}-{topic}-{partition}-{offset}");
        for number in [place, within].into_iter().flatten() {
            uid = format!("{uid}-{number}");
        }
        uid
    }
}

/// Tells the events of a record apart that share an identity, such as one mail's to several recipients: the second
/// different one gets `-2`, the third `-3`, in the order of the record. Equal events stay duplicates.
pub(crate) fn tell_apart(events: &mut [(Event<'_>, Route)]) {
    if events.len() < 2 {
        return;
    }
    let mut taken: HashSet<String> = events.iter().filter_map(|(event, _)| uid(event)).collect();
    if taken.len() == events.len() {
        return;
    }
    // Of each identity, the different events so far and what they are called.
    let mut known: HashMap<String, Vec<(Draft<'_>, String)>> = HashMap::new();
    for (event, _) in events {
        let Some(own) = uid(event) else { continue };
        let alike = known.entry(own.clone()).or_default();
        if let Some((_, name)) = alike.iter().find(|(draft, _)| *draft == event.draft) {
            if *name != own && event.draft.rename(name.clone()).is_err() {
                unreadable();
            }
            continue;
        }
        let original = event.draft.clone();
        if alike.is_empty() {
            alike.push((original, own));
            continue;
        }
        let mut number = alike.len() + 1;
        let name = loop {
            let name = format!("{own}-{number}");
            if taken.insert(name.clone()) {
                break name;
            }
            number += 1;
        };
        if event.draft.rename(name.clone()).is_err() {
            unreadable();
        }
        alike.push((original, name));
    }
}

/// It was read from this very text before.
fn unreadable() {
    tracing::error!("an event could not be read a second time: it keeps the identity that it shares");
}

fn uid(event: &Event<'_>) -> Option<String> {
    event.draft.attributes.get("metadata")?.get("uid")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use measurement::{catalogue::DuplicateMembers, time::Timestamp};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        config::{Class, Classes},
        json::Path,
        types::Types,
    };

    fn uids(events: impl IntoIterator<Item = Value>) -> Vec<String> {
        let class = std::sync::Arc::new(Class {
            name: "door".to_owned(),
            label: "door".into(),
            types: Types::default(),
            uid: 42,
            category: 4,
            primary: Path::parse("door.uid").unwrap(),
            required: Vec::new(),
            references: Vec::new(),
        });
        let route = Route { primary: "d".to_owned(), references: Vec::new(), to_all: Vec::new(), unnamed: 0 };
        let wanted = Classes::default();
        let event = |event: Value| {
            let draft = match event {
                Value::Object(attributes) => Draft::mapped(attributes),
                Value::String(text) => {
                    Draft::native(Cow::Owned(text), wanted.wanted(), DuplicateMembers::Refuse).unwrap()
                }
                _ => unreachable!("tests give objects and texts"),
            };
            (Event { draft, class: std::sync::Arc::clone(&class), time: Timestamp(0) }, route.clone())
        };
        let mut events: Vec<_> = events.into_iter().map(event).collect();
        tell_apart(&mut events);
        events.iter().map(|(event, _)| uid(event).unwrap()).collect()
    }

    fn mail(uid: &str, to: &str) -> Value {
        json!({"metadata": {"uid": uid}, "user": {"uid": to}})
    }

    #[test]
    fn different_events_of_one_identity_are_told_apart() {
        assert_eq!(uids([mail("g", "a"), mail("g", "b"), mail("h", "a"), mail("g", "c")]), ["g", "g-2", "h", "g-3"]);
        assert_eq!(uids([mail("g", "a")]), ["g"]);
    }

    #[test]
    fn equal_events_stay_duplicates() {
        let events = [mail("g", "a"), mail("g", "a"), mail("g", "b"), mail("g", "b"), mail("g", "a")];
        assert_eq!(uids(events), ["g", "g", "g-2", "g-2", "g"]);
    }

    #[test]
    fn no_name_is_given_twice() {
        let events = [mail("g", "a"), mail("g", "b"), mail("g-2", "c"), mail("g", "d"), mail("g-2", "e")];
        assert_eq!(uids(events), ["g", "g-3", "g-2", "g-4", "g-2-2"]);
    }
}
