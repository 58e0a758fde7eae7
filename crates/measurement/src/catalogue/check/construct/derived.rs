//! Derived measures.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::{
    catalogue::{
        check::{compile, identifier},
        faults::Faults,
        measure::{BaseMeasure, DerivedMeasure},
        spec,
    },
    expression::{Expression, Parameter, Scope, Unit},
    value::Type,
};

/// Names in formulas: base measures, derived measures, and the dimensions that select parameters.
pub(super) struct FormulaScope<'a> {
    pub(super) draft: &'a Draft<'a>,
}

impl Scope for FormulaScope<'_> {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        self.draft.names.iter().position(|known| known == name).map(|slot| (slot, Some(Type::Number)))
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        self.draft.parameter(name)
    }

    fn has_history(&self) -> bool {
        true
    }

    fn known_names(&self) -> Vec<String> {
        self.draft.names.iter().chain(self.draft.parameters.keys()).cloned().collect()
    }
}

/// The names of derived measures in an order in which each needs only earlier ones. Those on a cycle come last.
pub(super) fn order(spec: &spec::ConstructSpec, faults: &mut Faults<'_>) -> Vec<String> {
    let needs = |name: &str| -> BTreeSet<&String> {
        let Some(entry) = spec.derived.get(name) else { return BTreeSet::new() };
        let words = entry.formula.value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let words: BTreeSet<&str> = words.collect();
        spec.derived.keys().filter(|other| words.contains(other.as_str())).collect()
    };
    let mut done: Vec<String> = Vec::new();
    let mut rest: Vec<&String> = spec.derived.keys().collect();
    loop {
        let ready = |name: &&String| needs(name).iter().all(|other| done.contains(other));
        let Some(position) = rest.iter().position(ready) else { break };
        done.push(rest.remove(position).clone());
    }
    for name in &rest {
        if let Some(entry) = spec.derived.get(*name) {
            let circle: Vec<&str> = rest.iter().map(|name| name.as_str()).collect();
            let reason = format!("`{name}` needs itself, through {}", circle.join(", "));
            faults.add(&entry.formula.referenced, reason, "a formula uses what can be computed before it");
        }
    }
    done.extend(rest.into_iter().cloned());
    done
}

pub(super) fn derived(
    draft: &Draft<'_>,
    names: &[String],
    base: &[BaseMeasure],
    faults: &mut Faults<'_>,
) -> Vec<DerivedMeasure> {
    let mut done = Vec::new();
    for name in names {
        let Some(entry) = draft.spec.derived.get(name) else { continue };
        let at = &entry.formula.referenced;
        identifier(name, "measure", at, faults);
        if draft.spec.base.contains_key(name) {
            faults.add(at, format!("`{name}` is a base measure already"), "choose another name");
        }
        let mut scope = FormulaScope { draft };
        let Some(formula) = compile(&entry.formula.value, at, &mut scope, faults) else { continue };
        if formula.result().is_some_and(|kind| kind != Type::Number) {
            faults.add(at, format!("`{name}` is no number"), "a derived measure is a number");
        }
        check_unit(name, entry, &formula, draft, base, faults);
        if formula.is_ratio() && entry.minimum_denominator.is_none() {
            let hint = "say from which denominator on it is judged: `minimum_denominator: 5`, or 0 for any";
            faults.add(at, format!("the ratio `{name}` has no minimum denominator"), hint);
        }
        done.push(DerivedMeasure {
            name: name.clone(),
            formula,
            unit: entry.unit.clone(),
            minimum_denominator: entry.minimum_denominator.unwrap_or(0),
            confidence: entry.confidence.unwrap_or_default(),
        });
    }
    done
}

fn check_unit(
    name: &str,
    entry: &spec::DerivedSpec,
    formula: &Expression,
    draft: &Draft<'_>,
    base: &[BaseMeasure],
    faults: &mut Faults<'_>,
) {
    let at = &entry.formula.referenced;
    let units = draft.units(base);
    let of_slot = |slot: usize| {
        let name = draft.names.get(slot);
        name.and_then(|name| units.get(name)).cloned().unwrap_or(Unit::Unknown)
    };
    match formula.unit(&of_slot) {
        Err(reason) => faults.add(at, format!("`{name}`: {reason}"), "convert one of them, or mend the units"),
        Ok(Unit::Named(found)) if found != entry.unit => {
            let reason = format!("`{name}` is declared in {}, its formula gives {found}", entry.unit);
            faults.add(at, reason, "mend the unit or the formula");
        }
        Ok(Unit::One) if !Unit::is_plain(&entry.unit) => {
            let reason = format!("`{name}` is declared in {}, its formula gives a plain number", entry.unit);
            faults.add(at, reason, "use percent, ratio or 1, or mend the formula");
        }
        Ok(_) => {}
    }
    if entry.unit.contains("percent") && formula.is_ratio() && !entry.formula.value.contains("100") {
        let reason = format!("`{name}` is given in percent but is a plain ratio");
        faults.add(at, reason, "multiply by 100 or use the unit `ratio`");
    }
}
