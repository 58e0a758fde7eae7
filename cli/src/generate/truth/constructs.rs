//! The constructs, one function each.

mod world;
mod actions;
mod management;
mod operations;
mod people;
mod registers;
mod series;
mod systems;

use std::collections::{BTreeMap, HashMap};

use world::{World, declared, groups, label, pick};

use super::{
    answer::Answer,
    fraction::Fraction,
    outcome::{Draft, Life, Ratio, SourceTimes, first, life},
};
use crate::generate::{
    days::{DAY, HOUR, Length, MINUTE, periods},
    plant::{ASSET_CLASSES, CATEGORIES, Change, Organisation},
};

pub(super) fn answers(organisation: &Organisation) -> Vec<Answer> {
    let beats = |source: &str| {
        let found = organisation.heartbeats.iter().find(|(name, _)| *name == source);
        found.map(|(_, beats)| beats.clone()).unwrap_or_default()
    };
    let with_beats = |source: &str, times: Vec<i64>| SourceTimes::new([times, beats(source)].concat(), 2 * DAY);
    let assets = &organisation.assets;
    let vulnerabilities = &organisation.vulnerabilities;
    let world = World {
        organisation,
        sshd: SourceTimes::new(organisation.log_ins.iter().map(|log_in| log_in.at).collect(), 6 * HOUR),
        itsm: with_beats(
            "itsm",
            organisation.incidents.iter().flat_map(|incident| incident.changes.iter().map(|(at, _)| *at)).collect(),
        ),
        scanner: with_beats(
            "scanner",
            assets
                .iter()
                .flat_map(|asset| asset.scans.iter().copied())
                .chain(
                    vulnerabilities
                        .iter()
                        .flat_map(|finding| [Some(finding.found), finding.fixed].into_iter().flatten()),
                )
                .collect(),
        ),
        cmdb: with_beats("cmdb", assets.iter().map(|asset| asset.since).collect()),
        hr: with_beats(
            "hr",
            organisation.people.iter().flat_map(|person| person.states.iter().map(|state| state.at)).collect(),
        ),
        lms: with_beats(
            "lms",
            organisation
                .people
                .iter()
                .flat_map(|person| person.trained.iter().chain(&person.made_aware).copied())
                .collect(),
        ),
        isms: with_beats("isms", management::times(organisation)),
        finance: with_beats("finance", actions::times(organisation)),
        contracts: with_beats("contracts", management::times_of_contracts(organisation)),
        facility: with_beats("facility", operations::times_of_facility(organisation)),
        awareness: with_beats("awareness", people::times(organisation)),
        edr: with_beats("edr", systems::times_of_edr(organisation)),
        network: with_beats("network", systems::times_of_network(organisation)),
        monitoring: with_beats("monitoring", operations::times_of_monitoring(organisation)),
        iam: with_beats("iam", organisation.registers.password_checks.iter().map(|check| check.at).collect()),
        grc: with_beats(
            "grc",
            organisation
                .audits
                .iter()
                .flat_map(|audit| [Some(audit.planned_at), audit.performed_at].into_iter().flatten())
                .chain(assets.iter().flat_map(|asset| asset.pentests.iter().copied()))
                .collect(),
        ),
    };
    [
        world.failed_authentications(),
        world.incident_trend(),
        world.incident_resolution(),
        world.vulnerability_landscape(),
        world.vulnerability_coverage(),
        world.training(),
        world.audit_programme(),
        world.log_source_liveness(),
        world.of_management(),
        world.of_actions(),
        world.of_people(),
        world.of_systems(),
        world.of_operations(),
    ]
    .concat()
}

impl World<'_> {
    fn failed_authentications(&self) -> Vec<Answer> {
        let mut counts: HashMap<i64, (i128, i128)> = HashMap::new();
        for log_in in &self.organisation.log_ins {
            let count = counts.entry(log_in.at.div_euclid(HOUR) * HOUR).or_default();
            count.0 += i128::from(log_in.count);
            count.1 += if log_in.failed { i128::from(log_in.count) } else { 0 };
        }
        let sources = [&self.sshd];
        let all = periods(Length::Hour, first(&sources), self.last_end(15 * MINUTE));
        let answer = |(start, end): (i64, i64)| {
            let (attempts, failed) = counts.get(&start).copied().unwrap_or((0, 0));
            let ratio = Ratio { top: failed, bottom: attempts, factor: 100 };
            let value = ratio.value();
            let outcome = ratio.without_band(20).unwrap_or_else(|| match value {
                Some(value) if value < Fraction::whole(20) => "green",
                Some(value) if value < Fraction::whole(50) => "yellow",
                _ => "red",
            });
            let base = vec![("attempts", attempts.to_string()), ("failed", failed.to_string())];
            let construct = "vernier/failed-authentication-ratio";
            Draft { construct, period: (start, end), group: "all".to_owned(), base, value, outcome: outcome.to_owned() }
                .answer(life(&sources, start, end))
        };
        all.into_iter().map(answer).collect()
    }

    fn incident_trend(&self) -> Vec<Answer> {
        let values = &CATEGORIES[..4];
        let sources = [&self.itsm];
        let all = periods(Length::Month, first(&sources), self.last_end(5 * DAY));
        let mut answers = Vec::new();
        // Counts of each period by group; `None` where a group has no result.
        let mut history: Vec<BTreeMap<String, i128>> = Vec::new();
        for (start, end) in all {
            let mut counts: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for incident in &self.organisation.incidents {
                for (at, change) in &incident.changes {
                    if *change == Change::Opened && (start..end).contains(at) {
                        counts.entry(declared(incident.category, values)).or_default().0 += 1;
                    }
                }
            }
            let life = life(&sources, start, end);
            let mut now = BTreeMap::new();
            for group in groups(values, &counts) {
                let (count, _) = pick(&counts, group);
                let group = label("category", group);
                if life != Life::Silent {
                    now.insert(group.clone(), count);
                }
                let last: Option<Vec<i128>> = (0..5)
                    .map(|back| {
                        history.len().checked_sub(back + 1).and_then(|index| history.get(index)?.get(&group)).copied()
                    })
                    .collect();
                let (value, outcome) = match last {
                    None => (None, "insufficient-history"),
                    Some(last) => {
                        // (now + last) / 2 over (now + last five) / 6.
                        let two = count + last.first().copied().unwrap_or(0);
                        let six = count + last.iter().sum::<i128>();
                        let value = Fraction::new(two * 3, six);
                        let outcome = match value {
                            None => "not-applicable",
                            Some(value) if value < Fraction::whole(1) => "green",
                            Some(value) if value <= Fraction::new(13, 10).unwrap_or(value) => "yellow",
                            Some(_) => "red",
                        };
                        (value, outcome)
                    }
                };
                let base = vec![("incidents", count.to_string())];
                let construct = "isms/security-incidents-trend";
                answers.push(
                    Draft { construct, period: (start, end), group, base, value, outcome: outcome.to_owned() }
                        .answer(life),
                );
            }
            history.push(now);
        }
        answers
    }

    fn incident_resolution(&self) -> Vec<Answer> {
        let values = &CATEGORIES[..4];
        let sources = [&self.itsm];
        let target = |category: &str| match category {
            "malware" | "unauthorised-access" => 24 * HOUR,
            "data-loss" => 48 * HOUR,
            _ => 72 * HOUR,
        };
        let mut answers = Vec::new();
        for (start, end) in periods(Length::Month, first(&sources), self.last_end(5 * DAY)) {
            let mut counts: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for incident in &self.organisation.incidents {
                let known: Vec<_> = incident.changes.iter().filter(|(at, _)| *at < end).collect();
                let (Some((opened, _)), Some((changed, last))) = (known.first(), known.last()) else { continue };
                let overdue = target(incident.category);
                let (handled, late) = if *last == Change::Resolved {
                    (*changed >= start, *changed >= start && changed - opened > overdue)
                } else {
                    (end - opened > overdue, end - opened > overdue)
                };
                let count = counts.entry(declared(incident.category, values)).or_default();
                count.0 += i128::from(handled);
                count.1 += i128::from(late);
            }
            for group in groups(values, &counts) {
                let (handled, late) = pick(&counts, group);
                let (tolerance, limit) = match group {
                    Some("phishing") => (20, 40),
                    Some("malware" | "unauthorised-access" | "data-loss") => (10, 30),
                    _ => (15, 35),
                };
                let ratio = Ratio { top: late, bottom: handled, factor: 100 };
                let value = ratio.value();
                let outcome = ratio.without_band(0).unwrap_or_else(|| match value {
                    Some(value) if value <= Fraction::whole(tolerance) => "green",
                    Some(value) if value <= Fraction::whole(limit) => "yellow",
                    _ => "red",
                });
                let base = vec![("handled", handled.to_string()), ("late", late.to_string())];
                let construct = "isms/incident-resolution";
                let draft = Draft {
                    construct,
                    period: (start, end),
                    group: label("category", group),
                    base,
                    value,
                    outcome: outcome.to_owned(),
                };
                answers.push(draft.answer(life(&sources, start, end)));
            }
        }
        answers
    }

    fn vulnerability_landscape(&self) -> Vec<Answer> {
        let sources = [&self.scanner];
        let mut answers = Vec::new();
        for (start, end) in periods(Length::Month, first(&sources), self.last_end(5 * DAY)) {
            let mut counts: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for finding in &self.organisation.vulnerabilities {
                let open = finding.found < end && finding.fixed.is_none_or(|fixed| fixed >= end);
                if let Some(asset) = self.organisation.assets.get(finding.asset).filter(|_| open) {
                    let count = counts.entry(asset.class).or_default();
                    count.0 += i128::from(finding.score_tenths);
                }
            }
            for group in groups(&ASSET_CLASSES, &counts) {
                let (tenths, _) = pick(&counts, group);
                let (appetite, limit) = match group {
                    Some("server") => (300, 600),
                    Some("workstation") => (200, 400),
                    Some("network") => (100, 200),
                    _ => (600, 1200),
                };
                let value = Fraction::new(tenths, 10);
                let outcome = match value {
                    Some(value) if value <= Fraction::whole(appetite) => "green",
                    Some(value) if value <= Fraction::whole(limit) => "yellow",
                    _ => "red",
                };
                let base = vec![("exposure", value.map(|value| value.to_string()).unwrap_or_default())];
                let construct = "isms/vulnerability-landscape";
                let draft = Draft {
                    construct,
                    period: (start, end),
                    group: label("asset_class", group),
                    base,
                    value,
                    outcome: outcome.to_owned(),
                };
                answers.push(draft.answer(life(&sources, start, end)));
            }
        }
        answers
    }
}
