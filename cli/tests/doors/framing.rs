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
