//! Words of definitions. They are written out and never derived from the names in the program: to rename a variant must
//! not begin a new series.

use std::collections::BTreeSet;

use chrono::Weekday;

use crate::{
    catalogue::{Basis, Decode, DuplicateMembers, Merge, Scale, TimeUnit, Unwrap},
    expression::OpenItems,
    value::Type,
};

/// A list whose order means nothing. Quoted, so that a comma within an entry is none between two.
pub(super) fn sorted<'a>(entries: impl IntoIterator<Item = &'a String>) -> String {
    let entries: BTreeSet<&String> = entries.into_iter().collect();
    let quoted = |entry: &String| {
        let plain =
            !entry.is_empty() && entry.chars().all(|letter| letter.is_alphanumeric() || "-_./ ".contains(letter));
        if plain { entry.clone() } else { format!("'{}'", entry.replace('\\', "\\\\").replace('\'', "\\'")) }
    };
    entries.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

pub(super) fn weekdays(days: &[Weekday]) -> String {
    let days: BTreeSet<u32> = days.iter().map(Weekday::num_days_from_monday).collect();
    let word = |day: u32| match day {
        0 => "mon",
        1 => "tue",
        2 => "wed",
        3 => "thu",
        4 => "fri",
        5 => "sat",
        _ => "sun",
    };
    days.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

pub(super) const fn open(open: OpenItems) -> &'static str {
    match open {
        OpenItems::AsOf => "as-of",
        OpenItems::LeaveOut => "leave-out",
    }
}

pub(super) const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::End => "end",
        Basis::Start => "start",
        Basis::Any => "any",
        Basis::Average => "average",
    }
}

pub(super) const fn kind(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::Number => "number",
        Type::Text => "text",
        Type::Time => "time",
        Type::Duration => "duration",
        Type::Set => "set",
    }
}

pub(super) const fn merge(merge: Merge) -> &'static str {
    match merge {
        Merge::First => "first",
        Merge::Last => "last",
        Merge::Min => "min",
        Merge::Max => "max",
        Merge::Sum => "sum",
        Merge::Count => "count",
        Merge::Set => "set",
        Merge::Counter => "counter",
    }
}

pub(super) const fn scale(scale: Scale) -> &'static str {
    match scale {
        Scale::Ordinal => "ordinal",
        Scale::Ratio => "ratio",
    }
}

pub(super) const fn decode(decode: Decode) -> &'static str {
    match decode {
        Decode::Text => "text",
        Decode::Json => "json",
    }
}

pub(super) fn unwrap(unwrap: Option<&[Unwrap]>) -> String {
    let word = |unwrap: &Unwrap| match unwrap {
        Unwrap::Records(path) => format!("records {path}"),
        Unwrap::Text(path) => format!("text {path}"),
    };
    match unwrap {
        None => "not said".to_owned(),
        Some([]) => "nothing".to_owned(),
        Some(list) => list.iter().map(word).collect::<Vec<_>>().join(", then "),
    }
}

pub(super) const fn duplicate_members(duplicates: DuplicateMembers) -> &'static str {
    match duplicates {
        DuplicateMembers::Refuse => "refuse",
        DuplicateMembers::First => "first",
        DuplicateMembers::Last => "last",
    }
}

pub(super) const fn time_unit(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "seconds",
        TimeUnit::Milliseconds => "milliseconds",
        TimeUnit::Microseconds => "microseconds",
        TimeUnit::Nanoseconds => "nanoseconds",
    }
}
