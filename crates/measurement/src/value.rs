//! Values that expressions compute with, and their types.

use std::{cmp::Ordering, collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{number::Exact, time::Timestamp};

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

    /// The type; `None` for `Null`, which belongs to every type.
    pub const fn type_of(&self) -> Option<Type> {
        match self {
            Self::Null => None,
            Self::Bool(_) => Some(Type::Bool),
            Self::Int(_) | Self::Number(_) => Some(Type::Number),
            Self::Text(_) => Some(Type::Text),
            Self::Time(_) => Some(Type::Time),
            Self::Duration(_) => Some(Type::Duration),
            Self::Set(_) => Some(Type::Set),
        }
    }

    /// The number, if it is one.
    pub fn to_exact(&self) -> Option<Exact> {
        match self {
            Self::Int(number) => Some(Exact::from(*number)),
            Self::Number(number) => Some(number.clone()),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::Time(_) | Self::Duration(_) | Self::Set(_) => None,
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
            (Self::Int(_) | Self::Number(_), Self::Int(_) | Self::Number(_)) => {
                Some(self.to_exact()?.cmp(&other.to_exact()?))
            }
            _ => None,
        }
    }

    /// Reads an event's field as the type that a column or expression declares: times in events are
    /// integers (milliseconds), and a number is never taken for a text.
    #[must_use]
    pub fn coerce(self, wanted: Type) -> Self {
        match (self, wanted) {
            (Self::Int(milliseconds), Type::Time) => Self::Time(Timestamp(milliseconds)),
            (Self::Int(milliseconds), Type::Duration) => Self::Duration(milliseconds),
            (value, wanted) if value.type_of() == Some(wanted) => value,
            _ => Self::Null,
        }
    }
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
    fn an_integer_field_reads_as_a_time_and_not_as_a_text() {
        assert_eq!(Value::Int(5).coerce(Type::Time), Value::Time(Timestamp(5)));
        assert_eq!(Value::Int(5).coerce(Type::Text), Value::Null);
    }
}
