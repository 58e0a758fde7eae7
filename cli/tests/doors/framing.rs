//! How records are framed, and what stands around their events.

use crate::bench::{APP, Bench, COUNT, DAY, log_ins, ocsf};

#[track_caller]
fn half_of_twenty(bytes: impl AsRef<[u8]>) {
    Bench::app().replay(bytes).is_red("t/failed", DAY, "50", "20");
}

#[test]
fn an_events_own_message_is_never_taken_for_a_wrapper() {
    for message in [
        "[auth] log-in rejected",
        "{user=root} rejected",
        r#"{\"a\":1}"#,
        r#"[{\"at\":\"2026-03-10T08:00:00Z\",\"host\":\"h\",\"result\":\"success\"}]"#,
        "[root: sign-in failure",
        r#"{\"at\":\"2026-03-10T08:00:00Z\",\"host\":\"h\",\"result\":\"success\"}"#,
        "{",
    ] {
        half_of_twenty(log_ins(|line| line.replace('}', &format!(r#","message":"{message}"}}"#))));
    }
}

fn elements(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let (minute, result) = (number / 60, if number % 2 == 0 { "success" } else { "failure" });
            let second = number % 60;
            format!(r#"{{"at":"2026-03-10T08:{minute:02}:{second:02}Z","host":"idp-1","result":"{result}"}}"#)
        })
        .collect()
}

#[test]
fn every_usual_shape_is_taken_apart_by_itself() {
    let elements = elements(20);
    let pretty = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    half_of_twenty(format!("[{}]", elements.join(",")));
    half_of_twenty(format!("[\n{}\n]\n", elements.join(",\n")));
    half_of_twenty(elements.join(" "));
    half_of_twenty(elements.concat());
    half_of_twenty(elements.iter().map(|element| pretty(element)).collect::<Vec<_>>().join("\n"));
    half_of_twenty(pretty(&format!("[{}]", elements.join(","))));
    half_of_twenty(format!("[{}]\n[{}]\n", elements[..7].join(","), elements[7..].join(",")));
}

fn unwrapping(declared: &str) -> Bench {
    Bench::app().source("app", &format!("decode: json\nmapping: vrl\nunwrap: {declared}"))
}

#[test]
fn what_is_declared_is_taken_off() {
    let elements = elements(20);
    let list = elements.join(",");
    let quoted: Vec<String> = elements.iter().map(|element| element.replace('"', "\\\"")).collect();
    for (declared, text) in [
        ("{ records: Records }", format!(r#"{{"Records":[{list}]}}"#)),
        ("{ records: events }", format!("{{\n  \"count\": 20,\n  \"events\": [\n{list}\n]}}")),
        ("{ records: data.items }", format!(r#"{{"data":{{"items":[{list}]}},"next":null}}"#)),
        ("{ text: message }", quoted.iter().map(|text| format!("{{\"message\":\"{text}\"}}\n")).collect()),
        ("{ text: log }", format!(r#"{{"log":"{}"}}"#, quoted.join("\\n"))),
        (
            "[{ text: message }, { records: events }]",
            format!(r#"{{"message":"{{\"events\":[{}]}}","agent":"a"}}"#, quoted.join(",")),
        ),
        ("[]", elements.join("\n")),
        // What lacks the wrapper is an event itself.
        ("{ records: Records }", elements.join("\n")),
    ] {
        unwrapping(declared).replay(text).is_red("t/failed", DAY, "50", "20");
    }
}

#[test]
fn records_of_cloud_services_need_no_declaration() {
    half_of_twenty(format!(r#"{{"Records":[{}]}}"#, elements(20).join(",")));
}

#[test]
fn a_wrapper_that_nobody_declared_is_named() {
    let list = elements(20).join(",");
    for (text, key) in [
        (format!(r#"{{"events":[{list}]}}"#), "records: events"),
        (format!(r#"{{"value":[{list}],"count":20}}"#), "records: value"),
        (format!(r#"{{"logEvents":[{list}]}}"#), "records: logEvents"),
    ] {
        for bench in [Bench::app(), Bench::ocsf(COUNT)] {
            let said = bench.replay(&text);
            assert!(said.errors.contains(key), "{key}: {said:#?}");
            assert_ne!(said.code, 0, "nothing was read: {said:#?}");
        }
    }
    // A mapping that leaves out what it does not know makes no wrapper vanish.
    let lenient = format!("if !exists(.at) {{ return null }}\n{APP}");
    let said = Bench::app().mapping("app", &lenient).replay(format!(r#"{{"events":[{list}]}}"#));
    assert!(said.errors.contains("records: events"), "{said:#?}");
}

#[test]
fn one_bad_element_takes_no_other_with_it() {
    let mut list = elements(900);
    let whole = format!(r#"{{"Records":[{}]}}"#, list.join(","));
    Bench::app().replay(&whole).is_red("t/failed", DAY, "50", "900");
    for bad in [
        r#"{"at":"2026-03-10T08:00:00Z","host":"h\q","result":"success"}"#,
        r#"{"at":"2026-03-10T08:00:00Z","host":"h","result":success}"#,
        r#"{"at":"2026-03-10T08:00:00Z","host":"h","tag":1,"tag":2,"result":"success"}"#,
        r#"{"at":"2026-03-10T08:00:00Z","host":"h","result":01}"#,
        r#"{"at":"2026-03-10T08:00:00Z" "host":"h","result":"success"}"#,
        "nonsense",
        "{}",
        "null",
        "17",
    ] {
        list[450] = bad.to_owned();
        for text in
            [format!(r#"{{"Records":[{}]}}"#, list.join(",")), format!("[{}]", list.join(", ")), list.join("\n")]
        {
            let said = Bench::app().replay(text);
            assert_eq!(said.n("t/failed", DAY), "899", "{bad}: {}", said.errors);
            // One in nine hundred can change no band here: the figure stays red.
            assert_eq!(said.failed().outcome, "red", "{bad}: {:#?}", said.failed());
        }
    }
    let mut hostile = whole.into_bytes();
    let at = hostile.windows(5).position(|window| window == b"idp-1").unwrap();
    hostile[at] = 0xff;
    Bench::app().replay(hostile).is_red("t/failed", DAY, "50", "900");
}

#[test]
fn a_record_may_be_large() {
    let padding = "x".repeat(2000);
    let list: Vec<String> =
        elements(900).iter().map(|element| element.replace('}', &format!(r#","padding":"{padding}"}}"#))).collect();
    let text = format!(r#"{{"Records":[{}]}}"#, list.join(","));
    assert!(text.len() > 1_800_000);
    Bench::app().replay(text).is_red("t/failed", DAY, "50", "900");
}

#[test]
fn a_member_named_twice_goes_by_the_policy_of_the_source() {
    let twice = ocsf(2, r#","user":{"name":"a"},"user":{"name":"b"}"#);
    let good = [ocsf(0, ""), ocsf(1, "")];
    for text in [
        format!("[{},{},{twice}]", good[0], good[1]),
        format!("{}\n{twice}\n{}\n", good[0], good[1]),
        format!(r#"{{"Records":[{twice},{},{}]}}"#, good[0], good[1]),
    ] {
        let said = Bench::ocsf(COUNT).replay(&text);
        said.counts("t/n", DAY, "2");
        assert_eq!(said.figure("t/n", DAY).outcome, "unvalidated", "a third of the input is unread");
        assert!(said.errors.contains("duplicate-key"), "{}", said.errors);
        for policy in ["first", "last"] {
            let keys = format!("decode: json\nmapping: ocsf\nduplicate_members: {policy}");
            Bench::ocsf(COUNT).source("app", &keys).replay(&text).counts("t/n", DAY, "3");
        }
    }
}

/// A thousand good log-ins, with something in the middle.
fn among_a_thousand(text: &str) -> String {
    let good: Vec<String> = elements(1000).iter().map(|element| element.replace("failure", "success")).collect();
    format!("{}\n{text}\n{}\n", good[..500].join("\n"), good[500..].join("\n"))
}

#[test]
fn one_element_that_holds_hundreds_is_not_one_missing_event() {
    let failed: Vec<String> = elements(600).iter().map(|element| element.replace("success", "failure")).collect();
    let list = failed.join(",");
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let long: Vec<String> =
        failed.iter().map(|element| element.replace('}', &format!(r#","p":"{}"}}"#, "x".repeat(2000)))).collect();
    for (what, text) in [
        ("deeper than names are known", format!(r#"{{"a":{{"b":{{"events":[{list}]}}}}}}"#)),
        ("by a name that is not known", format!(r#"{{"took":3,"attempts":[{list}]}}"#)),
        ("values in a text", format!(r#"{{"host":"h","message":{}}}"#, quoted(&failed.join("\n")))),
        ("an array in a text", format!(r#"{{"host":"h","log":{}}}"#, quoted(&format!("[{list}]")))),
        ("an array as a text", quoted(&format!("[{list}]"))),
        ("an item with a member twice", format!(r#"{{"events":[{list},{{"a":1,"a":2}}]}}"#)),
        ("longer than an element", format!(r#"{{"events":[{}]}}"#, long.join(","))),
        ("longer than a record", format!(r#"{{"Records":[{}]}}"#, vec![long.join(","); 16].join(","))),
    ] {
        let said = Bench::app().replay(among_a_thousand(&text));
        let figure = said.failed();
        assert_eq!((figure.value.as_deref(), &*figure.outcome), (Some("0"), "unvalidated"), "{what}: {}", said.errors);
    }
    // What needs no declaration is read.
    let halves = format!("[[{}],[{}]]", failed[..300].join(","), failed[300..].join(","));
    Bench::app().replay(among_a_thousand(&halves)).is_red("t/failed", DAY, "75/2", "1600");
}

#[test]
fn one_line_that_holds_hundreds_is_not_one_missing_line() {
    let lines: Vec<String> = (0..1600)
        .map(|number| {
            let what = if number < 1000 { "Accepted publickey" } else { "Failed password" };
            format!("2026-03-10T08:{:02}:00Z web-1 sshd[7]: {what} for root from 192.0.2.1 port 400 ssh2", number % 60)
        })
        .collect();
    let (good, failed) = lines.split_at(1000);
    let texts: Vec<serde_json::Value> = failed.iter().map(|line| line.as_str().into()).collect();
    let messages: Vec<serde_json::Value> = failed.iter().map(|line| serde_json::json!({ "message": line })).collect();
    for text in [
        serde_json::json!({ "message": texts }),
        serde_json::json!({ "log": failed.join("\n") }),
        serde_json::json!({ "logGroup": "g", "logEvents": messages }),
        serde_json::json!(texts),
    ] {
        let said = Bench::new().sshd(format!("{}\n{text}\n", good.join("\n")));
        let figure = said.figure(crate::bench::SSHD, crate::bench::HOUR);
        assert_eq!((figure.value.as_deref(), &*figure.outcome), (Some("0"), "unvalidated"), "{}", said.errors);
    }
}

#[test]
fn an_envelope_of_lines_may_span_lines() {
    let lines = crate::bench::ssh_lines(str::to_owned);
    let messages: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::json!({ "@timestamp": 1, "message": line })).collect();
    let pretty: Vec<String> = messages.iter().map(|message| serde_json::to_string_pretty(message).unwrap()).collect();
    for text in [
        pretty.join("\n"),
        serde_json::to_string_pretty(&messages).unwrap(),
        format!("\u{feff}\n{}", pretty.join("\n")),
    ] {
        Bench::new().sshd(text).is_red(crate::bench::SSHD, crate::bench::HOUR, "50", "30");
    }
}
