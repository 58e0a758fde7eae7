//! Chance from a seed: `splitmix64`, so that no dependency can change what a seed means.

/// The generator. The same seed gives the same numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that begins with a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// A number from 0 on and below the bound, which is at least 1.
    pub fn below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound.max(1)).expect("it is positive");
        i64::try_from(self.bits() % bound).expect("it is below a number of 63 bits")
    }

    /// A place in a list of so many, which is not empty.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = i64::try_from(length).expect("no list is that long");
        usize::try_from(self.below(bound)).expect("it is below the length")
    }

    /// True in so many of ten thousand cases.
    pub fn chance(&mut self, of_ten_thousand: i64) -> bool {
        of_ten_thousand > 0 && self.below(10_000) < of_ten_thousand
    }

    /// A time in milliseconds: mostly short, sometimes up to `most`.
    pub fn delay(&mut self, most: i64) -> i64 {
        match self.below(10) {
            0..6 => self.below((most / 50).max(1)),
            6..9 => self.below((most / 5).max(1)),
            _ => self.below(most.max(1)),
        }
    }
}
