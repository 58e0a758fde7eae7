//! Populations.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Location;

use super::{EventScope, attribute, class, compile, compile_filter, identifier, name};
use crate::{
    catalogue::{
        faults::{Faults, Found, Named},
        population::{Column, Feed, FeedOf, Merge, Population, Scale, SetColumn},
        source::Source,
        spec,
    },
    classes::Classes,
    diagnostic::meant,
    expression::Scope,
    fields::Fields,
    value::Type,
};

/// By which paths the events of each population find their partition.
pub(in crate::catalogue) type PartitionKeys = BTreeMap<String, BTreeSet<String>>;

pub(in crate::catalogue) fn partition_keys(specs: &[(String, spec::PopulationSpec)]) -> PartitionKeys {
    let of = |feed: &spec::FeedSpec| feed.partition.as_ref().unwrap_or(&feed.key).value.clone();
    let keys = |spec: &spec::PopulationSpec| spec.feeds.iter().map(of).collect();
    specs.iter().map(|(_, spec)| (spec.population.value.clone(), keys(spec))).collect()
}

pub(in crate::catalogue) fn population(
    spec: spec::PopulationSpec,
    keys: &PartitionKeys,
    known: &Named<Source>,
    classes: &Classes,
    fields: &mut Fields,
    faults: &mut Faults<'_>,
) -> Option<Population> {
    faults.subject.clone_from(&spec.population.value);
    let before = faults.list.len();
    name(&spec.population, faults);
    let at = spec.population.referenced;
    let sources = sources(spec.sources.as_deref(), &at, known, faults);
    let mut columns: Vec<Column> = Vec::new();
    for (name, column) in &spec.columns {
        identifier(name, "column", &at, faults);
        if (column.merge == Merge::Set) != (column.kind == Type::Set) {
            faults.add(&at, format!("the column `{name}`: `set` is a type and a merge"), "give both or neither");
        }
        columns.push(Column {
            name: name.clone(),
            kind: column.kind,
            merge: column.merge,
            scale: column.scale,
            unit: column.unit.clone(),
        });
    }
    let mut own = |name: &str, kind, merge| {
        columns.push(Column { name: name.to_owned(), kind, merge, scale: Scale::Ratio, unit: None });
        columns.len() - 1
    };
    let removed = spec.feeds.iter().any(|feed| feed.remove.is_some()).then(|| own("@removed", Type::Bool, Merge::Last));
    let listed = spec.snapshot.is_some().then(|| own("@listed", Type::Time, Merge::Max));
    let mut feeds: Vec<Feed> = Vec::new();
    for feed_spec in &spec.feeds {
        let own = feed_sources(feed_spec.sources.as_deref(), &feed_spec.class, &sources, known, faults);
        let Some(built) = feed(feed_spec, own, &columns, classes, fields, faults) else { continue };
        // A copy that comes for one of the two keys would be taken for both.
        if feeds.iter().any(|other| other.class == built.class && other.partition != built.partition) {
            let hint = "a class feeds a population by one key: make two populations";
            faults.add(
                &feed_spec.key.referenced,
                format!("`{}` feeds this population by another key already", built.class),
                hint,
            );
        }
        feeds.push(built);
    }
    if let Some(snapshot_spec) = &spec.snapshot {
        let own = feed_sources(snapshot_spec.sources.as_deref(), &snapshot_spec.class, &sources, known, faults);
        feeds.extend(snapshot(snapshot_spec, own, classes, fields, faults));
        if !spec.feeds.iter().any(|feed| feed.lists) {
            faults.add(
                &snapshot_spec.class.referenced,
                "no feed lists entities",
                "say `lists: true` at the feed of the register",
            );
        }
    }
    for column in columns.iter().filter(|column| !column.name.starts_with('@')) {
        if !spec.feeds.iter().any(|feed| feed.set.contains_key(&column.name)) {
            faults.add(&at, format!("no feed sets the column `{}`", column.name), "set it or remove it");
        }
    }
    let joins = joins(&spec, &columns, keys, faults);
    (faults.list.len() == before).then_some(Population {
        digest: String::new(),
        name: spec.population.value.clone(),
        title: spec.title,
        sources,
        columns,
        feeds,
        joins,
        removed,
        listed,
    })
}

/// The sources that are named; none where nothing is said, which is filled in when the constructs are known.
fn sources(
    named: Option<&[spec::Text]>,
    at: &Location,
    known: &Named<Source>,
    faults: &mut Faults<'_>,
) -> BTreeSet<String> {
    let Some(named) = named else { return BTreeSet::new() };
    if named.is_empty() {
        faults.add(at, "`sources` is empty: nothing would be taken", "name the sources, or leave the key out");
    }
    let mut sources = BTreeSet::new();
    for source in named {
        if matches!(known.get(&source.value), Found::Unknown) {
            let hint = meant(&source.value, &known.names());
            faults.add(&source.referenced, format!("unknown source `{}`", source.value), hint);
        }
        if !sources.insert(source.value.clone()) {
            faults.add(&source.referenced, format!("the source `{}` is named twice", source.value), "name it once");
        }
    }
    sources
}

/// The sources of a feed: none but those of its population.
fn feed_sources(
    named: Option<&[spec::Text]>,
    class: &spec::Text,
    population: &BTreeSet<String>,
    known: &Named<Source>,
    faults: &mut Faults<'_>,
) -> BTreeSet<String> {
    for source in named.into_iter().flatten().filter(|_| !population.is_empty()) {
        if !population.contains(&source.value) {
            let reason = format!("`{}` is no source of the population", source.value);
            faults.add(&source.referenced, reason, "name it under the population's `sources`, too");
        }
    }
    sources(named, &class.referenced, known, faults)
}

/// A joined row must lie in the same partition, and nobody can ask another machine for it.
fn joins(
    spec: &spec::PopulationSpec,
    columns: &[Column],
    keys: &PartitionKeys,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, usize> {
    let mut joins = BTreeMap::new();
    let own = keys.get(&spec.population.value);
    for (other, by) in &spec.joins {
        let Some(their) = keys.get(other) else {
            let known: Vec<String> = keys.keys().cloned().collect();
            faults.add(&by.referenced, format!("unknown population `{other}`"), meant(other, &known));
            continue;
        };
        let Some(column) = columns.iter().position(|column| column.name == by.value) else {
            let known: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            faults.add(&by.referenced, format!("unknown column `{}`", by.value), meant(&by.value, &known));
            continue;
        };
        // Keys are compared by the last part of their paths: person.uid and account.person_uid name one thing.
        let entities = |keys: &BTreeSet<String>| -> BTreeSet<String> {
            keys.iter().map(|path| path.replace('_', ".").rsplit('.').take(2).collect::<Vec<_>>().join(".")).collect()
        };
        if own.map(entities) != Some(entities(their)) {
            let hint = format!(
                "let every feed of both find its partition by the same entity; `{other}` uses {}",
                their.iter().cloned().collect::<Vec<_>>().join(", ")
            );
            faults.add(&by.referenced, format!("`{other}` does not share the partitions of this population"), hint);
        }
        joins.insert(other.clone(), column);
    }
    joins
}

fn feed(
    spec: &spec::FeedSpec,
    sources: BTreeSet<String>,
    columns: &[Column],
    classes: &Classes,
    fields: &mut Fields,
    faults: &mut Faults<'_>,
) -> Option<Feed> {
    let class = class(&spec.class, classes, faults)?;
    let (key_slot, _) = attribute(&spec.key, class, classes, fields, faults)?;
    let partition = spec.partition.as_ref().unwrap_or(&spec.key);
    let (partition_slot, _) = attribute(partition, class, classes, fields, faults)?;
    let partition_slot = (partition.value != spec.key.value).then_some(partition_slot);
    let at = &spec.class.referenced;
    let nothing = BTreeMap::new();
    let mut scope = EventScope::of_feed(class, classes, fields, &nothing);
    let filter = |text: &Option<spec::Text>, scope: &mut EventScope<'_>, faults: &mut Faults<'_>| {
        text.as_ref().and_then(|text| compile_filter(&text.value, &text.referenced, scope, faults))
    };
    let when = filter(&spec.when, &mut scope, faults);
    let remove = filter(&spec.remove, &mut scope, faults);
    let set = set_columns(spec, columns, &mut scope, faults);
    if set.is_empty() && remove.is_none() && !spec.lists {
        faults.add(at, "the feed changes nothing", "set columns, or say what removes or lists the entity");
    }
    Some(Feed {
        class: spec.class.value.clone(),
        uid: class.uid,
        key: spec.key.value.clone(),
        key_slot,
        partition: partition.value.clone(),
        partition_slot,
        sources,
        of: FeedOf::Entity,
        by_reference: class.key != partition.value,
        when,
        remove,
        lists: spec.lists,
        set,
    })
}

fn set_columns(
    spec: &spec::FeedSpec,
    columns: &[Column],
    scope: &mut dyn Scope,
    faults: &mut Faults<'_>,
) -> Vec<SetColumn> {
    let at = &spec.class.referenced;
    let mut set = Vec::new();
    for (name, entry) in &spec.set {
        let found = columns.iter().enumerate().find(|(_, column)| &column.name == name);
        let Some((index, column)) = found.filter(|(_, column)| !column.name.starts_with('@')) else {
            let known: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            faults.add(at, format!("unknown column `{name}`"), meant(name, &known));
            continue;
        };
        let (value, condition) = match entry {
            spec::SetSpec::Plain(value) => (value, None),
            spec::SetSpec::Conditional(entry) => (&entry.value, Some(&entry.when)),
        };
        let Some(value) = compile(value, at, scope, faults) else { continue };
        // A set collects texts.
        let wanted = if column.kind == Type::Set { Type::Text } else { column.kind };
        if let Some(kind) = value.result().filter(|kind| *kind != wanted) {
            let reason = format!("the column `{name}` takes a {wanted}, this is a {kind}");
            faults.add(at, reason, "change the column's type or the value");
        }
        let when = condition.and_then(|text| compile_filter(text, at, scope, faults));
        set.push(SetColumn { column: index, value, when });
    }
    set
}

fn snapshot(
    spec: &spec::SnapshotSpec,
    sources: BTreeSet<String>,
    classes: &Classes,
    fields: &mut Fields,
    faults: &mut Faults<'_>,
) -> Option<Feed> {
    let class = class(&spec.class, classes, faults)?;
    let (taken_at, _) = attribute(&spec.taken_at, class, classes, fields, faults)?;
    let nothing = BTreeMap::new();
    let mut scope = EventScope::of_feed(class, classes, fields, &nothing);
    let when = spec.when.as_ref().and_then(|text| compile_filter(&text.value, &text.referenced, &mut scope, faults));
    Some(Feed {
        class: spec.class.value.clone(),
        uid: class.uid,
        key: class.key.clone(),
        key_slot: taken_at,
        partition: class.key.clone(),
        partition_slot: None,
        sources,
        of: FeedOf::Snapshot(taken_at),
        by_reference: true,
        when,
        remove: None,
        lists: false,
        set: Vec::new(),
    })
}
