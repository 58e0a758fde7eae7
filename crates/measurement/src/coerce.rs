//! What a source may write for a value of a type: one table, exact, never through a float.
//!
//! | wanted | accepted as well |
//! |---|---|
//! | number | a text that is a decimal number: `"9.8"`, `" 12 "`, `"1e3"`; neither hexadecimal digits nor marks of thousands |
//! | bool | the texts `true` and `false` in any case; the number or text 0 or 1 |
//! | text | a number in its shortest decimal form (`1001` is `"1001"`, `1.0` is `"1"`), a bool as `true` or `false` |
//! | time | a number in the source's `time_unit`; a text that is such a number; RFC 3339; the same without a zone, in the source's zone; a day without a time |
//!
//! White space around a text that is read as another type is cut; a text itself stays as it came. A number that would be
//! an instant before 2000 or after 9999 is in another unit than the source says. Finer than milliseconds is cut off. A day without a time stays a day: whoever
//! reads it says in which zone it lies. Everything else is mistyped and stays as it came.

use serde_json::Number;

use crate::{
    forms::{
        Reading, bool_of_number, bool_of_text, credible_time, day_of_text, is_credible, number_of_text, start_of_day,
        text_of_number, time_of_number, time_of_text,
    },
    number::Exact,
    time::Timestamp,
    value::{Type, Value},
};

/// What became of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Coerced {
    /// It can be read as the type: nothing has to change.
    AsItCame,
    /// It can be read as the type in this form.
    Changed(serde_json::Value),
    /// It cannot be read as the type.
    Mistyped,
}

impl Coerced {
    fn of(changed: Option<impl Into<serde_json::Value>>) -> Self {
        changed.map_or(Self::Mistyped, |value| Self::Changed(value.into()))
    }
}

/// A value of JSON as a type. Null belongs to every type.
pub fn json(value: &serde_json::Value, wanted: Type, reading: Reading) -> Coerced {
    use serde_json::Value as Json;
    match (value, wanted) {
        (Json::Null, _)
        | (Json::Bool(_), Type::Bool)
        | (Json::Number(_), Type::Number)
        | (Json::String(_), Type::Text)
        | (_, Type::Duration | Type::Set) => Coerced::AsItCame,
        (Json::String(text), Type::Number) => match number_of_text(text) {
            None => Coerced::Mistyped,
            // A number that JSON's own cannot hold stays a text, which every reader reads the same way.
            Some(number) => json_number(&number).map_or(Coerced::AsItCame, |number| Coerced::Changed(number.into())),
        },
        (Json::String(text), Type::Bool) => Coerced::of(bool_of_text(text)),
        (Json::Number(number), Type::Bool) => Coerced::of(exact(number).as_ref().and_then(bool_of_number)),
        (Json::Number(number), Type::Text) => Coerced::of(exact(number).as_ref().and_then(text_of_number)),
        (Json::Bool(truth), Type::Text) => Coerced::Changed(truth.to_string().into()),
        (Json::Number(number), Type::Time) => {
            match exact(number).and_then(|number| credible_time(&number, reading.unit)) {
                Some(time) if number.as_i64() == Some(time.0) => Coerced::AsItCame,
                time => Coerced::of(time.map(|time| time.0)),
            }
        }
        (Json::String(text), Type::Time) => {
            if day_of_text(text).is_some() {
                let cut = text.trim();
                return if cut.len() == text.len() { Coerced::AsItCame } else { Coerced::Changed(cut.into()) };
            }
            let time = match number_of_text(text) {
                Some(number) => credible_time(&number, reading.unit),
                None => time_of_text(text, reading),
            };
            Coerced::of(time.map(|time| time.0))
        }
        (Json::Bool(_), Type::Number | Type::Time) | (Json::Array(_) | Json::Object(_), _) => Coerced::Mistyped,
    }
}

/// The whole number that a value of JSON stands for.
pub fn whole(value: &serde_json::Value) -> Option<i64> {
    match value {
        serde_json::Value::Number(number) => number.as_i64().or_else(|| exact(number)?.to_i64()),
        serde_json::Value::String(text) => number_of_text(text)?.to_i64(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    }
}

/// The instant that a value of JSON stands for; a day without a time begins in the source's zone.
pub fn instant(value: &serde_json::Value, reading: Reading) -> Option<Timestamp> {
    match value {
        serde_json::Value::Number(number) => time_of_number(&exact(number)?, reading.unit),
        serde_json::Value::String(text) => match day_of_text(text) {
            Some(day) => start_of_day(day, reading.zone),
            None => time_of_text(text, reading),
        },
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    }
}

/// A field of a published event as a type: instants are milliseconds by then. `None` if it is mistyped, also for a
/// day without a time, which its reader places.
pub fn field(value: Value, wanted: Type) -> Option<Value> {
    let reading = Reading::default();
    match (value, wanted) {
        (Value::Null, _) => Some(Value::Null),
        (Value::Text(text), Type::Number) => number_of_text(&text).map(Value::from_exact),
        (Value::Text(text), Type::Bool) => bool_of_text(&text).map(Value::Bool),
        (Value::Text(text), Type::Time) => match number_of_text(&text) {
            Some(number) => credible_time(&number, reading.unit).map(Value::Time),
            None => time_of_text(&text, reading).map(Value::Time),
        },
        (Value::Text(text), Type::Duration) => Some(Value::Duration(number_of_text(&text)?.to_i64()?)),
        (Value::Bool(truth), Type::Text) => Some(Value::text(if truth { "true" } else { "false" })),
        (value @ (Value::Int(_) | Value::Number(_)), Type::Text | Type::Bool | Type::Time | Type::Duration) => {
            let number = value.to_exact()?;
            match wanted {
                Type::Text => text_of_number(&number).map(|text| Value::text(&text)),
                Type::Bool => bool_of_number(&number).map(Value::Bool),
                Type::Time => credible_time(&number, reading.unit).map(Value::Time),
                Type::Duration => number.to_i64().map(Value::Duration),
                Type::Number | Type::Set => None,
            }
        }
        (value, wanted) => (value.type_of() == Some(wanted)).then_some(value),
    }
}

impl Value {
    /// Reads an event's field as the type that a column or expression declares, by the table of coercions. Null
    /// stays null; what cannot be read is mistyped.
    #[must_use]
    pub fn coerce(self, wanted: Type) -> Self {
        match (self, wanted) {
            (Self::Null, _) => Self::Null,
            (Self::Int(milliseconds), Type::Time) if is_credible(milliseconds) => Self::Time(Timestamp(milliseconds)),
            (Self::Int(milliseconds), Type::Duration) => Self::Duration(milliseconds),
            (value, wanted) if value.type_of() == Some(wanted) => value,
            (Self::Text(text), Type::Time) if text.len() == 10 => day_of_text(&text).map_or(Self::Mistyped, Self::Day),
            (value, wanted) => field(value, wanted).unwrap_or(Self::Mistyped),
        }
    }
}

fn exact(number: &Number) -> Option<Exact> {
    number.as_i64().map(Exact::from).or_else(|| Exact::from_decimal(&number.to_string()))
}

/// The number of JSON that is read back as this very number, if there is one.
fn json_number(number: &Exact) -> Option<Number> {
    if let Some(whole) = number.to_i64() {
        return Some(whole.into());
    }
    let nearest = Number::from_f64(number.to_f64())?;
    (exact(&nearest).as_ref() == Some(number)).then_some(nearest)
}

#[cfg(test)]
mod tests;
