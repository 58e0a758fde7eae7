//! Instants and calendar spans. Nothing here reads a clock: the time is an argument everywhere.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Earlier than every event.
    pub const MIN: Self = Self(i64::MIN);
    /// Later than every event.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `milliseconds` later; stops at the ends of the range.
    #[must_use]
    pub const fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// The instant `milliseconds` earlier; stops at the ends of the range.
    #[must_use]
    pub const fn minus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_sub(milliseconds))
    }

    /// As a date of the proleptic Gregorian calendar; `None` beyond some 262,000 years.
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }

    /// Reads RFC 3339; finer than milliseconds is cut off. A leap second belongs to its minute, so `23:59:60` is read
    /// as the last millisecond of `23:59:59`: it must not fall into the next day.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self::of(&time))
    }

    /// The instant of a date and time; a leap second as in [`Timestamp::parse`].
    pub fn of<Z: chrono::TimeZone>(time: &DateTime<Z>) -> Self {
        let within = i64::from(time.timestamp_subsec_millis().min(999));
        Self(time.timestamp().saturating_mul(1000).saturating_add(within))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(time) => formatter.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(formatter, "{} ms", self.0),
        }
    }
}

/// An ISO 8601 duration: calendar months beside a fixed length, because a month has no length in
/// milliseconds. Years are twelve months; days and weeks are 24 and 168 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Calendar months.
    pub months: u32,
    /// Fixed part in milliseconds.
    pub milliseconds: i64,
}

/// A text is not an ISO 8601 duration that Vernier accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 8601 duration such as PT15M, P5D or P13M")]
pub struct SpanError(pub String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse_span(text).ok_or_else(|| SpanError(text.to_owned()))
    }
}

/// Numbers have at most nine digits, so that no sum can overflow.
fn parse_span(text: &str) -> Option<Span> {
    let mut span = Span::default();
    let mut rest = text.strip_prefix('P')?;
    let mut in_time = false;
    let mut parts = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time {
                return None;
            }
            in_time = true;
            rest = after;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 9 {
            return None;
        }
        let (number, after) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let unit = after.chars().next()?;
        match (in_time, unit) {
            (false, 'Y') => span.months = span.months.checked_add(u32::try_from(number).ok()?.checked_mul(12)?)?,
            (false, 'M') => span.months = span.months.checked_add(u32::try_from(number).ok()?)?,
            (false, 'W') => span.milliseconds += number * 7 * 86_400_000,
            (false, 'D') => span.milliseconds += number * 86_400_000,
            (true, 'H') => span.milliseconds += number * 3_600_000,
            (true, 'M') => span.milliseconds += number * 60_000,
            (true, 'S') => span.milliseconds += number * 1000,
            _ => return None,
        }
        rest = after.get(1..)?;
        parts += 1;
    }
    (parts > 0).then_some(span)
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("P")?;
        if self.months > 0 {
            write!(formatter, "{}M", self.months)?;
        }
        let days = self.milliseconds / 86_400_000;
        if days > 0 {
            write!(formatter, "{days}D")?;
        }
        let rest = self.milliseconds % 86_400_000;
        if rest > 0 || (self.months == 0 && days == 0) {
            formatter.write_str("T")?;
            let (hours, minutes, seconds) = (rest / 3_600_000, rest % 3_600_000 / 60_000, rest % 60_000 / 1000);
            if hours > 0 {
                write!(formatter, "{hours}H")?;
            }
            if minutes > 0 {
                write!(formatter, "{minutes}M")?;
            }
            if seconds > 0 || rest == 0 {
                write!(formatter, "{seconds}S")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_shown() {
        for (text, months, milliseconds) in [
            ("PT15M", 0, 900_000),
            ("P13M", 13, 0),
            ("P1Y", 12, 0),
            ("P7D", 0, 604_800_000),
            ("P1W", 0, 604_800_000),
            ("P1DT12H30M5S", 0, 131_405_000),
        ] {
            assert_eq!(text.parse(), Ok(Span { months, milliseconds }), "{text}");
        }
        for text in ["", "P", "PT", "15M", "P5", "PT5D", "P-1D", "P1DT", "P9999999999D", "P1M2", "pt5m"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!(Span { months: 13, milliseconds: 0 }.to_string(), "P13M");
        assert_eq!(Span { months: 0, milliseconds: 131_405_000 }.to_string(), "P1DT12H30M5S");
        assert_eq!(Span::default().to_string(), "PT0S");
    }

    #[test]
    fn instants_are_shown_as_rfc_3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::parse("2026-03-01T13:00:00.123+01:00"), Some(Timestamp(1_772_366_400_123)));
        assert_eq!(Timestamp::MAX.to_string(), format!("{} ms", i64::MAX));
    }

    #[test]
    fn a_leap_second_belongs_to_its_day() {
        let last = Timestamp::parse("2016-12-31T23:59:59.999Z");
        for text in [
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:60.500Z",
            "2017-01-01T00:59:60+01:00",
            "2016-12-31T15:59:60-08:00",
            "2017-01-01T05:29:60.1+05:30",
        ] {
            assert_eq!(Timestamp::parse(text), last, "{text}");
        }
        assert_eq!(Timestamp::parse("2026-03-31T23:59:60Z"), Timestamp::parse("2026-03-31T23:59:59.999Z"));
        for text in ["2016-12-31T23:59:61Z", "2016-12-31T24:00:00Z", "2016-12-31T23:60:00Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59.250Z"), Some(Timestamp(-750)));
    }
}
