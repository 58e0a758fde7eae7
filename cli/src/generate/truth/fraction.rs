//! Fractions of two integers, in lowest terms.

use std::cmp::Ordering;

/// A fraction; the denominator is above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    top: i128,
    bottom: i128,
}

impl Fraction {
    pub(super) fn new(top: i128, bottom: i128) -> Option<Self> {
        if bottom == 0 {
            return None;
        }
        let divisor = gcd(top.unsigned_abs(), bottom.unsigned_abs()).max(1);
        let divisor = i128::try_from(divisor).unwrap_or(1) * bottom.signum();
        Some(Self { top: top / divisor, bottom: bottom / divisor })
    }

    pub(super) const fn whole(number: i128) -> Self {
        Self { top: number, bottom: 1 }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Self::new(self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom)
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::new(self.top * other.top, self.bottom * other.bottom)
    }

    pub(super) fn over(self, other: Self) -> Option<Self> {
        Self::new(self.top * other.bottom, self.bottom * other.top)
    }

    pub(super) fn less(self, other: Self) -> Option<Self> {
        Self::new(self.top * other.bottom - other.top * self.bottom, self.bottom * other.bottom)
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.top * other.bottom).cmp(&(other.top * self.bottom))
    }
}

impl std::fmt::Display for Fraction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.bottom == 1 {
            write!(formatter, "{}", self.top)
        } else {
            write!(formatter, "{}/{}", self.top, self.bottom)
        }
    }
}
