//! Checking and compiling one construct.

mod draft;
mod base;
mod calendar;
mod criteria;
mod derived;
mod fold;
mod parameters;

use std::collections::BTreeMap;

use draft::Draft;
use parameters::Overlay;

use super::{Known, name, span};
use crate::{
    catalogue::{
        construct::{Construct, Need, Parties},
        faults::{Faults, Found},
        spec,
    },
    diagnostic::meant,
    time::Span,
};

pub(in crate::catalogue) fn construct(
    spec: spec::ConstructSpec,
    overlay: Overlay<'_>,
    known: &mut Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<Construct> {
    faults.subject.clone_from(&spec.construct.value);
    let before = faults.list.len();
    let at = spec.construct.referenced;
    name(&spec.construct, faults);
    version(&spec.version, faults);
    check_parties(&spec.parties, faults);
    let (calendar, period, hours) = calendar::calendar(&spec, faults);
    check_sources(&spec, known, faults);
    let (parameters, set_by_organisation) = parameters::parameters(&spec, overlay, &at, faults);
    let dimensions = parameters::dimensions(&spec, known, faults);
    let derived_names = derived::order(&spec, faults);
    let names = spec.base.keys().cloned().chain(derived_names.iter().cloned()).collect();
    let draft = Draft { spec: &spec, at, dimensions, parameters, names, zone: calendar.zone, hours };
    let mut base = Vec::new();
    for (name, entry) in &spec.base {
        base.extend(base::base_measure(name, entry, &draft, known, faults));
    }
    let derived = derived::derived(&draft, &derived_names, &base, faults);
    let indicator = criteria::indicator(&draft, &base, &derived, faults)?;
    let targets = criteria::targets(&draft, faults);
    let Draft { dimensions, parameters, .. } = draft;
    let rolling = spec.cadence.rolling.unwrap_or(1);
    if !(1..=120).contains(&rolling) {
        faults.add(&spec.cadence.period.referenced, "a result looks at 1 to 120 periods", "mend `rolling`");
    }
    let (report_every, revise_every) = (span(&spec.cadence.report, faults), span(&spec.cadence.revise, faults));
    let (close_after, restate_for) = (span(&spec.cadence.close_after, faults), span(&spec.cadence.restate_for, faults));
    let longer = |left: Span, right: Span| (left.months, left.milliseconds) > (right.months, right.milliseconds);
    if longer(close_after, restate_for) && close_after.months >= restate_for.months {
        let hint = "let restate_for be at least close_after: what comes in between is a correction";
        faults.add(&spec.cadence.restate_for.referenced, "corrections would end before the period closes", hint);
    }
    if faults.list.len() != before {
        return None;
    }
    Some(Construct {
        id: spec.construct.value.clone(),
        title: spec.title,
        file: faults.file.clone(),
        version: spec.version.value.clone(),
        digest: String::new(),
        iso27004: spec.reference.iso27004,
        iso27001: spec.reference.iso27001,
        verified: spec.reference.verified,
        kind: spec.kind,
        need: Need {
            question: spec.need.question,
            objective: spec.need.objective,
            risk: spec.need.risk,
            decision: spec.need.decision,
        },
        parties: Parties {
            owner: spec.parties.owner.value.clone(),
            collector: spec.parties.collector.value.clone(),
            client: spec.parties.client.value.clone(),
            reviewer: spec.parties.reviewer.value.clone(),
        },
        period,
        rolling,
        report_every,
        revise_every,
        close_after,
        restate_for,
        calendar,
        sources: spec.sources.iter().map(|source| source.value.clone()).collect(),
        dimensions,
        parameters,
        set_by_organisation,
        base,
        derived,
        indicator,
        targets,
        minimum_group: spec.privacy.map_or(0, |privacy| privacy.minimum_group),
        evidence: spec.evidence,
        interpretation: spec.interpretation,
        chart: spec.report.chart,
        definition: BTreeMap::new(),
        ended: None,
    })
}

fn version(version: &spec::Text, faults: &mut Faults<'_>) {
    let parts: Vec<&str> = version.value.split('.').collect();
    if parts.len() != 3 || !parts.iter().all(|part| part.parse::<u32>().is_ok()) {
        faults.add(&version.referenced, "not a semantic version", "write it like 1.0.0");
    }
}

fn check_parties(parties: &spec::PartiesSpec, faults: &mut Faults<'_>) {
    for (role, party) in [
        ("owner", &parties.owner),
        ("collector", &parties.collector),
        ("client", &parties.client),
        ("reviewer", &parties.reviewer),
    ] {
        if party.value.trim().is_empty() {
            faults.add(&party.referenced, format!("the {role} is not named"), "name a role that answers for it");
        }
    }
}

fn check_sources(spec: &spec::ConstructSpec, known: &Known<'_>, faults: &mut Faults<'_>) {
    if spec.sources.is_empty() {
        faults.add(
            &spec.construct.referenced,
            "the construct names no source",
            "without sources nobody knows whether a zero is one",
        );
    }
    let Ok(close_after) = spec.cadence.close_after.value.parse::<Span>() else { return };
    for (index, source) in spec.sources.iter().enumerate() {
        if spec.sources.iter().take(index).any(|other| other.value == source.value) {
            faults.add(&source.referenced, format!("the source `{}` is named twice", source.value), "name it once");
        }
        match known.sources.get(&source.value) {
            Found::Unknown => {
                let hint = meant(&source.value, &known.sources.names());
                faults.add(&source.referenced, format!("unknown source `{}`", source.value), hint);
            }
            Found::Sound(declared) if close_after.months == 0 && close_after.milliseconds < declared.lateness => {
                faults.add(
                    &spec.cadence.close_after.referenced,
                    format!("periods would close before `{}` has delivered", source.value),
                    "let close_after be at least the lateness of every source",
                );
            }
            Found::Faulty | Found::Sound(_) => {}
        }
    }
}
