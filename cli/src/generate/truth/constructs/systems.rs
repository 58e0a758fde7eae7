//! Systems: access rights, changes, malware, configuration, tests; and firewall rules.

use std::collections::BTreeMap;

use super::{
    series::{Row, Series, count, decimal, share},
    world::{World, groups, pick},
};
use crate::generate::{
    days::{DAY, HOUR, Length, months_before},
    plant::{ASSET_CLASSES, Asset, Change, Organisation, SystemFacts},
    truth::{answer::Answer, fraction::Fraction},
};

pub(super) fn times_of_edr(organisation: &Organisation) -> Vec<i64> {
    let reports = organisation.registers.systems.iter().flat_map(|facts| facts.signatures.iter().map(|(at, _)| *at));
    reports.chain(organisation.registers.blocked.iter().copied()).collect()
}

pub(super) fn times_of_network(organisation: &Organisation) -> Vec<i64> {
    let checks = organisation.registers.systems.iter().flat_map(|facts| facts.checks.iter().map(|(at, _)| *at));
    let rules = organisation.registers.rules.iter();
    checks.chain(rules.flat_map(|rule| rule.readings.iter().map(|(at, _)| *at).chain(rule.removed))).collect()
}

fn last(times: impl Iterator<Item = i64>, end: i64) -> Option<i64> {
    times.filter(|at| *at < end).max()
}

impl World<'_> {
    pub(super) fn of_systems(&self) -> Vec<Answer> {
        [
            self.access_rights(),
            self.changes(),
            self.malicious_code(),
            self.anti_malware(),
            self.configuration(),
            self.pentests(),
            self.firewall_rules(),
        ]
        .concat()
    }

    /// The systems that the inventory has before an instant.
    fn systems(&self, end: i64) -> impl Iterator<Item = (&Asset, &SystemFacts)> {
        let all = self.organisation.assets.iter().zip(&self.organisation.registers.systems);
        all.filter(move |(asset, _)| asset.since < end)
    }

    fn critical(&self, end: i64) -> impl Iterator<Item = (&Asset, &SystemFacts)> {
        self.systems(end).filter(|(asset, _)| asset.in_scope && asset.class == "server")
    }

    fn access_rights(&self) -> Vec<Answer> {
        let sources = &[&self.cmdb, &self.isms];
        let series = Series::total("isms/review-of-user-access-rights", Length::Month, 5 * DAY, sources);
        self.series(&series, |_, end, _| {
            let critical = count(self.critical(end));
            let reviewed = count(self.critical(end).filter(|(_, facts)| {
                last(facts.rights_reviews.iter().copied(), end).is_some_and(|at| at >= months_before(end, 6))
            }));
            let (value, outcome) = share((reviewed, critical), (100, 1), |value| {
                if value >= Fraction::whole(90) {
                    "green"
                } else if value >= Fraction::whole(70) {
                    "orange"
                } else {
                    "red"
                }
            });
            vec![Row::total(
                vec![("critical", critical.to_string()), ("reviewed", reviewed.to_string())],
                value,
                outcome,
            )]
        })
    }

    fn changes(&self) -> Vec<Answer> {
        let sources = &[&self.cmdb, &self.isms];
        let series = Series::total("isms/change-management", Length::HalfYear, 10 * DAY, sources);
        self.series(&series, |start, end, _| {
            let new = || self.systems(end).filter(|(asset, _)| asset.since >= start);
            let evidenced = count(new().filter(|(asset, facts)| {
                let before = |at: Option<i64>| at.is_some_and(|at| at <= asset.since);
                before(facts.approved) && before(facts.hardened)
            }));
            let new = count(new());
            let (value, outcome) =
                share((evidenced, new), (100, 1), |value| if value < Fraction::whole(100) { "red" } else { "green" });
            vec![Row::total(
                vec![("new_systems", new.to_string()), ("evidenced", evidenced.to_string())],
                value,
                outcome,
            )]
        })
    }

    fn malicious_code(&self) -> Vec<Answer> {
        let sources = &[&self.itsm, &self.edr];
        let series = Series::total("isms/protection-against-malicious-code", Length::Month, 5 * DAY, sources);
        self.series(&series, |start, end, back| {
            let malware = self.organisation.incidents.iter().filter(|incident| incident.category == "malware");
            let opened = malware.flat_map(|incident| &incident.changes);
            let incidents = count(opened.filter(|(at, change)| *change == Change::Opened && (start..end).contains(at)));
            let blocked = count(self.organisation.registers.blocked.iter().filter(|at| (start..end).contains(*at)));
            let before = back(None, 1, 0);
            let (value, outcome) = share((incidents, blocked), (1, 1), |value| match before {
                _ if value > decimal(5, 100) => "red",
                None => "insufficient-history",
                Some(before) if value <= before => "green",
                Some(_) => "yellow",
            });
            vec![Row::total(
                vec![("incidents", incidents.to_string()), ("blocked", blocked.to_string())],
                value,
                outcome,
            )]
        })
    }

    fn anti_malware(&self) -> Vec<Answer> {
        let series = Series {
            construct: "isms/anti-malware",
            dimension: "asset_class",
            length: Length::Day,
            close_after: 2 * HOUR,
            sources: &[&self.cmdb, &self.edr],
        };
        let values = ["server", "workstation"];
        self.series(&series, |_, end, _| {
            let mut counts: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for (asset, facts) in self.systems(end).filter(|(asset, _)| asset.class != "network") {
                let newest = facts.signatures.iter().filter(|(at, _)| *at < end).map(|(_, dated)| *dated).max();
                let of_class = counts.entry(asset.class).or_default();
                of_class.0 += i128::from(newest.is_none_or(|dated| dated < end - 7 * DAY));
                of_class.1 += 1;
            }
            let row = |group| {
                let (outdated, systems) = pick(&counts, group);
                let (value, outcome) =
                    share(
                        (outdated, systems),
                        (100, 1),
                        |value| if value > Fraction::whole(2) { "red" } else { "green" },
                    );
                let base = vec![("systems", systems.to_string()), ("outdated", outdated.to_string())];
                Row::total(base, value, outcome).of(group)
            };
            groups(&values, &counts).into_iter().map(row).collect()
        })
    }

    fn configuration(&self) -> Vec<Answer> {
        let series = Series {
            construct: "isms/device-configuration",
            dimension: "asset_class",
            length: Length::Day,
            close_after: 2 * HOUR,
            sources: &[&self.cmdb, &self.network],
        };
        self.series(&series, |_, end, _| {
            let mut counts: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for (asset, facts) in self.systems(end).filter(|(asset, _)| asset.in_scope) {
                let newest = facts.checks.iter().rfind(|(at, _)| *at < end);
                let of_class = counts.entry(asset.class).or_default();
                of_class.0 += i128::from(newest.is_some_and(|(at, compliant)| *compliant && *at >= end - 3 * DAY));
                of_class.1 += 1;
            }
            let row =
                |group| {
                    let (compliant, devices) = pick(&counts, group);
                    let (value, outcome) = share((compliant, devices), (100, 1), |value| {
                        if value < Fraction::whole(100) { "red" } else { "green" }
                    });
                    let base = vec![("devices", devices.to_string()), ("compliant", compliant.to_string())];
                    Row::total(base, value, outcome).of(group)
                };
            groups(&ASSET_CLASSES, &counts).into_iter().map(row).collect()
        })
    }

    fn pentests(&self) -> Vec<Answer> {
        let sources = &[&self.cmdb, &self.grc, &self.isms];
        let series = Series::total("isms/pentest-and-vulnerability-assessment", Length::HalfYear, 10 * DAY, sources);
        self.series(&series, |_, end, _| {
            let critical = count(self.critical(end));
            let tested = count(self.critical(end).filter(|(asset, facts)| {
                let tested = last(asset.pentests.iter().copied(), end);
                tested.is_some_and(|tested| {
                    last(facts.releases.iter().copied(), end).is_none_or(|release| tested >= release)
                })
            }));
            let (value, outcome) = share((tested, critical), (100, 1), |value| {
                if value >= Fraction::whole(100) {
                    "green"
                } else if value >= Fraction::whole(75) {
                    "orange"
                } else {
                    "red"
                }
            });
            vec![Row::total(vec![("critical", critical.to_string()), ("tested", tested.to_string())], value, outcome)]
        })
    }

    fn firewall_rules(&self) -> Vec<Answer> {
        let sources = &[&self.network];
        let series = Series::total("isms/firewall-rules", Length::HalfYear, 10 * DAY, sources);
        self.series(&series, |start, end, _| {
            let (mut rules, mut unused, mut unwatched) = (0_i128, 0_i128, 0_i128);
            for rule in &self.organisation.registers.rules {
                let gone = rule.removed.is_some_and(|at| at < end);
                if gone || rule.readings.first().is_none_or(|(at, _)| *at > start || *at >= end) {
                    continue;
                }
                rules += 1;
                let within = rule.readings.iter().filter(|(at, _)| (start..end).contains(at)).count();
                unwatched += i128::from(within < 20);
                // Each reading counts from the one before it; below it, from zero.
                let steps = rule.readings.windows(2).filter_map(|pair| match pair {
                    [(_, before), (at, after)] if (start..end).contains(at) => {
                        Some(if after < before { *after } else { after - before })
                    }
                    _ => None,
                });
                unused += i128::from(steps.sum::<i64>() == 0);
            }
            let outcome = if rules == 0 {
                "not-applicable"
            } else if unwatched > 0 {
                "unvalidated"
            } else if unused == 0 {
                "green"
            } else {
                "red"
            };
            let base = vec![
                ("rules", rules.to_string()),
                ("unused", unused.to_string()),
                ("unwatched", unwatched.to_string()),
            ];
            vec![Row::total(base, Some(Fraction::whole(unused)), outcome)]
        })
    }
}
