//! The fold of a base measure.

use serde_saphyr::Location;

use crate::{
    catalogue::{
        check::{compile, compile_filter},
        faults::Faults,
        measure::{Fold, Union},
        spec,
    },
    expression::{Expression, OpenItems, Scope},
    number::Exact,
    value::Type,
};

const ONE: &str = "count, sum, min, max, mean, variance, distinct, quantile, union";

type Build = fn(Expression) -> Fold;

pub(super) fn fold(
    name: &str,
    spec: &spec::BaseSpec,
    at: &Location,
    scope: &mut dyn Scope,
    faults: &mut Faults<'_>,
) -> Option<(Option<Expression>, Fold)> {
    let given = [
        spec.count.is_some(),
        spec.sum.is_some(),
        spec.min.is_some(),
        spec.max.is_some(),
        spec.mean.is_some(),
        spec.variance.is_some(),
        spec.distinct.is_some(),
        spec.quantile.is_some(),
        spec.union.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        faults.add(at, format!("the base measure `{name}` needs exactly one of {ONE}"), "choose one");
        return None;
    }
    if let Some(count) = &spec.count {
        if let Some(text) = &spec.filter {
            faults.add(&text.referenced, "`count` is the filter itself", "join the two conditions by &&");
        }
        let filter = compile_filter(&count.value, &count.referenced, scope, faults)?;
        durations(name, spec, [&filter], at, faults);
        return Some((Some(filter), Fold::Count));
    }
    let filter = match &spec.filter {
        Some(text) => Some(compile_filter(&text.value, &text.referenced, scope, faults)?),
        None => None,
    };
    let fold = match &spec.union {
        Some(union) => Fold::Union(Box::new(self::union(union, spec, at, scope, faults)?)),
        None => value(spec, at, scope, faults)?,
    };
    durations(name, spec, fold.expressions().into_iter().chain(&filter), at, faults);
    Some((filter, fold))
}

fn value(spec: &spec::BaseSpec, at: &Location, scope: &mut dyn Scope, faults: &mut Faults<'_>) -> Option<Fold> {
    if let Some(text) = &spec.distinct {
        return Some(Fold::Distinct(compile(&text.value, &text.referenced, scope, faults)?));
    }
    if let Some(text) = &spec.quantile {
        let value = number(text, scope, faults)?;
        let share = spec.at.and_then(Exact::from_f64).filter(|share| !share.is_negative() && *share <= 1);
        if share.is_none() {
            faults.add(&text.referenced, "the quantile has no share", "give `at: 0.9` beside it, 0 to 1");
        }
        return Some(Fold::Quantile(value, share?));
    }
    if spec.at.is_some() {
        faults.add(at, "`at` belongs to quantile", "leave it out");
    }
    let values: [(&Option<spec::Text>, Build); 5] = [
        (&spec.sum, Fold::Sum),
        (&spec.min, Fold::Min),
        (&spec.max, Fold::Max),
        (&spec.mean, Fold::Mean),
        (&spec.variance, Fold::Variance),
    ];
    let (text, build) = values.into_iter().find_map(|(text, build)| Some((text.as_ref()?, build)))?;
    Some(build(number(text, scope, faults)?))
}

fn number(text: &spec::Text, scope: &mut dyn Scope, faults: &mut Faults<'_>) -> Option<Expression> {
    let expression = compile(&text.value, &text.referenced, scope, faults)?;
    if expression.result().is_some_and(|kind| kind != Type::Number) {
        let hint = "fold numbers; durations divide by duration('1h')";
        faults.add(&text.referenced, format!("`{}` is no number", text.value), hint);
        return None;
    }
    Some(expression)
}

fn union(
    union: &spec::UnionSpec,
    spec: &spec::BaseSpec,
    at: &Location,
    scope: &mut dyn Scope,
    faults: &mut Faults<'_>,
) -> Option<Union> {
    let mut time = |text: &spec::Text| {
        let expression = compile(&text.value, &text.referenced, scope, faults)?;
        if expression.result().is_some_and(|kind| kind != Type::Time) {
            faults.add(
                &text.referenced,
                format!("`{}` is no instant", text.value),
                "an interval lies between two instants",
            );
        }
        Some(expression)
    };
    let (from, to) = (time(&union.from), time(&union.to));
    let per = union.per.as_ref().map(|text| compile(&text.value, &text.referenced, scope, faults));
    let unit = match spec.unit.as_deref() {
        Some("seconds") => 1000,
        Some("minutes") => 60_000,
        Some("hours") => 3_600_000,
        Some("days") => 86_400_000,
        _ => {
            faults.add(at, "the length of a union has no unit", "give `unit`: seconds, minutes, hours or days");
            1000
        }
    };
    Some(Union { from: from?, to: to?, per: per.map_or(Some(None), |per| per.map(Some))?, unit })
}

/// Leaving open items out flatters: whoever measures durations says what becomes of them.
fn durations<'a>(
    name: &str,
    spec: &spec::BaseSpec,
    expressions: impl IntoIterator<Item = &'a Expression>,
    at: &Location,
    faults: &mut Faults<'_>,
) {
    let measured = expressions.into_iter().any(Expression::has_durations);
    match (measured, spec.open) {
        (true, None) => {
            let hint = "say `open: as-of` (they have lasted until now) or `open: leave-out`";
            faults.add(at, format!("`{name}` measures durations and does not say what open items count as"), hint);
        }
        (false, Some(OpenItems::AsOf | OpenItems::LeaveOut)) => {
            faults.add(at, format!("`{name}` measures no durations"), "leave `open` out");
        }
        _ => {}
    }
}
