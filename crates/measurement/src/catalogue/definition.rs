//! What a measurement is, line by line: what digests are taken of, and what `vernier diff` compares. Comments, titles
//! and the order of keys have no say in it, nor have decision criteria, which have a digest of their own.

use std::collections::BTreeMap;

use super::{BaseMeasure, BaseOf, Construct, Criteria, Decision, Feed, Fold, Population, Source, Union};
use crate::{
    bands::Band,
    expression::{Expression, Parameter},
};

type Lines = BTreeMap<String, String>;

/// The lines of a construct; sources and populations included.
pub(super) fn lines(
    construct: &Construct,
    populations: &BTreeMap<String, &Population>,
    sources: &BTreeMap<String, &Source>,
) -> Lines {
    let mut lines = Lines::new();
    let mut put = |key: String, value: String| lines.insert(key, value);
    put("cadence.period".to_owned(), construct.period.to_string());
    put("cadence.rolling".to_owned(), construct.rolling.to_string());
    put(
        "calendar".to_owned(),
        format!("{} {:?}", construct.calendar.zone.name(), construct.calendar.fiscal_year_start),
    );
    put("sources".to_owned(), construct.sources.join(", "));
    for dimension in &construct.dimensions {
        put(format!("by.{}", dimension.name), dimension.values.join(", "));
    }
    let measuring = construct.base.iter().flat_map(|base| base.filter.iter().chain(base.fold.expressions()));
    let measuring = measuring.chain(construct.derived.iter().map(|derived| &derived.formula));
    for name in measuring.flat_map(Expression::parameters) {
        if let Some(parameter) = construct.parameters.get(name) {
            put(format!("parameters.{name}"), self::parameter(parameter));
        }
    }
    for base in &construct.base {
        put(format!("base.{}", base.name), self::base(base));
    }
    for derived in &construct.derived {
        let rest = format!("{}, at least {}", derived.unit, derived.minimum_denominator);
        put(format!("derived.{}", derived.name), format!("{} [{rest}]", derived.formula.text()));
    }
    put("privacy.minimum_group".to_owned(), construct.minimum_group.to_string());
    for (name, population) in populations {
        put(format!("population.{name}"), self::population(population));
    }
    for (name, source) in sources {
        put(format!("source.{name}"), self::source(source));
    }
    lines
}

/// The digest of lines.
pub(super) fn digest(lines: &Lines) -> String {
    let text: Vec<String> = lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    super::load::digest(&text.concat())
}

/// The digest of decision criteria, with the values of the parameters that they name.
pub(super) fn of_criteria(criteria: &Criteria, parameters: &BTreeMap<String, Parameter>) -> String {
    let mut lines = Lines::new();
    for (index, (band, when)) in criteria.lines().into_iter().enumerate() {
        lines.insert(format!("{index}.{band}"), when);
    }
    let limits = match &criteria.decision {
        Decision::Bands(bands) => bands.iter().flat_map(Band::parameters).collect(),
        Decision::Rules(_) => Vec::new(),
    };
    let named = criteria.expressions().flat_map(Expression::parameters).map(String::as_str);
    for name in named.chain(limits) {
        if let Some(parameter) = parameters.get(name) {
            lines.insert(format!("parameters.{name}"), self::parameter(parameter));
        }
    }
    digest(&lines)
}

/// The digest of everything that has a say in base measures.
pub(super) fn of_all(
    constructs: &[Construct],
    populations: &BTreeMap<String, Population>,
    sources: &BTreeMap<String, Source>,
) -> String {
    let mut lines = Lines::new();
    for construct in constructs {
        lines.insert(format!("construct.{}", construct.id), construct.digest.clone());
    }
    for (name, population) in populations {
        lines.insert(format!("population.{name}"), self::population(population));
    }
    for (name, source) in sources {
        lines.insert(format!("source.{name}"), self::source(source));
    }
    digest(&lines)
}

fn text(expression: Option<&Expression>) -> String {
    expression.map_or_else(|| "true".to_owned(), |expression| expression.text().to_owned())
}

pub(super) fn parameter(parameter: &Parameter) -> String {
    match &parameter.by {
        None => parameter.default.to_string(),
        Some(by) => {
            let values: Vec<String> = parameter.values.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("by {by}: {}; else {}", values.join(", "), parameter.default)
        }
    }
}

fn base(base: &BaseMeasure) -> String {
    let of = match &base.of {
        BaseOf::Event { class, .. } => format!("events {class}"),
        BaseOf::Population(name) => format!("{name} at {:?}", base.basis).to_lowercase(),
    };
    let unit = base.unit.as_deref().map_or_else(String::new, |unit| format!(" [{unit}]"));
    format!("{} of {of} where {}{unit}", fold(&base.fold), text(base.filter.as_ref()))
}

/// A fold in words.
pub(super) fn fold(fold: &Fold) -> String {
    match fold {
        Fold::Count => "count".to_owned(),
        Fold::Sum(value) => format!("sum({})", value.text()),
        Fold::Min(value) => format!("min({})", value.text()),
        Fold::Max(value) => format!("max({})", value.text()),
        Fold::Mean(value) => format!("mean({})", value.text()),
        Fold::Variance(value) => format!("variance({})", value.text()),
        Fold::Distinct(value) => format!("distinct({})", value.text()),
        Fold::Quantile(value, at) => format!("quantile({}, {at})", value.text()),
        Fold::Union(union) => {
            let Union { from, to, per, .. } = union.as_ref();
            let per = per.as_ref().map_or_else(String::new, |per| format!(" per {}", per.text()));
            format!("union({} to {}{per})", from.text(), to.text())
        }
    }
}

fn population(population: &Population) -> String {
    let columns = population.columns.iter().map(|column| {
        format!("{}: {} {:?} {:?} {:?}", column.name, column.kind, column.merge, column.scale, column.unit)
    });
    let feeds = population.feeds.iter().map(|feed| self::feed(feed, population));
    let joins = population.joins.iter().map(|(name, by)| format!("joins {name} by {by}"));
    columns.chain(feeds).chain(joins).collect::<Vec<_>>().join("; ")
}

fn feed(feed: &Feed, population: &Population) -> String {
    let set = feed.set.iter().map(|set| {
        let column = population.columns.get(set.column).map_or("", |column| column.name.as_str());
        format!("{column} = {} if {}", set.value.text(), text(set.when.as_ref()))
    });
    format!(
        "{} {:?} by {} at {} when {} remove {} lists {}: {}",
        feed.class,
        feed.of,
        feed.key,
        feed.partition,
        text(feed.when.as_ref()),
        feed.remove.as_ref().map_or("never", Expression::text),
        feed.lists,
        set.collect::<Vec<_>>().join(", ")
    )
}

fn source(source: &Source) -> String {
    format!(
        "{} {:?} mapping {} lateness {} idle {} future {} rhythm {} duplicates {}",
        source.topics.join(","),
        source.decode,
        source.program.as_deref().map_or_else(|| "none".to_owned(), super::load::digest),
        source.lateness,
        source.idle,
        source.max_future,
        source.rhythm,
        source.deduplicate
    )
}
