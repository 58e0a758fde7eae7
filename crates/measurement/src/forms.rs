//! The forms in which numbers, truths and instants are written, as texts and as numbers; exact, never through a float.

use chrono::{NaiveDate, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;

use crate::{calendar::Calendar, catalogue::TimeUnit, number::Exact, time::Timestamp};

/// Longest text of a number that serves as an identifier.
const IDENTIFIER_LIMIT: usize = 64;
/// Most decimal places of a number that serves as an identifier.
const IDENTIFIER_PLACES: u32 = 48;

/// Milliseconds of the years 2000 to 9999.
const CREDIBLE: std::ops::Range<i64> = 946_684_800_000..253_402_300_800_000;

/// How a source writes what its values do not say themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Unit of instants that are numbers.
    pub unit: TimeUnit,
    /// Zone of times without one.
    pub zone: Tz,
}

impl Default for Reading {
    fn default() -> Self {
        Self { unit: TimeUnit::Milliseconds, zone: chrono_tz::UTC }
    }
}

/// The number that a text is.
pub fn number_of_text(text: &str) -> Option<Exact> {
    Exact::from_decimal(text.trim())
}

/// The shortest decimal form of a number; `None` where that is too long to identify anything.
pub fn text_of_number(number: &Exact) -> Option<String> {
    let text = match number.to_i64() {
        Some(whole) => whole.to_string(),
        None if number.cut(IDENTIFIER_PLACES) == *number => number.display(IDENTIFIER_PLACES),
        None => return None,
    };
    (text.len() <= IDENTIFIER_LIMIT).then_some(text)
}

/// The truth that a text says.
pub fn bool_of_text(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The truth that a number says: 0 or 1.
pub fn bool_of_number(number: &Exact) -> Option<bool> {
    match number.to_i64() {
        Some(0) => Some(false),
        Some(1) => Some(true),
        Some(_) | None => None,
    }
}

/// The instant that a number is in a unit; finer than milliseconds is cut off.
pub fn time_of_number(number: &Exact, unit: TimeUnit) -> Option<Timestamp> {
    let factor = match unit {
        TimeUnit::Seconds => Exact::from(1000_i64),
        TimeUnit::Milliseconds => Exact::from(1_i64),
        TimeUnit::Microseconds => Exact::ratio(1, 1000)?,
        TimeUnit::Nanoseconds => Exact::ratio(1, 1_000_000)?,
    };
    let milliseconds = number.multiply(&factor);
    let floor = milliseconds.floor_i64();
    // Cut to the range of 64 bits, it would be another instant.
    let off = milliseconds.subtract(&Exact::from(floor));
    (!off.is_negative() && off < 1).then_some(Timestamp(floor))
}

/// Whether a number of milliseconds can be meant as an instant: one before 2000 or after 9999 is a number in another unit, or a
/// day such as 20260210. Zero is what clocks and exporters write for "never".
pub(crate) fn is_credible(milliseconds: i64) -> bool {
    milliseconds == 0 || CREDIBLE.contains(&milliseconds)
}

/// The same as [`time_of_number`], where the number can be meant as an instant.
pub(crate) fn credible_time(number: &Exact, unit: TimeUnit) -> Option<Timestamp> {
    time_of_number(number, unit).filter(|time| is_credible(time.0))
}

/// The instant that a text is: RFC 3339, the same without a zone, or a number in the source's unit.
pub fn time_of_text(text: &str, reading: Reading) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(time) = Timestamp::parse(text) {
        return Some(time);
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    match forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
        Some(local) => instant_of_local(local, reading.zone),
        None => time_of_number(&number_of_text(text)?, reading.unit),
    }
}

/// The day that a text is, `YYYY-MM-DD` and nothing else.
pub fn day_of_text(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let is_form = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// The first instant of a day in a zone.
pub fn start_of_day(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    Calendar::civil(zone).instant_of(day.and_hms_opt(0, 0, 0)?)
}

/// The first instant after a day in a zone.
pub fn end_of_day(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    start_of_day(day.succ_opt()?, zone)
}

/// The instant of a stamp that a source wrote without its offset. Where the clock showed that time twice, the first
/// one; where it never showed it, as far after the gap as the stamp is after the gap's beginning. A leap second is
/// the last millisecond of its minute.
pub fn instant_of_local(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    if let Some(time) = zone.from_local_datetime(&local).earliest() {
        return Some(Timestamp::of(&time));
    }
    let day_before = local.checked_sub_signed(chrono::TimeDelta::days(1))?;
    let offset = zone.offset_from_utc_datetime(&day_before).fix().local_minus_utc();
    let time = Timestamp::of(&local.and_utc());
    Some(time.minus(i64::from(offset).saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Every local time has an instant, and the zone's clocks show it there unless it fell into a gap.
        #[test]
        fn every_stamp_is_placed(zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()), seconds in 0_i64..4_102_444_800) {
            let local = chrono::DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
            let instant = instant_of_local(local, zone).unwrap();
            let shown = instant.to_utc().unwrap().with_timezone(&zone).naive_local();
            prop_assert!(shown == local || zone.from_local_datetime(&local).earliest().is_none());
        }
    }
}
