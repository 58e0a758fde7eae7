//! From what people wrote to what can be evaluated; every fault keeps its place.

mod construct;

use std::{collections::BTreeMap, path::Path};

use serde_saphyr::Location;

pub(super) use construct::construct;

use super::{Column, Feed, MappingKind, Population, SetColumn, Source, load::Faults, spec};
use crate::{
    classes::Classes,
    expression::{Expression, Parameter, Scope},
    fields::Fields,
    time::Span,
    value::Type,
};

/// What a construct may refer to.
pub(super) struct Known<'a> {
    pub(super) classes: &'a Classes,
    pub(super) populations: &'a BTreeMap<String, Population>,
    pub(super) sources: &'a BTreeMap<String, Source>,
    pub(super) fields: &'a mut Fields,
}

pub(super) fn source(spec: spec::SourceSpec, folder: &Path, faults: &mut Faults<'_>) -> Option<Source> {
    faults.subject.clone_from(&spec.source.value);
    let before = faults.list.len();
    name(&spec.source, faults);
    if spec.topics.is_empty() {
        faults.add(&spec.source.referenced, "the source has no topic", "list the topics it writes to under `topics`");
    }
    let mapping = match spec.mapping {
        MappingKind::Ocsf => None,
        MappingKind::Vrl => {
            let path = folder.join("mappings").join(&spec.source.value).join("map.vrl");
            if !path.is_file() {
                let hint = format!("write mappings/{}/map.vrl or declare `mapping: ocsf`", spec.source.value);
                faults.add(&spec.source.referenced, "the source has no mapping", hint);
            }
            Some(path)
        }
    };
    let source = Source {
        name: spec.source.value.clone(),
        title: spec.title,
        owner: spec.owner,
        topics: spec.topics.iter().map(|topic| topic.value.clone()).collect(),
        decode: spec.decode,
        mapping,
        lateness: fixed_length(&spec.lateness, faults),
        idle: fixed_length(&spec.idle, faults),
        max_future: fixed_length(&spec.max_future, faults),
        rhythm: fixed_length(&spec.rhythm, faults),
        deduplicate: fixed_length(&spec.deduplicate, faults),
    };
    (faults.list.len() == before).then_some(source)
}

/// Names become parts of keys, metrics and file names.
fn name(name: &spec::Text, faults: &mut Faults<'_>) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-/.".contains(c);
    if name.value.is_empty() || name.value.len() > 100 || !name.value.chars().all(fits) {
        faults.add(&name.referenced, "not a usable name", "use lower-case letters, digits, `-`, `_`, `.` and `/`");
    }
}

fn span(text: &spec::Text, faults: &mut Faults<'_>) -> Span {
    text.value.parse().unwrap_or_else(|fault: crate::time::SpanError| {
        faults.add(&text.referenced, fault.to_string(), "write an ISO 8601 duration");
        Span::default()
    })
}

fn fixed_length(text: &spec::Text, faults: &mut Faults<'_>) -> i64 {
    let span = span(text, faults);
    if span.months > 0 {
        faults.add(&text.referenced, "a month has no fixed length", "use days, hours or minutes");
    }
    span.milliseconds
}

/// Names in expressions on events: paths of fields.
struct EventScope<'a> {
    fields: &'a mut Fields,
    parameters: &'a BTreeMap<String, Parameter>,
    dimension: &'a dyn Fn(&str) -> Option<usize>,
}

impl Scope for EventScope<'_> {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        let slot = self.fields.slot(name)?;
        Some((slot, (name == "time").then_some(Type::Time)))
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let parameter = self.parameters.get(name)?;
        Some((parameter.clone(), parameter.by.as_deref().and_then(self.dimension)))
    }
}

fn compile(text: &str, at: &Location, scope: &mut dyn Scope, faults: &mut Faults<'_>) -> Option<Expression> {
    match Expression::compile(text, scope) {
        Ok(expression) => Some(expression),
        Err(fault) => {
            let offset = u64::try_from(fault.offset).unwrap_or(0);
            faults.add_at(at.line(), at.column() + offset, format!("`{text}`: {}", fault.reason), fault.hint);
            None
        }
    }
}

fn compile_filter(text: &str, at: &Location, scope: &mut dyn Scope, faults: &mut Faults<'_>) -> Option<Expression> {
    let expression = compile(text, at, scope, faults)?;
    if expression.result().is_some_and(|kind| kind != Type::Bool) {
        faults.add(at, format!("`{text}` is no condition"), "a filter is true or false: compare with something");
        return None;
    }
    Some(expression)
}

pub(super) fn population(
    spec: spec::PopulationSpec,
    classes: &Classes,
    fields: &mut Fields,
    faults: &mut Faults<'_>,
) -> Option<Population> {
    faults.subject.clone_from(&spec.population.value);
    let before = faults.list.len();
    name(&spec.population, faults);
    let columns: Vec<Column> = spec
        .columns
        .iter()
        .map(|(name, column)| Column { name: name.clone(), kind: column.kind, merge: column.merge })
        .collect();
    let mut feeds = Vec::new();
    for feed_spec in &spec.feeds {
        if let Some(built) = feed(feed_spec, &columns, classes, fields, faults) {
            feeds.push(built);
        }
    }
    for column in &columns {
        let set = spec.feeds.iter().any(|feed| feed.set.contains_key(&column.name));
        if !set {
            faults.add(
                &spec.population.referenced,
                format!("no feed sets the column `{}`", column.name),
                "set it or remove it",
            );
        }
    }
    (faults.list.len() == before).then_some(Population {
        name: spec.population.value,
        title: spec.title,
        columns,
        feeds,
    })
}

fn feed(
    spec: &spec::FeedSpec,
    columns: &[Column],
    classes: &Classes,
    fields: &mut Fields,
    faults: &mut Faults<'_>,
) -> Option<Feed> {
    let Some(class) = classes.by_name(&spec.class.value) else {
        let known = classes.names().collect::<Vec<_>>().join(", ");
        faults.add(
            &spec.class.referenced,
            format!("unknown event class `{}`", spec.class.value),
            format!("known: {known}"),
        );
        return None;
    };
    let Some(key_slot) = fields.slot(&spec.key.value) else {
        faults.add(
            &spec.key.referenced,
            format!("`{}` is no path of a field", spec.key.value),
            "write it like device.uid",
        );
        return None;
    };
    let at = &spec.class.referenced;
    let nothing = BTreeMap::new();
    let mut scope = EventScope { fields, parameters: &nothing, dimension: &|_| None };
    let when = spec.when.as_ref().and_then(|text| compile_filter(&text.value, &text.referenced, &mut scope, faults));
    let mut set = Vec::new();
    for (name, entry) in &spec.set {
        let Some((index, column)) = columns.iter().enumerate().find(|(_, column)| &column.name == name) else {
            let known = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            faults.add(at, format!("unknown column `{name}`"), format!("known: {known}"));
            continue;
        };
        let (value, condition) = match entry {
            spec::SetSpec::Plain(value) => (value, None),
            spec::SetSpec::Conditional(entry) => (&entry.value, Some(&entry.when)),
        };
        let Some(value) = compile(value, at, &mut scope, faults) else { continue };
        if let Some(kind) = value.result().filter(|kind| *kind != column.kind) {
            faults.add(
                at,
                format!("the column `{name}` is a {}, this is a {kind}", column.kind),
                "change the column's type or the value",
            );
        }
        let when = condition.and_then(|text| compile_filter(text, at, &mut scope, faults));
        set.push(SetColumn { column: index, value, when });
    }
    Some(Feed {
        class: spec.class.value.clone(),
        uid: class.uid,
        key: spec.key.value.clone(),
        key_slot,
        by_reference: class.key != spec.key.value,
        when,
        set,
    })
}
