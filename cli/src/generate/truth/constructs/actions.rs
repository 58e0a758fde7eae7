//! Improvement and corrective actions, costs of incidents, learning from them.

use super::{
    series::{Row, Series, count, decimal, share, shown},
    world::{World, declared},
};
use crate::generate::{
    days::{DAY, Length, months_before},
    plant::{Action, CATEGORIES, Organisation},
    truth::{answer::Answer, fraction::Fraction},
};

/// Times of all events of accounting.
pub(super) fn times(organisation: &Organisation) -> Vec<i64> {
    let budgets = organisation.registers.budgets.iter();
    let budgets = budgets.flat_map(|line| line.used.iter().map(|(at, _)| *at).chain([line.allocated.0]));
    budgets.chain(organisation.registers.costs.iter().map(|cost| cost.at)).collect()
}

/// Whether an action was open, paused or running at an instant.
fn is_open(action: &Action, at: i64) -> bool {
    let ended = action.done.map(|(at, ..)| at).or(action.given_up);
    action.planned < at && ended.is_none_or(|ended| ended >= at)
}

impl World<'_> {
    pub(super) fn of_actions(&self) -> Vec<Answer> {
        [self.improvement_actions(), self.corrective_actions(), self.incident_cost(), self.learning()].concat()
    }

    fn improvement_actions(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/improvement-actions", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |start, end, _| {
            let improvements = self.organisation.registers.actions.iter().filter(|action| !action.corrective);
            let open: Vec<_> = improvements.filter(|action| is_open(action, start)).collect();
            let well = |action: &&&Action| {
                action.done.is_some_and(|(at, cost, quality)| {
                    (start..end).contains(&at) && at <= action.due && cost && quality
                })
            };
            let well_done = count(open.iter().filter(well));
            let open = count(open.iter());
            let (value, outcome) =
                share((well_done, open), (100, 1), |value| if value < Fraction::whole(90) { "red" } else { "green" });
            vec![Row::total(
                vec![("open_at_start", open.to_string()), ("well_done", well_done.to_string())],
                value,
                outcome,
            )]
        })
    }

    fn corrective_actions(&self) -> Vec<Answer> {
        let sources = &[&self.isms];
        let series = Series::total("isms/corrective-action-implementation", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |_, end, back| {
            let due: Vec<_> = self
                .organisation
                .registers
                .actions
                .iter()
                .filter(|action| action.corrective && action.planned < end)
                .filter(|action| action.due < end && action.due >= months_before(end, 12))
                .collect();
            let open: Vec<_> = due.iter().filter(|action| action.done.is_none_or(|(at, ..)| at >= end)).collect();
            let unexplained = count(open.iter().filter(|action| action.given_up.is_none_or(|at| at >= end)));
            let (due, open) = (count(due.iter()), count(open.iter()));
            let (a, b) = (Fraction::new(open, due), Fraction::new(unexplained, due));
            let falls = |now: Option<Fraction>, number: usize| {
                let now = now?;
                if now == Fraction::whole(0) {
                    return Some(true);
                }
                let (before, earlier) = (back(None, 1, number)?, back(None, 2, number)?);
                Some(now < before && before < earlier)
            };
            let outcome = match (a, b) {
                (Some(a), Some(b)) if a > decimal(4, 10) || b > decimal(2, 10) => "red",
                (Some(_), Some(_)) => match (falls(a, 0), falls(b, 1)) {
                    (Some(true), Some(true)) => "green",
                    (Some(false), _) | (_, Some(false)) => "red",
                    _ => "insufficient-history",
                },
                _ => "not-applicable",
            };
            let base = vec![
                ("planned", due.to_string()),
                ("not_done", open.to_string()),
                ("without_reason", unexplained.to_string()),
            ];
            vec![Row::total(base, a, outcome).keeping(vec![a, b])]
        })
    }

    fn incident_cost(&self) -> Vec<Answer> {
        let series = Series {
            construct: "isms/security-incident-cost",
            dimension: "category",
            length: Length::Quarter,
            close_after: 10 * DAY,
            sources: &[&self.finance],
        };
        let values = &CATEGORIES[..4];
        self.series(&series, |start, end, _| {
            let row = |group: Option<&'static str>| {
                let costs = self.organisation.registers.costs.iter().filter(|cost| (start..end).contains(&cost.at));
                let costs: Vec<_> =
                    costs.filter(|cost| group.is_none_or(|group| declared(cost.category, values) == group)).collect();
                let sum = costs.iter().try_fold(Fraction::whole(0), |sum, cost| {
                    let rate = match cost.currency {
                        "EUR" => decimal(95, 100),
                        "USD" => decimal(88, 100),
                        _ => Fraction::whole(1),
                    };
                    sum.plus(Fraction::whole(cost.amount.into()).times(rate)?)
                });
                let limit = match group {
                    Some("malware" | "unauthorised-access") => 20_000,
                    Some("phishing") => 10_000,
                    Some("data-loss") => 30_000,
                    _ => 50_000,
                };
                let outcome = if sum.is_some_and(|sum| sum < Fraction::whole(limit)) { "green" } else { "red" };
                let base = vec![("cost", shown(sum)), ("bookings", costs.len().to_string())];
                (costs.len(), Row::total(base, sum, outcome).of(group))
            };
            let mut rows: Vec<Row<'static>> = values.iter().map(|group| row(Some(group)).1).collect();
            let (other, of_other) = row(Some("other"));
            rows.extend((other > 0).then_some(of_other));
            rows.push(row(None).1);
            rows
        })
    }

    fn learning(&self) -> Vec<Answer> {
        let sources = &[&self.itsm, &self.isms];
        let series = Series::total("isms/learning-from-incidents", Length::Quarter, 10 * DAY, sources);
        self.series(&series, |start, end, _| {
            let (mut incidents, mut improved) = (0_i128, 0_i128);
            for (index, incident) in self.organisation.incidents.iter().enumerate() {
                let opened = incident.changes.first().map_or(i64::MIN, |(at, _)| *at);
                if !(start..end).contains(&opened) {
                    continue;
                }
                incidents += 1;
                let taught = |action: &Action| action.incident == Some(index) && action.planned < end;
                improved += i128::from(self.organisation.registers.actions.iter().any(taught));
            }
            let (value, outcome) =
                share(
                    (improved, incidents),
                    (100, 1),
                    |value| {
                        if value > Fraction::whole(30) { "green" } else { "red" }
                    },
                );
            let base = vec![("incidents", incidents.to_string()), ("improved", improved.to_string())];
            vec![Row::total(base, value, outcome)]
        })
    }
}
