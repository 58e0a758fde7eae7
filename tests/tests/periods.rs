//! Days, weeks, months and years of every zone and every day from 1970 to 2100, beside a second library.
//! chrono-tz knows no clock changes from 2100 on, so that its last day is the end of 2099.
//!
//! Both libraries bring their own copy of the zone database. Where its releases differ the zones are named below, with
//! no other fault excused: a fault of ours would show everywhere.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, sync::Mutex};

use jiff::{civil::Date, tz::TimeZone};
use measurement::{
    calendar::{Calendar, PeriodLength},
    time::Timestamp,
};

/// Zones whose history or future differs between the two copies of the zone database: 2025b beside a later one.
const OTHER_RELEASE: [&str; 20] = [
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Bogota",
    "America/Edmonton",
    "America/Ensenada",
    "America/Havana",
    "America/Inuvik",
    "America/Rainy_River",
    "America/Santa_Isabel",
    "America/Tijuana",
    "America/Vancouver",
    "America/Winnipeg",
    "America/Yellowknife",
    "Asia/Tehran",
    "Canada/Central",
    "Canada/Mountain",
    "Canada/Pacific",
    "Cuba",
    "Iran",
    "Mexico/BajaNorte",
];

/// The zones that both libraries know.
fn zones() -> Vec<(chrono_tz::Tz, TimeZone)> {
    let both = |zone: &chrono_tz::Tz| Some((*zone, jiff::tz::db().get(zone.name()).ok()?));
    chrono_tz::TZ_VARIANTS.iter().filter_map(both).collect()
}

/// First instant of a date in a zone by the second library.
fn start_of(date: Date, zone: &TimeZone) -> i64 {
    date.to_zoned(zone.clone()).unwrap().start_of_day().unwrap().timestamp().as_millisecond()
}

/// Runs a check on all zones, by two threads, and gives the faults by zone.
fn by_zone(check: impl Fn(chrono_tz::Tz, &TimeZone) -> Vec<String> + Sync) -> BTreeMap<&'static str, Vec<String>> {
    let zones = Mutex::new(zones());
    assert!(zones.lock().unwrap().len() > 550, "few zones are known to both");
    let faults = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((zone, other)) = { zones.lock().unwrap().pop() } {
                    let found = check(zone, &other);
                    if !found.is_empty() {
                        faults.lock().unwrap().insert(zone.name(), found);
                    }
                }
            });
        }
    });
    faults.into_inner().unwrap()
}

fn assert_none(faults: &BTreeMap<&'static str, Vec<String>>) {
    let ours: BTreeMap<_, _> = faults.iter().filter(|(zone, _)| !OTHER_RELEASE.contains(zone)).collect();
    let shown: Vec<String> = ours
        .iter()
        .map(|(zone, found)| format!("{zone}: {} differences, {:?} …", found.len(), found.first()))
        .collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn every_day_of_every_zone_from_1970_to_2100() {
    let faults = by_zone(|zone, other| {
        let calendar = Calendar::civil(zone);
        let mut found = Vec::new();
        let mut date = Date::constant(1970, 1, 2);
        let last = Date::constant(2100, 1, 1);
        let mut start = start_of(date, other);
        while date < last {
            let next = date.tomorrow().unwrap();
            let end = start_of(next, other);
            let day = calendar.period_at(PeriodLength::Day, Timestamp(start));
            // A zone that skipped a day has no such day: its start is that of the next.
            if start < end && (day.start.0, day.end.0) != (start, end) {
                found.push(format!("{date}: {day:?}, wanted {start} to {end}"));
            }
            (date, start) = (next, end);
        }
        found
    });
    assert_none(&faults);
}

/// Around every change of every zone's clocks: each instant lies in one period, the next one begins where it ends, and
/// the way back is the way forth.
#[test]
fn periods_tile_time_around_every_change_of_clocks() {
    const MINUTE: i64 = 60_000;
    let lengths = ["PT1M", "PT5M", "PT15M", "PT20M", "PT30M", "PT1H", "P1D", "P1W", "P1M"];
    let lengths = lengths.map(|text| text.parse::<PeriodLength>().unwrap());
    let faults = by_zone(|zone, other| {
        let calendar = Calendar::civil(zone);
        let mut found = Vec::new();
        let from = jiff::Timestamp::UNIX_EPOCH;
        let changes = other.following(from).map(|change| change.timestamp().as_millisecond());
        for change in changes.take_while(|change| *change < 2_145_916_800_000) {
            for length in lengths {
                // From an hour before to an hour after, at odd distances, and at the change itself.
                let times = (-4..=4_i64).map(|step| change + step * 17 * MINUTE + 1).chain([change - 1, change]);
                for time in times.map(Timestamp) {
                    let period = calendar.period_at(length, time);
                    let next = calendar.next(length, &period);
                    let whole = period.contains(time)
                        && calendar.period_at(length, period.start) == period
                        && calendar.period_at(length, period.end.minus(1)) == period
                        && next.start == period.end
                        && calendar.previous(length, &next, 1) == period
                        && calendar.next(length, &calendar.previous(length, &period, 1)) == period;
                    if !whole {
                        found.push(format!("{length} at {time}: {period:?}, then {next:?}"));
                    }
                }
            }
        }
        found
    });
    // The two libraries need not agree on when clocks change: periods tile time in any case.
    let shown: Vec<_> = faults.iter().map(|(zone, found)| format!("{zone}: {} {:?}", found.len(), found[0])).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

/// Hours begin where the clock on the wall shows a full hour, or where it was changed.
#[test]
fn every_hour_of_every_zone_begins_with_a_full_one() {
    let faults = by_zone(|zone, other| {
        let calendar = Calendar::civil(zone);
        let mut found = Vec::new();
        let from = jiff::Timestamp::from_millisecond(0).unwrap();
        let changes: Vec<i64> =
            other.following(from).map(|change| change.timestamp().as_millisecond()).take(400).collect();
        for change in changes.iter().filter(|change| **change < 2_145_916_800_000) {
            let mut hour = calendar.period_at(PeriodLength::Hour, Timestamp(change - 7_200_000));
            for _ in 0..5 {
                hour = calendar.next(PeriodLength::Hour, &hour);
                let wall = jiff::Timestamp::from_millisecond(hour.start.0).unwrap().to_zoned(other.clone());
                if (wall.minute(), wall.second()) != (0, 0) && !changes.contains(&hour.start.0) {
                    found.push(format!("an hour begins at {wall}"));
                }
            }
        }
        found
    });
    assert_none(&faults);
}

#[test]
fn every_week_month_quarter_and_fiscal_year() {
    let faults = by_zone(|zone, other| {
        let mut found = Vec::new();
        let mut check = |calendar: &Calendar, length: PeriodLength, first: Date, next: Date| {
            let wanted = (start_of(first, other), start_of(next, other));
            let period = calendar.period_at(length, Timestamp(wanted.0));
            let last = calendar.period_at(length, Timestamp(wanted.1 - 1));
            if (period.start.0, period.end.0) != wanted || last != period {
                found.push(format!("{first} {length}: {period:?}, wanted {wanted:?}"));
            }
        };
        let civil = Calendar::civil(zone);
        let months = |date: Date, months: i64| date.checked_add(jiff::Span::new().months(months)).unwrap();
        for year in 1971..2099_i16 {
            for month in 1..=12_i8 {
                let first = Date::constant(year, month, 1);
                check(&civil, PeriodLength::Months(1), first, months(first, 1));
                if month % 3 == 1 {
                    check(&civil, PeriodLength::Months(3), first, months(first, 3));
                }
                // A fiscal year that begins on the sixth of any month.
                let begins = Date::constant(year, month, 6);
                let fiscal = Calendar { zone, fiscal_year_start: (u32::try_from(month).unwrap(), 6) };
                check(&fiscal, PeriodLength::Months(12), begins, months(begins, 12));
                check(&fiscal, PeriodLength::Months(6), begins, months(begins, 6));
            }
        }
        let mut monday = Date::constant(1970, 1, 5);
        while monday.year() < 2099 {
            let next = monday.checked_add(jiff::Span::new().days(7)).unwrap();
            check(&civil, PeriodLength::Week, monday, next);
            monday = next;
        }
        found
    });
    assert_none(&faults);
}
