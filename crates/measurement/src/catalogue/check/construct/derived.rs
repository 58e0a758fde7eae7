//! Derived measures.

use super::{BTreeMap, BaseMeasure, DerivedMeasure, Dimension, Faults, Parameter, Scope, Type, compile, spec};

/// Names in formulas: base measures, derived measures, and the dimensions that select parameters.
pub(super) struct FormulaScope<'a> {
    pub(super) names: Vec<String>,
    pub(super) dimensions: &'a [Dimension],
    /// How many measures the construct has: dimensions have the slots behind them.
    pub(super) measures: usize,
    pub(super) parameters: &'a BTreeMap<String, Parameter>,
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

pub(super) fn derived(
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
