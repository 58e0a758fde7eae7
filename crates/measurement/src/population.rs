//! Rows of populations with their versions.

mod order;
mod counter;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use counter::Counter;
pub use order::Order;

use crate::{
    catalogue::{Column, Merge, Population},
    number::Exact,
    time::Timestamp,
    value::Value,
};

/// What one column knows of one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cell {
    /// `first` and `last`: the value with the order of its event.
    At(Order, Value),
    /// `min` and `max`.
    Extreme(Value),
    /// `sum`.
    Sum(Exact),
    /// `count`.
    Count(u64),
    /// `set`: all texts, or the first of them in their order.
    Set(BTreeSet<String>),
    /// `counter`: what was observed, in the order of events.
    Counter(Counter),
    /// All but `first` and `last`: one value was mistyped, so that the whole is not known.
    Mistyped,
}

/// Most texts of a set. Which are kept does not depend on arrival: the first in their order.
const MAX_SET: usize = 1000;

/// One entity: what is known of it, by elementary interval. The row as of the end of a period is the
/// merge of all intervals before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    versions: BTreeMap<Timestamp, Vec<Option<Cell>>>,
}

impl Row {
    /// Takes in one value of one column, from an event in the elementary interval that begins at
    /// `interval`. A null changes nothing; what is mistyped makes the column unknown: for `first` and `last` where it is
    /// that value, else for good. True if the row has changed.
    pub fn update(
        &mut self,
        columns: &[Column],
        interval: Timestamp,
        column: usize,
        order: &Order,
        value: Value,
    ) -> bool {
        let Some(merge) = columns.get(column).map(|column| column.merge) else { return false };
        let cell = match merge {
            _ if value.is_null() && merge != Merge::Count => return false,
            Merge::First | Merge::Last => Cell::At(order.clone(), value),
            _ if value.is_mistyped() => Cell::Mistyped,
            Merge::Min | Merge::Max => Cell::Extreme(value),
            Merge::Sum => match value.to_exact() {
                Some(number) => Cell::Sum(number),
                None => return false,
            },
            Merge::Count => Cell::Count(1),
            Merge::Set => Cell::Set(BTreeSet::from([value.to_string()])),
            Merge::Counter => match value.to_exact() {
                Some(number) => Cell::Counter(Counter::observed(order.clone(), number)),
                None => return false,
            },
        };
        let cells = self.versions.entry(interval).or_default();
        cells.resize(columns.len(), None);
        cells.get_mut(column).is_some_and(|slot| merge_cell(merge, slot, cell))
    }

    /// The columns as of an instant that is a boundary of elementary intervals: only what happened
    /// before it counts.
    pub fn as_of(&self, columns: &[Column], end: Timestamp) -> Vec<Value> {
        let mut merged: Vec<Option<Cell>> = vec![None; columns.len()];
        for cells in self.versions.range(..end).map(|(_, cells)| cells) {
            for ((slot, cell), column) in merged.iter_mut().zip(cells).zip(columns) {
                if let Some(cell) = cell {
                    merge_cell(column.merge, slot, cell.clone());
                }
            }
        }
        merged.into_iter().zip(columns).map(|(cell, column)| read_cell(cell, column)).collect()
    }

    /// Whether the entity is there as of an instant, given its columns then: not removed, and listed by the newest
    /// full snapshot before that instant.
    pub fn is_there(population: &Population, values: &[Value], newest_snapshot: Option<Timestamp>) -> bool {
        let value = |slot: Option<usize>| slot.and_then(|slot| values.get(slot));
        if value(population.removed) == Some(&Value::Bool(true)) {
            return false;
        }
        match (newest_snapshot, value(population.listed)) {
            (Some(snapshot), Some(Value::Time(listed))) => *listed >= snapshot,
            (Some(_), _) => false,
            (None, _) => true,
        }
    }

    /// Whether it is not known if the entity is there, given its columns: something said so, and was not legible.
    pub fn presence_is_unknown(population: &Population, values: &[Value]) -> bool {
        let mistyped = |slot: usize| values.get(slot).is_some_and(Value::is_mistyped);
        population.removed.into_iter().chain(population.listed).any(mistyped)
    }

    /// Start of the earliest interval of which something is known.
    pub fn first(&self) -> Option<Timestamp> {
        self.versions.keys().next().copied()
    }

    /// Merges all versions before an instant into one: nobody can ask for them apart any more.
    /// True if the row has changed.
    pub fn forget_before(&mut self, columns: &[Column], horizon: Timestamp) -> bool {
        let later = self.versions.split_off(&horizon);
        let earlier = std::mem::replace(&mut self.versions, later);
        let Some(last) = earlier.keys().next_back().copied() else { return false };
        let count = earlier.len();
        let mut merged: Vec<Option<Cell>> = vec![None; columns.len()];
        for cells in earlier.into_values() {
            for ((slot, cell), column) in merged.iter_mut().zip(cells).zip(columns) {
                if let Some(cell) = cell {
                    merge_cell(column.merge, slot, cell);
                }
            }
        }
        for cell in merged.iter_mut().flatten() {
            if let Cell::Counter(counter) = cell {
                counter.close();
            }
        }
        self.versions.insert(last, merged);
        count > 1
    }
}

fn merge_cell(merge: Merge, slot: &mut Option<Cell>, cell: Cell) -> bool {
    let Some(known) = slot else {
        *slot = Some(cell);
        return true;
    };
    let replace = match (&mut *known, &cell) {
        (Cell::Mistyped, _) => false,
        (Cell::At(known, _), Cell::At(new, _)) => {
            if merge == Merge::First {
                new < known
            } else {
                new > known
            }
        }
        (Cell::Extreme(known), Cell::Extreme(new)) => {
            let order = new.compare(known);
            order == Some(if merge == Merge::Min { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater })
        }
        (Cell::Sum(known), Cell::Sum(new)) => {
            *known = known.add(new);
            return true;
        }
        (Cell::Count(known), Cell::Count(new)) => {
            *known = known.saturating_add(*new);
            return true;
        }
        (Cell::Set(known), Cell::Set(new)) => {
            let before = known.len();
            known.extend(new.iter().cloned());
            let grown = known.len() > before;
            while known.len() > MAX_SET {
                known.pop_last();
            }
            return grown;
        }
        (Cell::Counter(known), Cell::Counter(new)) => return known.merge(new),
        // Mistyped; or a column of another merge: the definition has changed, and the row is built anew.
        _ => true,
    };
    if replace {
        *slot = Some(cell);
    }
    replace
}

fn read_cell(cell: Option<Cell>, column: &Column) -> Value {
    match cell {
        Some(Cell::At(_, value) | Cell::Extreme(value)) => value,
        Some(Cell::Mistyped) => Value::Mistyped,
        Some(Cell::Sum(sum)) => Value::from_exact(sum),
        Some(Cell::Count(count)) => Value::from_exact(Exact::from(count)),
        Some(Cell::Set(texts)) => Value::Set(Box::new(texts)),
        Some(Cell::Counter(counter)) => Value::from_exact(counter.increase()),
        None if column.merge == Merge::Count => Value::Int(0),
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{catalogue::Scale, value::Type};

    fn columns() -> Vec<Column> {
        [Merge::First, Merge::Last, Merge::Min, Merge::Max, Merge::Sum, Merge::Count, Merge::Counter]
            .into_iter()
            .map(|merge| Column {
                name: format!("{merge:?}"),
                kind: Type::Number,
                merge,
                scale: Scale::Ratio,
                unit: None,
            })
            .collect()
    }

    /// One value in ten is mistyped.
    fn value(number: i64) -> Value {
        if number == 4 { Value::Mistyped } else { Value::Int(number) }
    }

    fn row(events: &[(i64, i64, i64)]) -> Row {
        let mut row = Row::default();
        for (time, uid, number) in events {
            let order = Order(Timestamp(*time), 0, Arc::from(format!("{uid:04}")));
            for column in 0..7 {
                row.update(&columns(), Timestamp(time.div_euclid(10) * 10), column, &order, value(*number));
            }
        }
        row
    }

    #[test]
    fn as_of_sees_what_was_known_before_it_and_nothing_else() {
        let row = row(&[(25, 1, 5), (3, 2, 7), (12, 3, 1)]);
        let as_of = |end| row.as_of(&columns(), Timestamp(end));
        let ints = |values: [i64; 7]| values.map(Value::Int).to_vec();
        assert_eq!(as_of(10), ints([7, 7, 7, 7, 7, 1, 0]));
        assert_eq!(as_of(20), ints([7, 1, 1, 7, 8, 2, 1]));
        assert_eq!(as_of(30), ints([7, 5, 1, 7, 13, 3, 5]));
        let nothing = [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Int(0), Value::Null];
        assert_eq!(as_of(0), nothing);
    }

    #[test]
    fn what_is_mistyped_is_not_known_until_something_newer_is() {
        let row = row(&[(3, 1, 7), (12, 2, 4), (25, 3, 5)]);
        let as_of = |end| row.as_of(&columns(), Timestamp(end));
        let unknown = || Value::Mistyped;
        assert_eq!(as_of(20), [Value::Int(7), unknown(), unknown(), unknown(), unknown(), unknown(), unknown()]);
        assert_eq!(as_of(30), [Value::Int(7), Value::Int(5), unknown(), unknown(), unknown(), unknown(), unknown()]);
    }

    proptest! {
        /// A row is a function of the set of events; forgetting old versions changes no later answer.
        #[test]
        fn rows_do_not_depend_on_arrival(
            events in prop::collection::vec((0_i64..50, -5_i64..5), 0..20),
            shuffle in any::<prop::sample::Index>(),
            horizon in 0_i64..5,
        ) {
            let events: Vec<_> = events.iter().enumerate().map(|(uid, (time, value))| (*time, i64::try_from(uid).unwrap(), *value)).collect();
            let mut other = events.clone();
            if !other.is_empty() {
                other.rotate_left(shuffle.index(events.len()));
                other.reverse();
            }
            let (one, two) = (row(&events), row(&other));
            prop_assert_eq!(&one, &two);
            let json = serde_json::to_string(&one).unwrap();
            let mut short: Row = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&short, &one);
            short.forget_before(&columns(), Timestamp(horizon * 10));
            for end in horizon..6 {
                prop_assert_eq!(short.as_of(&columns(), Timestamp(end * 10)), one.as_of(&columns(), Timestamp(end * 10)));
            }
        }
    }
}
