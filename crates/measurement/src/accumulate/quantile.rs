//! Quantiles by nearest rank: the least value that at least the wanted share does not exceed.
//!
//! Exact while there are at most `EXACT` different values. Beyond, values fall into buckets whose width grows
//! with the value, as in DDSketch (Masson, Rim, Lee, 2019) with its mapping by the bits of the number: integer
//! arithmetic alone, the same on every machine, and a relative error of at most 1/512. Which of the two forms
//! holds is decided by the number of different values, not by who came first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::number::Exact;

/// Most different values that are kept apart.
const EXACT: usize = 2048;
/// Bits of a number that a bucket keeps.
const BITS: u32 = 9;

/// How often each value, or each bucket of values, occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantile {
    /// By value.
    Exact(BTreeMap<Exact, u64>),
    /// By bucket of thousandths.
    Buckets(BTreeMap<i64, u64>),
}

impl Default for Quantile {
    fn default() -> Self {
        Self::Exact(BTreeMap::new())
    }
}

impl Quantile {
    /// Takes in a value.
    pub fn insert(&mut self, value: Exact) {
        match self {
            Self::Exact(values) => *values.entry(value).or_default() += 1,
            Self::Buckets(buckets) => *buckets.entry(bucket(&value)).or_default() += 1,
        }
        self.cut();
    }

    /// Takes in the values of another.
    pub fn merge(&mut self, other: &Self) {
        if let (Self::Exact(_), Self::Buckets(_)) = (&*self, other) {
            self.coarsen();
        }
        match (&mut *self, other) {
            (Self::Exact(values), Self::Exact(more)) => {
                for (value, count) in more {
                    *values.entry(value.clone()).or_default() += count;
                }
            }
            (Self::Buckets(buckets), Self::Exact(more)) => {
                for (value, count) in more {
                    *buckets.entry(bucket(value)).or_default() += count;
                }
            }
            (Self::Buckets(buckets), Self::Buckets(more)) => {
                for (index, count) in more {
                    *buckets.entry(*index).or_default() += count;
                }
            }
            (Self::Exact(_), Self::Buckets(_)) => {}
        }
        self.cut();
    }

    fn cut(&mut self) {
        if matches!(self, Self::Exact(values) if values.len() > EXACT) {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        if let Self::Exact(values) = self {
            let mut buckets: BTreeMap<i64, u64> = BTreeMap::new();
            for (value, count) in std::mem::take(values) {
                *buckets.entry(bucket(&value)).or_default() += count;
            }
            *self = Self::Buckets(buckets);
        }
    }

    /// The quantile; `None` of nothing.
    pub fn at(&self, share: &Exact) -> Option<Exact> {
        match self {
            Self::Exact(values) => nearest_rank(values, share).cloned(),
            Self::Buckets(buckets) => nearest_rank(buckets, share).and_then(|index| middle(*index)),
        }
    }

    /// Bound of the relative error; `None` where the value is exact.
    pub fn error(&self) -> Option<Exact> {
        matches!(self, Self::Buckets(_)).then(|| Exact::ratio(1, 1 << BITS)).flatten()
    }
}

fn nearest_rank<'a, K: Ord>(counts: &'a BTreeMap<K, u64>, share: &Exact) -> Option<&'a K> {
    let total = counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let wanted = share.multiply(&Exact::from(total));
    let mut passed = 0_u64;
    for (key, count) in counts {
        passed = passed.saturating_add(*count);
        if Exact::from(passed) >= wanted {
            return Some(key);
        }
    }
    None
}

/// The bucket of a value: its sign, and the leading bits of its thousandths with their place.
fn bucket(value: &Exact) -> i64 {
    let thousandths = value.multiply(&Exact::from(1000_u64)).floor_i64();
    let size = thousandths.unsigned_abs();
    let bits = u64::BITS - size.leading_zeros();
    let index = if bits <= BITS {
        i64::try_from(size).unwrap_or(i64::MAX)
    } else {
        let shift = bits - BITS;
        let leading = i64::try_from(size >> shift).unwrap_or(i64::MAX);
        (i64::from(shift) << (BITS - 1)) + leading
    };
    if thousandths < 0 { -index } else { index }
}

/// The middle of a bucket.
fn middle(index: i64) -> Option<Exact> {
    let size = index.abs();
    let (low, width) = if size < 1 << BITS {
        (size, 1)
    } else {
        let shift = (size >> (BITS - 1)) - 1;
        let leading = size - (shift << (BITS - 1));
        (leading.checked_shl(u32::try_from(shift).ok()?)?, 1_i64.checked_shl(u32::try_from(shift).ok()?)?)
    };
    // Whole thousandths stand for themselves.
    let middle = Exact::from(low).add(&Exact::ratio(width - 1, 2)?).divide(&Exact::from(1000_u64))?;
    Some(if index < 0 { Exact::zero().subtract(&middle) } else { middle })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_near() {
        let mut before = i64::MIN;
        for step in 0_i64..40_000 {
            let value = Exact::ratio(step * step, 7).unwrap();
            let index = bucket(&value);
            assert!(index >= before, "{value}");
            before = index;
            let found = middle(index).unwrap();
            let far = found.subtract(&value);
            let far = if far.is_negative() { Exact::zero().subtract(&far) } else { far };
            let bound = value.divide(&Exact::from(256_u64)).unwrap().add(&Exact::ratio(1, 500).unwrap());
            assert!(far <= bound, "{value} became {found}");
        }
    }

    #[test]
    fn the_nearest_rank_is_a_value_that_occurred() {
        let mut quantile = Quantile::default();
        for value in [5_i64, 1, 9, 3] {
            quantile.insert(Exact::from(value));
        }
        let at = |share| quantile.at(&Exact::from_decimal(share).unwrap()).unwrap().to_string();
        assert_eq!(
            (at("0"), at("0.25"), at("0.5"), at("0.9"), at("1")),
            ("1".into(), "1".into(), "3".into(), "9".into(), "9".into())
        );
        assert_eq!(Quantile::default().at(&Exact::zero()), None);
    }
}
