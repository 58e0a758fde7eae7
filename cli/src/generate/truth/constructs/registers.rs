//! Constructs on registers: coverage, training, audits, sources.

use std::collections::{BTreeMap, HashMap};

use super::world::{World, declared, groups, label, pick};
use crate::generate::{
    days::{DAY, HOUR, Length, months_before, periods, year_start},
    plant::ORG_UNITS,
    truth::{
        answer::Answer,
        fraction::Fraction,
        outcome::{Draft, Life, Ratio, first, life},
    },
};

impl World<'_> {
    pub(super) fn vulnerability_coverage(&self) -> Vec<Answer> {
        let sources = [&self.cmdb, &self.scanner, &self.grc];
        let mut assessed_by_findings: HashMap<usize, Vec<i64>> = HashMap::new();
        for finding in &self.organisation.vulnerabilities {
            assessed_by_findings
                .entry(finding.asset)
                .or_default()
                .extend([Some(finding.found), finding.fixed].into_iter().flatten());
        }
        let mut answers = Vec::new();
        for (start, end) in periods(Length::Quarter, first(&sources), self.last_end(5 * DAY)) {
            let (mut systems, mut covered) = (0, 0);
            for (index, asset) in self.organisation.assets.iter().enumerate() {
                if !asset.in_scope || asset.since >= end {
                    continue;
                }
                systems += 1;
                let findings = assessed_by_findings.get(&index).map(Vec::as_slice).unwrap_or_default();
                let last = |times: &mut dyn Iterator<Item = i64>| times.filter(|at| *at < end).max();
                let assessed = last(&mut asset.scans.iter().chain(findings).copied());
                let tested = last(&mut asset.pentests.iter().copied());
                let within = |at: Option<i64>, months| at.is_some_and(|at| at >= months_before(end, months));
                covered += i128::from(within(assessed, 3) || within(tested, 12));
            }
            let ratio = Ratio { top: covered, bottom: systems, factor: 1 };
            let value = ratio.value();
            let outcome = ratio.without_band(0).unwrap_or_else(|| match value {
                Some(value) if value >= Fraction::whole(1) => "green",
                Some(value) if value >= Fraction::new(9, 10).unwrap_or(value) => "yellow",
                _ => "red",
            });
            let base = vec![("assessed", covered.to_string()), ("systems", systems.to_string())];
            let construct = "isms/vulnerability-coverage";
            let draft = Draft {
                construct,
                period: (start, end),
                group: "all".to_owned(),
                base,
                value,
                outcome: outcome.to_owned(),
            };
            answers.push(draft.answer(life(&sources, start, end)));
        }
        answers
    }

    pub(super) fn training(&self) -> Vec<Answer> {
        let values = &ORG_UNITS[..4];
        let sources = [&self.hr, &self.lms];
        let mut answers = Vec::new();
        let mut history: Vec<BTreeMap<String, Fraction>> = Vec::new();
        for (start, end) in periods(Length::Month, first(&sources), self.last_end(5 * DAY)) {
            let year = year_start(start);
            let mut counts: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for person in &self.organisation.people {
                let Some(state) = person.states.iter().rfind(|state| state.at < end) else { continue };
                if !state.training_required || !state.active {
                    continue;
                }
                let trained = person.trained.iter().filter(|at| **at < end).max().is_some_and(|at| *at >= year);
                let count = counts.entry(declared(state.org_unit, values)).or_default();
                count.0 += 1;
                count.1 += i128::from(trained);
            }
            let life = life(&sources, start, end);
            let mut now = BTreeMap::new();
            let sizes: Vec<(Option<&str>, i128)> =
                groups(values, &counts).into_iter().map(|group| (group, pick(&counts, group).0)).collect();
            let hidden = hidden(&sizes, 5);
            for group in groups(values, &counts) {
                let (due, trained) = pick(&counts, group);
                let ratio = Ratio { top: trained, bottom: due, factor: 100 };
                let value = ratio.value();
                let is_hidden = hidden.contains(&group);
                let group = label("org_unit", group);
                if let Some(value) = value.filter(|_| life != Life::Silent) {
                    now.insert(group.clone(), value);
                }
                let before = history.len().checked_sub(3).and_then(|index| history.get(index)?.get(&group)).copied();
                let outcome = if is_hidden {
                    "suppressed"
                } else {
                    ratio.without_band(5).unwrap_or_else(|| match value {
                        Some(value) if value < Fraction::whole(60) => "red",
                        Some(value) if value < Fraction::whole(90) => {
                            let progress = before.and_then(|before| value.less(before));
                            if progress.is_some_and(|progress| progress < Fraction::whole(10)) {
                                "red"
                            } else {
                                "yellow"
                            }
                        }
                        _ => "green",
                    })
                };
                let base = vec![("due", due.to_string()), ("trained", trained.to_string())];
                let construct = "isms/information-security-training";
                answers.push(
                    Draft { construct, period: (start, end), group, base, value, outcome: outcome.to_owned() }
                        .answer(life),
                );
            }
            history.push(now);
        }
        answers
    }

    pub(super) fn audit_programme(&self) -> Vec<Answer> {
        let sources = [&self.grc];
        let mut answers = Vec::new();
        for (start, end) in periods(Length::Month, first(&sources), self.last_end(5 * DAY)) {
            let due = |planned_for: i64| planned_for >= year_start(start) && planned_for < end;
            let planned: Vec<_> = self
                .organisation
                .audits
                .iter()
                .filter(|audit| audit.planned_at < end && due(audit.planned_for))
                .collect();
            let performed = planned.iter().filter(|audit| audit.performed_at.is_some_and(|at| at < end)).count();
            let (planned, performed) = (planned.len(), performed);
            let ratio = Ratio {
                top: i128::try_from(performed).unwrap_or(0),
                bottom: i128::try_from(planned).unwrap_or(0),
                factor: 100,
            };
            let value = ratio.value();
            let outcome = ratio.without_band(0).unwrap_or(match value {
                Some(value) if value > Fraction::whole(95) => "green",
                _ => "red",
            });
            let base = vec![("performed", performed.to_string()), ("planned", planned.to_string())];
            let construct = "isms/audit-programme";
            let draft = Draft {
                construct,
                period: (start, end),
                group: "all".to_owned(),
                base,
                value,
                outcome: outcome.to_owned(),
            };
            answers.push(draft.answer(life(&sources, start, end)));
        }
        answers
    }

    pub(super) fn log_source_liveness(&self) -> Vec<Answer> {
        let sources = [&self.cmdb, &self.sshd];
        let mut seen: HashMap<usize, Vec<i64>> = HashMap::new();
        for log_in in &self.organisation.log_ins {
            seen.entry(log_in.asset).or_default().push(log_in.at);
        }
        let mut answers = Vec::new();
        for (start, end) in periods(Length::Day, first(&sources), self.last_end(HOUR)) {
            let (mut required, mut heard) = (0, 0);
            for (index, asset) in self.organisation.assets.iter().enumerate() {
                if !asset.logging || asset.since >= end {
                    continue;
                }
                required += 1;
                let times = seen.get(&index).map(Vec::as_slice).unwrap_or_default();
                let before = times.partition_point(|at| *at < end);
                let last = before.checked_sub(1).and_then(|last| times.get(last));
                heard += i128::from(last.is_some_and(|last| *last >= end - DAY));
            }
            let ratio = Ratio { top: heard, bottom: required, factor: 100 };
            let value = ratio.value();
            let outcome = ratio.without_band(0).unwrap_or_else(|| match value {
                Some(value) if value >= Fraction::whole(95) => "green",
                Some(value) if value >= Fraction::whole(80) => "yellow",
                _ => "red",
            });
            let base = vec![("heard", heard.to_string()), ("required", required.to_string())];
            let construct = "vernier/log-source-liveness";
            let draft = Draft {
                construct,
                period: (start, end),
                group: "all".to_owned(),
                base,
                value,
                outcome: outcome.to_owned(),
            };
            answers.push(draft.answer(life(&sources, start, end)));
        }
        answers
    }
}

/// The groups of persons that must not be shown: those below the least size, and the next smallest with them as long as
/// what is hidden is one group or too small altogether. With no group left, the total.
pub(super) fn hidden<'a>(sizes: &[(Option<&'a str>, i128)], least: i128) -> Vec<Option<&'a str>> {
    let mut parts: Vec<(i128, &str)> =
        sizes.iter().filter(|(_, size)| *size > 0).filter_map(|(group, size)| Some((*size, (*group)?))).collect();
    parts.sort_unstable();
    let mut count = parts.iter().filter(|(size, _)| *size < least).count();
    let total_is_small = sizes.iter().any(|(group, size)| group.is_none() && (1..least).contains(size));
    let sum = |count: usize| parts.iter().take(count).map(|(size, _)| size).sum::<i128>();
    let mut total = total_is_small;
    while count > 0 && (count == 1 || sum(count) < least) {
        if count == parts.len() {
            total = true;
            break;
        }
        count += 1;
    }
    let mut hidden: Vec<Option<&str>> = parts.iter().take(count).map(|(_, group)| Some(*group)).collect();
    if total {
        hidden.push(None);
    }
    hidden
}
