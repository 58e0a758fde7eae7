//! Quantiles by nearest rank: the least value that at least the wanted share does not exceed.
//!
//! Exact while there are at most `EXACT` different values. Beyond, values fall into buckets whose width grows
//! with the value, as in DDSketch (Masson, Rim, Lee, 2019) with its mapping by the bits of the number: integer
//! arithmetic alone, the same on every machine. A bucket holds the numbers of one sign that begin with the same
//! `BITS` binary digits at the same place, and stands for the one of them that is nearest to zero: what comes back
//! is nearer to zero than the value by less than 1/512 of it, however large or small the value is. Which of the two
//! forms holds is decided by the number of different values, not by who came first.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use crate::number::Exact;

/// Most different values that are kept apart.
const EXACT: usize = 2048;
/// Binary digits of a number that a bucket keeps.
const BITS: i64 = 10;
/// Numbers that begin with a one and have so many digits.
const PER_PLACE: i64 = 1 << (BITS - 1);
/// Put on the place of the first digit, so that no index is below zero: farther than any number reaches.
const OFFSET: i64 = 1 << 40;

/// How often each value, or each bucket of values, occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantile {
    /// By value.
    Exact(BTreeMap<Exact, u64>),
    /// By sign, place and leading digits. Until version 0.2 there were `buckets` of thousandths, which nobody can
    /// turn into these: another name, so that none is taken for the other.
    Leading(BTreeMap<i64, u64>),
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
            Self::Leading(buckets) => *buckets.entry(bucket(&value)).or_default() += 1,
        }
        self.cut();
    }

    /// Takes in the values of another.
    pub fn merge(&mut self, other: &Self) {
        if let (Self::Exact(_), Self::Leading(_)) = (&*self, other) {
            self.coarsen();
        }
        match (&mut *self, other) {
            (Self::Exact(values), Self::Exact(more)) => {
                for (value, count) in more {
                    *values.entry(value.clone()).or_default() += count;
                }
            }
            (Self::Leading(buckets), Self::Exact(more)) => {
                for (value, count) in more {
                    *buckets.entry(bucket(value)).or_default() += count;
                }
            }
            (Self::Leading(buckets), Self::Leading(more)) => {
                for (index, count) in more {
                    *buckets.entry(*index).or_default() += count;
                }
            }
            (Self::Exact(_), Self::Leading(_)) => {}
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
            *self = Self::Leading(buckets);
        }
    }

    /// The quantile; `None` of nothing.
    pub fn at(&self, share: &Exact) -> Option<Exact> {
        match self {
            Self::Exact(values) => nearest_rank(values, share).cloned(),
            Self::Leading(buckets) => nearest_rank(buckets, share).map(|index| nearest_to_zero(*index)),
        }
    }

    /// Bound of the relative error; `None` where the value is exact.
    pub fn error(&self) -> Option<Exact> {
        matches!(self, Self::Leading(_)).then(|| Exact::ratio(1, PER_PLACE)).flatten()
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

/// The bucket of a value: its sign, the place of its first binary digit, and the digits from there on.
fn bucket(value: &Exact) -> i64 {
    let (numerator, denominator) = value.magnitude();
    if value.is_zero() {
        return 0;
    }
    let bits = |number: &BigUint| i64::try_from(number.bits()).unwrap_or(OFFSET / 2).min(OFFSET / 2);
    // n / d lies between 2^(place - 1) and 2^(place + 1): one look says on which side of 2^place.
    let mut place = bits(numerator) - bits(denominator);
    if scaled(numerator, -place) < scaled(denominator, place) {
        place -= 1;
    }
    let shift = BITS - 1 - place;
    let leading = scaled(numerator, shift) / scaled(denominator, -shift);
    let leading = i64::try_from(leading).unwrap_or(2 * PER_PLACE - 1).clamp(PER_PLACE, 2 * PER_PLACE - 1);
    let index = (place + OFFSET) * PER_PLACE + (leading - PER_PLACE) + 1;
    if value.is_negative() { -index } else { index }
}

/// The number of a bucket that is nearest to zero.
fn nearest_to_zero(index: i64) -> Exact {
    let Some(rest) = index.checked_abs().and_then(|index| index.checked_sub(1)).filter(|rest| *rest >= 0) else {
        return Exact::zero();
    };
    let (place, leading) = (rest / PER_PLACE - OFFSET, rest % PER_PLACE + PER_PLACE);
    let shift = place - (BITS - 1);
    let leading = BigUint::from(leading.unsigned_abs());
    let size = Exact::of_magnitude(scaled(&leading, shift), scaled(&BigUint::from(1_u8), -shift));
    if index < 0 { Exact::zero().subtract(&size) } else { size }
}

/// The number times two to a power; itself where the power is below zero, which belongs to the other side of a fraction.
fn scaled(number: &BigUint, power: i64) -> BigUint {
    number << u64::try_from(power).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn negative(value: &Exact) -> Exact {
        Exact::zero().subtract(value)
    }

    /// What comes back is nearer to zero, by less than the stated share of the value.
    fn assert_near(value: &Exact) {
        let found = nearest_to_zero(bucket(value));
        let (size, of_found) = (value.abs(), found.abs());
        let short = size.subtract(&of_found);
        let bound = size.multiply(&Exact::ratio(1, 512).unwrap());
        assert!(!short.is_negative() && (short < bound || value.is_zero()), "{value} became {found}");
        assert_eq!(found.is_negative(), value.is_negative(), "{value} became {found}");
    }

    /// A number of any size: so many thousandths times a power of ten.
    fn number(digits: i64, exponent: i32) -> Exact {
        Exact::from_decimal(&format!("{digits}e{exponent}")).unwrap()
    }

    proptest! {
        #[test]
        fn the_bound_holds_for_every_size(
            digits in -999_999_i64..=999_999,
            divisor in 1_i64..100_000,
            exponent in -17_i32..=15,
        ) {
            assert_near(&number(digits, exponent));
            assert_near(&number(digits, exponent).divide(&Exact::from(divisor)).unwrap());
        }

        /// Larger values never lie in smaller buckets.
        #[test]
        fn buckets_are_in_the_order_of_values(
            left in (-9_999_i64..=9_999, -14_i32..=14, 1_i64..999),
            right in (-9_999_i64..=9_999, -14_i32..=14, 1_i64..999),
        ) {
            let of = |(digits, exponent, divisor)| number(digits, exponent).divide(&Exact::from(divisor)).unwrap();
            let (left, right) = (of(left), of(right));
            prop_assert!(bucket(&left).cmp(&bucket(&right)) == left.cmp(&right) || bucket(&left) == bucket(&right));
        }

        /// Beyond the bound of different values, the quantile is as near as its error says, at whatever size they are.
        #[test]
        fn the_stated_error_is_true(exponent in -12_i32..=12, step in 1_i64..1000, share in 0_i64..=20) {
            let mut quantile = Quantile::default();
            let values: Vec<Exact> = (-300..=2000_i64).map(|index| number(index * step + 1, exponent)).collect();
            for value in &values {
                quantile.insert(value.clone());
            }
            let at = Exact::ratio(share, 20).unwrap();
            let rank = at.multiply(&Exact::from(2301_i64));
            // Nearest rank: the least value that enough do not exceed.
            let rank = (1..=2301_usize).find(|passed| Exact::from(u64::try_from(*passed).unwrap()) >= rank).unwrap();
            let (wanted, found) = (&values[rank - 1], quantile.at(&at).unwrap());
            let error = quantile.error().unwrap();
            prop_assert!(found.subtract(wanted).abs() <= wanted.abs().multiply(&error), "{} is not near {}", found, wanted);
        }
    }

    #[test]
    fn both_ends_of_what_is_thinkable() {
        for text in ["0", "1", "-1", "1e-12", "-1e-12", "0.0004", "0.0015", "1e15", "1e300", "-1e300", "1e-300"] {
            assert_near(&Exact::from_decimal(text).unwrap());
        }
        assert_near(&Exact::ratio(1, 7).unwrap());
        assert_eq!(nearest_to_zero(i64::MIN), Exact::zero());
        assert_eq!(nearest_to_zero(0), Exact::zero());
    }

    /// Ten binary digits: whole numbers below 1,024 stand for themselves, then two share a bucket, then four.
    #[test]
    fn a_bucket_keeps_ten_digits() {
        for (value, wanted) in
            [(1_i64, 1_i64), (5, 5), (1023, 1023), (1024, 1024), (1025, 1024), (1026, 1026), (2051, 2048)]
        {
            let value = Exact::from(value);
            assert_eq!(nearest_to_zero(bucket(&value)), Exact::from(wanted), "{value}");
            assert_eq!(nearest_to_zero(bucket(&negative(&value))), Exact::from(-wanted), "-{value}");
        }
    }

    #[test]
    fn it_is_exact_up_to_the_bound_and_not_beyond() {
        let mut quantile = Quantile::default();
        (0..2048_u64).for_each(|value| quantile.insert(Exact::from(value)));
        quantile.insert(Exact::zero());
        assert_eq!((quantile.at(&Exact::from(1_u64)), quantile.error()), (Some(Exact::from(2047_u64)), None));
        quantile.insert(Exact::from(2049_u64));
        assert_eq!(quantile.error(), Exact::ratio(1, 512));
        assert_eq!(quantile.at(&Exact::from(1_u64)), Some(Exact::from(2048_u64)));
    }

    /// State of the earlier form names another kind of bucket: it is refused and built anew, never read as this one.
    #[test]
    fn earlier_buckets_are_not_taken_for_these() {
        assert!(serde_json::from_str::<Quantile>(r#"{"buckets":{"512":3}}"#).is_err());
        assert!(serde_json::from_str::<Quantile>(r#"{"leading":{"512":3}}"#).is_ok());
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
