//! What happens in the organisation. Every object knows its own history; sources tell of it in
//! [`super::render`], answers are worked out from it in [`super::truth`].

mod model;
mod registers;

use measurement::time::Timestamp;

pub use model::{
    ASSET_CLASSES, Action, Agreement, Asset, Audit, Budget, CATEGORIES, Change, Cost, Incident, Interval, LogIn,
    LogReview, Lure, Maintenance, Meeting, ORG_UNITS, Organisation, PasswordCheck, Person, PersonState, Policy, Quiz,
    Registers, Risk, Rule, Site, SystemFacts, ThirdPartyReview, Vulnerability,
};
pub use registers::{DIFFICULTIES, RESOURCES, SERVICES};

use super::{
    days::{DAY, HOUR, MINUTE, month_start},
    random::Random,
};

fn scaled(number: u32, scale: f64, least: usize) -> usize {
    let product = (f64::from(number) * scale).round();
    // Scales are clamped to 50 before they come here.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and some 100,000")]
    let product = product as usize;
    product.max(least)
}

impl Organisation {
    /// Plants an organisation.
    pub fn plant(seed: u64, end: Timestamp, months: u32, scale: f64) -> Self {
        let end = end.0;
        let start = end - i64::from(months) * 30 * DAY - i64::from(months) * 10 * HOUR;
        let mut organisation = Self {
            start: Timestamp(start),
            end: Timestamp(end),
            seed,
            people: Vec::new(),
            assets: Vec::new(),
            incidents: Vec::new(),
            vulnerabilities: Vec::new(),
            audits: Vec::new(),
            registers: Registers::default(),
            log_ins: Vec::new(),
            heartbeats: Vec::new(),
        };
        organisation.plant_people(scaled(120, scale, 40));
        organisation.plant_assets(scaled(300, scale, 40));
        organisation.plant_incidents(scaled(8 * months, scale.max(0.8), 8));
        organisation.plant_vulnerabilities(scaled(1500, scale, 120));
        organisation.plant_audits(months);
        organisation.plant_log_ins(scale.max(0.25));
        organisation.plant_registers();
        organisation.plant_heartbeats();
        organisation
    }

    fn plant_people(&mut self, count: usize) {
        let mut random = Random::new(self.seed, 1);
        let span = self.end.0 - self.start.0;
        for number in 0..count {
            // A few in the board: a group too small to be shown.
            let unit = if number % 40 == 39 { 4 } else { number % 4 };
            let org_unit = ORG_UNITS.get(unit).copied().unwrap_or("finance");
            let joined =
                if random.chance(85) { self.start.0 + random.millis(HOUR) } else { self.start.0 + random.millis(span) };
            let state = PersonState { at: joined, org_unit, training_required: !random.chance(10), active: true };
            let mut states = vec![state.clone()];
            if random.chance(12) {
                let left = joined + DAY + random.millis(span);
                if left < self.end.0 {
                    states.push(PersonState { at: left, active: false, ..state.clone() });
                }
            } else if random.chance(10) {
                let moved = joined + DAY + random.millis(span);
                let other = ORG_UNITS.get((unit + 1) % 4).copied().unwrap_or("sales");
                if moved < self.end.0 {
                    states.push(PersonState { at: moved, org_unit: other, ..state });
                }
            }
            // Trained most years, engineering late, sales not always.
            let mut trained = Vec::new();
            let mut at = self.start.0 + random.millis(200 * DAY);
            while at < self.end.0 {
                if !(org_unit == "sales" && random.chance(40)) {
                    trained.push(at);
                }
                at += 250 * DAY + random.millis(if org_unit == "engineering" { 200 * DAY } else { 120 * DAY });
            }
            self.people.push(Person {
                uid: format!("P-{number:04}"),
                states,
                trained,
                made_aware: Vec::new(),
                awareness_due_at: 0,
                agreement_due_at: 0,
                signed_at: None,
            });
        }
    }

    fn plant_assets(&mut self, count: usize) {
        let mut random = Random::new(self.seed, 2);
        let span = self.end.0 - self.start.0;
        for number in 0..count {
            let class = ASSET_CLASSES
                .get(if number % 8 == 0 {
                    0
                } else if number % 8 == 1 {
                    2
                } else {
                    1
                })
                .copied()
                .unwrap_or("server");
            let since =
                if random.chance(90) { self.start.0 + random.millis(HOUR) } else { self.start.0 + random.millis(span) };
            let logging = class == "server";
            let mut asset = Asset {
                uid: format!("A-{number:04}"),
                host: format!(
                    "{}-{number:03}",
                    match class {
                        "server" => "srv",
                        "network" => "net",
                        _ => "wks",
                    }
                ),
                class,
                since,
                in_scope: !random.chance(8),
                logging,
                scans: Vec::new(),
                pentests: Vec::new(),
            };
            // Scanned about monthly; some systems are forgotten for a time.
            let mut at = since + random.millis(20 * DAY);
            while at < self.end.0 {
                asset.scans.push(at);
                at += 25 * DAY + random.millis(10 * DAY);
                if random.chance(2) {
                    at += 150 * DAY;
                }
            }
            if class == "server" && random.chance(50) {
                let at = since + random.millis(span);
                if at < self.end.0 {
                    asset.pentests.push(at);
                }
            }
            self.assets.push(asset);
        }
    }

    fn plant_incidents(&mut self, count: usize) {
        let mut random = Random::new(self.seed, 3);
        let span = self.end.0 - self.start.0;
        for number in 0..count {
            let category =
                if random.chance(4) { "theft" } else { random.choose(&CATEGORIES[..4]).copied().unwrap_or("malware") };
            // A wave of phishing in the last third.
            let (category, opened) = if number % 5 == 0 {
                ("phishing", self.start.0 + span * 2 / 3 + random.millis(60 * DAY))
            } else {
                (category, self.start.0 + random.millis(span))
            };
            let mut changes = vec![(opened, Change::Opened)];
            let mut at = opened;
            if random.chance(60) {
                at += 1 + random.millis(6 * HOUR);
                changes.push((at, Change::Updated));
            }
            // Some take long; some are never resolved.
            if !random.chance(5) {
                let longest = if random.chance(20) { 9 * DAY } else { 22 * HOUR };
                at += HOUR + random.millis(longest);
                changes.push((at, Change::Resolved));
                if random.chance(10) {
                    at += HOUR + random.millis(10 * DAY);
                    changes.push((at, Change::Reopened));
                    at += HOUR + random.millis(2 * DAY);
                    changes.push((at, Change::Resolved));
                }
            }
            changes.retain(|(at, _)| *at < self.end.0);
            if !changes.is_empty() {
                self.incidents.push(Incident { uid: format!("INC-{number:05}"), category, changes });
            }
        }
        // On the boundaries of a month: the first and the last millisecond belong to different months.
        let boundary = month_start(self.start.0 + span / 2);
        for (number, at) in [(90_000, boundary - 1), (90_001, boundary)] {
            let changes = vec![(at, Change::Opened), (at + 2 * HOUR, Change::Resolved)];
            self.incidents.push(Incident { uid: format!("INC-{number:05}"), category: "malware", changes });
        }
    }

    fn plant_vulnerabilities(&mut self, count: usize) {
        let mut random = Random::new(self.seed, 4);
        let span = self.end.0 - self.start.0;
        for number in 0..count {
            let asset = usize::try_from(random.below(u64::try_from(self.assets.len()).unwrap_or(1))).unwrap_or(0);
            let since = self.assets.get(asset).map_or(self.start.0, |asset| asset.since);
            let found = since.max(self.start.0 + random.millis(span));
            let longest = if random.chance(15) { 200 * DAY } else { 45 * DAY };
            let fixed = found + DAY + random.millis(longest);
            self.vulnerabilities.push(Vulnerability {
                uid: format!("VF-{number:05}"),
                asset,
                cve: format!("CVE-2026-{:05}", random.below(40_000)),
                score_tenths: 20 + i64::try_from(random.below(81)).unwrap_or(0),
                found,
                fixed: (fixed < self.end.0).then_some(fixed),
            });
        }
    }

    fn plant_audits(&mut self, months: u32) {
        let mut random = Random::new(self.seed, 5);
        for number in 0..months {
            let planned_for = self.start.0 + i64::from(number) * 30 * DAY + 15 * DAY;
            let planned_at = self.start.0 + random.millis(HOUR);
            // One is held late, one never.
            let performed_at = match number {
                4 => None,
                7 => Some(planned_for + 45 * DAY),
                _ => Some(planned_for - random.millis(10 * DAY)),
            };
            let performed_at = performed_at.filter(|at| *at < self.end.0 && *at > planned_at);
            self.audits.push(Audit { uid: format!("AUD-{number:03}"), planned_at, planned_for, performed_at });
        }
    }

    fn plant_log_ins(&mut self, scale: f64) {
        let mut random = Random::new(self.seed, 6);
        let servers: Vec<usize> =
            self.assets.iter().enumerate().filter(|(_, asset)| asset.logging).map(|(index, _)| index).collect();
        let office = u64::try_from(scaled(90, scale, 10)).unwrap_or(30);
        let span = self.end.0 - self.start.0;
        // Ten hours without a line, in the middle of a working day.
        let silence = (self.start.0 + span * 3 / 5) / DAY * DAY + 6 * HOUR;
        let mut hour = self.start.0 / HOUR * HOUR;
        while hour < self.end.0 {
            let of_day = hour.rem_euclid(DAY) / HOUR;
            let weekday = (hour / DAY + 4).rem_euclid(7);
            let busy = (1..=5).contains(&weekday) && (7..17).contains(&of_day);
            let attempts = if busy { office / 2 + random.below(office) } else { random.below(3) };
            let attack = random.chance(1);
            for _ in 0..attempts {
                let at = hour + random.millis(HOUR);
                let asset = random.choose(&servers).copied().unwrap_or(0);
                let failed = random.chance(if busy { 9 } else { 20 });
                let count =
                    if failed && random.chance(5) { 2 + u32::try_from(random.below(4)).unwrap_or(0) } else { 1 };
                self.log_ins.push(LogIn { at, asset, failed, count });
            }
            if attack {
                let target = random.choose(&servers).copied().unwrap_or(0);
                let begin = hour + random.millis(HOUR / 2);
                for step in 0..40 {
                    self.log_ins.push(LogIn { at: begin + step * 700, asset: target, failed: true, count: 1 });
                }
            }
            hour += HOUR;
        }
        let (start, end) = (self.start.0, self.end.0);
        self.log_ins.retain(|log_in| {
            log_in.at >= start + HOUR && log_in.at < end && !(silence..silence + 10 * HOUR).contains(&log_in.at)
        });
        self.log_ins.sort_by_key(|log_in| log_in.at);
    }

    fn plant_heartbeats(&mut self) {
        let mut random = Random::new(self.seed, 7);
        let span = self.end.0 - self.start.0;
        for source in [
            "itsm",
            "scanner",
            "cmdb",
            "hr",
            "lms",
            "grc",
            "isms",
            "finance",
            "contracts",
            "facility",
            "awareness",
            "edr",
            "network",
            "monitoring",
            "iam",
        ] {
            let mut beats = Vec::new();
            let mut at = self.start.0 + random.millis(MINUTE);
            while at < self.end.0 {
                beats.push(at);
                at += 6 * HOUR;
            }
            // The training system is down around the turn of a month.
            if source == "lms" {
                let turn = month_start(self.start.0 + span / 3);
                let down = turn - 4 * DAY..turn + DAY;
                beats.retain(|at| !down.contains(at));
                for person in &mut self.people {
                    person.trained.retain(|at| !down.contains(at));
                    person.made_aware.retain(|at| !down.contains(at));
                }
            }
            self.heartbeats.push((source, beats));
        }
    }
}
