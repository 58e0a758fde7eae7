//! How the sources tell of what happened: raw records in the order of their arrival, some doubled, late, out
//! of order or broken.

mod registers;
mod writer;

use std::sync::Arc;

use measurement::time::Timestamp;
use serde_json::json;

use writer::Writer;
pub use writer::{Flaw, Raw, TOPICS};

use super::{
    days::MINUTE,
    plant::{Change, Organisation},
    random::Random,
};

/// Sources that send OCSF.
const OCSF: [&str; 10] =
    ["awareness", "cmdb", "contracts", "edr", "facility", "finance", "iam", "isms", "monitoring", "network"];

/// All raw records, in the order of their arrival.
pub fn records(organisation: &Organisation) -> Vec<Raw> {
    let mut writer =
        Writer { random: Random::new(organisation.seed, 20), end: organisation.end.0, next_id: 0, records: Vec::new() };
    people_and_systems(organisation, &mut writer);
    registers::registers(organisation, &mut writer);
    incidents(organisation, &mut writer);
    scanner(organisation, &mut writer);
    heartbeats(organisation, &mut writer);
    log_ins(organisation, &mut writer);
    // A stable sort: records of one instant stay in the order in which they were written.
    writer.records.sort_by_key(|record| record.arrival);
    writer.records
}

/// RFC 3339 in UTC, with milliseconds.
fn stamp(at: i64) -> String {
    Timestamp(at).to_string()
}

fn people_and_systems(organisation: &Organisation, writer: &mut Writer) {
    for person in &organisation.people {
        for state in &person.states {
            let id = writer.id();
            writer.send(
                "raw.hr",
                state.at,
                &json!({"id": id, "type": "person", "person": person.uid, "org_unit": state.org_unit, "in_scope": true,
                    "training_required": state.training_required, "active": state.active, "at": stamp(state.at),
                    "awareness_due_at": stamp(person.awareness_due_at), "agreement_due_at": stamp(person.agreement_due_at)}),
            );
        }
        let aware = person.made_aware.iter().map(|at| (*at, "isms-awareness"));
        for (at, course) in person.trained.iter().map(|at| (*at, "infosec-annual")).chain(aware) {
            let id = writer.id();
            let record =
                json!({"id": id, "type": "completion", "person": person.uid, "course": course, "at": stamp(at)});
            writer.send("raw.lms", at, &record);
        }
    }
    for audit in &organisation.audits {
        let changes = [(audit.planned_at, "planned")].into_iter().chain(audit.performed_at.map(|at| (at, "performed")));
        for (at, change) in changes {
            let id = writer.id();
            writer.send(
                "raw.grc",
                at,
                &json!({"id": id, "type": "audit", "audit": audit.uid, "planned_for": stamp(audit.planned_for), "change": change, "at": stamp(at)}),
            );
        }
    }
    for asset in &organisation.assets {
        let id = writer.id();
        writer.send(
            "raw.cmdb",
            asset.since,
            &json!({"class_uid": 5001, "category_uid": 5, "activity_id": 2, "type_uid": 500_102, "severity_id": 1,
                "time": asset.since, "metadata": {"uid": id, "version": "1.8.0", "product": {"name": "cmdb"}},
                "device": {"uid": asset.uid, "hostname": asset.host, "type": asset.class},
                "unmapped": {"in_scope": asset.in_scope, "logging_required": asset.logging, "critical": asset.class == "server",
                    "agent_required": asset.class != "network", "in_service_at": asset.since}}),
        );
        for at in &asset.pentests {
            let id = writer.id();
            writer.send("raw.grc", *at, &json!({"id": id, "type": "pentest", "asset": asset.uid, "at": stamp(*at)}));
        }
    }
}

fn incidents(organisation: &Organisation, writer: &mut Writer) {
    for incident in &organisation.incidents {
        for (at, change) in &incident.changes {
            let change = match change {
                Change::Opened => "opened",
                Change::Updated => "updated",
                Change::Resolved => "resolved",
                Change::Reopened => "reopened",
            };
            let id = writer.id();
            writer.send(
                "raw.itsm",
                *at,
                &json!({"id": id, "type": "incident", "incident": incident.uid, "category": incident.category, "change": change, "at": stamp(*at)}),
            );
        }
    }
}

fn scanner(organisation: &Organisation, writer: &mut Writer) {
    for asset in &organisation.assets {
        for at in &asset.scans {
            let id = writer.id();
            writer.send("raw.scanner", *at, &json!({"id": id, "type": "scan", "asset": asset.uid, "at": stamp(*at)}));
        }
    }
    for vulnerability in &organisation.vulnerabilities {
        let Some(asset) = organisation.assets.get(vulnerability.asset) else { continue };
        let states = [(vulnerability.found, "open")].into_iter().chain(vulnerability.fixed.map(|at| (at, "fixed")));
        for (at, state) in states {
            let id = writer.id();
            // Tenths are exact as a decimal text; serde_json writes the shortest one.
            let score: serde_json::Value =
                format!("{}.{}", vulnerability.score_tenths / 10, vulnerability.score_tenths % 10)
                    .parse()
                    .unwrap_or_default();
            writer.send(
                "raw.scanner",
                at,
                &json!({"id": id, "type": "finding", "finding": vulnerability.uid, "asset": asset.uid, "asset_class": asset.class,
                    "cve": vulnerability.cve, "score": score, "state": state, "at": stamp(at)}),
            );
        }
    }
}

fn heartbeats(organisation: &Organisation, writer: &mut Writer) {
    for (source, beats) in &organisation.heartbeats {
        for at in beats {
            let id = writer.id();
            let topic =
                TOPICS.iter().find(|topic| topic.strip_prefix("raw.") == Some(source)).copied().unwrap_or("raw.itsm");
            let value = if OCSF.contains(source) {
                json!({"class_uid": 27_001_099, "category_uid": 27_001, "activity_id": 1, "type_uid": 2_700_109_901_i64, "severity_id": 1,
                    "time": at, "metadata": {"uid": id, "version": "1.8.0", "product": {"name": source}}})
            } else {
                json!({"id": id, "type": "heartbeat", "at": stamp(*at)})
            };
            // Heartbeats are neither late nor doubled: a late sign of life is none.
            writer.records.push(Raw {
                arrival: *at + 1000,
                topic,
                bytes: value.to_string().into_bytes(),
                flaw: Flaw::None,
            });
        }
    }
}

fn log_ins(organisation: &Organisation, writer: &mut Writer) {
    for (number, log_in) in organisation.log_ins.iter().enumerate() {
        let Some(asset) = organisation.assets.get(log_in.asset) else { continue };
        let what =
            if log_in.failed { "Failed password for invalid user admin" } else { "Accepted publickey for u0001" };
        let port = 40_000 + number % 20_000;
        let message = format!("{what} from 192.0.2.{} port {port} ssh2", number % 250);
        let message =
            if log_in.count > 1 { format!("message repeated {} times: [ {message}]", log_in.count) } else { message };
        let time = Arc::<str>::from(stamp(log_in.at).trim_end_matches('Z'));
        let line = format!("{time}+00:00 {} sshd[{}]: {message}", asset.host, 1000 + number % 9000);
        // Out of order by minutes, within what the source declares.
        let delay = if writer.random.chance(2) { writer.random.millis(4 * MINUTE) } else { writer.random.millis(2000) };
        let arrival = (log_in.at + delay).min(writer.end - 1).max(log_in.at);
        writer.records.push(Raw { arrival, topic: "raw.sshd", bytes: line.into_bytes(), flaw: Flaw::None });
        if number % 50 == 0 {
            // Says nothing about log-ins.
            let line =
                format!("{time}+00:00 {} sshd[{}]: Connection closed by 192.0.2.9 port 22", asset.host, number % 9000);
            writer.records.push(Raw { arrival, topic: "raw.sshd", bytes: line.into_bytes(), flaw: Flaw::None });
        }
    }
}
