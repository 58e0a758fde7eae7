//! Types: numbers as they come, and one exact table of what may be taken for what.

use crate::bench::{Bench, COUNT, DAY, ocsf};

const CRITICAL: &str = r#"base:
  n: { event: vulnerability_finding, count: "activity_id == 1 && vulnerabilities[0].cvss[0].base_score >= 9" }
indicator:
  of: n
  bands: { green: "[0, 1)", red: "[1, inf)" }
"#;

const POINTS: &str = r#"base:
  n: { event: vulnerability_finding, sum: "vulnerabilities[0].cvss[0].base_score", where: activity_id == 1, unit: points }
indicator:
  of: n
  bands: { green: "[0, 20)", red: "[20, inf)" }
"#;

fn findings(scores: &[&str]) -> String {
    let one = |(number, score): (usize, &&str)| {
        let time = 1_773_129_600_000_u64 + u64::try_from(number).unwrap() * 60_000;
        format!(
            r#"{{"class_uid":2002,"category_uid":2,"activity_id":1,"type_uid":200201,"severity_id":5,"status_id":1,"time":{time},"metadata":{{"uid":"v{number}","version":"1.8.0"}},"finding_info":{{"uid":"VF-{number}"}},"device":{{"uid":"A-{number}"}},"vulnerabilities":[{{"cve":{{"uid":"CVE-2026-1"}},"cvss":[{{"base_score":{score},"version":"3.1"}}]}}]}}"#
        )
    };
    scores.iter().enumerate().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_number_written_as_a_text_is_that_number() {
    for scores in [["9.8"; 5], [r#""9.8""#; 5], [r#"" 9.80 ""#; 5], ["98e-1"; 5], [r#""0.98E1""#; 5]] {
        let text = findings(&scores);
        let said = Bench::ocsf(CRITICAL).replay(&text);
        assert_eq!((said.figure("t/n", DAY).value.as_deref(), &*said.figure("t/n", DAY).outcome), (Some("5"), "red"));
        Bench::ocsf(POINTS).replay(&text).counts("t/n", DAY, "49");
    }
}

#[test]
fn what_is_no_number_is_told_and_never_green() {
    for score in [r#""high""#, r#""9,8""#, r#""0x9""#, "true", "{}", "[9.8]", r#""""#] {
        let said = Bench::ocsf(CRITICAL).replay(findings(&["5.0", "5.0", score, "5.0", "5.0"]));
        assert_eq!(said.figure("t/n", DAY).outcome, "unvalidated", "{score}: {said:#?}");
        assert!(said.errors.contains("mistyped"), "{score}: {}", said.errors);
    }
    // What is absent is absent: nobody knows of a score there.
    let said = Bench::ocsf(CRITICAL).replay(findings(&["5.0", "null", "5.0"]));
    assert_eq!(said.figure("t/n", DAY).outcome, "green", "{said:#?}");
}

const WINLOG: &str = r#"at = parse_timestamp!(.TimeCreated, "%+")
status_id = if .EventID == 4625 { 2 } else if .EventID == 4624 { 1 } else { 0 }
if status_id == 0 { return null }
{
  "category_uid": 3, "class_uid": 3002, "activity_id": 1, "type_uid": 300201, "severity_id": 1,
  "time": to_unix_timestamp(at, unit: "milliseconds"), "status_id": status_id, "metadata": { "version": "1.8.0" },
  "dst_endpoint": { "hostname": string!(.Computer) }
}
"#;

#[test]
fn numbers_that_nobody_wants_refuse_nothing() {
    for number in [
        "9232379236109516800",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1e400",
        "123456789012345678901234567890.5",
        "1E-999",
        "-0",
        "0.1e1",
    ] {
        let mut text = String::new();
        for minute in 0..20 {
            let (id, keywords) = if minute < 10 { (4624, "0") } else { (4625, number) };
            text += &format!(
                "{{\"TimeCreated\":\"2026-03-10T08:{minute:02}:00Z\",\"EventID\":{id},\"Computer\":\"dc-1\",\"Keywords\":{keywords}}}\n"
            );
        }
        let said = Bench::app().mapping("app", WINLOG).replay(&text);
        said.is_red("t/failed", DAY, "50", "20");
        let native: Vec<String> =
            (0..6).map(|minute| ocsf(minute, &format!(r#","unmapped":{{"k":{number}}}"#))).collect();
        Bench::ocsf(COUNT).replay(native.join("\n")).counts("t/n", DAY, "6");
    }
}

#[test]
fn large_numbers_are_exact_where_they_are_wanted() {
    let body = |sum: &str| {
        format!(
            "base:\n  n: {{ event: vulnerability_finding, sum: \"{sum}\", where: activity_id == 1, unit: points }}\nindicator:\n  of: n\n  bands: {{ green: \"[0, 20)\", red: \"[20, inf)\" }}\n"
        )
    };
    let text = findings(&["18446744073709551615", "1", "0.1", "0.2"]);
    Bench::ocsf(&body("vulnerabilities[0].cvss[0].base_score")).replay(&text).counts(
        "t/n",
        DAY,
        "184467440737095516163/10",
    );
    let text = findings(&["9007199254740993", r#""9007199254740993""#, "12345678901234567.25"]);
    Bench::ocsf(&body("vulnerabilities[0].cvss[0].base_score")).replay(&text).counts(
        "t/n",
        DAY,
        "121440309642866213/4",
    );
}

#[test]
fn whole_numbers_may_be_written_with_a_point_or_an_exponent() {
    let base = ocsf(0, "");
    let lines = [
        base.clone(),
        base.replace(r#""activity_id":1"#, r#""activity_id":1.0"#),
        base.replace("1773129600000", "1773129720000.0"),
        base.replace("1773129600000", "1.77312978e12"),
        base.replace(r#""severity_id":1"#, r#""severity_id":1.0"#),
        base.replace(r#""status_id":1"#, r#""status_id":10e-1"#),
        base.replace(r#""class_uid":3002"#, r#""class_uid":3.002e3"#),
        base.replace(r#""activity_id":1"#, r#""activity_id":"1""#),
        base.replace("1773129600000", r#""2026-03-10T08:00:00Z""#),
        base.replace("1773129600000", r#""1773129600000""#),
    ];
    let text: Vec<String> =
        lines.iter().enumerate().map(|(number, line)| line.replace("u0", &format!("x{number}"))).collect();
    Bench::ocsf(COUNT).replay(text.join("\n")).counts("t/n", DAY, "10");
}

#[test]
fn the_unit_of_time_is_declared() {
    for (unit, factor) in [
        ("seconds", "1773129600"),
        ("microseconds", "1773129600000000"),
        ("nanoseconds", "1773129600000000000"),
        ("seconds", "1773129600.25"),
        ("seconds", r#""1773129600""#),
    ] {
        let text = ocsf(0, "").replace("1773129600000", factor);
        let keys = format!("decode: json\nmapping: ocsf\ntime_unit: {unit}");
        Bench::ocsf(COUNT).source("app", &keys).replay(text).counts("t/n", DAY, "1");
    }
}

const BY_USER: &str = r#"by:
  - { name: user, event: user.uid, values: ['1001', '1002'] }
base:
  n: { event: authentication, count: activity_id == 1 }
indicator:
  of: n
  bands: { green: "[0, 10)", red: "[10, inf)" }
"#;
const ONE_USER: &str = r#"base:
  n: { event: authentication, count: "user.uid == '1001'" }
indicator:
  of: n
  bands: { green: "[0, 10)", red: "[10, inf)" }
"#;
const PEOPLE: &str = r#"base:
  n: { event: authentication, distinct: user.uid, where: activity_id == 1 }
indicator:
  of: n
  bands: { green: "[0, 10)", red: "[10, inf)" }
"#;

#[test]
fn identifiers_may_be_numbers() {
    for [one, two, three] in
        [["1001", "1002", "1003"], [r#""1001""#, r#""1002""#, r#""1003""#], ["1001.0", "1002e0", "1003"]]
    {
        let users = [one, two, one, three];
        let text: Vec<String> =
            (0_u32..).zip(users).map(|(minute, user)| ocsf(minute, &format!(r#","user":{{"uid":{user}}}"#))).collect();
        let text = text.join("\n");
        let said = Bench::ocsf(BY_USER).replay(&text);
        let group = |name: &str| said.group("t/n", DAY, name).value.unwrap();
        assert_eq!(
            (group("1001"), group("1002"), group("other"), group("")),
            ("2".into(), "1".into(), "1".into(), "4".into())
        );
        Bench::ocsf(ONE_USER).replay(&text).counts("t/n", DAY, "2");
        Bench::ocsf(PEOPLE).replay(&text).counts("t/n", DAY, "3");
    }
}

#[test]
fn groups_may_be_numbers_and_truths() {
    let by = |path: &str, values: &str| {
        let body = format!(
            "by:\n  - {{ name: what, event: {path}, values: [{values}] }}\nbase:\n  n: {{ event: authentication, count: activity_id == 1 }}\nindicator:\n  of: n\n  bands: {{ green: \"[0, 10)\", red: \"[10, inf)\" }}\n"
        );
        let text: Vec<String> = (0..4)
            .map(|minute| ocsf(minute, if minute < 3 { r#","is_remote":true"# } else { r#","is_remote":false"# }))
            .collect();
        Bench::ocsf(&body).replay(text.join("\n"))
    };
    assert_eq!(by("status_id", "'1', '2'").group("t/n", DAY, "1").value.as_deref(), Some("4"));
    assert_eq!(by("is_remote", "'true', 'false'").group("t/n", DAY, "true").value.as_deref(), Some("3"));
    assert_eq!(by("severity_id", "'1', '5'").group("t/n", DAY, "1").value.as_deref(), Some("4"));
}

#[test]
fn a_comparison_that_can_never_be_true_is_found() {
    let body = "base:\n  n: { event: authentication, count: \"unmapped.t == 4625\" }\nindicator:\n  of: n\n  bands: { green: \"[0, 10)\", red: \"[10, inf)\" }\n";
    let numbers: Vec<String> = (0..4).map(|minute| ocsf(minute, r#","unmapped":{"t":4625}"#)).collect();
    let said = Bench::ocsf(body).replay(numbers.join("\n"));
    assert_eq!((said.figure("t/n", DAY).value.as_deref(), &*said.figure("t/n", DAY).outcome), (Some("4"), "green"));
    let texts: Vec<String> = (0..4).map(|minute| ocsf(minute, r#","unmapped":{"t":"4625"}"#)).collect();
    let said = Bench::ocsf(body).replay(texts.join("\n"));
    assert_eq!(
        said.figure("t/n", DAY).outcome,
        "unvalidated",
        "texts are no numbers, and nobody said which it is: {said:#?}"
    );
}

#[test]
fn a_day_that_is_written_as_a_number_is_not_in_1970() {
    let due = "base:\n  n: { event: vulnerability_finding, count: \"finding_info.created_time > time\" }\nindicator:\n  of: n\n  bands: { green: \"[0, 3)\", red: \"[3, inf)\" }\n";
    for (created, outcome) in [
        (r#""2026-05-01""#, "red"),
        ("1777593600000", "red"),
        ("1777593600", "unvalidated"),
        ("1777593600000000", "unvalidated"),
        ("20260501", "unvalidated"),
        (r#""20260501""#, "unvalidated"),
    ] {
        let text = findings(&["5.0"; 4]).replace(r#"{"uid":"VF"#, &format!(r#"{{"created_time":{created},"uid":"VF"#));
        let said = Bench::ocsf(due).replay(text);
        assert_eq!(said.figure("t/n", DAY).outcome, outcome, "{created}: {said:#?}");
    }
}
