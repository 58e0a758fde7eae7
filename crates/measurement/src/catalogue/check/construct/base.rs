//! Base measures.

use super::{
    BTreeMap, BaseMeasure, BaseOf, Dimension, EventScope, Expression, Faults, Fold, Known, Location, Parameter,
    Population, Scope, Type, compile, compile_filter, spec,
};

/// Names in expressions on rows: columns.
pub(super) struct RowScope<'a> {
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
pub(super) fn base_measure(
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

pub(super) fn fold(
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
