//! Indicator, decision criteria, targets.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Location;

use super::{derived::FormulaScope, draft::Draft};
use crate::{
    bands::{self, Band, Bound, Limit, Range},
    catalogue::{
        check::{compile_filter, day, scalar},
        construct::Dimension,
        faults::Faults,
        indicator::{Adjust, Criteria, Decision, Gate, Indicator, Rule, Target},
        measure::{BaseMeasure, DerivedMeasure},
        spec,
    },
    diagnostic::meant,
    expression::{Expression, Parameter, Unit},
    number::Exact,
    outcome::Outcome,
    time::Timestamp,
    value::Value,
};

/// What criteria say, wherever they stand.
struct Said<'a> {
    from: Option<Timestamp>,
    at: Location,
    gates: &'a [spec::GateSpec],
    bands: &'a BTreeMap<String, spec::Text>,
    rules: &'a [spec::RuleSpec],
    adjust: &'a [spec::AdjustSpec],
    approved_by: Option<String>,
}

pub(super) fn indicator(
    draft: &Draft<'_>,
    base: &[BaseMeasure],
    derived: &[DerivedMeasure],
    faults: &mut Faults<'_>,
) -> Option<Indicator> {
    let spec = &draft.spec.indicator;
    let of = &spec.of;
    let Some(slot) = draft.names.iter().position(|name| name == &of.value) else {
        faults.add(&of.referenced, format!("unknown measure `{}`", of.value), meant(&of.value, &draft.names));
        return None;
    };
    let mut all = Vec::new();
    let plain = !spec.bands.is_empty() || !spec.rules.is_empty();
    if plain || spec.criteria.is_empty() {
        all.push(Said {
            from: None,
            at: of.referenced,
            gates: &spec.gates,
            bands: &spec.bands,
            rules: &spec.rules,
            adjust: &spec.adjust,
            approved_by: None,
        });
    }
    for entry in &spec.criteria {
        let from = day(&entry.from, draft.zone, faults);
        if all.last().is_some_and(|earlier: &Said<'_>| earlier.from >= Some(from)) {
            let hint = "order criteria by the day from which they hold, each day once";
            faults.add(&entry.from.referenced, "these criteria do not follow those before them", hint);
        }
        all.push(Said {
            from: Some(from),
            at: entry.from.referenced,
            gates: &entry.gates,
            bands: &entry.bands,
            rules: &entry.rules,
            adjust: &entry.adjust,
            approved_by: Some(entry.approved_by.clone()),
        });
    }
    let criteria: Vec<Criteria> =
        all.into_iter().filter_map(|said| criteria(&said, slot, draft, (base, derived), faults)).collect();
    Some(Indicator { of: of.value.clone(), slot, criteria })
}

fn criteria(
    said: &Said<'_>,
    slot: usize,
    draft: &Draft<'_>,
    measures: (&[BaseMeasure], &[DerivedMeasure]),
    faults: &mut Faults<'_>,
) -> Option<Criteria> {
    let mut gates = Vec::new();
    for gate in said.gates {
        let outcome = match gate.outcome {
            spec::GateOutcome::Unvalidated => Outcome::Unvalidated,
            spec::GateOutcome::NotApplicable => Outcome::NotApplicable,
            spec::GateOutcome::InsufficientN => Outcome::InsufficientN,
        };
        if let Some(when) = condition(&gate.when, draft, measures.0, faults) {
            gates.push(Gate { outcome, when });
        }
    }
    let decision = match (said.bands.is_empty(), said.rules.is_empty()) {
        (false, true) => Decision::Bands(bands(said, draft, faults)),
        (true, false) => Decision::Rules(rules(said, draft, measures.0, faults)),
        (true, true) => {
            faults.add(&said.at, "the indicator has no band", "write bands like green: \"[90, 100]\", or rules");
            return None;
        }
        (false, false) => {
            faults.add(
                &said.at,
                "the indicator has bands and rules",
                "keep one of the two: nobody knows which decides",
            );
            return None;
        }
    };
    let mut criteria = Criteria {
        from: said.from,
        gates,
        decision,
        adjust: Vec::new(),
        tolerance: tolerance(draft, faults),
        asked: Vec::new(),
        approved_by: said.approved_by.clone(),
        digest: String::new(),
    };
    let names: Vec<String> = criteria.band_names().into_iter().map(str::to_owned).collect();
    for rule in said.adjust {
        for name in [&rule.band, &rule.to] {
            if !names.contains(&name.value) {
                faults.add(&name.referenced, format!("unknown band `{}`", name.value), meant(&name.value, &names));
            }
        }
        if let Some(when) = condition(&rule.when, draft, measures.0, faults) {
            if when.looks_back() == 0 {
                let hint = "a condition on the value alone is a band";
                faults.add(&rule.when.referenced, "the rule looks at no history", hint);
            }
            criteria.adjust.push(Adjust { band: rule.band.value.clone(), to: rule.to.value.clone(), when });
        }
    }
    criteria.asked = asked(slot, &criteria, draft.names.len(), measures.1, measures.0.len());
    Some(criteria)
}

/// The share of the input that may be unread, if the construct states one.
fn tolerance(draft: &Draft<'_>, faults: &mut Faults<'_>) -> Option<Exact> {
    let share = scalar(draft.spec.tolerance.as_ref()?).and_then(|share| share.to_exact());
    let share = share.filter(|share| !share.is_negative() && *share <= 1);
    if share.is_none() {
        let hint = "write a share of the input such as 0.01, from 0 to 1";
        faults.add(&draft.spec.indicator.of.referenced, "`tolerance` is no share", hint);
    }
    share
}

/// The measures that decide: the indicator's, those of rules, and what their formulas need. Those of gates are not among
/// them: a gate of which nobody knows whether it holds is not taken.
fn asked(slot: usize, criteria: &Criteria, measures: usize, derived: &[DerivedMeasure], base: usize) -> Vec<usize> {
    let mut asked: BTreeSet<usize> = BTreeSet::from([slot]);
    if let Decision::Rules(rules) = &criteria.decision {
        asked.extend(rules.iter().filter_map(|rule| rule.when.as_ref()).flat_map(Expression::slots).copied());
    }
    // From the last to the first: a formula needs only earlier ones.
    for (index, measure) in derived.iter().enumerate().rev() {
        if asked.contains(&(base + index)) {
            asked.extend(measure.formula.slots().iter().copied());
        }
    }
    asked.into_iter().filter(|slot| *slot < measures).collect()
}

fn condition(
    text: &spec::Text,
    draft: &Draft<'_>,
    base: &[BaseMeasure],
    faults: &mut Faults<'_>,
) -> Option<Expression> {
    let mut scope = FormulaScope { draft };
    let when = compile_filter(&text.value, &text.referenced, &mut scope, faults)?;
    let units = draft.units(base);
    let of_slot = |slot: usize| {
        let name = draft.names.get(slot);
        name.and_then(|name| units.get(name)).cloned().unwrap_or(Unit::Unknown)
    };
    if let Err(reason) = when.unit(&of_slot) {
        faults.add(&text.referenced, format!("`{}`: {reason}", text.value), "compare like with like");
    }
    Some(when)
}

fn rules(said: &Said<'_>, draft: &Draft<'_>, base: &[BaseMeasure], faults: &mut Faults<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, rule) in said.rules.iter().enumerate() {
        let last = index + 1 == said.rules.len();
        let at = &rule.band.referenced;
        match (&rule.when, last) {
            (Some(_), true) => {
                faults.add(at, "the last rule has a condition", "let it hold otherwise: leave `when` out");
            }
            (None, false) => {
                faults.add(at, "the rules below this one can never be reached", "give it a condition, or put it last");
            }
            _ => {}
        }
        let when = rule.when.as_ref().map(|text| condition(text, draft, base, faults));
        if let Some(when) = when.map_or(Some(None), |when| when.map(Some)) {
            rules.push(Rule { band: rule.band.value.clone(), when });
        }
    }
    rules
}

fn bands(said: &Said<'_>, draft: &Draft<'_>, faults: &mut Faults<'_>) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for (name, text) in said.bands {
        bands.extend(band(name, text, &draft.parameters, faults));
    }
    check_bands(&bands, &draft.dimensions, &said.at, faults);
    let lowest = |band: &Band| band.ranges.first().and_then(|range| range.lower.limit.resolve(&|_| Value::Null));
    bands.sort_by_key(lowest);
    bands
}

fn band(
    name: &str,
    text: &spec::Text,
    parameters: &BTreeMap<String, Parameter>,
    faults: &mut Faults<'_>,
) -> Option<Band> {
    let at = &text.referenced;
    let Some(intervals) = bands::parse_band(&text.value) else {
        let hint = "write [60, 90), or [0, 0.5) or (1.5, inf): every end says whether it belongs to the band";
        faults.add(at, format!("`{}` is no band", text.value), hint);
        return None;
    };
    let mut limit = |end: &str| match end {
        "inf" | "-inf" => Some(Limit::Infinite),
        end => match (Exact::from_decimal(end), parameters.get(end)) {
            (Some(number), _) => Some(Limit::Number(number)),
            (None, Some(parameter)) if parameter.default.to_exact().is_some() => {
                Some(Limit::Parameter(end.to_owned(), parameter.clone()))
            }
            _ => {
                let reason = format!("`{end}` is neither a number nor a parameter that is one");
                faults.add(at, reason, "use a number, a parameter, inf or -inf");
                None
            }
        },
    };
    let mut ranges = Vec::new();
    for interval in intervals {
        let (lower, upper) = (limit(interval.lower)?, limit(interval.upper)?);
        ranges.push(Range {
            lower: Bound { limit: lower, closed: interval.lower_closed },
            upper: Bound { limit: upper, closed: interval.upper_closed },
        });
    }
    Some(Band { name: name.to_owned(), ranges })
}

/// Bounds may be parameters, so the bands are checked for every declared group and for the total.
fn check_bands(bands: &[Band], dimensions: &[Dimension], at: &Location, faults: &mut Faults<'_>) {
    let mut found = BTreeSet::new();
    let mut check = |dimension: &str, value: &Value| {
        let lookup = |by: &str| if by == dimension { value.clone() } else { Value::Null };
        if let Err(fault) = bands::check(bands, &lookup)
            // What holds for all is not said for each.
            && !found.contains(&fault)
        {
            found.insert(if value.is_null() { fault } else { format!("{fault} (for {dimension}={value})") });
        }
    };
    check("", &Value::Null);
    for dimension in dimensions {
        for value in &dimension.values {
            check(&dimension.name, &Value::text(value));
        }
    }
    for fault in found {
        faults.add(at, fault, "bands must meet without gap or overlap: one end closed, the other open");
    }
}

pub(super) fn targets(draft: &Draft<'_>, faults: &mut Faults<'_>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for spec in &draft.spec.target.0 {
        let at = &spec.from.referenced;
        let value = spec.value.as_ref().and_then(|value| {
            let number = scalar(value).and_then(|value| value.to_exact());
            if number.is_none() {
                faults.add(at, "the target is no number", "give it in the indicator's unit");
            }
            number
        });
        let from = day(&spec.from, draft.zone, faults);
        let until = spec.until.as_ref().map(|until| day(until, draft.zone, faults));
        if targets.last().is_some_and(|earlier| earlier.from >= from || earlier.until.is_some_and(|until| until > from))
        {
            faults.add(at, "this target does not follow the one before it", "order targets by day, without overlap");
        }
        if until.is_some_and(|until| until <= from) {
            faults.add(at, "the target ends before it begins", "let `until` be after `from`");
        }
        targets.push(Target { value, from, until, approved_by: spec.approved_by.clone() });
    }
    if targets.is_empty() {
        faults.add(&draft.at, "the construct has no target", "write one, without a value where there is none");
    }
    targets
}
