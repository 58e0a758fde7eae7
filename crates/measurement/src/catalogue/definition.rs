//! What a measurement is, line by line: what digests are taken of, and what `vernier diff` compares. Comments, titles
//! and the order of keys have no say in it, nor have decision criteria, which have a digest of their own.
//!
//! Everything is taken apart without `..`: whoever adds a field decides here whether it decides a figure, and who leaves
//! one out says why. What is written is what people wrote, by name: no number of a slot, no name of a Rust variant.

mod registers;
mod words;

pub use registers::mapping_digest;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    construct::{Construct, Dimension},
    indicator::{Adjust, Criteria, Decision, Gate, Indicator, Rule},
    measure::{BaseMeasure, BaseOf, DerivedMeasure, Fold, Union},
    population::Population,
    source::Source,
};
use crate::{
    bands::{Band, Bound, Limit, Range},
    calendar::Calendar,
    classes::Classes,
    digest,
    expression::{Expression, Parameter, Standing},
    fields::Fields,
    rates::Rates,
    working::WorkingHours,
};

pub(super) type Lines = BTreeMap<String, String>;

/// What constructs rest on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) populations: &'a BTreeMap<String, Population>,
    pub(super) sources: &'a BTreeMap<String, Source>,
    pub(super) fields: &'a Fields,
}

/// Lines while they are written.
struct Writer<'a> {
    lines: Lines,
    fields: &'a Fields,
    parameters: &'a BTreeMap<String, Parameter>,
}

/// The lines of a construct; those of its populations included. Settings of sources have digests of their own: they hold
/// from when they are set on.
pub(super) fn lines(construct: &Construct, ground: Ground<'_>) -> Lines {
    let Construct {
        period,
        rolling,
        calendar,
        sources,
        dimensions,
        parameters,
        base,
        derived,
        indicator,
        minimum_group,
        // The series has it as its name already.
        id: _,
        // Words for people.
        title: _,
        file: _,
        version: _,
        iso27004: _,
        iso27001: _,
        verified: _,
        kind: _,
        need: _,
        parties: _,
        evidence: _,
        interpretation: _,
        chart: _,
        // When people look at it.
        report_every: _,
        revise_every: _,
        // Until when a figure may still be corrected: what it is a figure of stays. What is kept for corrections is
        // part of the catalogue's digest.
        close_after: _,
        restate_for: _,
        // What is wanted, not what is.
        targets: _,
        // Who set a value; the value is there.
        set_by_organisation: _,
        // Made of the rest.
        digest: _,
        definition: _,
        // Whether it is in force, not what it is.
        ended: _,
    } = construct;
    let mut writer = Writer { lines: Lines::new(), fields: ground.fields, parameters };
    let Calendar { zone, fiscal_year_start: (month, day) } = calendar;
    writer.put("cadence.period", period.to_string());
    writer.put("cadence.rolling", rolling.to_string());
    writer.put("calendar.zone", zone.name());
    writer.put("calendar.fiscal_year_start", format!("{month:02}-{day:02}"));
    writer.put("sources", words::sorted(sources));
    for dimension in dimensions {
        writer.dimension(dimension);
    }
    for base in base {
        writer.base(base);
    }
    for derived in derived {
        writer.derived(derived);
    }
    // The criteria have a digest of their own; where the measure lies among the others is no part of what it is.
    let Indicator { of, slot: _, criteria: _ } = indicator;
    writer.put("indicator.of", of);
    writer.put("privacy.minimum_group", minimum_group.to_string());
    for name in construct.populations(ground.populations) {
        if let Some(population) = ground.populations.get(&name) {
            writer.population(population);
        }
    }
    writer.lines
}

/// The digest of a base measure of a construct: see [`BaseMeasure::digest`]. Of its events or rows, the classes decide
/// what is kept.
pub(super) fn of_base(construct: &Construct, base: &BaseMeasure, ground: Ground<'_>, classes: &Classes) -> String {
    let mut writer = Writer { lines: Lines::new(), fields: ground.fields, parameters: &construct.parameters };
    let Calendar { zone, fiscal_year_start: (month, day) } = construct.calendar;
    writer.put("cadence.period", construct.period.to_string());
    writer.put("calendar.zone", zone.name());
    writer.put("calendar.fiscal_year_start", format!("{month:02}-{day:02}"));
    writer.put("sources", words::sorted(&construct.sources));
    for dimension in &construct.dimensions {
        writer.dimension(dimension);
    }
    writer.base(base);
    let mut of = BTreeSet::new();
    match &base.of {
        BaseOf::Event { class, uid: _ } => drop(of.insert(class.as_str())),
        BaseOf::Population(name) => {
            // Events are folded period by period; rows are looked at over the whole window at once.
            writer.put("cadence.rolling", construct.rolling.to_string());
            // Versions of rows are kept for so long: what was let go would be missed in a longer time.
            writer.put("cadence.restate_for", construct.restate_for.to_string());
            let own = ground.populations.get(name);
            let joined = own.into_iter().flat_map(|population| population.joins.keys());
            for population in joined.filter_map(|name| ground.populations.get(name)).chain(own) {
                writer.population(population);
                of.extend(population.feeds.iter().map(|feed| feed.class.as_str()));
            }
        }
    }
    writer.classes(classes, &of);
    digest(&writer.lines)
}

/// The digest of a population: see [`Population::digest`].
pub(super) fn of_population(population: &Population, fields: &Fields, classes: &Classes) -> String {
    let nothing = BTreeMap::new();
    let mut writer = Writer { lines: Lines::new(), fields, parameters: &nothing };
    writer.population(population);
    writer.classes(classes, &population.feeds.iter().map(|feed| feed.class.as_str()).collect());
    digest(&writer.lines)
}

/// The digest of the settings of a source. They hold from when they are set on, and make no figure another one.
pub(super) fn of_source(source: &Source, fields: &Fields) -> String {
    let nothing = BTreeMap::new();
    let mut writer = Writer { lines: Lines::new(), fields, parameters: &nothing };
    writer.source(source);
    digest(&writer.lines)
}

/// The digest of decision criteria, with the values of the parameters that they name.
pub(super) fn of_criteria(criteria: &Criteria, parameters: &BTreeMap<String, Parameter>) -> String {
    let Criteria {
        gates,
        decision,
        adjust,
        tolerance,
        // From when on they hold and who approved them: what they say is the same.
        from: _,
        approved_by: _,
        // Made of the rest.
        asked: _,
        digest: _,
    } = criteria;
    let fields = Fields::default();
    let mut writer = Writer { lines: Lines::new(), fields: &fields, parameters };
    if let Some(tolerance) = tolerance {
        writer.put("tolerance", tolerance.to_string());
    }
    for (index, Gate { outcome, when }) in gates.iter().enumerate() {
        let when = writer.said(when);
        writer.put(&format!("gate.{index}"), format!("{} if {when}", outcome.name()));
    }
    match decision {
        Decision::Bands(bands) => {
            for Band { name, ranges } in bands {
                let ranges: Vec<String> = ranges.iter().map(|range| writer.range(range)).collect();
                writer.put(&format!("band.{name}"), ranges.join(" or "));
            }
        }
        Decision::Rules(rules) => {
            for (index, Rule { band, when }) in rules.iter().enumerate() {
                let when = when.as_ref().map_or_else(|| "otherwise".to_owned(), |when| writer.said(when));
                writer.put(&format!("rule.{index}"), format!("{band} if {when}"));
            }
        }
    }
    for (index, Adjust { band, to, when }) in adjust.iter().enumerate() {
        let when = writer.said(when);
        writer.put(&format!("adjust.{index}"), format!("{to} instead of {band} if {when}"));
    }
    digest(&writer.lines)
}

/// The digest of everything that has a say in what the aggregator keeps.
pub(super) fn of_all(constructs: &[Construct], ground: Ground<'_>, classes: &Classes) -> String {
    let nothing = BTreeMap::new();
    let mut writer = Writer { lines: Lines::new(), fields: ground.fields, parameters: &nothing };
    for construct in constructs {
        writer.put(&format!("construct.{}", construct.id), &construct.digest);
        // Figures and versions of rows are kept for so long: with a longer time, those that were let go would be missed.
        writer.put(&format!("construct.{}.restate_for", construct.id), construct.restate_for.to_string());
    }
    for population in ground.populations.values() {
        writer.population(population);
    }
    for source in ground.sources.values() {
        writer.source(source);
    }
    for (name, said) in classes.lines() {
        writer.put(&format!("class.{name}"), said);
    }
    digest(&writer.lines)
}

/// The digest of lines. Their lengths stand before them, so that no text can pass itself off as another line.
pub(super) fn digest(lines: &Lines) -> String {
    let line = |(key, value): (&String, &String)| format!("{}:{key}={}:{value}\n", key.len(), value.len());
    digest::short(lines.iter().map(line).collect::<String>().as_bytes())
}

/// A parameter in words.
pub(super) fn parameter(parameter: &Parameter) -> String {
    let Parameter { by, values, default } = parameter;
    match by {
        None => default.to_string(),
        Some(by) => {
            let values: Vec<String> = values.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("by {by}: {}; else {default}", values.join(", "))
        }
    }
}

impl Writer<'_> {
    /// What some classes are, with what all have in common.
    fn classes(&mut self, classes: &Classes, of: &BTreeSet<&str>) {
        for (name, said) in classes.lines().filter(|(name, _)| *name == "common" || of.contains(name)) {
            self.put(&format!("class.{name}"), said);
        }
    }

    fn put(&mut self, key: &str, value: impl Into<String>) {
        self.lines.insert(key.to_owned(), value.into());
    }

    /// The text of an expression. What it stands on beside its text becomes lines of their own.
    fn said(&mut self, expression: &Expression) -> String {
        // What open items count as is said once for each base measure: nothing else has durations that end.
        let Standing { open: _, hours, rates } = expression.standing();
        if let Some(hours) = hours {
            self.working_hours(hours);
        }
        if let Some(rates) = rates {
            self.rates(rates);
        }
        for name in expression.parameters() {
            self.parameter(name);
        }
        expression.text().to_owned()
    }

    fn condition(&mut self, expression: Option<&Expression>, otherwise: &str) -> String {
        expression.map_or_else(|| otherwise.to_owned(), |expression| self.said(expression))
    }

    fn parameter(&mut self, name: &str) {
        if let Some(parameter) = self.parameters.get(name) {
            self.put(&format!("parameters.{name}"), self::parameter(parameter));
        }
    }

    fn working_hours(&mut self, hours: &WorkingHours) {
        let WorkingHours { zone, days, from, to, holidays } = hours;
        let days = words::weekdays(days);
        self.put("calendar.working_hours", format!("{days} {from} to {to} {}", zone.name()));
        let holidays: Vec<String> = holidays.iter().map(ToString::to_string).collect();
        self.put("calendar.working_hours.holidays", holidays.join(", "));
    }

    fn rates(&mut self, rates: &Rates) {
        let Rates { currency, from } = rates;
        for (day, of) in from {
            let of: Vec<String> = of.iter().map(|(currency, rate)| format!("{currency} {rate}")).collect();
            self.put(&format!("rates.{day}"), format!("{} in {currency}", of.join(", ")));
        }
        self.put("rates", currency);
    }

    fn dimension(&mut self, dimension: &Dimension) {
        let Dimension { name, field, column, values } = dimension;
        let field = field.and_then(|slot| self.fields.path(slot));
        let event = field.map_or_else(String::new, |path| format!(" by event {path}"));
        let column = column.as_ref().map_or_else(String::new, |column| format!(" by column {column}"));
        self.put(&format!("by.{name}"), format!("{}{event}{column}", words::sorted(values)));
    }

    fn base(&mut self, base: &BaseMeasure) {
        let BaseMeasure {
            name,
            // Made of the rest, and of what it stands on.
            digest: _,
            of,
            basis,
            filter,
            fold,
            unit,
            // Worked out from the texts of the expressions.
            extras: _,
        } = base;
        let of = match of {
            // The number of the class is the class's.
            BaseOf::Event { class, uid: _ } => format!("events {class}"),
            BaseOf::Population(name) => format!("{name} at {}", words::basis(*basis)),
        };
        let mut expressions = fold.expressions().into_iter().chain(filter);
        let open = expressions.find_map(|expression| expression.standing().open);
        let open = open.map_or_else(String::new, |open| format!(", open {}", words::open(open)));
        let unit = unit.as_deref().map_or_else(String::new, |unit| format!(" [{unit}]"));
        let fold = self.fold(fold);
        let filter = self.condition(filter.as_ref(), "true");
        self.put(&format!("base.{name}"), format!("{fold} of {of} where {filter}{unit}{open}"));
    }

    fn fold(&mut self, fold: &Fold) -> String {
        match fold {
            Fold::Count => "count".to_owned(),
            Fold::Sum(value) => format!("sum({})", self.said(value)),
            Fold::Min(value) => format!("min({})", self.said(value)),
            Fold::Max(value) => format!("max({})", self.said(value)),
            Fold::Mean(value) => format!("mean({})", self.said(value)),
            Fold::Variance(value) => format!("variance({})", self.said(value)),
            Fold::Distinct(value) => format!("distinct({})", self.said(value)),
            Fold::Quantile(value, at) => format!("quantile({}, {at})", self.said(value)),
            Fold::Union(union) => {
                // The unit of the length is the measure's.
                let Union { from, to, per, unit: _ } = union.as_ref();
                let (from, to) = (self.said(from), self.said(to));
                let per = per.as_ref().map_or_else(String::new, |per| format!(" per {}", self.said(per)));
                format!("union({from} to {to}{per})")
            }
        }
    }

    fn derived(&mut self, derived: &DerivedMeasure) {
        let DerivedMeasure {
            name,
            formula,
            unit,
            minimum_denominator,
            // Shown beside the value; nothing is decided by it.
            confidence: _,
        } = derived;
        let formula = self.said(formula);
        self.put(&format!("derived.{name}"), format!("{formula} [{unit}, at least {minimum_denominator}]"));
    }

    fn range(&mut self, range: &Range) -> String {
        let Range { lower, upper } = range;
        for Bound { limit, closed: _ } in [lower, upper] {
            match limit {
                Limit::Parameter(name, _) => self.parameter(name),
                Limit::Infinite | Limit::Number(_) => {}
            }
        }
        let exact = |limit: &Limit| match limit {
            Limit::Number(number) => number.to_string(),
            Limit::Infinite | Limit::Parameter(..) => limit.to_string(),
        };
        let open = if lower.closed { '[' } else { '(' };
        let close = if upper.closed { ']' } else { ')' };
        format!("{open}{}, {}{close}", exact(&lower.limit), exact(&upper.limit))
    }
}
