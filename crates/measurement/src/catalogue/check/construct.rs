//! Checking and compiling one construct.

mod base;
mod derived;
mod indicator;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Location;

use super::{EventScope, Faults, Known, compile, compile_filter, name, span, spec};
use crate::{
    bands::{self, Band, Bound, Limit},
    calendar::Calendar,
    catalogue::{
        Adjust, BaseMeasure, BaseOf, Construct, DerivedMeasure, Dimension, Fold, Indicator, Need, Parties, Population,
        Target,
    },
    expression::{Expression, Parameter, Scope},
    number::Exact,
    time::Span,
    value::{Type, Value},
};

type Overlay<'a> = Option<&'a BTreeMap<String, spec::ParameterSpec>>;

pub(in crate::catalogue) fn construct(
    spec: spec::ConstructSpec,
    overlay: Overlay<'_>,
    digest: String,
    known: &mut Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<Construct> {
    faults.subject.clone_from(&spec.construct.value);
    let before = faults.list.len();
    let at = spec.construct.referenced;
    name(&spec.construct, faults);
    version(&spec.version, faults);
    check_parties(&spec.parties, faults);
    let (calendar, period) = calendar(&spec, faults);
    check_sources(&spec, known, faults);
    let parameters = parameters::parameters(&spec, overlay, &at, faults);
    let dimensions = parameters::dimensions(&spec, known, faults);
    let mut base = Vec::new();
    for (name, entry) in &spec.base {
        if let Some(measure) = base::base_measure(name, entry, &dimensions, &parameters, &at, known, faults) {
            base.push(measure);
        }
    }
    let derived = derived::derived(&spec, &base, &dimensions, &parameters, faults);
    let indicator = indicator::indicator(&spec, &base, &derived, &dimensions, &parameters, faults)?;
    let target = indicator::target(&spec.target, &at, faults);
    if faults.list.len() != before {
        return None;
    }
    Some(Construct {
        id: spec.construct.value,
        title: spec.title,
        version: spec.version.value,
        digest,
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
            owner: spec.parties.owner.value,
            collector: spec.parties.collector.value,
            client: spec.parties.client.value,
            reviewer: spec.parties.reviewer.value,
        },
        period,
        report_every: span(&spec.cadence.report, faults),
        revise_every: span(&spec.cadence.revise, faults),
        close_after: span(&spec.cadence.close_after, faults),
        restate_for: span(&spec.cadence.restate_for, faults),
        calendar,
        sources: spec.sources.into_iter().map(|source| source.value).collect(),
        dimensions,
        parameters,
        base,
        derived,
        indicator,
        target,
        minimum_group: spec.privacy.map_or(0, |privacy| privacy.minimum_group),
        evidence: spec.evidence,
        chart: spec.report.chart,
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

fn calendar(spec: &spec::ConstructSpec, faults: &mut Faults<'_>) -> (Calendar, crate::calendar::PeriodLength) {
    let zone = spec.calendar.zone.value.parse().unwrap_or_else(|_| {
        let text = &spec.calendar.zone;
        faults.add(
            &text.referenced,
            format!("unknown zone `{}`", text.value),
            "use an IANA name such as Europe/Zurich",
        );
        chrono_tz::UTC
    });
    let start = &spec.calendar.fiscal_year_start;
    let fiscal_year_start = start
        .value
        .split_once('-')
        .and_then(|(month, day)| Some((month.parse().ok()?, day.parse().ok()?)))
        .filter(|(month, day)| (1..=12).contains(month) && (1..=28).contains(day))
        .unwrap_or_else(|| {
            faults.add(
                &start.referenced,
                "not a month and day",
                "write the start of the year like 01-01, the day up to 28",
            );
            (1, 1)
        });
    let period = spec.cadence.period.value.parse().unwrap_or_else(|fault: crate::calendar::PeriodLengthError| {
        faults.add(&spec.cadence.period.referenced, fault.to_string(), "periods are calendar periods");
        crate::calendar::PeriodLength::Day
    });
    (Calendar { zone, fiscal_year_start }, period)
}

fn check_sources(spec: &spec::ConstructSpec, known: &Known<'_>, faults: &mut Faults<'_>) {
    if spec.sources.is_empty() {
        faults.add(
            &spec.construct.referenced,
            "the construct names no source",
            "without sources nobody knows whether a zero is one",
        );
    }
    let close_after = span(&spec.cadence.close_after, faults);
    for source in &spec.sources {
        match known.sources.get(&source.value) {
            None => {
                let names = known.sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                faults.add(&source.referenced, format!("unknown source `{}`", source.value), format!("known: {names}"));
            }
            Some(declared) if close_after.months == 0 && close_after.milliseconds < declared.lateness => {
                faults.add(
                    &spec.cadence.close_after.referenced,
                    format!("periods would close before `{}` has delivered", source.value),
                    "let close_after be at least the lateness of every source",
                );
            }
            Some(_) => {}
        }
    }
}
