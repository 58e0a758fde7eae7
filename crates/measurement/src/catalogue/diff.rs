//! What is different between two catalogues, and which series break.

use super::{Catalogue, construct::Construct, definition, indicator::Criteria};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Identifier of the construct.
    pub construct: String,
    /// What has changed, in words.
    pub what: String,
    /// Whether figures from before and after cannot be compared: a new series begins.
    pub breaks: bool,
}

/// The differences from one catalogue to another, by construct.
pub fn diff(old: &Catalogue, new: &Catalogue) -> Vec<Change> {
    let mut changes = Vec::new();
    for construct in &old.constructs {
        match new.construct(&construct.id) {
            None => changes.push(Change {
                construct: construct.id.clone(),
                what: "is no longer measured; its results stay in the ledger".to_owned(),
                breaks: true,
            }),
            Some(other) => of_construct(construct, other, (old, new), &mut changes),
        }
    }
    for construct in new.constructs.iter().filter(|construct| old.construct(&construct.id).is_none()) {
        changes.push(Change { construct: construct.id.clone(), what: "is new".to_owned(), breaks: false });
    }
    changes.sort_by(|left, right| left.construct.cmp(&right.construct));
    changes
}

fn of_construct(old: &Construct, new: &Construct, all: (&Catalogue, &Catalogue), changes: &mut Vec<Change>) {
    let mut push = |what: String, breaks| changes.push(Change { construct: old.id.clone(), what, breaks });
    for (key, before) in &old.definition {
        match new.definition.get(key) {
            None => push(format!("{key} is gone (was {before})"), true),
            Some(after) if after != before => push(format!("{key}: {before} -> {after}"), true),
            Some(_) => {}
        }
    }
    for (key, after) in new.definition.iter().filter(|(key, _)| !old.definition.contains_key(*key)) {
        push(format!("{key} is new: {after}"), true);
    }
    let parameters = |construct: &Construct| -> Vec<String> {
        construct.parameters.iter().map(|(name, value)| format!("{name} {}", definition::parameter(value))).collect()
    };
    let criteria = |construct: &Construct| -> Vec<String> {
        let of = |criteria: &Criteria| {
            let from = criteria.from.map_or_else(String::new, |from| format!("from {from} "));
            criteria.lines().into_iter().map(move |(band, when)| format!("{from}{band}: {when}")).collect::<Vec<_>>()
        };
        construct.indicator.criteria.iter().flat_map(of).collect()
    };
    if criteria(old) != criteria(new) {
        push(format!("decision criteria: {} -> {}", criteria(old).join("; "), criteria(new).join("; ")), false);
    }
    if parameters(old) != parameters(new) && old.definition == new.definition {
        push(
            format!("parameters of the criteria: {} -> {}", parameters(old).join("; "), parameters(new).join("; ")),
            false,
        );
    }
    if old.targets != new.targets {
        let last = |construct: &Construct| {
            construct
                .targets
                .last()
                .and_then(|target| target.value.as_ref())
                .map_or_else(|| "none".to_owned(), |value| value.display(6))
        };
        push(format!("target: {} -> {}", last(old), last(new)), false);
    }
    let settings =
        |catalogue: &Catalogue, name: &String| catalogue.sources.get(name).map(|source| source.digest.clone());
    for name in old.sources.iter().filter(|name| new.sources.contains(name)) {
        if settings(all.0, name) != settings(all.1, name) {
            push(format!("settings or mapping of {name} are others; they hold from when they are deployed"), false);
        }
    }
    if old.version != new.version {
        push(format!("version: {} -> {}", old.version, new.version), false);
    }
    for (what, before, after) in
        [("close_after", old.close_after, new.close_after), ("restate_for", old.restate_for, new.restate_for)]
    {
        if before != after {
            push(format!("cadence.{what}: {before} -> {after}"), false);
        }
    }
}
