//! Base measures.

use serde_saphyr::Location;

use super::{draft::Draft, fold};
use crate::{
    catalogue::{
        check::{EventScope, Known, class, identifier},
        faults::{Faults, Found, Named},
        measure::{BaseMeasure, BaseOf, Basis, Fold},
        population::{Extra, Population, Scale},
        spec,
    },
    coerce,
    diagnostic::meant,
    expression::{OpenItems, Parameter, Scope},
    rates::SharedRates,
    value::{Type, Value},
    working::SharedHours,
};

/// Names in expressions on rows: columns, columns of joined populations, columns as of the start.
pub(super) struct RowScope<'a> {
    population: &'a Population,
    populations: &'a Named<Population>,
    draft: &'a Draft<'a>,
    open: Option<OpenItems>,
    rates: Option<SharedRates>,
    extras: Vec<Extra>,
}

impl RowScope<'_> {
    fn extra(&mut self, extra: Extra) -> usize {
        let known = self.extras.iter().position(|known| *known == extra).unwrap_or_else(|| {
            self.extras.push(extra);
            self.extras.len() - 1
        });
        self.population.columns.len() + known
    }

    fn kind(&self, column: usize) -> Option<Type> {
        self.population.columns.get(column).map(|column| column.kind)
    }
}

impl Scope for RowScope<'_> {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        if let Some(slot) = self.population.column(name) {
            return Some((slot, self.kind(slot)));
        }
        let (other, column) = name.split_once('.')?;
        let by = *self.population.joins.get(other)?;
        let joined = self.populations.get(other).sound()?;
        let column = joined.column(column)?;
        let kind = joined.columns.get(column).map(|column| column.kind);
        Some((self.extra(Extra::Joined { population: other.to_owned(), by, column }), kind))
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let parameter = self.draft.parameters.get(name)?.clone();
        let slot = parameter.by.as_ref().and_then(|by| {
            let dimension = self.draft.dimensions.iter().find(|dimension| &dimension.name == by)?;
            self.population.column(dimension.column.as_deref()?)
        });
        Some((parameter, slot))
    }

    fn at_start(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        let column = self.population.column(name)?;
        Some((self.extra(Extra::AtStart(column)), self.kind(column)))
    }

    fn open_items(&self) -> Option<OpenItems> {
        self.open
    }

    fn working_hours(&self) -> Option<SharedHours> {
        self.draft.hours.clone()
    }

    fn rates(&self) -> Option<SharedRates> {
        self.rates.clone()
    }

    fn known_names(&self) -> Vec<String> {
        let columns = self.population.columns.iter().filter(|column| !column.name.starts_with('@'));
        columns.map(|column| column.name.clone()).chain(self.draft.parameters.keys().cloned()).collect()
    }
}

pub(super) fn base_measure(
    name: &str,
    spec: &spec::BaseSpec,
    draft: &Draft<'_>,
    known: &mut Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<BaseMeasure> {
    let at = place(spec).unwrap_or(draft.at);
    identifier(name, "measure", &at, faults);
    match (&spec.event, &spec.population) {
        (Some(event), None) => on_events(name, spec, event, draft, known, faults),
        (None, Some(population)) => on_population(name, spec, population, draft, known, faults),
        _ => {
            let reason = format!("the base measure `{name}` needs either `event` or `population`");
            faults.add(&at, reason, "name one of the two");
            None
        }
    }
}

/// Place of the first thing that a base measure says.
fn place(spec: &spec::BaseSpec) -> Option<Location> {
    let named = [&spec.event, &spec.population];
    let numbers = [&spec.count, &spec.sum, &spec.min, &spec.max, &spec.mean, &spec.variance];
    let others = [&spec.distinct, &spec.quantile, &spec.filter];
    let texts = named.into_iter().chain(numbers).chain(others).flatten();
    texts.chain(spec.union.iter().map(|union| &union.from)).map(|text| text.referenced).next()
}

fn on_events(
    name: &str,
    spec: &spec::BaseSpec,
    event: &spec::Text,
    draft: &Draft<'_>,
    known: &mut Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<BaseMeasure> {
    let class = class(event, known.classes, faults)?;
    let at = &event.referenced;
    if spec.basis.is_some() {
        faults.add(at, "events have no basis: they happen", "`basis` belongs to population measures");
    }
    for dimension in &draft.spec.by {
        match &dimension.event {
            None => {
                let reason = format!("the dimension `{}` has no attribute of events", dimension.name.value);
                faults.add(at, reason, "give it `event`");
            }
            Some(path) => match known.classes.attribute(class, &path.value) {
                None => {
                    let attributes: Vec<String> = known.classes.attributes(class).map(str::to_owned).collect();
                    let reason = format!("`{}` is no attribute of `{}`", path.value, event.value);
                    faults.add(&path.referenced, reason, meant(&path.value, &attributes));
                }
                Some(kind) => groups(dimension, kind, faults),
            },
        }
    }
    let slot = |by: &str| draft.dimensions.iter().find(|dimension| dimension.name == by)?.field;
    let mut scope = EventScope {
        class,
        classes: known.classes,
        fields: known.fields,
        parameters: &draft.parameters,
        dimension: &slot,
        open: spec.open,
        hours: draft.hours.clone(),
        rates: known.rates.clone(),
    };
    let (filter, fold) = fold::fold(name, spec, at, &mut scope, faults)?;
    let of = BaseOf::Event { class: event.value.clone(), uid: class.uid };
    let unit = spec.unit.clone();
    Some(BaseMeasure {
        name: name.to_owned(),
        digest: String::new(),
        of,
        basis: Basis::End,
        extras: Vec::new(),
        filter,
        fold,
        unit,
    })
}

/// A group whose name no value has would stay empty, and an empty group looks sound.
fn groups(dimension: &spec::DimensionSpec, kind: Option<Type>, faults: &mut Faults<'_>) {
    let Some(kind) = kind else { return };
    for value in &dimension.values {
        let read = coerce::field(Value::text(value), kind);
        let named = read.as_ref().and_then(Value::name);
        if named.as_deref() == Some(value) {
            continue;
        }
        let hint = match (kind, &named) {
            (_, Some(named)) => format!("write `{named}`"),
            (Type::Bool, None) => "write `true` or `false`".to_owned(),
            (Type::Number, None) => "write a number in its shortest form".to_owned(),
            _ => "groups are by texts, numbers and bools".to_owned(),
        };
        let reason = format!("no {kind} is named `{value}`: the group of `{}` would stay empty", dimension.name.value);
        faults.add(&dimension.name.referenced, reason, hint);
    }
}

fn on_population(
    name: &str,
    spec: &spec::BaseSpec,
    named: &spec::Text,
    draft: &Draft<'_>,
    known: &Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<BaseMeasure> {
    let at = &named.referenced;
    let population = match known.populations.get(&named.value) {
        Found::Sound(population) => population,
        Found::Faulty => return None,
        Found::Unknown => {
            let hint = meant(&named.value, &known.populations.names());
            faults.add(at, format!("unknown population `{}`", named.value), hint);
            return None;
        }
    };
    for dimension in &draft.spec.by {
        let column = dimension.column.as_ref().and_then(|column| population.column(&column.value));
        if let Some(column) = column.and_then(|column| population.columns.get(column)) {
            groups(dimension, Some(column.kind), faults);
        } else {
            let reason = format!("the dimension `{}` is no column of `{}`", dimension.name.value, population.name);
            faults.add(at, reason, "give it `column`");
        }
    }
    let mut scope = RowScope {
        population,
        populations: known.populations,
        draft,
        open: spec.open,
        rates: known.rates.clone(),
        extras: Vec::new(),
    };
    let (filter, fold) = fold::fold(name, spec, at, &mut scope, faults)?;
    let extras = scope.extras;
    let basis = spec.basis.unwrap_or_default();
    if basis == Basis::Average && !matches!(fold, Fold::Count | Fold::Sum(_)) {
        faults.add(at, "an average over the days of a period is one of counts or sums", "use count or sum");
    }
    check_scale(population, &fold, at, faults);
    let of = BaseOf::Population(population.name.clone());
    let unit = spec.unit.clone();
    Some(BaseMeasure { name: name.to_owned(), digest: String::new(), of, basis, extras, filter, fold, unit })
}

/// Levels have an order and no distances: their mean means nothing.
fn check_scale(population: &Population, fold: &Fold, at: &Location, faults: &mut Faults<'_>) {
    let adds = matches!(fold, Fold::Sum(_) | Fold::Mean(_) | Fold::Variance(_));
    let expressions = fold.expressions();
    for column in population.columns.iter().enumerate().filter(|(_, column)| column.scale == Scale::Ordinal) {
        let (slot, column) = column;
        if adds && expressions.iter().any(|expression| expression.slots().contains(&slot)) {
            let reason = format!("`{}` is an ordinal scale: its levels cannot be added", column.name);
            faults.add(at, reason, "use min, max, quantile or count");
        }
    }
}
