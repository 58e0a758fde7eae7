//! Values that expressions compute with, and their types.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeSet, fmt, sync::Arc};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{forms, number::Exact, time::Timestamp};

/// A value. `Null` stands for whatever is absent or undefined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Absent or undefined.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer: the form in which nearly all numbers of events come.
    Int(i64),
    /// Any other number.
    Number(Exact),
    /// A text.
    Text(#[serde(with = "shared_text")] Arc<str>),
    /// An instant.
    Time(Timestamp),
    /// A length of time in milliseconds.
    Duration(i64),
    /// Several texts, each once.
    Set(Box<BTreeSet<String>>),
    /// A day without a time: which instants it has depends on who looks at it.
    Day(#[serde(with = "day_text")] NaiveDate),
    /// Present, and of a type that it cannot have: what it ought to be is not known.
    Mistyped,
}

/// Days are `2026-02-10` on the wire.
mod day_text {
    use chrono::NaiveDate;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Texts are shared in memory and plain on the wire.
pub(crate) mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

/// What an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// An instant.
    Time,
    /// A length of time.
    Duration,
    /// Several texts, each once.
    Set,
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "text",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Set => "set",
        })
    }
}

impl Value {
    /// A text value.
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }

    /// Whether the value is absent or undefined.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the value is present and of a type that it cannot have.
    pub const fn is_mistyped(&self) -> bool {
        matches!(self, Self::Mistyped)
    }

    /// The type; `None` for `Null`, which belongs to every type, and for what is mistyped.
    pub const fn type_of(&self) -> Option<Type> {
        match self {
            Self::Null | Self::Mistyped => None,
            Self::Bool(_) => Some(Type::Bool),
            Self::Int(_) | Self::Number(_) => Some(Type::Number),
            Self::Text(_) => Some(Type::Text),
            Self::Time(_) | Self::Day(_) => Some(Type::Time),
            Self::Duration(_) => Some(Type::Duration),
            Self::Set(_) => Some(Type::Set),
        }
    }

    /// The number, if it is one.
    pub fn to_exact(&self) -> Option<Exact> {
        match self {
            Self::Int(number) => Some(Exact::from(*number)),
            Self::Number(number) => Some(number.clone()),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Time(_)
            | Self::Duration(_)
            | Self::Set(_)
            | Self::Day(_)
            | Self::Mistyped => None,
        }
    }

    /// The text by which groups and tables name the value; `None` for what has no such name.
    pub fn name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Number(number) => forms::text_of_number(number).map(Cow::Owned),
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Null | Self::Time(_) | Self::Duration(_) | Self::Set(_) | Self::Day(_) | Self::Mistyped => None,
        }
    }

    /// Whether a text in it holds the character that stands for what could not be read.
    pub fn is_replaced(&self) -> bool {
        match self {
            Self::Text(text) => text.contains(char::REPLACEMENT_CHARACTER),
            Self::Set(texts) => texts.iter().any(|text| text.contains(char::REPLACEMENT_CHARACTER)),
            _ => false,
        }
    }

    /// An integer becomes `Int` where it fits, so that equal numbers are equal values.
    pub fn from_exact(number: Exact) -> Self {
        number.to_i64().map_or(Self::Number(number), Self::Int)
    }

    /// Order of two values of one type. `None` where one is null or the types differ; two booleans
    /// are ordered false before true so that `min` and `max` are defined on them.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) | (Self::Duration(left), Self::Duration(right)) => {
                Some(left.cmp(right))
            }
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Time(left), Self::Time(right)) => Some(left.cmp(right)),
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Day(left), Self::Day(right)) => Some(left.cmp(right)),
            // Expressions know the zone and never compare a day itself; rows that keep the least or greatest
            // need an order that does not depend on who looks.
            (Self::Day(day), Self::Time(time)) => Some(last_of(*day).cmp(time)),
            (Self::Time(time), Self::Day(day)) => Some(time.cmp(&last_of(*day))),
            (Self::Int(_) | Self::Number(_), Self::Int(_) | Self::Number(_)) => {
                Some(self.to_exact()?.cmp(&other.to_exact()?))
            }
            _ => None,
        }
    }

    /// A day as the last instant that belongs to it in a zone; anything else as it is.
    #[must_use]
    pub fn last_instant(self, zone: chrono_tz::Tz) -> Self {
        match self {
            Self::Day(day) => forms::end_of_day(day, zone).map_or(Self::Mistyped, |end| Self::Time(end.minus(1))),
            value => value,
        }
    }

    /// A day as its first instant in a zone; anything else as it is.
    #[must_use]
    pub fn first_instant(self, zone: chrono_tz::Tz) -> Self {
        match self {
            Self::Day(day) => forms::start_of_day(day, zone).map_or(Self::Mistyped, Self::Time),
            value => value,
        }
    }
}

/// The last instant of a day in UTC.
fn last_of(day: NaiveDate) -> Timestamp {
    forms::end_of_day(day, chrono_tz::UTC).map_or(Timestamp::MAX, |end| end.minus(1))
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Int(value) => write!(formatter, "{value}"),
            Self::Number(value) => write!(formatter, "{value}"),
            Self::Text(value) => formatter.write_str(value),
            Self::Time(value) => write!(formatter, "{value}"),
            Self::Duration(value) => write!(formatter, "{value} ms"),
            Self::Day(value) => write!(formatter, "{value}"),
            Self::Mistyped => formatter.write_str("mistyped"),
            Self::Set(values) => write!(formatter, "{}", values.iter().cloned().collect::<Vec<_>>().join("|")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_unlike_types_have_no_order() {
        assert_eq!(Value::Null.compare(&Value::Int(1)), None);
        assert_eq!(Value::text("1").compare(&Value::Int(1)), None);
        assert_eq!(Value::Int(1).compare(&Value::Number(Exact::ratio(3, 2).unwrap())), Some(Ordering::Less));
    }

    #[test]
    fn a_field_is_read_as_its_type_or_is_mistyped() {
        let number = |text: &str| Value::from_exact(Exact::from_decimal(text).unwrap());
        for (value, wanted, expected) in [
            (Value::Int(1_772_323_200_000), Type::Time, Value::Time(Timestamp(1_772_323_200_000))),
            // Seconds, where milliseconds are meant, would be a day in January 1970.
            (Value::Int(1_772_323_200), Type::Time, Value::Mistyped),
            (Value::text("1970-01-01T00:00:00.005Z"), Type::Time, Value::Time(Timestamp(5))),
            (Value::text("soon"), Type::Time, Value::Mistyped),
            (Value::Int(1001), Type::Text, Value::text("1001")),
            (Value::text("9.8"), Type::Number, number("9.8")),
            (Value::text("high"), Type::Number, Value::Mistyped),
            (Value::text("true"), Type::Bool, Value::Bool(true)),
            (Value::Bool(true), Type::Number, Value::Mistyped),
            (Value::Null, Type::Number, Value::Null),
            (Value::Mistyped, Type::Text, Value::Mistyped),
        ] {
            assert_eq!(value.clone().coerce(wanted), expected, "{value} as {wanted}");
        }
    }

    #[test]
    fn a_day_has_its_instants_in_a_zone() {
        let day = Value::text("2026-02-10").coerce(Type::Time);
        assert_eq!(serde_json::to_string(&day).unwrap(), r#"{"day":"2026-02-10"}"#);
        assert_eq!(serde_json::from_str::<Value>(r#"{"day":"2026-02-10"}"#).unwrap(), day);
        let at = |text: &str| Value::Time(Timestamp::parse(text).unwrap());
        let zone = chrono_tz::America::New_York;
        assert_eq!(day.clone().first_instant(zone), at("2026-02-10T05:00:00Z"));
        assert_eq!(day.clone().last_instant(zone), at("2026-02-11T04:59:59.999Z"));
        assert_eq!(Value::text("2026-02-30").coerce(Type::Time), Value::Mistyped);
        assert_eq!(day.compare(&at("2026-02-10T12:00:00Z")), Some(Ordering::Greater));
        assert_eq!(serde_json::to_string(&Value::Mistyped).unwrap(), r#""mistyped""#);
    }

    #[test]
    fn groups_are_named_by_plain_texts() {
        let name = |value: Value| value.name().map(Cow::into_owned);
        assert_eq!(name(Value::Int(1001)).as_deref(), Some("1001"));
        assert_eq!(name(Value::Bool(true)).as_deref(), Some("true"));
        assert_eq!(name(Value::Number(Exact::ratio(98, 10).unwrap())).as_deref(), Some("9.8"));
        assert_eq!(name(Value::Null), None);
        assert_eq!(name(Value::Mistyped), None);
    }
}
