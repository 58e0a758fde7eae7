//! Stamps of sources to instants: the zone is the source's where a stamp has none, and a year that is missing comes
//! from the record's time, never from the machine's clock.

use std::sync::LazyLock;

use chrono::{
    DateTime, NaiveDateTime, TimeDelta, Timelike as _, Utc,
    format::{Parsed, StrftimeItems, parse},
};
use chrono_tz::Tz;
use measurement::{forms::instant_of_local, time::Timestamp};
use vrl::{
    compiler::{Context, TimeZone},
    core::Value,
    path::{OwnedTargetPath, OwnedValuePath},
    prelude::{ExpressionError, VrlValueConvert as _},
};

/// How far ahead of the record's time a stamp without a year may lie before it is taken for one of the year before.
const AHEAD: i64 = 86_400_000;
/// Years back in which there has been a 29 February in any case.
const YEARS_BACK: i32 = 9;

static RECEIVED: LazyLock<OwnedTargetPath> =
    LazyLock::new(|| OwnedTargetPath::metadata(OwnedValuePath::single_field(super::RECEIVED)));

/// What a stamp does not say itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    /// Zone of the source.
    pub(super) zone: Tz,
    /// The record's time.
    pub(super) received: Option<Timestamp>,
}

impl Stamps {
    /// Of the record that a program is run on.
    pub(super) fn of(ctx: &Context<'_>) -> Self {
        let received = match ctx.target().target_get(&RECEIVED) {
            Ok(Some(Value::Integer(milliseconds))) => Some(Timestamp(*milliseconds)),
            Ok(_) | Err(_) => None,
        };
        Self { zone: named(*ctx.timezone()).unwrap_or(chrono_tz::UTC), received }
    }

    /// In the zone that a program names; the source's own for `local`.
    pub(super) fn in_zone(self, name: &Value) -> Result<Self, ExpressionError> {
        let zone = TimeZone::parse(&name.try_bytes_utf8_lossy()?)
            .ok_or_else(|| ExpressionError::from("unable to parse the timezone"))?;
        Ok(Self { zone: named(zone).unwrap_or(self.zone), ..self })
    }

    /// The instant of a stamp in a format of `strptime`.
    pub(super) fn read(&self, stamp: &str, format: &str) -> Option<DateTime<Utc>> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, stamp, StrftimeItems::new(format)).ok()?;
        let has_year = parsed.year().is_some() || parsed.year_mod_100().is_some() || parsed.isoyear().is_some();
        if has_year || parsed.timestamp().is_some() {
            return self.place(&parsed, format);
        }
        let limit = self.received?.plus(AHEAD).to_utc()?;
        // Zones ahead of UTC may be in the next year already.
        let newest = chrono::Datelike::year(&limit) + 1;
        (0..=YEARS_BACK).find_map(|back| {
            let mut dated = parsed.clone();
            dated.set_year(i64::from(newest - back)).ok()?;
            self.place(&dated, format).filter(|time| *time <= limit)
        })
    }

    fn place(&self, parsed: &Parsed, format: &str) -> Option<DateTime<Utc>> {
        if parsed.timestamp().is_some() {
            return Some(settle(parsed.to_datetime_with_timezone(&Utc).ok()?));
        }
        if parsed.offset().is_some() {
            return Some(settle(parsed.to_datetime().ok()?.to_utc()));
        }
        // The name of a zone is no offset: EST is not one place's alone.
        if format.contains("%Z") {
            return None;
        }
        self.local(parsed.to_naive_datetime_with_offset(0).ok()?)
    }

    /// The instant of a local time; see [`instant_of_local`].
    pub(super) fn local(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let nanoseconds = local.nanosecond();
        let finer = if nanoseconds < 1_000_000_000 { i64::from(nanoseconds % 1_000_000) } else { 0 };
        let time = instant_of_local(local, self.zone)?.to_utc()?;
        time.checked_add_signed(TimeDelta::nanoseconds(finer))
    }
}

/// The zone of a name, the source's own for `local`: the machine's has no say.
pub(super) fn named(zone: TimeZone) -> Option<Tz> {
    match zone {
        TimeZone::Named(zone) => Some(zone),
        TimeZone::Local => None,
    }
}

/// A leap second belongs to its minute.
pub(super) fn settle(time: DateTime<Utc>) -> DateTime<Utc> {
    if time.timestamp_subsec_nanos() < 1_000_000_000 {
        return time;
    }
    Timestamp::of(&time).to_utc().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stamp: &str, format: &str, zone: Tz, received: &str) -> Option<String> {
        let stamps = Stamps { zone, received: Timestamp::parse(received) };
        stamps.read(stamp, format).map(|time| Timestamp::of(&time).to_string())
    }

    const BSD: &str = "%b %e %H:%M:%S";

    #[test]
    fn a_missing_year_comes_from_the_records_time() {
        let utc = chrono_tz::UTC;
        for (stamp, received, instant) in [
            ("Mar 10 08:00:00", "2027-04-01T00:00:00Z", "2027-03-10T08:00:00.000Z"),
            ("Dec 10 08:00:00", "2027-04-01T00:00:00Z", "2026-12-10T08:00:00.000Z"),
            ("Dec 31 23:59:59", "2026-01-01T00:00:10Z", "2025-12-31T23:59:59.000Z"),
            // A clock that is ahead a little, over the turn of the year.
            ("Jan  1 00:00:05", "2025-12-31T23:59:59Z", "2026-01-01T00:00:05.000Z"),
            ("Jan  2 00:00:00", "2025-12-31T23:59:59Z", "2025-01-02T00:00:00.000Z"),
            ("Feb 29 12:00:00", "2024-03-05T00:00:00Z", "2024-02-29T12:00:00.000Z"),
            ("Feb 29 12:00:00", "2026-03-05T00:00:00Z", "2024-02-29T12:00:00.000Z"),
            // 1900 was no leap year, nor will 2100 be.
            ("Feb 29 12:00:00", "2103-03-05T00:00:00Z", "2096-02-29T12:00:00.000Z"),
            ("Dec 31 23:59:60", "2017-01-01T00:00:10Z", "2016-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(read(stamp, BSD, utc, received).as_deref(), Some(instant), "{stamp} at {received}");
        }
        assert_eq!(read("Feb 30 12:00:00", BSD, utc, "2026-03-05T00:00:00Z"), None);
        assert_eq!(Stamps { zone: utc, received: None }.read("Mar 10 08:00:00", BSD), None);
        let weekday = read("Tue Mar 10 08:00:00", "%a %b %e %H:%M:%S", utc, "2028-04-01T00:00:00Z");
        assert_eq!(weekday.as_deref(), Some("2026-03-10T08:00:00.000Z"), "the day of the week must fit");
    }

    #[test]
    fn zones_are_those_of_the_source() {
        for (stamp, format, zone, instant) in [
            ("Mar 10 14:00:00", BSD, chrono_tz::Asia::Kolkata, "2026-03-10T08:30:00.000Z"),
            ("Oct 25 02:30:00", BSD, chrono_tz::Europe::Zurich, "2025-10-25T00:30:00.000Z"),
            ("2025-10-26 02:30:00", "%F %T", chrono_tz::Europe::Zurich, "2025-10-26T00:30:00.000Z"),
            ("2026-03-29 02:30:00", "%F %T", chrono_tz::Europe::Zurich, "2026-03-29T01:30:00.000Z"),
            ("2026-03-10T14:00:00+01:00", "%+", chrono_tz::Asia::Kolkata, "2026-03-10T13:00:00.000Z"),
            ("10/Mar/2026:14:00:00 -0500", "%d/%b/%Y:%T %z", chrono_tz::Asia::Kolkata, "2026-03-10T19:00:00.000Z"),
            ("1773129600", "%s", chrono_tz::Asia::Kolkata, "2026-03-10T08:00:00.000Z"),
            ("2016-12-31T23:59:60.5Z", "%+", chrono_tz::UTC, "2016-12-31T23:59:59.999Z"),
        ] {
            let read = read(stamp, format, zone, "2026-04-01T00:00:00Z");
            assert_eq!(read.as_deref(), Some(instant), "{stamp} {zone}");
        }
        let utc = chrono_tz::UTC;
        for (stamp, format) in [
            ("2026-03-10 08:00:00 EST", "%F %T %Z"),
            ("2026-03-10", "%F"),
            ("08:00", "%H:%M"),
            ("2026-03-10T08:00", "%+"),
        ] {
            assert_eq!(read(stamp, format, utc, "2026-04-01T00:00:00Z"), None, "{stamp}");
        }
    }
}
