//! From what people wrote to what can be evaluated; every fault keeps its place.

pub(super) mod construct;
pub(super) mod population;
pub(super) mod source;

use std::collections::BTreeMap;

use serde_saphyr::Location;

use super::{
    faults::{Faults, Named},
    population::Population,
    source::Source,
    spec,
};
use crate::{
    calendar::Calendar,
    classes::{Class, Classes},
    diagnostic::meant,
    expression::{Expression, OpenItems, Parameter, Scope},
    fields::Fields,
    number::Exact,
    rates::SharedRates,
    time::{Span, SpanError, Timestamp},
    value::{Type, Value},
    working::SharedHours,
};

/// What a construct may refer to.
pub(super) struct Known<'a> {
    pub(super) classes: &'a Classes,
    pub(super) populations: &'a Named<Population>,
    pub(super) sources: &'a Named<Source>,
    pub(super) rates: Option<SharedRates>,
    pub(super) fields: &'a mut Fields,
}

/// Names become parts of keys, metrics and file names.
fn name(name: &spec::Text, faults: &mut Faults<'_>) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-/.".contains(c);
    if name.value.is_empty() || name.value.len() > 100 || !name.value.chars().all(fits) {
        faults.add(&name.referenced, "not a usable name", "use lower-case letters, digits, `-`, `_`, `.` and `/`");
    }
}

/// Names of measures, columns and parameters become names in expressions.
fn identifier(name: &str, what: &str, at: &Location, faults: &mut Faults<'_>) {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let taken = ["as_of", "period", "in", "true", "false", "null", "inf"].contains(&name);
    if !starts || name.len() > 60 || !name.chars().all(fits) || taken {
        let hint = "use lower-case letters, digits and `_`, a letter first; as_of, period, in, true, false, null and inf are taken";
        faults.add(at, format!("`{name}` cannot be the name of a {what}"), hint);
    }
}

fn span(text: &spec::Text, faults: &mut Faults<'_>) -> Span {
    text.value.parse().unwrap_or_else(|fault: SpanError| {
        faults.add(&text.referenced, fault.to_string(), "write an ISO 8601 duration");
        Span::default()
    })
}

fn fixed_length(text: &spec::Text, faults: &mut Faults<'_>) -> i64 {
    let span = span(text, faults);
    if span.months > 0 {
        faults.add(&text.referenced, "a month has no fixed length", "use days, hours or minutes");
    }
    span.milliseconds
}

fn zone(text: &spec::Text, faults: &mut Faults<'_>) -> chrono_tz::Tz {
    text.value.parse().unwrap_or_else(|_| {
        let reason = format!("unknown zone `{}`", text.value);
        faults.add(&text.referenced, reason, "use an IANA name such as Europe/Zurich");
        chrono_tz::UTC
    })
}

/// A number or a length of time.
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

/// The first instant of a day.
fn day(text: &spec::Text, zone: chrono_tz::Tz, faults: &mut Faults<'_>) -> Timestamp {
    let date: Option<chrono::NaiveDate> = text.value.parse().ok();
    let midnight = date.and_then(|date| date.and_hms_opt(0, 0, 0));
    let instant = midnight.and_then(|local| Calendar::civil(zone).instant_of(local));
    instant.unwrap_or_else(|| {
        faults.add(&text.referenced, "not a date", "write the day like 2026-01-01");
        Timestamp::MIN
    })
}

/// The class of a name.
fn class<'a>(name: &spec::Text, classes: &'a Classes, faults: &mut Faults<'_>) -> Option<&'a Class> {
    let class = classes.by_name(&name.value);
    if class.is_none() {
        let known: Vec<String> = classes.names().map(str::to_owned).collect();
        faults.add(&name.referenced, format!("unknown event class `{}`", name.value), meant(&name.value, &known));
    }
    class
}

/// The slot of an attribute of a class.
fn attribute(
    path: &spec::Text,
    class: &Class,
    classes: &Classes,
    fields: &mut Fields,
    faults: &mut Faults<'_>,
) -> Option<(usize, Option<Type>)> {
    let found = classes.attribute(class, &path.value).zip(fields.slot(&path.value));
    if found.is_none() {
        let known: Vec<String> = classes.attributes(class).map(str::to_owned).collect();
        let reason = format!("the event class has no attribute `{}`", path.value);
        faults.add(&path.referenced, reason, meant(&path.value, &known));
    }
    found.map(|(kind, slot)| (slot, kind))
}

/// Names in expressions on events: attributes of their class.
struct EventScope<'a> {
    class: &'a Class,
    classes: &'a Classes,
    fields: &'a mut Fields,
    parameters: &'a BTreeMap<String, Parameter>,
    dimension: &'a dyn Fn(&str) -> Option<usize>,
    open: Option<OpenItems>,
    hours: Option<SharedHours>,
    rates: Option<SharedRates>,
}

impl<'a> EventScope<'a> {
    /// The attributes alone: feeds of populations belong to no construct.
    fn of_feed(
        class: &'a Class,
        classes: &'a Classes,
        fields: &'a mut Fields,
        nothing: &'a BTreeMap<String, Parameter>,
    ) -> Self {
        let dimension = &|_: &str| None;
        Self { class, classes, fields, parameters: nothing, dimension, open: None, hours: None, rates: None }
    }
}

impl Scope for EventScope<'_> {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        let kind = self.classes.attribute(self.class, name)?;
        Some((self.fields.slot(name)?, kind))
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let parameter = self.parameters.get(name)?;
        Some((parameter.clone(), parameter.by.as_deref().and_then(self.dimension)))
    }

    fn open_items(&self) -> Option<OpenItems> {
        self.open
    }

    fn working_hours(&self) -> Option<SharedHours> {
        self.hours.clone()
    }

    fn rates(&self) -> Option<SharedRates> {
        self.rates.clone()
    }

    fn known_names(&self) -> Vec<String> {
        self.classes.attributes(self.class).map(str::to_owned).chain(self.parameters.keys().cloned()).collect()
    }
}

fn compile(text: &str, at: &Location, scope: &mut dyn Scope, faults: &mut Faults<'_>) -> Option<Expression> {
    match Expression::compile(text, scope) {
        Ok(expression) => Some(expression),
        Err(fault) => {
            let offset = u64::try_from(fault.offset).unwrap_or(0);
            faults.add_at(at.line(), at.column() + offset, format!("`{text}`: {}", fault.reason), fault.hint);
            None
        }
    }
}

fn compile_filter(text: &str, at: &Location, scope: &mut dyn Scope, faults: &mut Faults<'_>) -> Option<Expression> {
    let expression = compile(text, at, scope, faults)?;
    if expression.result().is_some_and(|kind| kind != Type::Bool) {
        faults.add(at, format!("`{text}` is no condition"), "a filter is true or false: compare with something");
        return None;
    }
    Some(expression)
}
