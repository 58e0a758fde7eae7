//! How many different values there are: exact up to a bound, then an estimate.
//!
//! Kept are the `KEPT` smallest 64-bit hashes of the values (a bottom-k sketch; Bar-Yossef et al., Counting
//! Distinct Elements in a Data Stream, 2002). As long as none was left out, their number is the answer. Beyond,
//! the k-th smallest of n uniform hashes lies near k/n of their range, so that (k - 1) / U is an estimate of n
//! without bias and with a relative standard error of 1 / sqrt(k - 2): 1.6 %. There is one form for both, it is
//! a function of the set, and merging is the union cut to the smallest.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use crate::{digest, number::Exact};

/// How many hashes are kept.
const KEPT: usize = 4096;

/// The smallest hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distinct {
    smallest: BTreeSet<u64>,
    /// Whether some were left out.
    more: bool,
}

impl Distinct {
    /// Takes in a value.
    pub fn insert(&mut self, value: &str) {
        self.smallest.insert(u64::from_be_bytes(digest::first(value.as_bytes())));
        self.cut();
    }

    /// Takes in the values of another.
    pub fn merge(&mut self, other: &Self) {
        self.smallest.extend(&other.smallest);
        self.more |= other.more;
        self.cut();
    }

    fn cut(&mut self) {
        while self.smallest.len() > KEPT {
            self.smallest.pop_last();
            self.more = true;
        }
    }

    /// How many there are: exact where none was left out, else rounded to a whole number.
    pub fn estimate(&self) -> Exact {
        let kept = u64::try_from(self.smallest.len()).unwrap_or(u64::MAX);
        match self.smallest.last() {
            Some(last) if self.more => {
                let range = BigInt::from(u64::MAX) + 1;
                let top = BigInt::from(kept.saturating_sub(1)) * range;
                Exact::from((top + (last >> 1)) / (BigInt::from(*last) + 1))
            }
            _ => Exact::from(kept),
        }
    }

    /// Relative standard error; `None` where the number is exact.
    pub fn error(&self) -> Option<Exact> {
        self.more.then(|| Exact::ratio(1, 64)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: std::ops::Range<usize>) -> Distinct {
        let mut distinct = Distinct::default();
        values.for_each(|number| distinct.insert(&number.to_string()));
        distinct
    }

    /// SHA-256 of "abc" begins with ba7816bf8f01cfea (FIPS 180-2, appendix B.1).
    #[test]
    fn a_hash_is_the_first_eight_bytes_of_sha_256() {
        let mut distinct = Distinct::default();
        distinct.insert("abc");
        assert_eq!(distinct.smallest, BTreeSet::from([0xba78_16bf_8f01_cfea]));
    }

    #[test]
    fn it_is_exact_up_to_the_bound_and_not_beyond() {
        let full = of(0..KEPT);
        assert_eq!((full.estimate(), full.error()), (Exact::from(4096_u64), None));
        let more = of(0..KEPT + 1);
        assert_eq!((more.smallest.len(), more.error()), (KEPT, Exact::ratio(1, 64)));
        let mut merged = of(0..10);
        merged.merge(&more);
        assert_eq!(merged, more, "an estimate stays one");
    }

    /// (k - 1) · 2^64 / (largest + 1), rounded.
    #[test]
    fn the_estimate_goes_by_how_far_the_hashes_reach() {
        for (hashes, expected) in [
            ([0, (1 << 63) - 1], 2_u64),
            ([7, (1 << 62) - 1], 4),
            ([7, u64::MAX], 1),
            // 2^64 / (0.6 · 2^64) = 1.67, and by 0.8 it is 1.25.
            ([7, 11_068_046_444_225_730_969], 2),
            ([7, 14_757_395_258_967_641_292], 1),
            // 15.5 exactly, and just below 1.5: (2^65 - 1) / 31 and (2^65 + 1) / 3 are whole numbers.
            ([7, 1_190_112_520_884_487_200], 16),
            ([7, 12_297_829_382_473_034_410], 1),
        ] {
            let distinct = Distinct { smallest: BTreeSet::from(hashes), more: true };
            assert_eq!(distinct.estimate(), Exact::from(expected), "{hashes:?}");
        }
        let distinct = Distinct { smallest: BTreeSet::from([1, 2, 3, (1 << 63) - 1]), more: true };
        assert_eq!(distinct.estimate(), Exact::from(6_u64));
    }
}
