//! Awareness: of the ISMS, to plan, after campaigns, under attack; and what people report.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    registers::hidden,
    series::{Row, Series, count, decimal, share},
    world::{World, declared, groups, pick},
};
use crate::generate::{
    days::{DAY, Length, months_before, year_start},
    plant::{Change, DIFFICULTIES, ORG_UNITS, Organisation},
    truth::{answer::Answer, fraction::Fraction},
};

/// Times of all events of the awareness platform.
pub(super) fn times(organisation: &Organisation) -> Vec<i64> {
    let signed = organisation.people.iter().filter_map(|person| person.signed_at);
    let quizzes = organisation.registers.quizzes.iter().map(|quiz| quiz.at);
    signed.chain(quizzes).chain(organisation.registers.lures.iter().map(|lure| lure.at)).collect()
}

impl World<'_> {
    pub(super) fn of_people(&self) -> Vec<Answer> {
        [self.isms_training(), self.awareness_compliance(), self.campaigns(), self.lures(), self.event_reporting()]
            .concat()
    }

    fn isms_training(&self) -> Vec<Answer> {
        let values = &ORG_UNITS[..4];
        let series = Series {
            construct: "isms/isms-training-or-awareness",
            dimension: "org_unit",
            length: Length::Month,
            close_after: 5 * DAY,
            sources: &[&self.hr, &self.lms],
        };
        self.series(&series, |_, end, _| {
            let mut people: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            let mut renewed: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
            for person in &self.organisation.people {
                let Some(state) = person.states.iter().rfind(|state| state.at < end).filter(|state| state.active)
                else {
                    continue;
                };
                let unit = declared(state.org_unit, values);
                let last = person.made_aware.iter().copied().filter(|at| *at < end).max();
                let of_unit = people.entry(unit).or_default();
                of_unit.0 += 1;
                of_unit.1 += i128::from(last.is_some());
                renewed.entry(unit).or_default().0 += i128::from(last.is_some_and(|at| at >= months_before(end, 12)));
            }
            let all = groups(values, &people);
            let sizes: Vec<_> = all.iter().map(|group| (*group, pick(&people, *group).0)).collect();
            let hidden = hidden(&sizes, 5);
            let row = |group: Option<&'static str>| {
                let ((people, trained), (renewed, _)) = (pick(&people, group), pick(&renewed, group));
                let (value, outcome) = share((trained, people), (100, 5), |value| {
                    let renewal = Fraction::new(100 * renewed, people).unwrap_or(value);
                    if value > Fraction::whole(90) && renewal > Fraction::whole(50) {
                        "green"
                    } else if value > Fraction::whole(60) && renewal > Fraction::whole(30) {
                        "yellow"
                    } else {
                        "red"
                    }
                });
                let outcome = if hidden.contains(&group) { "suppressed".to_owned() } else { outcome };
                let base = vec![
                    ("people", people.to_string()),
                    ("trained", trained.to_string()),
                    ("renewed", renewed.to_string()),
                ];
                Row::total(base, value, outcome).of(group)
            };
            all.iter().copied().map(row).collect()
        })
    }

    fn awareness_compliance(&self) -> Vec<Answer> {
        let sources = &[&self.hr, &self.lms, &self.awareness];
        let series = Series::total("isms/awareness-compliance", Length::Month, 5 * DAY, sources);
        self.series(&series, |start, end, back| {
            let this_year = year_start(start)..end;
            let known =
                || self.organisation.people.iter().filter(|person| person.states.iter().any(|state| state.at < end));
            let planned = count(known().filter(|person| this_year.contains(&person.awareness_due_at)));
            let to_sign = count(known().filter(|person| this_year.contains(&person.agreement_due_at)));
            let first = |times: &[i64]| times.iter().min().copied();
            let all = || self.organisation.people.iter();
            let completed =
                count(all().filter(|person| first(&person.made_aware).is_some_and(|at| this_year.contains(&at))));
            let signed = count(all().filter(|person| person.signed_at.is_some_and(|at| this_year.contains(&at))));
            let (a, b) = (Fraction::new(completed, planned), Fraction::new(signed, to_sign));
            let rising = |now: Fraction, number| back(None, 1, number).map(|before| now >= before);
            let outcome = match (a, b) {
                (Some(a), Some(b)) => {
                    let within = (decimal(9, 10)..=decimal(11, 10)).contains(&a)
                        && (decimal(99, 100)..=decimal(101, 100)).contains(&b);
                    match (within, rising(a, 0), rising(b, 1)) {
                        (false, ..) => "red",
                        (true, Some(true), Some(true)) => "green",
                        (true, Some(false), _) | (true, _, Some(false)) => "yellow",
                        (true, ..) => "insufficient-history",
                    }
                }
                _ => "not-applicable",
            };
            let base = vec![
                ("planned_trainings", planned.to_string()),
                ("completed_trainings", completed.to_string()),
                ("planned_signatures", to_sign.to_string()),
                ("signatures", signed.to_string()),
            ];
            vec![Row::total(base, a, outcome).keeping(vec![a, b])]
        })
    }

    fn campaigns(&self) -> Vec<Answer> {
        let sources = &[&self.awareness];
        let series = Series::total("isms/awareness-campaign-effectiveness", Length::Month, 5 * DAY, sources);
        self.series(&series, |start, end, _| {
            let people = |after: bool, passed: bool| {
                let quizzes = self.organisation.registers.quizzes.iter().filter(|quiz| (start..end).contains(&quiz.at));
                let quizzes = quizzes.filter(|quiz| quiz.after == after && (quiz.passed || !passed));
                let people: BTreeSet<usize> = quizzes.map(|quiz| quiz.person).collect();
                count(people.iter())
            };
            let (sampled, passed) = (people(true, false), people(true, true));
            let (value, outcome) = share((passed, sampled), (100, 5), |value| {
                if value >= Fraction::whole(90) {
                    "green"
                } else if value >= Fraction::whole(60) {
                    "orange"
                } else {
                    "red"
                }
            });
            let outcome = if (1..5).contains(&sampled) { "suppressed".to_owned() } else { outcome };
            let base = vec![
                ("sampled_before", people(false, false).to_string()),
                ("passed_before", people(false, true).to_string()),
                ("sampled", sampled.to_string()),
                ("passed", passed.to_string()),
            ];
            vec![Row::total(base, value, outcome)]
        })
    }

    fn lures(&self) -> Vec<Answer> {
        let series = Series {
            construct: "isms/social-engineering-preparedness",
            dimension: "difficulty",
            length: Length::Quarter,
            close_after: 10 * DAY,
            sources: &[&self.awareness],
        };
        self.series(&series, |start, end, _| {
            let people = |group: Option<&str>, activity: i64| {
                let lures = self.organisation.registers.lures.iter().filter(|lure| (start..end).contains(&lure.at));
                let lures = lures
                    .filter(|lure| lure.activity == activity && group.is_none_or(|group| group == lure.difficulty));
                let people: BTreeSet<usize> = lures.map(|lure| lure.person).collect();
                count(people.iter())
            };
            let all: Vec<Option<&'static str>> = DIFFICULTIES.iter().map(|group| Some(*group)).chain([None]).collect();
            let sizes: Vec<_> = all.iter().map(|group| (*group, people(*group, 1))).collect();
            let hidden = hidden(&sizes, 5);
            let row = |group: Option<&'static str>| {
                let [tested, clicked, complied, reported] = [1, 2, 3, 4].map(|activity| people(group, activity));
                // Tenths: three for not clicking, two for reporting, five for not complying.
                let tenths = 3 * (tested - clicked) + 2 * reported + 5 * (tested - complied);
                let (value, outcome) = share((tenths, tested), (10, 5), |value| {
                    if value >= Fraction::whole(90) {
                        "green"
                    } else if value >= Fraction::whole(60) {
                        "yellow"
                    } else {
                        "red"
                    }
                });
                let outcome = if hidden.contains(&group) { "suppressed".to_owned() } else { outcome };
                let base = vec![
                    ("tested", tested.to_string()),
                    ("clicked", clicked.to_string()),
                    ("complied", complied.to_string()),
                    ("reported", reported.to_string()),
                ];
                Row::total(base, value, outcome).of(group)
            };
            all.iter().copied().map(row).collect()
        })
    }

    fn event_reporting(&self) -> Vec<Answer> {
        let sources = &[&self.itsm, &self.hr];
        let series = Series::total("isms/security-event-reporting", Length::Month, 5 * DAY, sources);
        self.series(&series, |_, end, _| {
            let window = months_before(end, 12)..end;
            let handled = count(self.organisation.incidents.iter().filter(|incident| {
                let opened = incident.changes.first().is_some_and(|(at, _)| window.contains(at));
                let last = incident.changes.iter().rfind(|(at, _)| *at < end);
                opened && last.is_some_and(|(_, change)| *change == Change::Resolved)
            }));
            let headcount =
                count(self.organisation.people.iter().filter(|person| {
                    person.states.iter().rfind(|state| state.at < end).is_some_and(|state| state.active)
                }));
            let (value, outcome) =
                share((handled, headcount), (1, 1), |value| if value < Fraction::whole(1) { "red" } else { "green" });
            vec![Row::total(
                vec![("handled", handled.to_string()), ("headcount", headcount.to_string())],
                value,
                outcome,
            )]
        })
    }
}
