//! Exact numbers: a ratio is judged as the fraction that it is.

use std::{cmp::Ordering, fmt, str::FromStr};

use num_bigint::{BigInt, BigUint};
use num_rational::BigRational;
use num_traits::{Signed as _, ToPrimitive as _, Zero as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A rational number. On the wire it is a text, `"5"` or `"2/3"`, in lowest terms.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exact(BigRational);

/// A text is not a number, or a number is not finite or too large to be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an exact number")]
pub struct NumberError(pub String);

/// Texts longer than this are refused: hostile input must not buy arithmetic on huge numbers.
const MAX_TEXT: usize = 4096;
/// Largest decimal exponent that is accepted.
const MAX_EXPONENT: i32 = 400;

impl Exact {
    /// Zero.
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }

    /// The fraction `numerator / denominator`; `None` for a denominator of zero.
    pub fn ratio(numerator: i64, denominator: i64) -> Option<Self> {
        (denominator != 0).then(|| Self(BigRational::new(numerator.into(), denominator.into())))
    }

    /// Reads a decimal such as `-9.8` or `1.5e3`, without loss.
    pub fn from_decimal(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(unsigned) || !digits(fraction) || (unsigned.is_empty() && fraction.is_empty()) {
            return None;
        }
        let number: BigInt = format!("{whole}{fraction}").parse().ok()?;
        let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        if scale.abs() > MAX_EXPONENT + i32::try_from(MAX_TEXT).ok()? || exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let power = BigInt::from(10).pow(scale.unsigned_abs());
        Some(Self(if scale >= 0 { BigRational::from(number * power) } else { BigRational::new(number, power) }))
    }

    /// The decimal that a binary number is written as: `9.8` is 98/10, not the nearest binary
    /// fraction. Shortest text that reads back the same; `None` unless finite.
    pub fn from_f64(number: f64) -> Option<Self> {
        number.is_finite().then(|| Self::from_decimal(&format!("{number:e}"))).flatten()
    }

    /// Sum.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// Difference.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// Product.
    #[must_use]
    pub fn multiply(&self, other: &Self) -> Self {
        Self(&self.0 * &other.0)
    }

    /// Quotient; `None` where the divisor is zero.
    pub fn divide(&self, other: &Self) -> Option<Self> {
        (!other.is_zero()).then(|| Self(&self.0 / &other.0))
    }

    /// Whether this is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether this is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// The integer, if it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.0.is_integer().then(|| self.0.to_integer().to_i64()).flatten()
    }

    /// The greatest whole number that is not above this, cut to the range of `i64`.
    pub fn floor_i64(&self) -> i64 {
        let floor = self.0.floor().to_integer();
        floor.to_i64().unwrap_or(if floor.is_negative() { i64::MIN } else { i64::MAX })
    }

    /// Square root, cut after twelve decimal places: irrational numbers are the only ones that are not exact,
    /// and are the same everywhere. `None` below zero.
    pub fn sqrt(&self) -> Option<Self> {
        const PLACES: u32 = 12;
        if self.is_negative() {
            return None;
        }
        let power = BigInt::from(10).pow(PLACES);
        let scaled = (&self.0 * BigRational::from(&power * &power)).floor().to_integer();
        Some(Self(BigRational::new(scaled.sqrt(), power)))
    }

    /// The number cut to so many decimal places.
    #[must_use]
    pub fn cut(&self, places: u32) -> Self {
        let power = BigInt::from(10).pow(places);
        let scaled = (&self.0 * BigRational::from(power.clone())).trunc().to_integer();
        Self(BigRational::new(scaled, power))
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        Self(self.0.abs())
    }

    /// Numerator and denominator without a sign, in lowest terms.
    pub(crate) fn magnitude(&self) -> (&BigUint, &BigUint) {
        (self.0.numer().magnitude(), self.0.denom().magnitude())
    }

    /// The fraction of two numbers without a sign; zero where the denominator is.
    pub(crate) fn of_magnitude(numerator: BigUint, denominator: BigUint) -> Self {
        if denominator.is_zero() {
            return Self::zero();
        }
        Self(BigRational::new(numerator.into(), denominator.into()))
    }

    /// Nearest binary number, for display and Prometheus only.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// As a decimal with at most `digits` places, half away from zero, trailing zeros cut.
    pub fn display(&self, digits: u32) -> String {
        let power = BigInt::from(10).pow(digits);
        let scaled = (&self.0 * BigRational::from(power.clone())).round().to_integer();
        let sign = if scaled.is_negative() { "-" } else { "" };
        let scaled = scaled.abs();
        let (whole, rest) = (&scaled / &power, &scaled % &power);
        let rest = format!("{rest:0>width$}", width = digits as usize);
        let rest = rest.trim_end_matches('0');
        if rest.is_empty() || digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
    }
}

impl From<i64> for Exact {
    fn from(number: i64) -> Self {
        Self(BigRational::from(BigInt::from(number)))
    }
}

impl From<BigInt> for Exact {
    fn from(number: BigInt) -> Self {
        Self(BigRational::from(number))
    }
}

impl From<u64> for Exact {
    fn from(number: u64) -> Self {
        Self(BigRational::from(BigInt::from(number)))
    }
}

impl PartialEq<i64> for Exact {
    fn eq(&self, other: &i64) -> bool {
        self == &Self::from(*other)
    }
}

impl PartialOrd<i64> for Exact {
    fn partial_cmp(&self, other: &i64) -> Option<Ordering> {
        Some(self.cmp(&Self::from(*other)))
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Exact {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let parsed = match text.split_once('/') {
            Some((numerator, denominator)) if text.len() <= MAX_TEXT => {
                let fraction: Option<(BigInt, BigInt)> = numerator.parse().ok().zip(denominator.parse().ok());
                fraction
                    .filter(|(_, denominator)| !denominator.is_zero())
                    .map(|(numerator, denominator)| Self(BigRational::new(numerator, denominator)))
            }
            Some(_) => None,
            None => Self::from_decimal(text),
        };
        parsed.ok_or_else(|| NumberError(text.chars().take(40).collect()))
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(Exact::from_f64(9.8), Exact::ratio(98, 10));
        assert_eq!(Exact::from_f64(0.1).unwrap().add(&Exact::from_f64(0.2).unwrap()), Exact::from_f64(0.3).unwrap());
        assert_eq!(Exact::from_decimal("-1.50e2"), Some(Exact::from(-150_i64)));
        for text in ["", ".", "1.2.3", "1e", "NaN", "1e999999", "--1", "1e401", "0x10"] {
            assert_eq!(Exact::from_decimal(text), None, "{text}");
        }
        assert_eq!(Exact::from_f64(f64::NAN), None);
        assert_eq!(Exact::from_f64(f64::INFINITY), None);
    }

    #[test]
    fn roots_are_cut_after_twelve_places() {
        assert_eq!(Exact::ratio(9, 4).unwrap().sqrt(), Exact::ratio(3, 2));
        assert_eq!(Exact::from(2_i64).sqrt(), Exact::from_decimal("1.414213562373"));
        assert_eq!(Exact::from(-1_i64).sqrt(), None);
    }

    #[test]
    fn whole_numbers_below() {
        assert_eq!(Exact::ratio(-1, 2).unwrap().floor_i64(), -1);
        assert_eq!(Exact::from_decimal("1e30").unwrap().floor_i64(), i64::MAX);
    }

    #[test]
    fn division_by_zero_is_no_number() {
        assert_eq!(Exact::from(1_i64).divide(&Exact::zero()), None);
        assert!("1/0".parse::<Exact>().is_err());
    }

    #[test]
    fn texts_are_in_lowest_terms_and_read_back() {
        let two_thirds = Exact::ratio(4, 6).unwrap();
        assert_eq!(two_thirds.to_string(), "2/3");
        assert_eq!("4/6".parse(), Ok(two_thirds.clone()));
        assert_eq!(two_thirds.display(3), "0.667");
        assert_eq!(Exact::ratio(-1, 8).unwrap().display(2), "-0.13");
        assert_eq!(Exact::from(60_i64).display(4), "60");
        assert_eq!(Exact::ratio(1, 2).unwrap().display(0), "1");
    }
}
