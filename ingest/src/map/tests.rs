use serde_json::{Value, json};

use super::{functions::FUNCTIONS, *};

fn run(program: &str, element: Value) -> Result<Vec<Value>, Refusal> {
    run_at(program, element, chrono_tz::UTC, Timestamp(1_700_000_000_000))
}

fn run_at(program: &str, element: Value, zone: Tz, received: Timestamp) -> Result<Vec<Value>, Refusal> {
    let mut mapping = Mapping::compile(program, zone).map_err(|faults| format!("{faults:?}")).unwrap();
    let first = mapping.apply(element.clone(), "lab", received);
    let second = mapping.apply(element, "lab", received);
    assert_eq!(first, second, "nothing stays behind in the runtime");
    first.events.map(|events| events.into_iter().map(Value::Object).collect())
}

fn faults(program: &str) -> Vec<ProgramFault> {
    Mapping::compile(program, chrono_tz::UTC).unwrap_err()
}

#[test]
fn the_program_sees_the_element_and_where_it_came_from() {
    let events = run("{ \"a\": .a, \"source\": %source, \"at\": %received_ms }", json!({"a": 7})).unwrap();
    assert_eq!(events, [json!({"a": 7, "source": "lab", "at": 1_700_000_000_000_i64})]);
}

#[test]
fn a_program_returns_one_event_several_or_none() {
    let element = || json!({"a": 1});
    assert_eq!(run(".", element()).unwrap(), [json!({"a": 1})]);
    assert_eq!(run("[{\"b\": 1}, null, {\"b\": 2}]", element()).unwrap(), [json!({"b": 1}), json!({"b": 2})]);
    for nothing in ["null", "{}", "[]", "[null]"] {
        assert_eq!(run(nothing, element()).unwrap(), Vec::<Value>::new(), "{nothing}");
    }
    for wrong in ["1", "\"text\"", "[1]", "{\"a\": to_float!(\"1e308\") * 10}", "{\"a\": r'x'}"] {
        assert_eq!(run(wrong, element()).unwrap_err().reason, Reason::MappingResult, "{wrong}");
    }
}

#[test]
fn abort_refuses_with_its_message() {
    let refused = run("if .a == 1 {\n  abort \"no such type\"\n}\n.", json!({"a": 1})).unwrap_err();
    assert_eq!(refused, Refusal::new(Reason::MappingAborted, "no such type (map.vrl line 2)"));
}

#[test]
fn a_failure_names_the_place_and_keeps_the_record_to_itself() {
    let refused = run("x = 1\n. = {\"n\": to_int!(.secret), \"x\": x}\n.", json!({"secret": "hunter2"})).unwrap_err();
    assert_eq!(refused.reason, Reason::MappingFailed);
    assert_eq!(refused.detail, "function call error for \"to_int\" (map.vrl line 2)");
}

#[test]
fn endless_work_is_cut_off() {
    let items = vec![0; 300];
    let program =
        "n = 0\nfor_each(array!(.a)) -> |_i, _v| {\n for_each(array!(.a)) -> |_j, _w| {\n n = n + 1 } }\n{\"n\": n}";
    assert_eq!(run(program, json!({"a": items})).unwrap_err().reason, Reason::MappingTooLong);
}

#[test]
fn faults_have_their_place() {
    let fault = faults(".a = 1\n.b = to_int(.c)\n.").remove(0);
    assert_eq!((fault.line, fault.column), (2, 6), "{fault}");
    let fault = faults(".a = 1\n.b = (").remove(0);
    assert_eq!(fault.line, 2, "{fault}");
    assert!(faults(&"(".repeat(BRACKET_LIMIT + 1))[0].message.contains("nested"));
    assert!(faults(&"#".repeat(PROGRAM_LIMIT + 1))[0].message.contains("longer"));
}

#[test]
fn forbidden_functions_are_unknown() {
    for call in [
        "get_env_var!(\"HOME\")",
        "http_request!(\"http://127.0.0.1\")",
        "dns_lookup!(\"localhost\")",
        "reverse_dns!(\"127.0.0.1\")",
        "get_hostname!()",
        "now()",
        "uuid_v4()",
        "random_int!(1, 2)",
        "parse_grok!(\"a\", \"%{GREEDYDATA}\")",
        "log(\"a\")",
        "decode_zstd!(\"a\")",
        "map_values({}, recursive: true) -> |v| { v }",
    ] {
        let fault = faults(&format!(".a = {call}")).remove(0);
        assert!(fault.message.contains("undefined function"), "{call}: {fault}");
    }
}

#[test]
fn every_allowed_function_exists() {
    let known: Vec<&str> = vrl::stdlib::all().iter().map(|function| function.identifier()).collect();
    for name in FUNCTIONS {
        assert!(known.contains(name), "{name}");
    }
}

#[test]
fn a_program_may_say_when_what_it_leaves_out_happened() {
    let mut mapping = Mapping::compile("%seen_ms = .at\nnull", chrono_tz::UTC).unwrap();
    let mut seen = |at: Value| mapping.apply(json!({"at": at}), "lab", Timestamp(5)).seen;
    assert_eq!(seen(json!(1_700_000_000_000_i64)), Some(Timestamp(1_700_000_000_000)));
    assert_eq!(seen(json!("soon")), None);
    let mut aborting = Mapping::compile("%seen_ms = .at\nabort \"no\"", chrono_tz::UTC).unwrap();
    let applied = aborting.apply(json!({"at": 7}), "lab", Timestamp(5));
    assert_eq!((applied.events.is_err(), applied.seen), (true, Some(Timestamp(7))));
}

/// What a function makes of a line, received at a time, in a zone.
fn parsed(call: &str, line: &str, zone: Tz, received: &str) -> Result<Value, Refusal> {
    let program = format!("{{ \"it\": {call} }}");
    let events = run_at(&program, json!({ "message": line }), zone, Timestamp::parse(received).unwrap())?;
    Ok(events[0]["it"].clone())
}

#[test]
fn years_come_from_the_record_in_every_function() {
    let linux = "Mar 23 01:49:58 localhost sshd[1111]: Accepted publickey for eng";
    for (call, line, received, instant) in [
        (
            "parse_syslog!(.message)",
            "<38>Mar 10 08:00:00 gw-1 filter[7]: deny",
            "2027-04-01T00:00:00Z",
            "2027-03-10T08:00:00.000Z",
        ),
        (
            "parse_syslog!(.message)",
            "<38>Dec 10 08:00:00 gw-1 filter[7]: deny",
            "2027-04-01T00:00:00Z",
            "2026-12-10T08:00:00.000Z",
        ),
        (
            "parse_syslog!(.message)",
            "<38>Dec 31 23:59:58 gw-1 filter[7]: deny",
            "2026-01-01T00:00:02Z",
            "2025-12-31T23:59:58.000Z",
        ),
        (
            "parse_syslog!(.message)",
            "Feb 29 08:00:00 gw-1 filter[7]: deny",
            "2024-03-01T00:00:00Z",
            "2024-02-29T08:00:00.000Z",
        ),
        (
            "parse_syslog!(.message)",
            "<38>Mar 10 2019 08:00:00.25 gw-1 filter[7]: deny",
            "2027-04-01T00:00:00Z",
            "2019-03-10T08:00:00.250Z",
        ),
        ("parse_linux_authorization!(.message)", linux, "2020-01-01T00:00:00Z", "2019-03-23T01:49:58.000Z"),
        (
            "parse_klog!(.message)",
            "I0505 17:59:40.692994   28133 klog.go:70] hello",
            "2021-01-01T00:00:00Z",
            "2020-05-05T17:59:40.692Z",
        ),
        (
            "parse_klog!(.message)",
            "W0229 17:59:40.692994   28133 klog.go:70] hello",
            "2026-01-01T00:00:00Z",
            "2024-02-29T17:59:40.692Z",
        ),
    ] {
        let it = parsed(call, line, chrono_tz::UTC, received).unwrap();
        assert_eq!(it["timestamp"], instant, "{line}: {it}");
    }
    let stamp = parsed(
        "parse_timestamp!(.message, \"%b %e %H:%M:%S\")",
        "Mar 10 08:00:00",
        chrono_tz::UTC,
        "2020-01-01T00:00:00Z",
    );
    assert_eq!(stamp.unwrap(), "2019-03-10T08:00:00.000Z");
    let refused = parsed(
        "parse_syslog!(.message)",
        "<38>Feb 31 08:00:00 gw-1 filter[7]: deny",
        chrono_tz::UTC,
        "2024-03-01T00:00:00Z",
    );
    assert_eq!(refused.unwrap_err().reason, Reason::MappingFailed);
}

#[test]
fn a_syslog_line_has_the_parts_that_the_library_gives() {
    let of = |line: &str| parsed("parse_syslog!(.message)", line, chrono_tz::UTC, "2026-04-01T00:00:00Z").unwrap();
    let bsd = of("<38>Mar 10 08:00:00 gw-1 filter[7]: deny tcp");
    let expected = json!({
        "appname": "filter", "facility": "auth", "hostname": "gw-1", "message": "deny tcp", "procid": 7,
        "severity": "info", "timestamp": "2026-03-10T08:00:00.000Z",
    });
    assert_eq!(bsd, expected);
    let newer = of(r#"<13>1 2020-03-13T20:45:38.119Z host app 2426 ID931 [x@1 a="3" b="Application"] Try"#);
    let expected = json!({
        "appname": "app", "facility": "user", "hostname": "host", "message": "Try", "msgid": "ID931", "procid": 2426,
        "severity": "notice", "timestamp": "2020-03-13T20:45:38.119Z", "version": 1,
        "x@1": {"a": "3", "b": "Application"},
    });
    assert_eq!(newer, expected);
    let klog = parsed(
        "parse_klog!(.message)",
        "I0505 17:59:40.692994   28133 klog.go:70] hello",
        chrono_tz::UTC,
        "2021-01-01T00:00:00Z",
    );
    let expected = json!({
        "file": "klog.go", "id": 28133, "level": "info", "line": 70, "message": "hello",
        "timestamp": "2020-05-05T17:59:40.692Z",
    });
    assert_eq!(klog.unwrap(), expected);
}

#[test]
fn stamps_without_a_zone_are_of_the_sources_zone() {
    use chrono_tz::{America::New_York, Asia::Kolkata, Europe::Zurich};
    for (call, line, zone, instant) in [
        (
            "parse_syslog!(.message).timestamp",
            "<38>Mar 10 14:00:00 gw-1 filter[7]: deny",
            Kolkata,
            "2026-03-10T08:30:00.000Z",
        ),
        (
            "parse_syslog!(.message).timestamp",
            "<38>Oct 26 02:30:00 gw-1 filter[7]: deny",
            Zurich,
            "2025-10-26T00:30:00.000Z",
        ),
        (
            "parse_syslog!(.message).timestamp",
            "<38>Mar 29 2026 02:30:00 gw-1 filter[7]: deny",
            Zurich,
            "2026-03-29T01:30:00.000Z",
        ),
        (
            "parse_syslog!(.message).timestamp",
            "<38>Jul  4 2025 12:00:00 gw-1 filter[7]: deny",
            New_York,
            "2025-07-04T16:00:00.000Z",
        ),
        (
            "parse_klog!(.message).timestamp",
            "I0310 14:00:00.000000   1 k.go:70] hello",
            Kolkata,
            "2026-03-10T08:30:00.000Z",
        ),
        (
            "parse_glog!(.message).timestamp",
            "I20260310 14:00:00.000000 1 m.c:9] Hello",
            Kolkata,
            "2026-03-10T08:30:00.000Z",
        ),
        ("parse_timestamp!(.message, \"%F %T\")", "2026-03-10 14:00:00", Kolkata, "2026-03-10T08:30:00.000Z"),
        (
            "parse_timestamp!(.message, \"%F %T\", \"local\")",
            "2026-03-10 14:00:00",
            Kolkata,
            "2026-03-10T08:30:00.000Z",
        ),
        (
            "parse_timestamp!(.message, \"%F %T\", \"Europe/Zurich\")",
            "2026-03-10 14:00:00",
            Kolkata,
            "2026-03-10T13:00:00.000Z",
        ),
        (
            "parse_nginx_log!(.message, \"error\").timestamp",
            "2026/03/10 14:00:00 [error] 31#31: *1 open() failed",
            Kolkata,
            "2026-03-10T08:30:00.000Z",
        ),
        (
            "parse_nginx_log!(.message, \"error\").timestamp",
            "2025/10/26 02:30:00 [error] 31#31: *1 open() failed",
            Zurich,
            "2025-10-26T00:30:00.000Z",
        ),
        (
            "parse_nginx_log!(.message, \"error\").timestamp",
            "2026/03/29 02:30:00 [error] 31#31: *1 open() failed",
            Zurich,
            "2026-03-29T01:30:00.000Z",
        ),
        (
            "parse_common_log!(.message).timestamp",
            "127.0.0.1 - bob [10/Mar/2026:14:00:00 -0500] \"GET / HTTP/1.0\" 200 2326",
            Kolkata,
            "2026-03-10T19:00:00.000Z",
        ),
        ("format_timestamp!(t'2026-03-10T08:30:00Z', \"%F %T\", \"local\")", "", Kolkata, "2026-03-10 14:00:00"),
        ("format_timestamp!(t'2026-03-10T08:30:00Z', \"%F %T\")", "", Kolkata, "2026-03-10 08:30:00"),
    ] {
        assert_eq!(parsed(call, line, zone, "2026-04-01T00:00:00Z").unwrap(), instant, "{call} {line}");
    }
}

#[test]
fn a_leap_second_stays_in_its_day() {
    for (call, line) in [
        ("parse_timestamp!(.message, \"%+\")", "2016-12-31T23:59:60Z"),
        ("parse_timestamp!(.message, \"%+\")", "2017-01-01T00:59:60.5+01:00"),
        ("parse_timestamp!(.message, \"%F %T\")", "2016-12-31 23:59:60"),
        ("parse_syslog!(.message).timestamp", "<38>1 2016-12-31T23:59:60Z host app 1 - - text"),
        ("parse_syslog!(.message).timestamp", "<38>Dec 31 23:59:60 host app[1]: text"),
        (
            "parse_common_log!(.message).timestamp",
            "127.0.0.1 - bob [31/Dec/2016:23:59:60 +0000] \"GET / HTTP/1.0\" 200 2326",
        ),
    ] {
        let program = format!("at = {call}\n{{ \"it\": to_unix_timestamp(timestamp!(at), unit: \"milliseconds\") }}");
        let received = Timestamp::parse("2017-01-02T00:00:00Z").unwrap();
        let events = run_at(&program, json!({ "message": line }), chrono_tz::UTC, received).unwrap();
        assert_eq!(events[0]["it"], 1_483_228_799_999_i64, "{line}");
    }
}

/// The words in which the digest of a mapping names its library are those of the lock file.
#[test]
fn the_library_of_mappings_is_the_one_that_is_built_in() {
    let lock = include_str!("../../../Cargo.lock");
    let (name, version) = measurement::catalogue::MAPPING_LIBRARY.split_once(' ').unwrap();
    assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{name} {version}");
}
