//! Registers, tickets and tools of the ISMS: they tell in OCSF.

use serde_json::{Value, json};

use super::writer::{TOPICS, Writer};
use crate::generate::plant::{Action, Organisation};

const CATEGORY: i64 = 27_001;

impl Writer {
    /// An OCSF event of the `isms` extension, or of another class, from a source that sends OCSF.
    fn tell(&mut self, source: &'static str, at: i64, (class, activity): (i64, i64), about: Value) {
        let id = self.id();
        let category = if class / 1000 == CATEGORY { CATEGORY } else { class / 1000 };
        let mut event = json!({"class_uid": class, "category_uid": category, "activity_id": activity,
            "type_uid": class * 100 + activity, "severity_id": 1, "time": at,
            "metadata": {"uid": id, "version": "1.8.0", "product": {"name": source}}});
        if let (Value::Object(event), Value::Object(about)) = (&mut event, about) {
            event.extend(about);
        }
        let topic = TOPICS.iter().find(|topic| topic.strip_prefix("raw.") == Some(source)).copied();
        self.send(topic.unwrap_or("raw.isms"), at, &event);
    }
}

pub(super) fn registers(organisation: &Organisation, writer: &mut Writer) {
    management(organisation, writer);
    actions(organisation, writer);
    awareness(organisation, writer);
    systems(organisation, writer);
    operations(organisation, writer);
    facilities(organisation, writer);
    contracts(organisation, writer);
}

fn management(organisation: &Organisation, writer: &mut Writer) {
    for (number, budget) in organisation.registers.budgets.iter().enumerate() {
        let line = |amount: i64| json!({"budget": {"uid": format!("B-{number:02}"), "resource": budget.resource, "amount": amount, "year_start": budget.begins}});
        writer.tell("finance", budget.allocated.0, (27_001_005, 1), line(budget.allocated.1));
        for (at, amount) in &budget.used {
            writer.tell("finance", *at, (27_001_005, 2), line(*amount));
        }
    }
    for (number, policy) in organisation.registers.policies.iter().enumerate() {
        let uid = json!({"policy": {"uid": format!("POL-{number:02}")}});
        writer.tell("isms", policy.in_force, (27_001_006, 1), uid.clone());
        for at in &policy.reviews {
            writer.tell("isms", *at, (27_001_006, 2), uid.clone());
        }
        if let Some(at) = policy.withdrawn {
            writer.tell("isms", at, (27_001_006, 3), uid);
        }
    }
    for (number, meeting) in organisation.registers.meetings.iter().enumerate() {
        let uid = format!("MR-{number:02}");
        if let Some((at, planned_for)) = meeting.planned {
            writer.tell("isms", at, (27_001_007, 1), json!({"meeting": {"uid": uid, "planned_for": planned_for}}));
        }
        if let Some((at, invited, present)) = meeting.held {
            let held = json!({"meeting": {"uid": uid, "invited": invited, "present": present}});
            writer.tell("isms", at, (27_001_007, 2), held);
        }
    }
    for (number, risk) in organisation.registers.risks.iter().enumerate() {
        let uid = format!("R-{number:02}");
        for (at, level, above) in &risk.changes {
            let change = json!({"risk": {"uid": uid, "level": level, "above_threshold": above}});
            writer.tell("isms", *at, (27_001_008, 1), change);
        }
        for at in &risk.reviews {
            writer.tell("isms", *at, (27_001_008, 2), json!({"risk": {"uid": uid}}));
        }
        if let Some(at) = risk.closed {
            writer.tell("isms", at, (27_001_008, 3), json!({"risk": {"uid": uid}}));
        }
    }
}

fn actions(organisation: &Organisation, writer: &mut Writer) {
    for (number, action) in organisation.registers.actions.iter().enumerate() {
        let told = |status: &str, more: Value| {
            let incident = action.incident.and_then(|index| organisation.incidents.get(index));
            let mut about = json!({"uid": format!("ACT-{number:03}"), "kind": kind(action), "status": status, "due_at": action.due});
            if let (Value::Object(about), Value::Object(more)) = (&mut about, more) {
                about.extend(more);
                if let Some(incident) = incident {
                    about.insert("incident_uid".to_owned(), json!(incident.uid));
                }
            }
            json!({"action": about})
        };
        writer.tell("isms", action.planned, (27_001_009, 1), told("open", json!({})));
        if let Some((at, cost, quality)) = action.done {
            let more = json!({"within_cost": cost, "within_quality": quality});
            writer.tell("isms", at, (27_001_009, 3), told("done", more));
        }
        if let Some(at) = action.given_up {
            writer.tell("isms", at, (27_001_009, 4), told("not-done", json!({"reason": "no longer needed"})));
        }
    }
    for (number, cost) in organisation.registers.costs.iter().enumerate() {
        let about = json!({"cost": {"incident_uid": format!("INC-{number:05}"), "category": cost.category, "amount": cost.amount, "currency": cost.currency}});
        writer.tell("finance", cost.at, (27_001_010, 1), about);
    }
}

fn kind(action: &Action) -> &'static str {
    if action.corrective { "corrective" } else { "improvement" }
}

fn awareness(organisation: &Organisation, writer: &mut Writer) {
    let uid = |number: usize| organisation.people.get(number).map_or("P-none", |person| person.uid.as_str());
    for person in &organisation.people {
        if let Some(at) = person.signed_at {
            writer.tell("awareness", at, (27_001_002, 2), json!({"person": {"uid": person.uid}}));
        }
    }
    for quiz in &organisation.registers.quizzes {
        let about =
            json!({"person": {"uid": uid(quiz.person)}, "quiz": {"campaign": "campaign", "passed": quiz.passed}});
        writer.tell("awareness", quiz.at, (27_001_011, if quiz.after { 2 } else { 1 }), about);
    }
    for lure in &organisation.registers.lures {
        let about = json!({"person": {"uid": uid(lure.person)}, "simulation": {"campaign": "campaign", "difficulty": lure.difficulty}});
        writer.tell("awareness", lure.at, (27_001_012, lure.activity), about);
    }
}

fn systems(organisation: &Organisation, writer: &mut Writer) {
    for (asset, facts) in organisation.assets.iter().zip(&organisation.registers.systems) {
        let device = || json!({"device": {"uid": asset.uid}});
        let assessments = [
            (2, facts.rights_reviews.clone()),
            (3, facts.hardened.into_iter().collect()),
            (4, facts.approved.into_iter().collect()),
            (5, facts.releases.clone()),
        ];
        for (activity, times) in assessments {
            for at in times {
                writer.tell("isms", at, (27_001_004, activity), device());
            }
        }
        for (at, signatures_at) in &facts.signatures {
            let about = json!({"device": {"uid": asset.uid}, "protection": {"signatures_at": signatures_at}});
            writer.tell("edr", *at, (27_001_017, 1), about);
        }
        for (at, compliant) in &facts.checks {
            let about = json!({"device": {"uid": asset.uid}, "status_id": 1, "compliance": {"status_id": if *compliant { 1 } else { 3 }}});
            writer.tell("network", *at, (2003, 1), about);
        }
    }
}

fn operations(organisation: &Organisation, writer: &mut Writer) {
    for (number, check) in organisation.registers.password_checks.iter().enumerate() {
        let about = json!({"check": {"uid": format!("PC-{number:04}"), "tested": check.tested, "conforming": check.conforming}});
        writer.tell("iam", check.at, (27_001_013, if check.automated { 2 } else { 1 }), about);
    }
    for (number, at) in organisation.registers.blocked.iter().enumerate() {
        let about = json!({"finding_info": {"uid": format!("DF-{number:05}")}, "disposition_id": 2});
        writer.tell("edr", *at, (2004, 1), about);
    }
    for (number, interval) in organisation.registers.intervals.iter().enumerate() {
        let kind = if interval.window { "window" } else { "outage" };
        let began = json!({"interval": {"uid": format!("SI-{number:04}"), "service": interval.service, "kind": kind, "started_at": interval.from}});
        let mut ended = began.clone();
        if let Some(about) = ended.get_mut("interval").and_then(Value::as_object_mut) {
            about.insert("ended_at".to_owned(), json!(interval.to));
        }
        writer.tell("monitoring", interval.from, (27_001_018, 1), began);
        writer.tell("monitoring", interval.to, (27_001_018, 2), ended);
    }
    for (number, rule) in organisation.registers.rules.iter().enumerate() {
        let uid = format!("FW-{number:03}");
        for (at, hits) in &rule.readings {
            writer.tell("network", *at, (27_001_019, 1), json!({"rule": {"uid": uid, "hits": hits}}));
        }
        if let Some(at) = rule.removed {
            writer.tell("network", at, (27_001_019, 2), json!({"rule": {"uid": uid}}));
        }
    }
    for (number, review) in organisation.registers.log_reviews.iter().enumerate() {
        let uid = format!("LR-{number:03}");
        writer.tell("isms", review.planned, (27_001_020, 1), json!({"review": {"uid": uid, "due_at": review.due}}));
        if let Some(at) = review.done {
            writer.tell("isms", at, (27_001_020, 2), json!({"review": {"uid": uid}}));
        }
    }
}

fn facilities(organisation: &Organisation, writer: &mut Writer) {
    for (number, site) in organisation.registers.sites.iter().enumerate() {
        for (at, level) in &site.inspections {
            let about = json!({"site": {"uid": format!("S-{number}"), "level": level}});
            writer.tell("facility", *at, (27_001_014, 1), about);
        }
    }
    for (at, unauthorised) in &organisation.registers.entries {
        let about = json!({"entry": {"room_uid": "ROOM-1"}});
        writer.tell("facility", *at, (27_001_015, if *unauthorised { 2 } else { 1 }), about);
    }
    for (number, maintenance) in organisation.registers.maintenances.iter().enumerate() {
        let uid = format!("MT-{number:03}");
        let planned = json!({"maintenance": {"uid": uid, "scheduled_for": maintenance.scheduled}});
        writer.tell("facility", maintenance.planned, (27_001_016, 1), planned);
        if let Some(at) = maintenance.done {
            writer.tell("facility", at, (27_001_016, 2), json!({"maintenance": {"uid": uid}}));
        }
    }
}

fn contracts(organisation: &Organisation, writer: &mut Writer) {
    for (number, agreement) in organisation.registers.agreements.iter().enumerate() {
        let uid = format!("AG-{number:02}");
        for (at, required, addressed) in &agreement.states {
            let state = json!({"agreement": {"uid": uid, "required": required, "addressed": addressed, "personal_data": agreement.personal}});
            writer.tell("contracts", *at, (27_001_021, 1), state);
        }
        if let Some(at) = agreement.ended {
            writer.tell("contracts", at, (27_001_021, 2), json!({"agreement": {"uid": uid}}));
        }
    }
    for (number, review) in organisation.registers.third_party_reviews.iter().enumerate() {
        let uid = format!("TP-{number:02}");
        let planned = json!({"review": {"uid": uid, "planned_for": review.planned_for}});
        writer.tell("isms", review.planned, (27_001_022, 1), planned);
        if let Some(at) = review.received {
            writer.tell("isms", at, (27_001_022, 2), json!({"review": {"uid": uid}}));
        }
    }
}
