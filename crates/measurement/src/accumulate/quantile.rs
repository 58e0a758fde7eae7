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
    // Both ends of the range are as far from zero: the size of the least `i64` is none.
    let thousandths = value.multiply(&Exact::from(1000_u64)).floor_i64().max(-i64::MAX);
    let size = thousandths.unsigned_abs();
    let bits = u64::BITS - size.leading_zeros();
    let index = if bits <= BITS {
        i64::try_from(size).unwrap_or(i64::MAX)
    } else {
        let shift = bits - BITS;
        let leading = i64::try_from(size >> shift).unwrap_or(i64::MAX);
        (i64::from(shift) << (BITS - 1)) + leading
    };
    index * thousandths.signum()
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
    Some(middle.multiply(&Exact::from(index.signum())))
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

    /// Up to 9 bits a value has a bucket of its own, then two share one, then four.
    #[test]
    fn a_bucket_keeps_nine_bits() {
        for (thousandths, index, middle_of) in [
            (0, 0, 0),
            (1, 1, 10),
            (511, 511, 5110),
            (512, 512, 5125),
            (513, 512, 5125),
            (514, 513, 5145),
            (1023, 767, 10_225),
            (1024, 768, 10_255),
            (1027, 768, 10_255),
            (1028, 769, 10_295),
            (2048, 1024, 20_515),
        ] {
            let value = Exact::ratio(thousandths, 1000).unwrap();
            let below = Exact::zero().subtract(&value);
            assert_eq!((bucket(&value), bucket(&below)), (index, -index), "{value}");
            let wanted = Exact::ratio(middle_of, 10_000);
            assert_eq!(middle(index), wanted, "{value}");
            assert_eq!(middle(-index), wanted.map(|wanted| Exact::zero().subtract(&wanted)), "{value}");
        }
        assert_eq!(bucket(&Exact::ratio(-1, 2000).unwrap()), -1, "what is between two thousandths is the lower");
    }

    #[test]
    fn what_is_out_of_range_keeps_its_sign() {
        let huge = Exact::from_decimal("1e30").unwrap();
        let found = middle(bucket(&huge)).unwrap();
        assert!(found > 9_000_000_000_000_000_i64, "{found}");
        let below = middle(bucket(&Exact::zero().subtract(&huge))).unwrap();
        assert_eq!(below, Exact::zero().subtract(&found));
    }

    #[test]
    fn it_is_exact_up_to_the_bound_and_not_beyond() {
        let mut quantile = Quantile::default();
        (0..2048_u64).for_each(|value| quantile.insert(Exact::from(value)));
        quantile.insert(Exact::zero());
        assert_eq!((quantile.at(&Exact::from(1_u64)), quantile.error()), (Some(Exact::from(2047_u64)), None));
        quantile.insert(Exact::from(2048_u64));
        assert_eq!(quantile.error(), Exact::ratio(1, 512));
        let top = quantile.at(&Exact::from(1_u64)).unwrap();
        // 2,048,000 thousandths lie in a bucket of 4,096.
        assert_eq!(top, Exact::ratio(20_480_000 / 40_960 * 40_960 + 20_475, 10_000).unwrap());
    }

    /// Values apart and in buckets, whichever is merged into which.
    #[test]
    fn the_four_merges_give_the_same_as_one_after_the_other() {
        let of = |values: &[u64]| {
            let mut quantile = Quantile::default();
            for value in values {
                quantile.insert(Exact::from(*value));
            }
            quantile
        };
        let (few, many): (Vec<u64>, Vec<u64>) = ((0..1000).collect(), (500..3000).collect());
        for (left, right) in [(&few, &few), (&few, &many), (&many, &few), (&many, &many)] {
            let mut merged = of(left);
            merged.merge(&of(right));
            assert_eq!(merged, of(&[left.as_slice(), right.as_slice()].concat()));
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
