//! Indicator, bands, target.

use super::{
    Adjust, BTreeMap, BTreeSet, Band, BaseMeasure, Bound, DerivedMeasure, Dimension, Exact, Faults, Indicator, Limit,
    Location, Parameter, Target, Value, bands, compile_filter, spec,
};

pub(super) fn indicator(
    spec: &spec::ConstructSpec,
    base: &[BaseMeasure],
    derived: &[DerivedMeasure],
    dimensions: &[Dimension],
    parameters: &BTreeMap<String, Parameter>,
    faults: &mut Faults<'_>,
) -> Option<Indicator> {
    let names: Vec<String> =
        base.iter().map(|base| base.name.clone()).chain(derived.iter().map(|derived| derived.name.clone())).collect();
    let of = &spec.indicator.of;
    let Some(slot) = names.iter().position(|name| name == &of.value) else {
        faults.add(&of.referenced, format!("unknown measure `{}`", of.value), format!("known: {}", names.join(", ")));
        return None;
    };
    let mut bands = Vec::new();
    for (name, text) in &spec.indicator.bands {
        if let Some(band) = band(name, text, parameters, faults) {
            bands.push(band);
        }
    }
    if bands.is_empty() {
        faults.add(&of.referenced, "the indicator has no band", "write bands like green: \"[90, 100]\"");
        return None;
    }
    check_bands(&bands, dimensions, &of.referenced, faults);
    let lowest = |band: &Band| band.lower.limit.resolve(&|_| Value::Null);
    bands.sort_by_key(|left| lowest(left));
    let mut adjust = Vec::new();
    for rule in &spec.indicator.adjust {
        for name in [&rule.band, &rule.to] {
            if !bands.iter().any(|band| band.name == name.value) {
                faults.add(&name.referenced, format!("unknown band `{}`", name.value), "use a band of this indicator");
            }
        }
        let mut scope =
            super::derived::FormulaScope { names: names.clone(), dimensions, measures: names.len(), parameters };
        if let Some(when) = compile_filter(&rule.when.value, &rule.when.referenced, &mut scope, faults) {
            if when.looks_back() == 0 {
                faults.add(
                    &rule.when.referenced,
                    "the rule looks at no history",
                    "a condition on the value alone is a band",
                );
            }
            adjust.push(Adjust { band: rule.band.value.clone(), to: rule.to.value.clone(), when });
        }
    }
    Some(Indicator { of: of.value.clone(), slot, bands, adjust })
}

pub(super) fn band(
    name: &str,
    text: &spec::Text,
    parameters: &BTreeMap<String, Parameter>,
    faults: &mut Faults<'_>,
) -> Option<Band> {
    let at = &text.referenced;
    let Some(interval) = bands::parse_interval(&text.value) else {
        faults.add(
            at,
            format!("`{}` is no band", text.value),
            "write [60, 90): every end says whether it belongs to the band",
        );
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
                faults.add(
                    at,
                    format!("`{end}` is neither a number nor a parameter that is one"),
                    "use a number, a parameter, inf or -inf",
                );
                None
            }
        },
    };
    let (lower, upper) = (limit(interval.lower)?, limit(interval.upper)?);
    Some(Band {
        name: name.to_owned(),
        lower: Bound { limit: lower, closed: interval.lower_closed },
        upper: Bound { limit: upper, closed: interval.upper_closed },
    })
}

/// Bounds may be parameters, so the bands are checked for every declared group and for the total.
pub(super) fn check_bands(bands: &[Band], dimensions: &[Dimension], at: &Location, faults: &mut Faults<'_>) {
    let mut found = BTreeSet::new();
    let mut check = |dimension: &str, value: &Value| {
        let lookup = |by: &str| if by == dimension { value.clone() } else { Value::Null };
        if let Err(fault) = bands::check(bands, &lookup) {
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

pub(super) fn target(spec: &spec::TargetSpec, at: &Location, faults: &mut Faults<'_>) -> Target {
    let value = spec.value.as_ref().and_then(|value| {
        let number = super::parameters::scalar(value).and_then(|value| value.to_exact());
        if number.is_none() {
            faults.add(at, "the target is no number", "give it in the indicator's unit");
        }
        number
    });
    if crate::time::Timestamp::parse(&format!("{}T00:00:00Z", spec.from.value)).is_none() {
        faults.add(&spec.from.referenced, "not a date", "write the day from which the target holds like 2026-01-01");
    }
    Target { value, from: spec.from.value.clone(), approved_by: spec.approved_by.clone() }
}
