//! Parameters and dimensions.

use super::{
    BTreeMap, BTreeSet, Dimension, Exact, Faults, Known, Location, Overlay, Parameter, Span, Value, name, spec,
};

pub(super) fn parameters(
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

pub(super) fn scalar(scalar: &spec::Scalar) -> Option<Value> {
    match scalar {
        spec::Scalar::Integer(number) => Some(Value::Int(*number)),
        spec::Scalar::Decimal(number) => Exact::from_f64(*number).map(Value::from_exact),
        spec::Scalar::Text(text) if text.starts_with('P') => {
            text.parse::<Span>().ok().filter(|span| span.months == 0).map(|span| Value::Duration(span.milliseconds))
        }
        spec::Scalar::Text(text) => text.parse().ok().map(Value::from_exact),
    }
}

pub(super) fn dimensions(spec: &spec::ConstructSpec, known: &mut Known<'_>, faults: &mut Faults<'_>) -> Vec<Dimension> {
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
