//! Checking and compiling one construct.

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
    let parameters = parameters(&spec, overlay, &at, faults);
    let dimensions = dimensions(&spec, known, faults);
    let mut base = Vec::new();
    for (name, entry) in &spec.base {
        if let Some(measure) = base_measure(name, entry, &dimensions, &parameters, &at, known, faults) {
            base.push(measure);
        }
    }
    let derived = derived(&spec, &base, &dimensions, &parameters, faults);
    let indicator = indicator(&spec, &base, &derived, &dimensions, &parameters, faults)?;
    let target = target(&spec.target, &at, faults);
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

fn parameters(
    spec: &spec::ConstructSpec,
    overlay: Overlay<'_>,
    at: &Location,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, Parameter> {
    let mut parameters = BTreeMap::new();
    let nothing = BTreeMap::new();
    let overlay = overlay.unwrap_or(&nothing);
    for name in overlay.keys().filter(|name| !spec.parameters.contains_key(*name)) {
        faults.add(at, format!("organisation.yaml sets the unknown parameter `{name}`"), "check the spelling");
    }
    for (name, library) in &spec.parameters {
        let entry = overlay.get(name).unwrap_or(library);
        let parameter = match entry {
            spec::ParameterSpec::Single(value) => {
                scalar(value).map(|default| Parameter { by: None, values: BTreeMap::new(), default })
            }
            spec::ParameterSpec::Table(table) => {
                if !spec.by.iter().any(|dimension| dimension.name.value == table.by) {
                    faults.add(
                        at,
                        format!("the parameter `{name}` is a table by `{}`, which is no dimension", table.by),
                        "declare it under `by`",
                    );
                }
                let values: Option<BTreeMap<String, Value>> =
                    table.values.iter().map(|(key, value)| Some((key.clone(), scalar(value)?))).collect();
                scalar(&table.default).zip(values).map(|(default, values)| Parameter {
                    by: Some(table.by.clone()),
                    values,
                    default,
                })
            }
        };
        let alike = parameter.as_ref().is_some_and(|parameter| {
            parameter.values.values().all(|value| value.type_of() == parameter.default.type_of())
        });
        match parameter {
            Some(parameter) if alike => {
                parameters.insert(name.clone(), parameter);
            }
            _ => faults.add(
                at,
                format!("the parameter `{name}` has no usable value"),
                "numbers (10, 0.5) or ISO 8601 durations (PT24H) of one kind",
            ),
        }
    }
    parameters
}

fn scalar(scalar: &spec::Scalar) -> Option<Value> {
    match scalar {
        spec::Scalar::Integer(number) => Some(Value::Int(*number)),
        spec::Scalar::Decimal(number) => Exact::from_f64(*number).map(Value::from_exact),
        spec::Scalar::Text(text) if text.starts_with('P') => {
            text.parse::<Span>().ok().filter(|span| span.months == 0).map(|span| Value::Duration(span.milliseconds))
        }
        spec::Scalar::Text(text) => text.parse().ok().map(Value::from_exact),
    }
}

fn dimensions(spec: &spec::ConstructSpec, known: &mut Known<'_>, faults: &mut Faults<'_>) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for entry in &spec.by {
        name(&entry.name, faults);
        let at = &entry.name.referenced;
        let field = entry.event.as_ref().and_then(|path| {
            let slot = known.fields.slot(&path.value);
            if slot.is_none() {
                faults.add(
                    &path.referenced,
                    format!("`{}` is no path of a field", path.value),
                    "write it like device.type",
                );
            }
            slot
        });
        if entry.event.is_none() && entry.column.is_none() {
            faults.add(
                at,
                "the dimension is neither a field nor a column",
                "give `event` for event measures, `column` for population measures",
            );
        }
        let unique: BTreeSet<&String> = entry.values.iter().collect();
        if entry.values.is_empty() || unique.len() != entry.values.len() || entry.values.len() > 1000 {
            faults.add(at, "the dimension needs 1 to 1000 different values", "everything else is counted in `other`");
        }
        if unique.contains(&Dimension::OTHER.to_owned()) {
            faults.add(at, "`other` is the group of what is not declared", "leave it out");
        }
        dimensions.push(Dimension {
            name: entry.name.value.clone(),
            field,
            column: entry.column.as_ref().map(|column| column.value.clone()),
            values: entry.values.clone(),
        });
    }
    dimensions
}

/// Names in expressions on rows: columns.
struct RowScope<'a> {
    population: &'a Population,
    dimensions: &'a [Dimension],
    parameters: &'a BTreeMap<String, Parameter>,
}

impl Scope for RowScope<'_> {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        let slot = self.population.column(name)?;
        self.population.columns.get(slot).map(|column| (slot, Some(column.kind)))
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let parameter = self.parameters.get(name)?.clone();
        let slot = parameter.by.as_ref().and_then(|by| {
            let dimension = self.dimensions.iter().find(|dimension| &dimension.name == by)?;
            self.population.column(dimension.column.as_deref()?)
        });
        Some((parameter, slot))
    }

    fn known_names(&self) -> Vec<String> {
        let columns = self.population.columns.iter().map(|column| column.name.clone());
        columns.chain(self.parameters.keys().cloned()).collect()
    }
}

#[expect(clippy::too_many_arguments, reason = "one call site; a struct for it would only rename the arguments")]
fn base_measure(
    name: &str,
    spec: &spec::BaseSpec,
    dimensions: &[Dimension],
    parameters: &BTreeMap<String, Parameter>,
    at: &Location,
    known: &mut Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<BaseMeasure> {
    match (&spec.event, &spec.population) {
        (Some(event), None) => {
            let Some(class) = known.classes.by_name(&event.value) else {
                let names = known.classes.names().collect::<Vec<_>>().join(", ");
                faults.add(
                    &event.referenced,
                    format!("unknown event class `{}`", event.value),
                    format!("known: {names}"),
                );
                return None;
            };
            for dimension in dimensions.iter().filter(|dimension| dimension.field.is_none()) {
                faults.add(
                    &event.referenced,
                    format!("the dimension `{}` has no field for events", dimension.name),
                    "give it `event`",
                );
            }
            let of = BaseOf::Event { class: event.value.clone(), uid: class.uid };
            let slot = |by: &str| dimensions.iter().find(|dimension| dimension.name == by)?.field;
            let mut scope = EventScope { fields: known.fields, parameters, dimension: &slot };
            let (filter, fold) = fold(name, spec, at, &mut scope, faults)?;
            Some(BaseMeasure { name: name.to_owned(), of, filter, fold, unit: spec.unit.clone() })
        }
        (None, Some(population_name)) => {
            let Some(population) = known.populations.get(&population_name.value) else {
                let names = known.populations.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                faults.add(
                    &population_name.referenced,
                    format!("unknown population `{}`", population_name.value),
                    format!("known: {names}"),
                );
                return None;
            };
            for dimension in dimensions {
                if dimension.column.as_deref().and_then(|column| population.column(column)).is_none() {
                    let reason = format!("the dimension `{}` is no column of `{}`", dimension.name, population.name);
                    faults.add(&population_name.referenced, reason, "give it `column`");
                }
            }
            let of = BaseOf::Population(population.name.clone());
            let mut scope = RowScope { population, dimensions, parameters };
            let (filter, fold) = fold(name, spec, at, &mut scope, faults)?;
            Some(BaseMeasure { name: name.to_owned(), of, filter, fold, unit: spec.unit.clone() })
        }
        _ => {
            faults.add(
                at,
                format!("the base measure `{name}` needs either `event` or `population`"),
                "name one of the two",
            );
            None
        }
    }
}

fn fold(
    name: &str,
    spec: &spec::BaseSpec,
    at: &Location,
    scope: &mut dyn Scope,
    faults: &mut Faults<'_>,
) -> Option<(Option<Expression>, Fold)> {
    type Build = fn(Expression) -> Fold;
    let values: [(&Option<spec::Text>, Build); 4] =
        [(&spec.sum, Fold::Sum), (&spec.min, Fold::Min), (&spec.max, Fold::Max), (&spec.mean, Fold::Mean)];
    let given: Vec<(&spec::Text, Build)> =
        values.into_iter().filter_map(|(text, build)| Some((text.as_ref()?, build))).collect();
    let filter = |text: &spec::Text, scope: &mut dyn Scope, faults: &mut Faults<'_>| {
        compile_filter(&text.value, &text.referenced, scope, faults)
    };
    match (&spec.count, given.as_slice()) {
        (Some(count), []) => {
            if let Some(text) = &spec.filter {
                faults.add(&text.referenced, "`count` is the filter itself", "join the two conditions by &&");
            }
            Some((Some(filter(count, scope, faults)?), Fold::Count))
        }
        (None, [(value, build)]) => {
            let expression = compile(&value.value, &value.referenced, scope, faults)?;
            if expression.result().is_some_and(|kind| kind != Type::Number) {
                faults.add(
                    &value.referenced,
                    format!("`{}` is no number", value.value),
                    "fold numbers; durations divide by duration('1h')",
                );
                return None;
            }
            let filter = match &spec.filter {
                Some(text) => Some(filter(text, scope, faults)?),
                None => None,
            };
            Some((filter, build(expression)))
        }
        _ => {
            faults.add(
                at,
                format!("the base measure `{name}` needs exactly one of count, sum, min, max, mean"),
                "choose one",
            );
            None
        }
    }
}

/// Names in formulas: base measures, derived measures, and the dimensions that select parameters.
struct FormulaScope<'a> {
    names: Vec<String>,
    dimensions: &'a [Dimension],
    /// How many measures the construct has: dimensions have the slots behind them.
    measures: usize,
    parameters: &'a BTreeMap<String, Parameter>,
}

impl Scope for FormulaScope<'_> {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        self.names.iter().position(|known| known == name).map(|slot| (slot, Some(Type::Number)))
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let parameter = self.parameters.get(name)?.clone();
        let slot = parameter.by.as_ref().and_then(|by| {
            self.dimensions.iter().position(|dimension| &dimension.name == by).map(|index| self.measures + index)
        });
        Some((parameter, slot))
    }

    fn has_history(&self) -> bool {
        true
    }

    fn known_names(&self) -> Vec<String> {
        self.names.iter().chain(self.parameters.keys()).cloned().collect()
    }
}

fn derived(
    spec: &spec::ConstructSpec,
    base: &[BaseMeasure],
    dimensions: &[Dimension],
    parameters: &BTreeMap<String, Parameter>,
    faults: &mut Faults<'_>,
) -> Vec<DerivedMeasure> {
    let measures = base.len() + spec.derived.len();
    let mut names: Vec<String> = base.iter().map(|base| base.name.clone()).collect();
    let mut done = Vec::new();
    for (name, entry) in &spec.derived {
        if names.contains(name) {
            faults.add(&entry.formula.referenced, format!("`{name}` is a base measure already"), "choose another name");
        }
        // In the order of their names: a formula may use base measures and derived ones before it.
        let mut scope = FormulaScope { names: names.clone(), dimensions, measures, parameters };
        if let Some(formula) = compile(&entry.formula.value, &entry.formula.referenced, &mut scope, faults) {
            if formula.result().is_some_and(|kind| kind != Type::Number) {
                faults.add(
                    &entry.formula.referenced,
                    format!("`{name}` is no number"),
                    "a derived measure is a number",
                );
            }
            if entry.unit.contains("percent") && !entry.formula.value.contains("100") {
                faults.add(
                    &entry.formula.referenced,
                    format!("`{name}` is given in percent but is a plain ratio"),
                    "multiply by 100 or use the unit `ratio`",
                );
            }
            done.push(DerivedMeasure {
                name: name.clone(),
                formula,
                unit: entry.unit.clone(),
                minimum_denominator: entry.minimum_denominator.unwrap_or(0),
            });
        }
        names.push(name.clone());
    }
    done
}

fn indicator(
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
        let mut scope = FormulaScope { names: names.clone(), dimensions, measures: names.len(), parameters };
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

fn band(
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
fn check_bands(bands: &[Band], dimensions: &[Dimension], at: &Location, faults: &mut Faults<'_>) {
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

fn target(spec: &spec::TargetSpec, at: &Location, faults: &mut Faults<'_>) -> Target {
    let value = spec.value.as_ref().and_then(|value| {
        let number = scalar(value).and_then(|value| value.to_exact());
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
