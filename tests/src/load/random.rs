//! Chance from a seed: `splitmix64`, so that no dependency can change what a seed means.

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 on and below the bound, which is at least 1.
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound.max(1)).expect("it is positive");
        i64::try_from(self.next() % bound).expect("it is below a number of 63 bits")
    }

    pub(super) fn one_in(&mut self, bound: i64) -> bool {
        self.below(bound) == 0
    }
}

/// Every bit of the result depends on every bit of the number.
pub(super) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
