//! Inputs that real tools stumble over, through the shipped sshd mapping and small programs: what is counted must not
//! depend on how records are framed, on stray bytes, or on what somebody typed as a user name.

use std::fmt::Write as _;

use ingest::{
    arrival::Arrival,
    config::{Classes, Source},
    decode::{Framing, Limits, Wrapper},
    map::Mapping,
    process::{Processed, process},
    reject::Reason,
};
use measurement::{
    catalogue::{Decode, DuplicateMembers, Encoding, Unwrap},
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::shipped;

/// 2026-03-11T12:00:00Z.
const NOW: Timestamp = Timestamp(1_773_230_400_000);

/// An application's log-in audit with a `message` of its own for people.
const LOGINS: &str = r#"
at = parse_timestamp!(.at, "%+")
if .event == "heartbeat" { return null }
status_id = if .result == "failure" { 2 } else { 1 }
{
  "class_uid": 3002, "activity_id": 1, "time": to_unix_timestamp(at, unit: "milliseconds"),
  "status_id": status_id, "dst_endpoint": { "hostname": string!(.host) }
}
"#;

fn sshd() -> Source {
    let mut source = shipped::source("sshd", Decode::Text);
    source.framing.unwrap = Some(unwrap(&[Unwrap::Text("message".to_owned())]));
    source
}

fn unwrap(steps: &[Unwrap]) -> Vec<Wrapper> {
    steps.iter().filter_map(Wrapper::of).collect()
}

fn logins() -> Source {
    Source {
        name: "app".into(),
        framing: Framing::plain(Decode::Json),
        mapping: Some(Mapping::compile(LOGINS, chrono_tz::UTC).unwrap()),
        ..shipped::source("itsm", Decode::Json)
    }
}

fn native() -> Source {
    Source { mapping: None, ..logins() }
}

/// What became of a record.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Outcome {
    accepted: usize,
    failed: usize,
    not_relevant: u64,
    refused: u64,
    replaced: u64,
    reasons: Vec<Reason>,
}

fn outcome(processed: &Processed<'_>) -> Outcome {
    let mut outcome = Outcome {
        not_relevant: processed.not_relevant(),
        refused: processed.refused_elements(),
        replaced: processed.replaced,
        reasons: processed.refused.iter().map(|(_, refusal)| refusal.reason).collect(),
        ..Outcome::default()
    };
    assert_eq!(processed.elements, processed.published + outcome.not_relevant + outcome.refused);
    for (event, _) in &processed.events {
        let published: Value = serde_json::from_slice(&event.draft.bytes()).unwrap();
        match published["status_id"].as_i64() {
            Some(1) => outcome.accepted += 1,
            Some(2) => outcome.failed += 1,
            other => panic!("status_id {other:?}"),
        }
    }
    outcome
}

fn read(source: &mut Source, record: &[u8]) -> Outcome {
    let classes = Classes::new(&measurement::classes::Classes::known(), []);
    let arrival = Arrival { topic: "raw", partition: 0, offset: 7, timestamp: NOW, key: None, value: Some(record) };
    outcome(&process(source, &classes, &arrival))
}

fn counts(source: &mut Source, record: &[u8]) -> (usize, usize) {
    let outcome = read(source, record);
    assert_eq!(outcome.refused, 0, "{outcome:?}");
    (outcome.accepted, outcome.failed)
}

const ACCEPTED: &str =
    "2026-03-10T08:00:00Z web-1 sshd[8]: Accepted publickey for deploy from 192.0.2.1 port 40000 ssh2";
const FAILED: &str = "2026-03-10T08:00:01Z web-1 sshd[8]: Failed password for USER from 192.0.2.9 port 40000 ssh2";

#[test]
fn the_end_of_a_line_is_no_part_of_what_it_says() {
    let repeated = "2026-03-10T08:30:09Z web-1 sshd[9]: message repeated 40 times: [ Failed password for root from 192.0.2.99 port 4 ssh2]";
    for end in ["\n", "\r\n", "\r\r\n", "\0\n", "\r\0\n", " \r\n"] {
        let record = format!("{ACCEPTED}{end}{repeated}{end}{FAILED}{end}");
        assert_eq!(counts(&mut sshd(), record.as_bytes()), (1, 41), "{end:?}");
    }
    assert_eq!(counts(&mut sshd(), format!("{repeated}\r").as_bytes()), (0, 40));
    for end in ["\\r", "\\r\\n", "\\n", "\\u0000"] {
        let record = format!(r#"{{"@timestamp":"2026-03-10T08:00:00Z","message":"{repeated}{end}"}}"#);
        assert_eq!(counts(&mut sshd(), record.as_bytes()), (0, 40), "{end}");
    }
}

#[test]
fn byte_order_marks_say_nothing() {
    let line = |mark: &str, text: &str| {
        format!("<38>1 2026-03-10T08:00:00Z gate-1 sshd 800 - - {mark}{text} for root from 192.0.2.0 port 4 ssh2")
    };
    for mark in ["", "\u{feff}"] {
        let record = format!(
            "{mark}{}\n{mark}{}\r\n{}",
            line(mark, "Failed password"),
            line(mark, "Accepted publickey"),
            line(mark, "Failed none"),
        );
        assert_eq!(counts(&mut sshd(), record.as_bytes()), (1, 2), "{mark:?}");
    }
    let repeated = "<38>1 2026-03-10T08:00:00Z gate-1 sshd 800 - [o x=\"y\"] \u{feff}message repeated 3 times: [ Failed password for root from 192.0.2.0 port 4 ssh2]";
    assert_eq!(counts(&mut sshd(), repeated.as_bytes()), (0, 3));
    let event = r#"{"at":"2026-03-10T08:00:00Z","host":"h","result":"failure"}"#;
    for record in [
        format!("\u{feff}{event}"),
        format!("\u{feff}[{event}]"),
        format!("{event}\n\u{feff}{event}"),
        format!("\u{feff}\r\n{event}"),
    ] {
        let expected = record.matches("failure").count();
        assert_eq!(counts(&mut logins(), record.as_bytes()), (0, expected), "{record}");
    }
}

#[test]
fn a_text_for_people_is_never_taken_for_a_wrapper() {
    for message in [
        "user signed in",
        "[root: sign-in failure",
        "[auth] rejected",
        "{user=root} rejected",
        "{",
        "[",
        "[]",
        "{}",
        "[1,2]",
        "{\\\"a\\\":1",
    ] {
        let record = format!(r#"{{"at":"2026-03-10T08:00:00Z","host":"h","result":"failure","message":"{message}"}}"#);
        assert_eq!(counts(&mut logins(), record.as_bytes()), (0, 1), "{message}");
        assert_eq!(counts(&mut logins(), format!("[{record},{record}]").as_bytes()), (0, 2), "{message}");
    }
    let inner = r#"{\"at\":\"2026-03-10T08:00:00Z\",\"host\":\"h\",\"result\":\"success\"}"#;
    let record = format!(r#"{{"at":"2026-03-10T08:00:00Z","host":"h","result":"failure","message":"{inner}"}}"#);
    assert_eq!(counts(&mut logins(), record.as_bytes()), (0, 1), "an event stays what it is, whatever somebody typed");
}

#[test]
fn nobody_types_himself_out_of_a_figure() {
    for user in [
        b"root".as_slice(),
        b"r\xffot",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"a\0b",
        b"\x1b[31m",
        b"{",
        b"[root",
        b"\"",
        b"\xef\xbb\xbf",
        b"a\rb",
        b"\xf0\x9f",
    ] {
        let mut record = ACCEPTED.as_bytes().to_vec();
        for _ in 0..3 {
            let line = FAILED.as_bytes();
            let at = FAILED.find("USER").unwrap();
            record.push(b'\n');
            record.extend(&line[..at]);
            record.extend(user);
            record.extend(&line[at + 4..]);
        }
        let outcome = read(&mut sshd(), &record);
        assert_eq!((outcome.accepted, outcome.failed, outcome.refused), (1, 3, 0), "{user:?}");
        let damaged = std::str::from_utf8(user).is_err() || user.contains(&0) || user.contains(&b'\r');
        assert_eq!(outcome.replaced, if damaged { 3 } else { 0 }, "{user:?}");
    }
    for user in [r"\ud800", r"\udfff\ud800", "a\tb", "a\u{1}b", r"\u0000"] {
        let record = format!(
            r#"[{{"at":"2026-03-10T08:00:00Z","host":"h","result":"failure","user":"{user}"}},{{"at":"2026-03-10T08:00:00Z","host":"h","result":"success"}}]"#
        );
        let outcome = read(&mut logins(), record.as_bytes());
        assert_eq!((outcome.accepted, outcome.failed, outcome.refused), (1, 1, 0), "{user:?}");
        assert_eq!(outcome.replaced, u64::from(user != r"\u0000"), "{user:?}");
    }
}

#[test]
fn numbers_that_nobody_wants_cost_nothing() {
    for number in [
        "9232379236109516800",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1e400",
        "-0",
        "1E-400",
        "123456789012345678901234567890",
        "0.123456789012345678901234567890",
        "1.0",
        "1e308",
    ] {
        let record = format!(
            r#"{{"at":"2026-03-10T08:00:00Z","host":"h","result":"failure","Keywords":{number},"l":[{number}]}}"#
        );
        assert_eq!(counts(&mut logins(), record.as_bytes()), (0, 1), "{number}");
        let event = format!(
            r#"{{"class_uid":3002,"activity_id":1,"status_id":2,"time":1773129600000,"dst_endpoint":{{"hostname":"h"}},"x":{number}}}"#
        );
        assert_eq!(counts(&mut native(), event.as_bytes()), (0, 1), "{number}");
    }
}

#[test]
fn a_member_named_twice_is_one_bad_event_or_what_the_source_says() {
    let good = r#"{"at":"2026-03-10T08:00:00Z","host":"h","result":"success"}"#;
    let twice = r#"{"at":"2026-03-10T08:00:00Z","host":"h","result":"success","result":"failure"}"#;
    for record in [
        format!("[{good},{twice},{good}]"),
        format!("{good}\n{twice}\n{good}"),
        format!(r#"{{"Records":[{good},{twice},{good}]}}"#),
    ] {
        let outcome = read(&mut logins(), record.as_bytes());
        assert_eq!((outcome.accepted, outcome.failed, outcome.reasons), (2, 0, vec![Reason::DuplicateKey]), "{record}");
        for (duplicates, expected) in [(DuplicateMembers::First, (3, 0)), (DuplicateMembers::Last, (2, 1))] {
            let mut source = logins();
            source.framing.duplicates = duplicates;
            assert_eq!(counts(&mut source, record.as_bytes()), expected, "{record}");
        }
    }
    let mut last = native();
    last.framing.duplicates = DuplicateMembers::Last;
    let event = br#"{"class_uid":3002,"activity_id":1,"status_id":1,"status_id":2,"time":1773129600000,"metadata":{"uid":"u"},"dst_endpoint":{"hostname":"h"}}"#;
    assert_eq!(counts(&mut last, event), (0, 1), "what is published says it once");
}

#[test]
fn wrappers_that_nobody_declared_are_named() {
    let event = r#"{"at":"2026-03-10T08:00:00Z","host":"h","result":"failure"}"#;
    let text = serde_json::to_string(event).unwrap();
    for (record, declared, step) in [
        (format!(r#"{{"events":[{event},{event}]}}"#), "records: events", Unwrap::Records("events".to_owned())),
        (
            format!(r#"{{"Records":[{event},{event}],"next":1}}"#),
            "records: Records",
            Unwrap::Records("Records".to_owned()),
        ),
        (
            format!(r#"{{"n":1,"hits":{{"hits":[{event},{event}]}}}}"#),
            "records: hits.hits",
            Unwrap::Records("hits.hits".to_owned()),
        ),
        (format!(r#"{{"host":"x","log":{text}}}"#), "text: log", Unwrap::Text("log".to_owned())),
        (
            format!(r#"{{"event":{{"original":{text}}}}}"#),
            "text: event.original",
            Unwrap::Text("event.original".to_owned()),
        ),
    ] {
        let expected = record.matches("failure").count();
        let classes = Classes::new(&measurement::classes::Classes::known(), []);
        let value = Some(record.as_bytes());
        let arrival = Arrival { topic: "raw", partition: 0, offset: 7, timestamp: NOW, key: None, value };
        for mut source in [logins(), native()] {
            let processed = process(&mut source, &classes, &arrival);
            let (_, refusal) = &processed.refused[0];
            assert_eq!(refusal.reason, Reason::UndeclaredWrapper, "{record}");
            assert!(refusal.detail.contains(&format!("`unwrap: {{ {declared} }}`")), "{}", refusal.detail);
            assert_eq!(processed.refused_elements(), u64::try_from(expected).unwrap(), "{record}");
        }
        let mut source = logins();
        source.framing.unwrap = Some(unwrap(&[step]));
        assert_eq!(counts(&mut source, record.as_bytes()), (0, expected), "{record}");
    }
    let mut bare = sshd();
    bare.framing.unwrap = None;
    let outcome = read(&mut bare, format!(r#"{{"message":"{FAILED}"}}"#).as_bytes());
    assert_eq!(outcome.reasons, [Reason::UndeclaredWrapper]);
    let heartbeat = r#"{"at":"2026-03-10T08:00:00Z","host":"h","event":"heartbeat","message":"alive"}"#;
    assert_eq!(read(&mut logins(), heartbeat.as_bytes()).not_relevant, 1);
}

#[test]
fn encodings_are_read_by_declaration_and_named_otherwise() {
    let text = format!("{ACCEPTED}\r\n{}\r\n", FAILED.replace("USER", "jos\u{e9}"));
    let wide = |big: bool, mark: bool| {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
    };
    let latin: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    for (encoding, record) in [
        (Encoding::Utf16, wide(false, true)),
        (Encoding::Utf16, wide(true, true)),
        (Encoding::Utf16Le, wide(false, false)),
        (Encoding::Utf16Be, wide(true, false)),
        (Encoding::Latin1, latin),
        (Encoding::Utf8, text.clone().into_bytes()),
    ] {
        let mut source = sshd();
        source.framing.encoding = encoding;
        let outcome = read(&mut source, &record);
        assert_eq!((outcome.accepted, outcome.failed, outcome.refused, outcome.replaced), (1, 1, 0, 0), "{encoding:?}");
        let undeclared = read(&mut sshd(), &record);
        if !matches!(encoding, Encoding::Utf8 | Encoding::Latin1) {
            assert_eq!((undeclared.refused, undeclared.reasons), (2, vec![Reason::WrongEncoding]), "{encoding:?}");
        }
    }
}

fn trail(count: usize, width: usize) -> Vec<String> {
    (0..count)
        .map(|n| {
            format!(
                r#"{{"eventID":"e-{n}","at":"2026-03-10T08:00:00Z","host":"h","result":"failure","p":{{"b":"{}"}}}}"#,
                "b".repeat(width)
            )
        })
        .collect()
}

#[test]
fn large_records_are_read_and_large_elements_refused_alone() {
    let events = trail(5300, 200);
    let record = format!(r#"{{"Records": [{}]}}"#, events.join(", "));
    assert!(record.len() > 1_300_000);
    assert_eq!(counts(&mut logins(), record.as_bytes()), (0, 5300));
    let pretty: Value = serde_json::from_str(&format!(r#"{{"Records": [{}]}}"#, events[..3].join(", "))).unwrap();
    assert_eq!(counts(&mut logins(), serde_json::to_string_pretty(&pretty).unwrap().as_bytes()), (0, 3));
    let mut small = logins();
    small.limits = Limits { element_bytes: 1000, ..Limits::default() };
    let mut record = String::from("[");
    for (n, width) in [200, 2000, 200].into_iter().enumerate() {
        write!(record, "{}{}", if n > 0 { "," } else { "" }, trail(1, width)[0]).unwrap();
    }
    let outcome = read(&mut small, format!("{record}]").as_bytes());
    assert_eq!((outcome.failed, outcome.reasons), (2, vec![Reason::TooLarge]));
}

#[test]
fn a_record_of_thirty_thousand_elements_goes_through() {
    let record = format!("[{}]", trail(30_000, 1).join(","));
    assert_eq!(counts(&mut logins(), record.as_bytes()), (0, 30_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// One byte of one event of nine hundred is another one.
    #[test]
    fn one_byte_costs_one_event_of_a_batch(
        which in 0..900_usize, place in any::<prop::sample::Index>(), shape in 0..3_usize,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\"\\\n\0".to_vec())],
    ) {
        let events = trail(900, 5);
        let (head, between, tail) = [("{\"Records\": [", ", ", "]}"), ("[", ",\n", "]"), ("", "\n", "\n")][shape];
        let mut record = head.as_bytes().to_vec();
        for (number, event) in events.iter().enumerate() {
            record.extend(if number > 0 { between.as_bytes() } else { b"" });
            let start = record.len();
            record.extend(event.as_bytes());
            if number == which {
                record[start + place.index(event.len())] = byte;
            }
        }
        record.extend(tail.as_bytes());
        let outcome = read(&mut logins(), &record);
        prop_assert!(outcome.failed + outcome.accepted >= 899, "{:?}", outcome);
    }

    /// What is read is published, not relevant or refused, whatever the bytes, the encoding and the wrapper.
    #[test]
    fn every_element_is_accounted_for(
        bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 5 => prop::sample::select(b"{}[]\",:\\ \n\r\0at1".to_vec())], 0..300),
        lines in prop::collection::vec(prop::sample::select(vec![ACCEPTED, FAILED, "{\"message\":\"x\\ny\"}", "[{\"message\":\"x\"}]"]), 0..4),
        encoding in prop::sample::select(vec![Encoding::Utf8, Encoding::Utf16, Encoding::Utf16Be, Encoding::Latin1]),
        wrapper in prop::sample::select(vec![None, Some(vec![]), Some(vec![Unwrap::Text("message".to_owned())]), Some(vec![Unwrap::Records("a".to_owned())])]),
    ) {
        let mut record = lines.join("\n").into_bytes();
        record.extend(&bytes);
        for mut source in [sshd(), logins(), native()] {
            source.framing.encoding = encoding;
            source.framing.unwrap = wrapper.as_deref().map(unwrap);
            let outcome = read(&mut source, &record);
            prop_assert!(outcome.reasons.len() <= usize::try_from(outcome.refused).unwrap());
        }
    }
}
