//! What sources mean: types, stamps and identities in the forms in which tools write them.

use ingest::{
    arrival::Arrival,
    config::{Classes, Source},
    decode::{Framing, Limits},
    map::Mapping,
    process::{Processed, process},
    reject::Reason,
};
use measurement::{
    catalogue::{Decode, TimeUnit},
    forms::Reading,
    time::Timestamp,
};
use serde_json::{Value, json};

use crate::shipped;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn source(decode: Decode, program: Option<&str>, reading: Reading) -> Source {
    Source {
        name: "lab".into(),
        topics: vec!["raw.lab".to_owned()],
        framing: Framing::plain(decode),
        mapping: program.map(|program| Mapping::compile(program, reading.zone).unwrap()),
        reading,
        max_future: 300_000,
        lateness: 300_000,
        limits: Limits::default(),
    }
}

fn classes() -> Classes {
    let mut classes = Classes::new(&measurement::classes::Classes::known(), []);
    classes.also(["vulnerabilities[0].cvss[0].base_score", "user.uid", "is_mfa", "end_time"]);
    classes
}

/// What becomes of a record that was received at a time.
fn read<T>(source: &mut Source, record: &str, received: &str, look: impl FnOnce(&Processed<'_>) -> T) -> T {
    let value = Some(record.as_bytes());
    let arrival = Arrival { topic: "raw.lab", partition: 0, offset: 7, timestamp: at(received), key: None, value };
    look(&process(source, &classes(), &arrival))
}

fn events(source: &mut Source, record: &str, received: &str) -> Vec<Value> {
    read(source, record, received, |processed| {
        assert_eq!(processed.refusal(), None, "{record}");
        processed.events.iter().map(|(event, _)| serde_json::from_slice(&event.draft.bytes()).unwrap()).collect()
    })
}

fn times(source: &mut Source, record: &str, received: &str) -> Vec<String> {
    events(source, record, received)
        .iter()
        .map(|event| Timestamp(event["time"].as_i64().unwrap()).to_string())
        .collect()
}

const LOGIN: &str = r#"{"class_uid": 3002, "category_uid": 3, "activity_id": 1, "type_uid": 300201, "severity_id": 1, "status_id": 1,
    "time": 1773129600000, "metadata": {"uid": "u0"}, "dst_endpoint": {"hostname": "h"}, "user": {"uid": "1001"}}"#;

fn login(change: impl FnOnce(&mut Value)) -> String {
    let mut event: Value = serde_json::from_str(LOGIN).unwrap();
    change(&mut event);
    event.to_string()
}

#[test]
fn whole_numbers_come_with_a_point_an_exponent_or_as_texts() {
    let mut source = source(Decode::Json, None, Reading::default());
    let changes: [(&str, Value); 9] = [
        ("activity_id", json!(1.0)),
        ("activity_id", json!("1")),
        ("time", json!(1_773_129_600_000.0)),
        ("time", json!(1.773_129_6e12)),
        ("time", json!("1773129600000")),
        ("time", json!("2026-03-10T09:00:00+01:00")),
        ("class_uid", json!("3002")),
        ("type_uid", json!(300_201.0)),
        ("count", json!("1")),
    ];
    for (name, value) in changes {
        let record = login(|event| event[name] = value.clone());
        let found = times(&mut source, &record, "2026-03-11T12:00:00Z");
        assert_eq!(found, ["2026-03-10T08:00:00.000Z"], "{name}: {value}");
    }
    for (name, value, reason) in [
        ("time", json!("yesterday"), Reason::BadTime),
        ("activity_id", json!("one"), Reason::BadAttribute),
        ("class_uid", json!(true), Reason::BadAttribute),
        ("metadata", json!({"uid": {"a": 1}}), Reason::BadAttribute),
    ] {
        let record = login(|event| event[name] = value.clone());
        let found = read(&mut source, &record, "2026-03-11T12:00:00Z", |processed| processed.refusal().unwrap().reason);
        assert_eq!(found, reason, "{name}: {value}");
    }
}

#[test]
fn instants_are_read_in_the_unit_that_the_source_declares() {
    for (unit, time) in [
        (TimeUnit::Seconds, json!(1_773_129_600)),
        (TimeUnit::Seconds, json!("1773129600.000")),
        (TimeUnit::Microseconds, json!(1_773_129_600_000_000_i64)),
        (TimeUnit::Nanoseconds, json!(1_773_129_600_000_000_123_i64)),
    ] {
        let mut source = source(Decode::Json, None, Reading { unit, ..Reading::default() });
        let record = login(|event| event["time"] = time.clone());
        assert_eq!(times(&mut source, &record, "2026-03-11T12:00:00Z"), ["2026-03-10T08:00:00.000Z"], "{time}");
    }
    let mut undeclared = source(Decode::Json, None, Reading::default());
    let record = login(|event| event["time"] = json!(1_773_129_600));
    let reason =
        read(&mut undeclared, &record, "2026-03-11T12:00:00Z", |processed| processed.refusal().unwrap().reason);
    assert_eq!(reason, Reason::ImplausibleTime, "told, not guessed");
}

#[test]
fn identifiers_and_scores_are_what_the_class_table_says() {
    let mut source = source(Decode::Json, None, Reading::default());
    for (uid, text) in [(json!(1001), "1001"), (json!(1001.0), "1001"), (json!("1001"), "1001"), (json!(-7), "-7")] {
        let record = login(|event| event["user"]["uid"] = uid.clone());
        assert_eq!(events(&mut source, &record, "2026-03-11T12:00:00Z")[0]["user"]["uid"], text, "{uid}");
    }
    for (score, number) in
        [(json!("9.8"), json!(9.8)), (json!(" 10 "), json!(10)), (json!(7.5), json!(7.5)), (json!("1e1"), json!(10))]
    {
        let finding = json!({
            "class_uid": 2002, "activity_id": 1, "status_id": 1, "time": 1_773_129_600_000_i64,
            "metadata": {"uid": 5}, "finding_info": {"uid": 6}, "device": {"uid": 7},
            "vulnerabilities": [{"cvss": [{"base_score": score}]}],
        });
        let event = events(&mut source, &finding.to_string(), "2026-03-11T12:00:00Z").remove(0);
        assert_eq!(event["vulnerabilities"][0]["cvss"][0]["base_score"], number, "{score}");
        assert_eq!((&event["metadata"]["uid"], &event["device"]["uid"]), (&json!("5"), &json!("7")));
    }
    let record = login(|event| event["is_mfa"] = json!("sometimes"));
    let (published, mistyped) = read(&mut source, &record, "2026-03-11T12:00:00Z", |processed| {
        let bytes = processed.events[0].0.draft.bytes();
        (
            bytes,
            processed
                .mistyped
                .iter()
                .map(|((class, path), n)| (class.to_string(), path.clone(), *n))
                .collect::<Vec<_>>(),
        )
    });
    assert_eq!(published, record.as_bytes(), "as it came");
    assert_eq!(mistyped, [("authentication".to_owned(), "is_mfa".to_owned(), 1)]);
}

const MAIL: &str = r#"
at = parse_timestamp!(.messageTime, "%+")
id = string!(.GUID)
time = to_unix_timestamp(at, unit: "milliseconds")
events = []
for_each(array!(.recipients)) -> |_i, to| {
  events = push(events, {
    "category_uid": 2, "class_uid": 2004, "activity_id": 1, "type_uid": 200401, "severity_id": 1, "time": time,
    "metadata": { "uid": id }, "finding_info": { "uid": id }, "user": { "uid": to }
  })
}
events"#;

fn uids(source: &mut Source, record: &str) -> Vec<String> {
    let events = events(source, record, "2026-03-11T12:00:00Z");
    events.iter().map(|event| event["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn events_of_one_record_that_share_an_identity_are_told_apart() {
    let mut mail = source(Decode::Json, Some(MAIL), Reading::default());
    let record =
        |to: &[&str]| json!({"GUID": "g", "messageTime": "2026-03-10T08:00:00Z", "recipients": to}).to_string();
    assert_eq!(uids(&mut mail, &record(&["a"])), ["g"]);
    assert_eq!(uids(&mut mail, &record(&["a", "b", "c"])), ["g", "g-2", "g-3"]);
    assert_eq!(uids(&mut mail, &record(&["a", "a", "b"])), ["g", "g", "g-2"], "the same recipient twice is one event");
    let two = format!("{}\n{}", record(&["a", "b"]), record(&["c"]));
    assert_eq!(uids(&mut mail, &two), ["g", "g-2", "g-3"], "two values of one record");
    let mut native = source(Decode::Json, None, Reading::default());
    let other = login(|event| event["user"]["uid"] = json!("1002"));
    assert_eq!(uids(&mut native, &format!("[{LOGIN},{other},{LOGIN}]")), ["u0", "u0-2", "u0"]);
}

const SYSLOG: &str = r#"
parts = parse_syslog!(.message)
{
  "class_uid": 3002, "activity_id": 1, "severity_id": 1, "status_id": 1,
  "time": to_unix_timestamp(timestamp!(parts.timestamp), unit: "milliseconds"),
  "dst_endpoint": { "hostname": string!(parts.hostname) }
}"#;

#[test]
fn stamps_without_a_year_are_of_the_records_year_whenever_they_are_read() {
    let mut source = source(Decode::Text, Some(SYSLOG), Reading::default());
    for (line, received, instant) in [
        ("<38>Mar 10 08:00:00 gw-1 filter[7]: permit", "2027-04-01T00:00:00Z", "2027-03-10T08:00:00.000Z"),
        ("<38>Dec 10 08:00:00 gw-1 filter[7]: permit", "2027-04-01T00:00:00Z", "2026-12-10T08:00:00.000Z"),
        ("<38>Dec 31 23:59:59 gw-1 filter[7]: permit", "2026-01-01T00:00:01Z", "2025-12-31T23:59:59.000Z"),
        ("Feb 29 08:00:00 gw-1 filter[7]: permit", "2024-03-01T12:00:00Z", "2024-02-29T08:00:00.000Z"),
        ("Feb 29 08:00:00 gw-1 filter[7]: permit", "2025-03-01T12:00:00Z", "2024-02-29T08:00:00.000Z"),
    ] {
        assert_eq!(times(&mut source, line, received), [instant], "{line} at {received}");
    }
}

#[test]
fn lines_of_sshd_are_placed_by_the_sources_zone_and_the_records_year() {
    use chrono_tz::{America::New_York, Asia::Kolkata, Europe::Zurich, UTC};
    let line =
        |stamp: &str| format!("{stamp} web-1 sshd[1]: Failed password for deploy from 192.0.2.1 port 40000 ssh2");
    for (stamp, zone, received, instant) in [
        ("Mar 10 14:00:00", Kolkata, "2026-03-10T09:00:00Z", "2026-03-10T08:30:00.000Z"),
        ("Mar 10 14:00:00", UTC, "2026-03-10T15:00:00Z", "2026-03-10T14:00:00.000Z"),
        ("2026-03-10T14:00:00.5", Kolkata, "2026-03-10T09:00:00Z", "2026-03-10T08:30:00.500Z"),
        ("2026-03-10T14:00:00+01:00", Kolkata, "2026-03-10T15:00:00Z", "2026-03-10T13:00:00.000Z"),
        ("Oct 25 02:30:00", Zurich, "2026-10-25T09:00:00Z", "2026-10-25T00:30:00.000Z"),
        ("Nov  1 01:30:00", New_York, "2026-11-01T09:00:00Z", "2026-11-01T05:30:00.000Z"),
        ("Mar 29 02:30:00", Zurich, "2026-03-29T09:00:00Z", "2026-03-29T01:30:00.000Z"),
        ("Dec 31 23:00:00", New_York, "2026-01-01T04:30:00Z", "2026-01-01T04:00:00.000Z"),
        ("Feb 29 12:00:00", Zurich, "2024-03-01T00:00:00Z", "2024-02-29T11:00:00.000Z"),
        ("Dec 31 23:59:60", UTC, "2017-01-01T01:00:00Z", "2016-12-31T23:59:59.999Z"),
    ] {
        let mut source = shipped::source_in("sshd", Decode::Text, zone);
        assert_eq!(times(&mut source, &line(stamp), received), [instant], "{stamp} {zone}");
    }
    let mut source = shipped::source_in("sshd", Decode::Text, UTC);
    let refused =
        read(&mut source, &line("Feb 30 12:00:00"), "2024-03-01T00:00:00Z", |processed| processed.refused.len());
    assert_eq!(refused, 1, "no day: told");
}

#[test]
fn an_event_is_judged_by_its_records_time() {
    let mut source = source(Decode::Json, None, Reading::default());
    for (received, sound) in [
        ("2026-03-10T08:00:00Z", true),
        ("2026-03-10T07:55:00Z", true),
        ("2026-03-10T07:54:59Z", false),
        ("2020-01-01T00:00:00Z", false),
        ("2040-01-01T00:00:00Z", true),
    ] {
        let reason = read(&mut source, LOGIN, received, |processed| processed.refusal().map(|refusal| refusal.reason));
        assert_eq!(reason, (!sound).then_some(Reason::ImplausibleTime), "{received}");
    }
}

#[test]
fn a_leap_second_belongs_to_its_day() {
    let program = r#"{
      "class_uid": 3002, "activity_id": 1, "status_id": 1, "dst_endpoint": { "hostname": "h" },
      "time": to_unix_timestamp(parse_timestamp!(.at, "%+"), unit: "milliseconds")
    }"#;
    let direct =
        r#"{ "class_uid": 3002, "activity_id": 1, "status_id": 1, "dst_endpoint": { "hostname": "h" }, "time": .at }"#;
    for program in [program, direct] {
        let mut source = source(Decode::Json, Some(program), Reading::default());
        for (text, instant) in [
            ("2016-12-31T23:59:59Z", "2016-12-31T23:59:59.000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
            ("2016-12-31T23:59:60.500Z", "2016-12-31T23:59:59.999Z"),
            ("2026-03-31T23:59:60Z", "2026-03-31T23:59:59.999Z"),
            ("2017-01-01T08:59:60+09:00", "2016-12-31T23:59:59.999Z"),
            ("2017-01-01T00:00:00Z", "2017-01-01T00:00:00.000Z"),
        ] {
            let record = json!({ "at": text }).to_string();
            assert_eq!(times(&mut source, &record, "2026-04-02T12:00:00Z"), [instant], "{text}");
        }
    }
}

#[test]
fn a_day_without_a_time_stays_a_day() {
    let mut grc = shipped::source("grc", Decode::Json);
    for (planned, expected) in [
        ("2026-02-10", json!("2026-02-10")),
        ("2026-02-10T00:00:00Z", json!(1_770_681_600_000_i64)),
        ("2026-02-10T09:30:00-05:00", json!(1_770_733_800_000_i64)),
    ] {
        let record = json!({"id": "t1", "type": "audit", "audit": "AUD-1", "planned_for": planned, "change": "planned", "at": "2026-01-05T15:00:00Z"});
        let found = events(&mut grc, &record.to_string(), "2026-02-01T12:00:00Z");
        assert_eq!(found[0]["audit"]["planned_for"], expected, "{planned}");
    }
    let mut hr = shipped::source("hr", Decode::Json);
    let person = json!({
        "id": "tx-1", "type": "person", "person": "P", "org_unit": "o", "in_scope": true, "training_required": true,
        "active": true, "awareness_due_at": "2026-05-01", "agreement_due_at": "2026-05-01T00:00:00Z", "at": "2026-01-05T15:00:00Z",
    });
    let found = events(&mut hr, &person.to_string(), "2026-02-01T12:00:00Z").remove(0);
    assert_eq!(found["person"]["awareness_due_at"], "2026-05-01");
    assert_eq!(found["person"]["agreement_due_at"], 1_777_593_600_000_i64);
    let mut native = source(Decode::Json, None, Reading { zone: chrono_tz::America::New_York, ..Reading::default() });
    let record = login(|event| {
        event["time"] = json!("2026-03-10");
        event["end_time"] = json!("2026-03-12");
    });
    let found = events(&mut native, &record, "2026-03-11T12:00:00Z").remove(0);
    assert_eq!((&found["time"], &found["end_time"]), (&json!(1_773_115_200_000_i64), &json!("2026-03-12")));
}

/// The exporter uses what a record is about as its identity.
#[test]
fn the_shipped_mappings_survive_a_ticket_number_as_identity() {
    let records = |name: &str| -> Vec<Value> {
        let at = |hour: u32| format!("2026-01-05T{hour:02}:00:00Z");
        match name {
            "itsm" => ["opened", "updated", "resolved"]
                .iter()
                .zip(8..)
                .map(|(change, hour)| json!({"id": "INC-1", "type": "incident", "incident": "INC-1", "category": "c", "change": change, "at": at(hour)}))
                .collect(),
            "scanner" => ["open", "fixed"]
                .iter()
                .zip(8..)
                .map(|(state, hour)| json!({"id": 17, "type": "finding", "finding": "VF-1", "asset": "A", "asset_class": "server", "cve": "C", "score": 9.8, "state": state, "at": at(hour)}))
                .collect(),
            "hr" => (8..10)
                .map(|hour| json!({"id": "P-1", "type": "person", "person": "P-1", "org_unit": "o", "in_scope": true, "training_required": true, "active": hour == 8, "at": at(hour)}))
                .collect(),
            "lms" => ["a", "b"]
                .iter()
                .map(|course| json!({"id": "P-1", "type": "completion", "person": "P-1", "course": course, "at": at(8)}))
                .collect(),
            _ => ["planned", "performed"]
                .iter()
                .map(|change| json!({"id": "AUD-1", "type": "audit", "audit": "AUD-1", "planned_for": "2026-02-10", "change": change, "at": at(8)}))
                .collect(),
        }
    };
    for name in ["itsm", "scanner", "hr", "lms", "grc"] {
        let mut source = shipped::source(name, Decode::Json);
        let uids: Vec<String> =
            records(name).iter().flat_map(|record| uids(&mut source, &record.to_string())).collect();
        let different: std::collections::BTreeSet<_> = uids.iter().collect();
        assert_eq!(different.len(), uids.len(), "{name}: {uids:?}");
        let again = self::uids(&mut source, &records(name)[0].to_string());
        assert_eq!(again[0], uids[0], "{name}: the same change sent again is the same event");
    }
}

#[test]
fn every_element_tells_its_time_as_far_as_it_could_be_read() {
    let mut sshd = shipped::source("sshd", Decode::Text);
    let lines = "2026-03-01T11:00:00Z web-1 CRON[1]: session opened\n\
        2026-03-01T11:05:00Z web-1 sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n\
        nonsense";
    let signs = read(&mut sshd, lines, "2026-03-01T12:00:00Z", |processed| {
        processed
            .signs
            .iter()
            .map(|sign| (sign.time.map(|time| time.to_string()), sign.read, sign.refused))
            .collect::<Vec<_>>()
    });
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(signs, [(at("2026-03-01T11:00:00.000Z"), 1, 0), (at("2026-03-01T11:05:00.000Z"), 1, 0), (None, 1, 1)]);
    let mut native = source(Decode::Json, None, Reading::default());
    let unknown = login(|event| event["class_uid"] = json!(99));
    let signs = read(&mut native, &unknown, "2026-03-11T12:00:00Z", |processed| processed.signs.clone());
    assert_eq!(
        (signs[0].time, signs[0].refused),
        (Some(Timestamp(1_773_129_600_000)), 1),
        "refused after its time was readable"
    );
    let ahead = login(|event| event["class_uid"] = json!(99));
    let signs = read(&mut native, &ahead, "2020-03-11T12:00:00Z", |processed| processed.signs.clone());
    assert_eq!(signs[0].time, None, "a time that cannot be true is none");
}
