//! Chance from a seed: `splitmix64`, so that no dependency can change what a seed means.

use std::time::Duration;

pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 on and below the bound.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % bound
    }

    /// A time below so many milliseconds.
    pub(crate) const fn within(&mut self, milliseconds: u64) -> Duration {
        Duration::from_millis(self.below(milliseconds))
    }
}

/// A number that whoever runs the tests may set.
#[expect(clippy::disallowed_methods, reason = "what to run is the tester's to say; no setting of the product")]
pub(crate) fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|fault| panic!("{name} is `{text}`: {fault}")),
        Err(_) => otherwise,
    }
}

/// The seed: a new one each time, unless one is given to repeat a run.
#[expect(clippy::disallowed_methods, reason = "a seed is to differ from one run to the next")]
pub(crate) fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_millis());
    number("VERNIER_FAULT_SEED", u64::try_from(now).unwrap_or_default())
}
