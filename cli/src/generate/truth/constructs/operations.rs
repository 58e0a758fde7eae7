//! Passwords, entry to rooms, maintenance, availability.

use super::{
    series::{Row, Series, count, decimal, mean, share, shown},
    world::World,
};
use crate::generate::{
    days::{DAY, Length, MINUTE, months_before},
    plant::{Organisation, SERVICES},
    truth::{answer::Answer, fraction::Fraction},
};

pub(super) fn times_of_facility(organisation: &Organisation) -> Vec<i64> {
    let registers = &organisation.registers;
    let sites = registers.sites.iter().flat_map(|site| site.inspections.iter().map(|(at, _)| *at));
    let maintenances = registers.maintenances.iter().flat_map(|work| [Some(work.planned), work.done]).flatten();
    sites.chain(maintenances).chain(registers.entries.iter().map(|(at, _)| *at)).collect()
}

pub(super) fn times_of_monitoring(organisation: &Organisation) -> Vec<i64> {
    organisation.registers.intervals.iter().flat_map(|interval| [interval.from, interval.to]).collect()
}

/// Minutes that at least one interval covers.
fn covered(mut intervals: Vec<(i64, i64)>) -> i128 {
    intervals.sort_unstable();
    let (mut sum, mut until) = (0_i128, i64::MIN);
    for (from, to) in intervals {
        sum += i128::from((to - from.max(until)).max(0));
        until = until.max(to);
    }
    sum / i128::from(MINUTE)
}

impl World<'_> {
    pub(super) fn of_operations(&self) -> Vec<Answer> {
        [
            self.passwords("isms/password-quality-manual", Length::HalfYear, 10 * DAY, false),
            self.passwords("isms/password-quality-automated", Length::Week, 2 * DAY, true),
            self.entry_systems(),
            self.entries(),
            self.maintenance(),
            self.availability(),
        ]
        .concat()
    }

    fn passwords(&self, construct: &str, length: Length, close_after: i64, automated: bool) -> Vec<Answer> {
        let sources = &[&self.iam];
        let series = Series::total(construct, length, close_after, sources);
        self.series(&series, |start, end, back| {
            let checks = self.organisation.registers.password_checks.iter();
            let checks = checks.filter(|check| check.automated == automated && (start..end).contains(&check.at));
            let (tested, conforming) = checks.fold((0_i128, 0_i128), |(tested, conforming), check| {
                (tested + i128::from(check.tested), conforming + i128::from(check.conforming))
            });
            let before = back(None, 1, 0);
            let (value, outcome) = share((conforming, tested), (1, 1), |value| {
                if value > decimal(9, 10) {
                    "green"
                } else if value < decimal(8, 10) || before.is_some_and(|before| value <= before) {
                    "red"
                } else {
                    "yellow"
                }
            });
            vec![Row::total(
                vec![("tested", tested.to_string()), ("conforming", conforming.to_string())],
                value,
                outcome,
            )]
        })
    }

    fn entry_systems(&self) -> Vec<Answer> {
        let sources = &[&self.facility];
        let series = Series::total("isms/physical-entry-system", Length::HalfYear, 10 * DAY, sources);
        self.series(&series, |_, end, _| {
            let sites = self.organisation.registers.sites.iter();
            let newest: Vec<(i64, i64)> =
                sites.filter_map(|site| site.inspections.iter().rfind(|(at, _)| *at < end).copied()).collect();
            let fresh: Vec<i64> =
                newest.iter().filter(|(at, _)| *at >= months_before(end, 12)).map(|(_, level)| *level).collect();
            let lowest = fresh.iter().min().map(|level| Fraction::whole(i128::from(*level)));
            let outcome = match lowest {
                _ if fresh.len() < newest.len() => "unvalidated",
                None => "not-applicable",
                Some(level) if level < Fraction::whole(3) => "red",
                Some(_) => "green",
            };
            let base = vec![
                ("lowest", shown(lowest)),
                ("sites", newest.len().to_string()),
                ("inspected", fresh.len().to_string()),
            ];
            vec![Row::total(base, lowest, outcome)]
        })
    }

    fn entries(&self) -> Vec<Answer> {
        let sources = &[&self.facility];
        let series = Series::total("isms/physical-entry-effectiveness", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |start, end, back| {
            let entries = self.organisation.registers.entries.iter();
            let found = count(entries.filter(|(at, unauthorised)| *unauthorised && (start..end).contains(at)));
            let now = Fraction::whole(found);
            let before = back(None, 1, 0);
            let value = before.and_then(|before| now.over(before));
            let outcome = match (before, value) {
                (None, _) => "insufficient-history",
                (Some(_), None) => "not-applicable",
                (Some(_), Some(value)) if value < Fraction::whole(1) => "green",
                (Some(_), Some(_)) => "red",
            };
            vec![Row::total(vec![("unauthorised", found.to_string())], value, outcome).keeping(vec![Some(now)])]
        })
    }

    fn maintenance(&self) -> Vec<Answer> {
        let sources = &[&self.facility];
        let series = Series::total("isms/periodic-maintenance", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |start, end, back| {
            let known = || self.organisation.registers.maintenances.iter().filter(|work| work.planned < end);
            let done = known().filter_map(|work| Some((work, work.done.filter(|at| (start..end).contains(at))?)));
            let delays: Vec<Fraction> =
                done.filter_map(|(work, at)| Fraction::new(i128::from(at - work.scheduled), i128::from(DAY))).collect();
            let delay = mean(&delays);
            let due = || known().filter(|work| (start..end).contains(&work.scheduled));
            let (planned, completed) = (count(due()), count(due().filter(|work| work.done.is_some_and(|at| at < end))));
            let before = back(None, 1, 0);
            let (value, outcome) = share((completed, planned), (1, 1), |value| match (delay, before) {
                _ if value <= decimal(9, 10) => "red",
                (None, _) => "not-applicable",
                (Some(delay), _) if delay > Fraction::whole(3) => "yellow",
                (Some(_), None) => "insufficient-history",
                (Some(_), Some(before)) if value >= before => "green",
                (Some(_), Some(_)) => "yellow",
            });
            let base =
                vec![("delay", shown(delay)), ("planned", planned.to_string()), ("completed", completed.to_string())];
            vec![Row::total(base, value, outcome)]
        })
    }

    fn availability(&self) -> Vec<Answer> {
        let series = Series {
            construct: "isms/total-availability",
            dimension: "service",
            length: Length::Month,
            close_after: 5 * DAY,
            sources: &[&self.monitoring],
        };
        self.series(&series, |start, end, _| {
            let minutes = i128::from((end - start) / MINUTE);
            let down = |service: &str, windows_alone: bool| {
                let intervals = self.organisation.registers.intervals.iter();
                let intervals =
                    intervals.filter(|interval| interval.service == service && (interval.window || !windows_alone));
                let inside = intervals.map(|interval| (interval.from.max(start), interval.to.min(end)));
                covered(inside.filter(|(from, to)| from < to).collect())
            };
            let row =
                |group: Option<&'static str>| {
                    let services: Vec<&str> =
                        SERVICES.into_iter().filter(|name| group.is_none_or(|group| group == *name)).collect();
                    let sum = |windows_alone| services.iter().map(|service| down(service, windows_alone)).sum::<i128>();
                    let (interrupted, windows) = (sum(false), sum(true));
                    let promised = match group {
                        Some("web") => decimal(999, 10),
                        Some("erp") => Fraction::whole(99),
                        _ => decimal(995, 10),
                    };
                    let all = minutes * i128::try_from(services.len()).unwrap_or(0);
                    let (value, outcome) = share((all - interrupted, all - windows), (100, 1), |value| {
                        if value < promised { "red" } else { "green" }
                    });
                    let base = vec![("interrupted", interrupted.to_string()), ("windows", windows.to_string())];
                    Row::total(base, value, outcome).of(group)
                };
            SERVICES.iter().map(|service| row(Some(service))).chain([row(None)]).collect()
        })
    }
}
