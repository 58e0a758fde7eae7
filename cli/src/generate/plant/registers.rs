//! What happens in registers, tickets and tools of the ISMS.

use super::model::{
    Action, Agreement, Budget, CATEGORIES, Cost, Interval, LogReview, Lure, Maintenance, Meeting, Organisation,
    PasswordCheck, Policy, Quiz, Risk, Rule, Site, SystemFacts, ThirdPartyReview,
};
use crate::generate::{
    days::{DAY, HOUR, MINUTE, year_start},
    random::Random,
};

const WEEK: i64 = 7 * DAY;
const MONTH: i64 = 30 * DAY;

/// Resource classes of the budget.
pub const RESOURCES: [&str; 5] = ["staff", "contractors", "hardware", "software", "services"];
/// Services.
pub const SERVICES: [&str; 3] = ["mail", "web", "erp"];
/// How hard lures are to recognise.
pub const DIFFICULTIES: [&str; 3] = ["easy", "medium", "hard"];

impl Organisation {
    pub(super) fn plant_registers(&mut self) {
        self.plant_management();
        self.plant_actions();
        self.plant_awareness();
        self.plant_systems();
        self.plant_operations();
        self.plant_facilities();
        self.plant_contracts();
    }

    /// An instant of the history; nothing happens outside it.
    fn within(&self, at: i64) -> Option<i64> {
        (at > self.start.0 && at < self.end.0).then_some(at)
    }

    /// Steps through the history, each a little irregular.
    fn steps(&self, random: &mut Random, step: i64) -> Vec<i64> {
        let mut times = Vec::new();
        let mut at = self.start.0 + random.millis(step);
        while at < self.end.0 {
            times.push(at);
            at += step - step / 10 + random.millis(step / 5);
        }
        times
    }

    fn plant_management(&mut self) {
        let mut random = Random::new(self.seed, 30);
        for (number, resource) in RESOURCES.into_iter().enumerate() {
            for year in [year_start(self.start.0), year_start(self.end.0)] {
                let allocated_at = (year + 9 * DAY).max(self.start.0 + 1 + random.millis(HOUR));
                let plan = 10_000 * (i64::try_from(number).unwrap_or(0) + 1);
                let mut used = Vec::new();
                for at in self.steps(&mut random, MONTH) {
                    if year_start(at) == year {
                        used.push((at, plan / if number == 2 { 4 } else { 5 } + random.millis(plan / 50)));
                    }
                }
                self.registers.budgets.push(Budget { resource, begins: year, allocated: (allocated_at, plan), used });
            }
        }
        for number in 0..14_i64 {
            let in_force =
                self.start.0 + 1 + random.millis(DAY) + if number > 10 { random.millis(8 * MONTH) } else { 0 };
            // Three are forgotten.
            let reviews =
                if number % 5 == 3 { Vec::new() } else { vec![in_force + 6 * MONTH + random.millis(5 * MONTH)] };
            let reviews = reviews.into_iter().filter_map(|at| self.within(at)).collect();
            let withdrawn = if number == 7 { self.within(in_force + 13 * MONTH) } else { None };
            self.registers.policies.push(Policy { in_force, reviews, withdrawn });
        }
        for (number, at) in self.steps(&mut random, MONTH).into_iter().enumerate() {
            let planned_for = at + 10 * DAY;
            let moved = planned_for + random.millis(8 * DAY);
            let invited = 8 + random.millis(5);
            let present = invited - random.millis(4);
            let held = self.within(moved).filter(|_| number % 5 != 2).map(|at| (at, invited, present));
            self.registers.meetings.push(Meeting { planned: Some((at, planned_for)), held });
            if number % 6 == 5 {
                let held = self.within(at + 3 * DAY).map(|at| (at, 6, 6));
                self.registers.meetings.push(Meeting { planned: None, held });
            }
        }
        for number in 0..18_i64 {
            let first = self.start.0 + 1 + random.millis(if number < 9 { DAY } else { 10 * MONTH });
            let mut changes = vec![(first, 1 + number % 3, number % 4 != 0)];
            if random.chance(40) {
                changes.extend(
                    self.within(first + random.millis(8 * MONTH) + DAY)
                        .map(|at| (at, 1 + random.millis(3), random.chance(60))),
                );
            }
            let mut reviews = Vec::new();
            let mut at = first + 2 * MONTH;
            while at < self.end.0 {
                if !random.chance(15) {
                    reviews.push(at + random.millis(20 * DAY));
                }
                at += 2 * MONTH;
            }
            reviews.retain(|at| *at < self.end.0);
            let last = reviews.iter().copied().chain(changes.iter().map(|(at, ..)| *at)).max().unwrap_or(first);
            let closed = if number % 7 == 6 { self.within(last + 20 * DAY) } else { None };
            self.registers.risks.push(Risk { changes, reviews, closed });
        }
    }

    fn plant_actions(&mut self) {
        let mut random = Random::new(self.seed, 31);
        for number in 0..90_usize {
            let corrective = number % 2 == 1;
            let planned = self.start.0 + 1 + random.millis(self.end.0 - self.start.0 - MONTH);
            let due = planned + MONTH + random.millis(2 * MONTH);
            let done = if random.chance(75) {
                self.within(planned + DAY + random.millis(due - planned + 10 * DAY))
            } else {
                None
            };
            let given_up = if done.is_none() && random.chance(50) {
                self.within(due + DAY + random.millis(10 * DAY))
            } else {
                None
            };
            // Some incidents teach something; the incident was there before.
            let incident =
                if corrective { None } else { random.choose(&(0..self.incidents.len()).collect::<Vec<_>>()).copied() };
            let earlier = incident.filter(|index| {
                self.incidents
                    .get(*index)
                    .and_then(|incident| incident.changes.first())
                    .is_some_and(|(at, _)| *at < planned)
            });
            let done = done.map(|at| (at, !random.chance(10), !random.chance(10)));
            self.registers.actions.push(Action { corrective, planned, due, done, given_up, incident: earlier });
        }
        for incident in &self.incidents {
            let Some((opened, _)) = incident.changes.first() else { continue };
            let category =
                CATEGORIES.iter().find(|category| **category == incident.category).copied().unwrap_or("theft");
            let bookings = 1 + random.below(2);
            for _ in 0..bookings {
                let at = opened + DAY + random.millis(40 * DAY);
                let currency = *random.choose(&["CHF", "CHF", "EUR", "USD"]).unwrap_or(&"CHF");
                let amount = if random.chance(8) { -200 } else { 100 + random.millis(1500) };
                if at < self.end.0 {
                    self.registers.costs.push(Cost { at, category, amount, currency });
                }
            }
        }
    }

    fn plant_awareness(&mut self) {
        let mut random = Random::new(self.seed, 32);
        let (start, end) = (self.start.0, self.end.0);
        for person in &mut self.people {
            let joined = person.states.first().map_or(start, |state| state.at);
            person.awareness_due_at = joined + 20 * DAY + random.millis(9 * MONTH);
            person.agreement_due_at = joined + 20 * DAY + random.millis(9 * MONTH);
            if !random.chance(6) {
                person.made_aware.push(person.awareness_due_at - 10 * DAY + random.millis(12 * DAY));
                if random.chance(40) {
                    person.made_aware.push(person.awareness_due_at + 3 * MONTH + random.millis(3 * MONTH));
                }
            }
            person.made_aware.retain(|at| *at < end);
            let signed = person.agreement_due_at - 5 * DAY + random.millis(5 * DAY);
            person.signed_at = (signed < end && !random.chance(2)).then_some(signed);
        }
        let people = self.people.len();
        for campaign in self.steps(&mut random, 2 * MONTH) {
            for person in 0..people {
                for after in [false, true] {
                    let at = campaign + if after { 12 * DAY } else { 0 } + random.millis(3 * DAY);
                    if random.chance(40) && at < end {
                        let passed = random.chance(if after { 85 } else { 55 });
                        self.registers.quizzes.push(Quiz { at, person, after, passed });
                    }
                }
            }
            let difficulty = random.choose(&DIFFICULTIES).copied().unwrap_or("easy");
            for person in 0..people {
                let at = campaign + 20 * DAY + random.millis(2 * HOUR);
                let mut did = vec![1];
                if random.chance(if difficulty == "hard" { 45 } else { 12 }) {
                    did.push(2);
                    if random.chance(30) {
                        did.push(3);
                    }
                } else if random.chance(40) {
                    did.push(4);
                }
                for (number, activity) in did.into_iter().enumerate() {
                    let at = at + i64::try_from(number).unwrap_or(0) * HOUR;
                    if at < end {
                        self.registers.lures.push(Lure { at, person, activity, difficulty });
                    }
                }
            }
        }
    }

    fn plant_systems(&mut self) {
        let mut random = Random::new(self.seed, 33);
        let (start, end) = (self.start.0, self.end.0);
        for asset in &self.assets {
            let mut facts = SystemFacts::default();
            let before = |random: &mut Random| asset.since - MINUTE - random.millis(5 * DAY);
            facts.approved = (!random.chance(6)).then(|| before(&mut random)).filter(|at| *at > start - 10 * DAY);
            facts.hardened = (!random.chance(6)).then(|| before(&mut random)).filter(|at| *at > start - 10 * DAY);
            if asset.class == "server" {
                let mut at = asset.since + random.millis(5 * MONTH);
                while at < end {
                    facts.rights_reviews.push(at);
                    at += 4 * MONTH + random.millis(4 * MONTH);
                }
                let released = asset.since + random.millis(12 * MONTH);
                facts.releases.extend((released < end).then_some(released));
            }
            if asset.class != "network" {
                let mut at = asset.since + random.millis(2 * DAY);
                while at < end {
                    let age = if random.chance(4) { 6 * DAY } else { 0 };
                    facts.signatures.push((at, at - age - random.millis(DAY)));
                    at += 2 * DAY + random.millis(2 * DAY);
                }
            }
            let mut at = asset.since + random.millis(DAY);
            while at < end {
                facts.checks.push((at, !random.chance(1)));
                at += 2 * DAY + random.millis(DAY / 2) + if random.chance(1) { 3 * DAY } else { 0 };
            }
            self.registers.systems.push(facts);
        }
    }

    fn plant_operations(&mut self) {
        let mut random = Random::new(self.seed, 34);
        for at in self.steps(&mut random, 3 * DAY) {
            self.registers.password_checks.push(check(&mut random, at, true));
        }
        for at in self.steps(&mut random, 2 * MONTH) {
            self.registers.password_checks.push(check(&mut random, at, false));
        }
        self.registers.blocked = self.steps(&mut random, DAY / 2);
        for service in SERVICES {
            for at in self.steps(&mut random, 9 * DAY) {
                let from = at / MINUTE * MINUTE;
                let to = from + (1 + random.millis(if service == "erp" { 500 } else { 40 })) * MINUTE;
                let to = to.min(self.end.0 / MINUTE * MINUTE);
                let window = random.chance(40);
                // Now and then an outage runs into the window beside it.
                if window && random.chance(50) && to + 20 * MINUTE < self.end.0 {
                    let outage = Interval { service, window: false, from: to - MINUTE, to: to + 15 * MINUTE };
                    self.registers.intervals.push(outage);
                }
                if from < to {
                    self.registers.intervals.push(Interval { service, window, from, to });
                }
            }
        }
        for number in 0..20_i64 {
            let mut readings = Vec::new();
            let mut hits = random.millis(100);
            for at in self.steps(&mut random, WEEK) {
                if number % 5 != 4 {
                    hits += random.millis(20);
                }
                // The firewall was started anew.
                if random.chance(4) {
                    hits = 0;
                }
                readings.push((at, hits));
            }
            let removed = if number == 9 { readings.last().and_then(|(at, _)| self.within(at + HOUR)) } else { None };
            self.registers.rules.push(Rule { readings, removed });
        }
        for at in self.steps(&mut random, 6 * DAY) {
            let due = at + 5 * DAY;
            let done = if random.chance(40) { self.within(due - 2 * DAY + random.millis(6 * DAY)) } else { None };
            self.registers.log_reviews.push(LogReview { planned: at, due, done });
        }
    }

    fn plant_facilities(&mut self) {
        let mut random = Random::new(self.seed, 35);
        for number in 0..4_i64 {
            let inspections = self.steps(&mut random, 5 * MONTH);
            let level = |random: &mut Random| (2 + number % 3 + random.millis(2)).min(5);
            let inspections = inspections.into_iter().map(|at| (at, level(&mut random))).collect();
            self.registers.sites.push(Site { inspections });
        }
        for at in self.steps(&mut random, 8 * DAY) {
            let unauthorised = random.chance(35);
            self.registers.entries.push((at, unauthorised));
        }
        for at in self.steps(&mut random, 9 * DAY) {
            let scheduled = at + 20 * DAY;
            let done = if random.chance(96) { self.within(scheduled - DAY + random.millis(6 * DAY)) } else { None };
            self.registers.maintenances.push(Maintenance { planned: at, scheduled, done });
        }
    }

    fn plant_contracts(&mut self) {
        let mut random = Random::new(self.seed, 36);
        for number in 0..12_i64 {
            let first = self.start.0 + 1 + random.millis(if number < 8 { DAY } else { 9 * MONTH });
            let required = 5 + number;
            let mut states = vec![(first, required, required - random.millis(2))];
            states.extend(self.within(first + MONTH + random.millis(10 * MONTH)).map(|at| (at, required, required)));
            let last = states.last().map_or(first, |(at, ..)| *at);
            let ended = if number == 11 { self.within(last + MONTH) } else { None };
            self.registers.agreements.push(Agreement { personal: number % 3 != 0, states, ended });
        }
        for at in self.steps(&mut random, 2 * MONTH) {
            let planned_for = at + 30 * DAY;
            let received =
                if random.chance(80) { self.within(planned_for - 5 * DAY + random.millis(20 * DAY)) } else { None };
            self.registers.third_party_reviews.push(ThirdPartyReview { planned: at, planned_for, received });
        }
    }
}

fn check(random: &mut Random, at: i64, automated: bool) -> PasswordCheck {
    let tested = 100 + random.millis(100);
    PasswordCheck { at, automated, tested, conforming: tested * (78 + random.millis(18)) / 100 }
}
