//! Sources, and rates of exchange.

use std::path::Path;

use super::{class, day, fixed_length, name, scalar, zone};
use crate::{
    catalogue::{
        faults::Faults,
        files::Files,
        source::{MappingKind, Source, Unwrap},
        spec,
    },
    classes::Classes,
    fields::parse_path,
    rates::Rates,
};

pub(in crate::catalogue) fn source(
    spec: spec::SourceSpec,
    classes: &Classes,
    files: &Files,
    folder: &Path,
    faults: &mut Faults<'_>,
) -> Option<Source> {
    faults.subject.clone_from(&spec.source.value);
    let before = faults.list.len();
    name(&spec.source, faults);
    if spec.topics.is_empty() {
        faults.add(&spec.source.referenced, "the source has no topic", "list the topics it writes to under `topics`");
    }
    let (mapping, program) = match spec.mapping {
        MappingKind::Ocsf => (None, None),
        MappingKind::Vrl => {
            let path = format!("mappings/{}/map.vrl", spec.source.value);
            let program = files.0.get(&path).cloned();
            if program.is_none() {
                let hint = format!("write {path} or declare `mapping: ocsf`");
                faults.add(&spec.source.referenced, "the source has no mapping", hint);
            }
            (Some(folder.join(path)), program)
        }
    };
    let unwrap = spec.unwrap.map(|unwrap| unwrap.0);
    for Unwrap::Records(path) | Unwrap::Text(path) in unwrap.iter().flatten() {
        if parse_path(path).is_none() {
            faults.add(
                &spec.source.referenced,
                format!("`{path}` is no path"),
                "name a member, such as detail.records",
            );
        }
    }
    let alive_by = spec.alive_by.as_ref().and_then(|name| class(name, classes, faults)).map(|class| class.uid);
    let source = Source {
        digest: String::new(),
        name: spec.source.value.clone(),
        title: spec.title,
        owner: spec.owner,
        topics: spec.topics.iter().map(|topic| topic.value.clone()).collect(),
        decode: spec.decode,
        unwrap,
        encoding: spec.encoding,
        duplicate_members: spec.duplicate_members,
        time_unit: spec.time_unit,
        zone: spec.zone.as_ref().map_or(chrono_tz::UTC, |text| zone(text, faults)),
        alive_by,
        mapping,
        program,
        lateness: fixed_length(&spec.lateness, faults),
        idle: fixed_length(&spec.idle, faults),
        max_future: fixed_length(&spec.max_future, faults),
        rhythm: fixed_length(&spec.rhythm, faults),
        deduplicate: fixed_length(&spec.deduplicate, faults),
        ended: false,
    };
    (faults.list.len() == before).then_some(source)
}

pub(in crate::catalogue) fn rates(spec: &spec::RatesSpec, faults: &mut Faults<'_>) -> Rates {
    let zone = zone(&spec.zone, faults);
    let mut rates = Rates { currency: spec.currency.clone(), from: std::collections::BTreeMap::new() };
    for entry in &spec.rates {
        let from = day(&entry.from, zone, faults);
        let mut of = std::collections::BTreeMap::new();
        for (currency, value) in &entry.of {
            let value = scalar(value).and_then(|value| value.to_exact());
            match value.filter(|value| *value > 0) {
                Some(value) => {
                    of.insert(currency.clone(), value);
                }
                None => faults.add(
                    &entry.from.referenced,
                    format!("the rate of {currency} is no number above zero"),
                    "write what one unit is worth",
                ),
            }
        }
        rates.from.insert(from, of);
    }
    rates
}
