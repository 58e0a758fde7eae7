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

use chrono::{NaiveDate, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use serde_json::Number;

use crate::{
    calendar::Calendar,
    catalogue::TimeUnit,
    number::Exact,
    time::Timestamp,
    value::{Type, Value},
};

/// Longest text of a number that serves as an identifier.
const IDENTIFIER_LIMIT: usize = 64;
/// Most decimal places of a number that serves as an identifier.
const IDENTIFIER_PLACES: u32 = 48;

/// Milliseconds of the years 2000 to 9999.
const CREDIBLE: std::ops::Range<i64> = 946_684_800_000..253_402_300_800_000;

/// How a source writes what its values do not say themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Unit of instants that are numbers.
    pub unit: TimeUnit,
    /// Zone of times without one.
    pub zone: Tz,
}

impl Default for Reading {
    fn default() -> Self {
        Self { unit: TimeUnit::Milliseconds, zone: chrono_tz::UTC }
    }
}

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

/// The number that a text is.
pub fn number_of_text(text: &str) -> Option<Exact> {
    Exact::from_decimal(text.trim())
}

/// The shortest decimal form of a number; `None` where that is too long to identify anything.
pub fn text_of_number(number: &Exact) -> Option<String> {
    let text = match number.to_i64() {
        Some(whole) => whole.to_string(),
        None if number.cut(IDENTIFIER_PLACES) == *number => number.display(IDENTIFIER_PLACES),
        None => return None,
    };
    (text.len() <= IDENTIFIER_LIMIT).then_some(text)
}

/// The truth that a text says.
pub fn bool_of_text(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The truth that a number says: 0 or 1.
pub fn bool_of_number(number: &Exact) -> Option<bool> {
    match number.to_i64() {
        Some(0) => Some(false),
        Some(1) => Some(true),
        Some(_) | None => None,
    }
}

/// The instant that a number is in a unit; finer than milliseconds is cut off.
pub fn time_of_number(number: &Exact, unit: TimeUnit) -> Option<Timestamp> {
    let factor = match unit {
        TimeUnit::Seconds => Exact::from(1000_i64),
        TimeUnit::Milliseconds => Exact::from(1_i64),
        TimeUnit::Microseconds => Exact::ratio(1, 1000)?,
        TimeUnit::Nanoseconds => Exact::ratio(1, 1_000_000)?,
    };
    let milliseconds = number.multiply(&factor);
    let floor = milliseconds.floor_i64();
    // Cut to the range of 64 bits, it would be another instant.
    let off = milliseconds.subtract(&Exact::from(floor));
    (!off.is_negative() && off < 1).then_some(Timestamp(floor))
}

/// Whether a number of milliseconds can be meant as an instant: one before 2000 or after 9999 is a number in another unit, or a
/// day such as 20260210. Zero is what clocks and exporters write for "never".
pub(crate) fn is_credible(milliseconds: i64) -> bool {
    milliseconds == 0 || CREDIBLE.contains(&milliseconds)
}

fn credible_time(number: &Exact, unit: TimeUnit) -> Option<Timestamp> {
    time_of_number(number, unit).filter(|time| is_credible(time.0))
}

/// The instant that a text is: RFC 3339, the same without a zone, or a number in the source's unit.
pub fn time_of_text(text: &str, reading: Reading) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(time) = Timestamp::parse(text) {
        return Some(time);
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    match forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
        Some(local) => instant_of_local(local, reading.zone),
        None => time_of_number(&number_of_text(text)?, reading.unit),
    }
}

/// The day that a text is, `YYYY-MM-DD` and nothing else.
pub fn day_of_text(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let is_form = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// The first instant of a day in a zone.
pub fn start_of_day(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    Calendar::civil(zone).instant_of(day.and_hms_opt(0, 0, 0)?)
}

/// The first instant after a day in a zone.
pub fn end_of_day(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    start_of_day(day.succ_opt()?, zone)
}

/// The instant of a stamp that a source wrote without its offset. Where the clock showed that time twice, the first
/// one; where it never showed it, as far after the gap as the stamp is after the gap's beginning. A leap second is
/// the last millisecond of its minute.
pub fn instant_of_local(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    if let Some(time) = zone.from_local_datetime(&local).earliest() {
        return Some(Timestamp::of(&time));
    }
    let day_before = local.checked_sub_signed(chrono::TimeDelta::days(1))?;
    let offset = zone.offset_from_utc_datetime(&day_before).fix().local_minus_utc();
    let time = Timestamp::of(&local.and_utc());
    Some(time.minus(i64::from(offset).saturating_mul(1000)))
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
