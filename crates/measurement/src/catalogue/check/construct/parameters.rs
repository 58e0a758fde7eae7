//! Parameters and dimensions.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Location;

use crate::{
    catalogue::{
        check::{Known, identifier, name, scalar},
        construct::Dimension,
        faults::Faults,
        spec,
    },
    diagnostic::meant,
    expression::Parameter,
    value::Value,
};

/// What the organisation sets of a construct's parameters.
pub(super) type Overlay<'a> = Option<&'a BTreeMap<String, spec::ParameterSpec>>;

pub(super) fn parameters(
    spec: &spec::ConstructSpec,
    overlay: Overlay<'_>,
    at: &Location,
    faults: &mut Faults<'_>,
) -> (BTreeMap<String, Parameter>, BTreeSet<String>) {
    let mut parameters = BTreeMap::new();
    let mut set_by_organisation = BTreeSet::new();
    let nothing = BTreeMap::new();
    let overlay = overlay.unwrap_or(&nothing);
    for name in overlay.keys().filter(|name| !spec.parameters.contains_key(*name)) {
        let known: Vec<String> = spec.parameters.keys().cloned().collect();
        faults.add(at, format!("organisation.yaml sets the unknown parameter `{name}`"), meant(name, &known));
    }
    for (name, library) in &spec.parameters {
        identifier(name, "parameter", at, faults);
        let entry = overlay.get(name).unwrap_or(library);
        if overlay.contains_key(name) {
            set_by_organisation.insert(name.clone());
        }
        match entry {
            spec::ParameterSpec::Required(demand) => {
                let id = &spec.construct.value;
                let hint = format!("set parameters.{id}.{name} in organisation.yaml: {}", demand.required);
                faults.add(at, format!("the organisation has not set the parameter `{name}`"), hint);
                // Whoever uses it is not at fault.
                let default = Value::Int(0);
                parameters.insert(name.clone(), Parameter { by: None, values: BTreeMap::new(), default });
            }
            spec::ParameterSpec::Single(value) => match scalar(value) {
                Some(default) => {
                    parameters.insert(name.clone(), Parameter { by: None, values: BTreeMap::new(), default });
                }
                None => unusable(name, at, faults),
            },
            spec::ParameterSpec::Table(entry) => {
                if let Some(parameter) = table(name, entry, spec, at, faults) {
                    parameters.insert(name.clone(), parameter);
                }
            }
        }
    }
    (parameters, set_by_organisation)
}

fn unusable(name: &str, at: &Location, faults: &mut Faults<'_>) {
    let hint = "numbers (10, 0.5) or ISO 8601 durations (PT24H) of one kind";
    faults.add(at, format!("the parameter `{name}` has no usable value"), hint);
}

fn table(
    name: &str,
    table: &spec::ParameterTable,
    spec: &spec::ConstructSpec,
    at: &Location,
    faults: &mut Faults<'_>,
) -> Option<Parameter> {
    match spec.by.iter().find(|dimension| dimension.name.value == table.by) {
        None => faults.add(
            at,
            format!("the parameter `{name}` is a table by `{}`, which is no dimension", table.by),
            "declare it under `by`",
        ),
        Some(dimension) => {
            for value in table.values.keys().filter(|value| !dimension.values.contains(value)) {
                let reason = format!("the parameter `{name}` names `{value}`, which is no value of `{}`", table.by);
                faults.add(at, reason, meant(value, &dimension.values));
            }
        }
    }
    let default = scalar(&table.default);
    let values: Option<BTreeMap<String, Value>> =
        table.values.iter().map(|(key, value)| Some((key.clone(), scalar(value)?))).collect();
    let alike = |(default, values): &(Value, BTreeMap<String, Value>)| {
        values.values().all(|value| value.type_of() == default.type_of())
    };
    let usable = default.zip(values).filter(alike);
    if usable.is_none() {
        unusable(name, at, faults);
    }
    usable.map(|(default, values)| Parameter { by: Some(table.by.clone()), values, default })
}

pub(super) fn dimensions(spec: &spec::ConstructSpec, known: &mut Known<'_>, faults: &mut Faults<'_>) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for entry in &spec.by {
        name(&entry.name, faults);
        let at = &entry.name.referenced;
        let field = entry.event.as_ref().and_then(|path| {
            let slot = known.fields.slot(&path.value);
            if slot.is_none() {
                let reason = format!("`{}` is no path of an attribute", path.value);
                faults.add(&path.referenced, reason, "write it like device.type");
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
        if entry.values.len() > unique.len() {
            faults.add(at, "a value is declared twice", "name each group once");
        }
        if entry.values.is_empty() || unique.len() > 1000 {
            let hint = "list the values that have a group of their own; everything else is counted in `other`";
            faults.add(at, "the dimension has no budget: it needs 1 to 1000 different values", hint);
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
