//! Accumulators of base measures: exact, and mergeable in any order.

use serde::{Deserialize, Serialize};

use crate::{catalogue::Fold, number::Exact, value::Value};

/// The partial value of a base measure. Merging is associative and commutative, so that the whole
/// does not depend on partitions or on the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accumulator {
    /// How many.
    Count(u64),
    /// Exact sum, and of how many.
    Sum(Exact, u64),
    /// Least value, and of how many.
    Min(Option<Exact>, u64),
    /// Greatest value, and of how many.
    Max(Option<Exact>, u64),
    /// Exact sum and number; their quotient is the mean.
    Mean(Exact, u64),
}

impl Accumulator {
    /// The accumulator of a fold, of nothing.
    pub fn new(fold: &Fold) -> Self {
        match fold {
            Fold::Count => Self::Count(0),
            Fold::Sum(_) => Self::Sum(Exact::zero(), 0),
            Fold::Min(_) => Self::Min(None, 0),
            Fold::Max(_) => Self::Max(None, 0),
            Fold::Mean(_) => Self::Mean(Exact::zero(), 0),
        }
    }

    /// Takes one value. What is no number is not folded; a count counts whatever comes.
    pub fn fold(&mut self, value: &Value) {
        if let Self::Count(count) = self {
            *count = count.saturating_add(1);
            return;
        }
        let Some(number) = value.to_exact() else { return };
        match self {
            Self::Count(_) => {}
            Self::Sum(sum, n) | Self::Mean(sum, n) => {
                *sum = sum.add(&number);
                *n = n.saturating_add(1);
            }
            Self::Min(least, n) => {
                *least = Some(least.take().map_or(number.clone(), |least| least.min(number)));
                *n = n.saturating_add(1);
            }
            Self::Max(greatest, n) => {
                *greatest = Some(greatest.take().map_or(number.clone(), |greatest| greatest.max(number)));
                *n = n.saturating_add(1);
            }
        }
    }

    /// Takes in another accumulator of the same fold; one of another fold is left out.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Count(count), Self::Count(more)) => *count = count.saturating_add(*more),
            (Self::Sum(sum, n), Self::Sum(more, m)) | (Self::Mean(sum, n), Self::Mean(more, m)) => {
                *sum = sum.add(more);
                *n = n.saturating_add(*m);
            }
            (Self::Min(least, n), Self::Min(other, m)) => {
                *least = least.take().into_iter().chain(other.clone()).min();
                *n = n.saturating_add(*m);
            }
            (Self::Max(greatest, n), Self::Max(other, m)) => {
                *greatest = greatest.take().into_iter().chain(other.clone()).max();
                *n = n.saturating_add(*m);
            }
            _ => {}
        }
    }

    /// The value; `None` where it is not defined: least, greatest and mean of nothing.
    pub fn value(&self) -> Option<Exact> {
        match self {
            Self::Count(count) => Some(Exact::from(*count)),
            Self::Sum(sum, _) => Some(sum.clone()),
            Self::Min(value, _) | Self::Max(value, _) => value.clone(),
            Self::Mean(sum, n) => sum.divide(&Exact::from(*n)),
        }
    }

    /// How many events or rows are behind it.
    pub const fn n(&self) -> u64 {
        match self {
            Self::Count(n) | Self::Sum(_, n) | Self::Min(_, n) | Self::Max(_, n) | Self::Mean(_, n) => *n,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn empty() -> [Accumulator; 5] {
        [
            Accumulator::Count(0),
            Accumulator::Sum(Exact::zero(), 0),
            Accumulator::Min(None, 0),
            Accumulator::Max(None, 0),
            Accumulator::Mean(Exact::zero(), 0),
        ]
    }

    #[test]
    fn nothing_has_no_least_value_and_no_mean() {
        let values: Vec<_> = empty().iter().map(Accumulator::value).collect();
        assert_eq!(values, [Some(Exact::zero()), Some(Exact::zero()), None, None, None]);
    }

    proptest! {
        /// However the values are split and in whatever order the parts are merged, the whole is the same.
        #[test]
        fn merging_does_not_depend_on_order(values in prop::collection::vec(-1000_i64..1000, 0..30), cuts in prop::collection::vec(0_usize..4, 30)) {
            for empty in empty() {
                let mut whole = empty.clone();
                let mut parts = vec![empty.clone(); 4];
                for (value, cut) in values.iter().zip(&cuts) {
                    let value = Value::Number(Exact::ratio(*value, 7).unwrap());
                    whole.fold(&value);
                    parts[*cut].fold(&value);
                }
                let (mut forth, mut back) = (empty.clone(), empty);
                for part in &parts {
                    forth.merge(part);
                }
                parts.iter().rev().for_each(|part| back.merge(part));
                prop_assert_eq!(&forth, &whole);
                prop_assert_eq!(&back, &whole);
                let json = serde_json::to_string(&whole).unwrap();
                prop_assert_eq!(serde_json::from_str::<Accumulator>(&json).unwrap(), whole);
            }
        }
    }
}
