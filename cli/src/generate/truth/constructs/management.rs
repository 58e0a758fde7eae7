//! Budget, policies, management reviews, risks, agreements, third-party reviews, reviews of logs.

use super::{
    series::{Row, Series, count, decimal, mean, share, shown},
    world::World,
};
use crate::generate::{
    days::{DAY, Length, months_before, year_start},
    plant::{Organisation, RESOURCES},
    truth::{answer::Answer, fraction::Fraction},
};

/// Times of all events of the registers of the ISMS.
pub(super) fn times(organisation: &Organisation) -> Vec<i64> {
    let registers = &organisation.registers;
    let mut times = Vec::new();
    for policy in &registers.policies {
        times.extend(
            [Some(policy.in_force), policy.withdrawn].into_iter().flatten().chain(policy.reviews.iter().copied()),
        );
    }
    for meeting in &registers.meetings {
        times.extend(meeting.planned.map(|(at, _)| at).into_iter().chain(meeting.held.map(|(at, ..)| at)));
    }
    for risk in &registers.risks {
        times.extend(risk.changes.iter().map(|(at, ..)| *at).chain(risk.reviews.iter().copied()).chain(risk.closed));
    }
    for action in &registers.actions {
        times.extend([Some(action.planned), action.done.map(|(at, ..)| at), action.given_up].into_iter().flatten());
    }
    for facts in &registers.systems {
        let single = facts.hardened.into_iter().chain(facts.approved);
        times.extend(single.chain(facts.rights_reviews.iter().copied()).chain(facts.releases.iter().copied()));
    }
    for review in &registers.log_reviews {
        times.extend([Some(review.planned), review.done].into_iter().flatten());
    }
    for review in &registers.third_party_reviews {
        times.extend([Some(review.planned), review.received].into_iter().flatten());
    }
    times
}

pub(super) fn times_of_contracts(organisation: &Organisation) -> Vec<i64> {
    let of = |agreement: &crate::generate::plant::Agreement| {
        agreement.states.iter().map(|(at, ..)| *at).chain(agreement.ended).collect::<Vec<_>>()
    };
    organisation.registers.agreements.iter().flat_map(of).collect()
}

impl World<'_> {
    pub(super) fn of_management(&self) -> Vec<Answer> {
        [
            self.resource_allocation(),
            self.policy_review(),
            self.management_commitment(),
            self.risk_exposure(),
            self.agreements(),
            self.agreements_on_personal_data(),
            self.log_files_review(),
            self.isms_review_process(),
        ]
        .concat()
    }

    fn resource_allocation(&self) -> Vec<Answer> {
        let series = Series {
            construct: "isms/resource-allocation",
            dimension: "resource",
            length: Length::Year,
            close_after: 30 * DAY,
            sources: &[&self.finance],
        };
        self.series(&series, |start, end, _| {
            let sums = |resource: Option<&str>| {
                let lines = self.organisation.registers.budgets.iter();
                let lines =
                    lines.filter(|line| line.begins == start && resource.is_none_or(|wanted| wanted == line.resource));
                lines.fold((0_i128, 0_i128), |(allocated, used), line| {
                    let plan = if line.allocated.0 < end { line.allocated.1 } else { 0 };
                    let posted: i64 = line.used.iter().filter(|(at, _)| *at < end).map(|(_, amount)| amount).sum();
                    (allocated + i128::from(plan), used + i128::from(posted))
                })
            };
            let row = |resource: Option<&'static str>| {
                let (allocated, used) = sums(resource);
                let (value, outcome) = share((allocated, used), (1, 0), |value| {
                    if (decimal(9, 10)..=decimal(11, 10)).contains(&value) { "green" } else { "red" }
                });
                Row::total(vec![("allocated", allocated.to_string()), ("used", used.to_string())], value, outcome)
                    .of(resource)
            };
            RESOURCES.iter().map(|resource| row(Some(resource))).chain([row(None)]).collect()
        })
    }

    fn policy_review(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/policy-review", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |_, end, _| {
            let in_place: Vec<_> = self
                .organisation
                .registers
                .policies
                .iter()
                .filter(|policy| policy.in_force < end && policy.withdrawn.is_none_or(|at| at >= end))
                .collect();
            let fresh = |policy: &&&crate::generate::plant::Policy| {
                let reviews = policy.reviews.iter().copied().chain([policy.in_force]);
                reviews.filter(|at| *at < end).max().is_some_and(|at| at >= months_before(end, 12))
            };
            let (all, reviewed) = (count(in_place.iter()), count(in_place.iter().filter(fresh)));
            let (value, outcome) = share((reviewed, all), (100, 1), |value| {
                if value > Fraction::whole(80) {
                    "green"
                } else if value >= Fraction::whole(40) {
                    "orange"
                } else {
                    "red"
                }
            });
            vec![Row::total(vec![("in_place", all.to_string()), ("reviewed", reviewed.to_string())], value, outcome)]
        })
    }

    fn management_commitment(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/management-commitment", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |start, end, _| {
            let year = year_start(start);
            let meetings = &self.organisation.registers.meetings;
            let planned = count(meetings.iter().filter(|meeting| {
                meeting.planned.is_some_and(|(at, planned_for)| at < end && (year..end).contains(&planned_for))
            }));
            let held =
                count(meetings.iter().filter(|meeting| meeting.held.is_some_and(|(at, ..)| (year..end).contains(&at))));
            let rates: Vec<Fraction> = meetings
                .iter()
                .filter_map(|meeting| meeting.held)
                .filter(|(at, ..)| (start..end).contains(at))
                .filter_map(|(_, invited, present)| Fraction::new(present.into(), invited.into()))
                .collect();
            let attendance = mean(&rates);
            let variance = attendance.filter(|_| rates.len() > 1).and_then(|middle| {
                let squares = rates.iter().try_fold(Fraction::whole(0), |sum, rate| {
                    let far = rate.less(middle)?;
                    sum.plus(far.times(far)?)
                })?;
                squares.over(Fraction::whole(i128::try_from(rates.len()).ok()? - 1))
            });
            let (value, outcome) = share((held, planned), (1, 1), |value| {
                if (decimal(7, 10)..=decimal(11, 10)).contains(&value) {
                    "green"
                } else if value < decimal(5, 10) {
                    "red"
                } else {
                    "yellow"
                }
            });
            let base = vec![
                ("planned", planned.to_string()),
                ("held", held.to_string()),
                ("attendance", shown(attendance)),
                ("attendance_variance", shown(variance)),
            ];
            vec![Row::total(base, value, outcome)]
        })
    }

    fn risk_exposure(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/risk-exposure", Length::Month, 5 * DAY, sources);
        self.series(&series, |_, end, _| {
            let (mut exposed, mut unreviewed) = (0_i128, 0_i128);
            for risk in &self.organisation.registers.risks {
                if risk.closed.is_some_and(|at| at < end) {
                    continue;
                }
                let Some((_, level, above)) = risk.changes.iter().rfind(|(at, ..)| *at < end) else { continue };
                if *level < 2 || !above {
                    continue;
                }
                exposed += 1;
                let looked = risk.changes.iter().map(|(at, ..)| *at).chain(risk.reviews.iter().copied());
                let last = looked.filter(|at| *at < end).max();
                unreviewed += i128::from(last.is_none_or(|at| at < months_before(end, 3)));
            }
            let outcome = match (exposed > 10, unreviewed > 0) {
                (true, _) => "red",
                (false, true) => "yellow",
                (false, false) => "green",
            };
            let base = vec![("exposed", exposed.to_string()), ("unreviewed", unreviewed.to_string())];
            vec![Row::total(base, Some(Fraction::whole(exposed)), outcome)]
        })
    }

    /// Requirements that apply and are addressed under each agreement in force.
    fn agreements_at(&self, end: i64, personal: bool) -> Vec<(i128, i128)> {
        let agreements = self.organisation.registers.agreements.iter();
        agreements
            .filter(|agreement| agreement.ended.is_none_or(|at| at >= end) && (!personal || agreement.personal))
            .filter_map(|agreement| agreement.states.iter().rfind(|(at, ..)| *at < end))
            .map(|(_, required, addressed)| (i128::from(*required), i128::from(*addressed)))
            .collect()
    }

    fn agreements(&self) -> Vec<Answer> {
        let sources = &[&self.contracts];
        let series = Series::total("isms/third-party-agreements-a", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |_, end, _| {
            let agreements = self.agreements_at(end, false);
            let shares: Vec<Fraction> = agreements
                .iter()
                .filter_map(|(required, addressed)| Fraction::new(100 * addressed, *required))
                .collect();
            let value = mean(&shares);
            let outcome = match value {
                None => "not-applicable",
                Some(value) if value == Fraction::whole(100) => "green",
                Some(_) => "red",
            };
            vec![Row::total(
                vec![("addressed", shown(value)), ("agreements", agreements.len().to_string())],
                value,
                outcome,
            )]
        })
    }

    fn agreements_on_personal_data(&self) -> Vec<Answer> {
        let sources = &[&self.contracts];
        let series = Series::total("isms/third-party-agreements-b", Length::Month, 5 * DAY, sources);
        self.series(&series, |_, end, back| {
            let agreements = self.agreements_at(end, true);
            let shares: Vec<Fraction> =
                agreements.iter().filter_map(|(required, addressed)| Fraction::new(*addressed, *required)).collect();
            let value = mean(&shares);
            let outcome = match (value, back(None, 1, 0)) {
                (None, _) => "not-applicable",
                (Some(value), _) if value <= decimal(9, 10) => "red",
                (Some(_), None) => "insufficient-history",
                (Some(value), Some(before)) if value >= before => "green",
                (Some(_), Some(_)) => "yellow",
            };
            vec![Row::total(vec![("addressed", shown(value))], value, outcome)]
        })
    }

    fn log_files_review(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/log-files-review", Length::Month, 5 * DAY, sources);
        self.series(&series, |start, end, _| {
            let due: Vec<_> = self
                .organisation
                .registers
                .log_reviews
                .iter()
                .filter(|review| review.planned < end && (start..end).contains(&review.due))
                .collect();
            let reviewed = count(due.iter().filter(|review| review.done.is_some_and(|at| at < end)));
            let due = count(due.iter());
            let (value, outcome) =
                share((reviewed, due), (100, 1), |value| if value < Fraction::whole(20) { "red" } else { "green" });
            vec![Row::total(vec![("due", due.to_string()), ("reviewed", reviewed.to_string())], value, outcome)]
        })
    }

    fn isms_review_process(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/isms-review-process", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |start, end, _| {
            let year = year_start(start);
            let reviews = &self.organisation.registers.third_party_reviews;
            let planned = count(
                reviews.iter().filter(|review| review.planned < end && (year..end).contains(&review.planned_for)),
            );
            let done =
                count(reviews.iter().filter(|review| review.received.is_some_and(|at| (year..end).contains(&at))));
            let (value, outcome) = share((done, planned), (1, 1), |value| {
                if (decimal(8, 10)..=decimal(11, 10)).contains(&value) {
                    "green"
                } else if value < decimal(6, 10) {
                    "red"
                } else {
                    "yellow"
                }
            });
            vec![Row::total(vec![("planned", planned.to_string()), ("done", done.to_string())], value, outcome)]
        })
    }
}
