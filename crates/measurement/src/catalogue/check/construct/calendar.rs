//! Zone, fiscal year, working hours, length of periods.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime, Weekday};

use crate::{
    calendar::{Calendar, PeriodLength, PeriodLengthError},
    catalogue::{check::zone, faults::Faults, spec},
    working::{SharedHours, WorkingHours},
};

pub(super) fn calendar(
    spec: &spec::ConstructSpec,
    faults: &mut Faults<'_>,
) -> (Calendar, PeriodLength, Option<SharedHours>) {
    let zone = zone(&spec.calendar.zone, faults);
    let start = &spec.calendar.fiscal_year_start;
    let fiscal_year_start = start
        .value
        .split_once('-')
        .and_then(|(month, day)| Some((month.parse().ok()?, day.parse().ok()?)))
        .filter(|(month, day)| (1..=12).contains(month) && (1..=28).contains(day))
        .unwrap_or_else(|| {
            let hint = "write the start of the year like 01-01, the day up to 28";
            faults.add(&start.referenced, "not a month and day", hint);
            (1, 1)
        });
    let period = spec.cadence.period.value.parse().unwrap_or_else(|fault: PeriodLengthError| {
        faults.add(&spec.cadence.period.referenced, fault.to_string(), "periods are calendar periods");
        PeriodLength::Day
    });
    let hours = spec.calendar.working_hours.as_ref().map(|hours| Arc::new(working_hours(hours, zone, faults)));
    (Calendar { zone, fiscal_year_start }, period, hours)
}

fn working_hours(spec: &spec::WorkingHoursSpec, zone: chrono_tz::Tz, faults: &mut Faults<'_>) -> WorkingHours {
    let mut time = |text: &spec::Text| {
        NaiveTime::parse_from_str(&text.value, "%H:%M").unwrap_or_else(|_| {
            faults.add(&text.referenced, "not a time of day", "write it like 08:00");
            NaiveTime::MIN
        })
    };
    let (from, to) = (time(&spec.from), time(&spec.to));
    if from >= to {
        faults.add(&spec.to.referenced, "the working day ends before it begins", "let `to` be after `from`");
    }
    let mut days = Vec::new();
    for day in &spec.days {
        if let Ok(weekday) = day.value.parse::<Weekday>() {
            days.push(weekday);
        } else {
            let reason = format!("`{}` is no day of the week", day.value);
            faults.add(&day.referenced, reason, "write mon, tue, wed, thu, fri, sat or sun");
        }
    }
    let mut holidays = std::collections::BTreeSet::new();
    for day in &spec.holidays {
        match day.value.parse::<NaiveDate>() {
            Ok(date) => {
                holidays.insert(date);
            }
            Err(_) => faults.add(&day.referenced, "not a date", "write the day like 2026-12-25"),
        }
    }
    WorkingHours { zone, days, from, to, holidays }
}
