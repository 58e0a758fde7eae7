//! Identities: several events of one record, and one identity with two contents.

use crate::bench::{Bench, DAY, ocsf};

const MAIL: &str = r#"at = parse_timestamp!(.messageTime, "%+")
id = string!(.GUID)
time = to_unix_timestamp(at, unit: "milliseconds")
events = []
for_each(array!(.recipients)) -> |_i, to| {
  events = push(events, {
    "category_uid": 2, "class_uid": 2004, "activity_id": 1, "type_uid": 200401, "severity_id": 1,
    "time": time, "metadata": { "uid": id, "version": "1.8.0" },
    "finding_info": { "uid": id }, "user": { "uid": to }
  })
}
events
"#;

const BLOCKED: &str = r#"base:
  n: { event: detection_finding, count: activity_id == 1 }
indicator:
  of: n
  bands: { green: "[0, 10)", red: "[10, inf)" }
"#;

fn mails(lines: &[&str]) -> crate::bench::Said {
    Bench::new()
        .source("app", "decode: json\nmapping: vrl")
        .mapping("app", MAIL)
        .daily("t/n", "app", BLOCKED)
        .replay(lines.join("\n"))
}

#[test]
fn several_events_of_one_record_are_told_apart() {
    let one = r#"{"GUID":"g-0","messageTime":"2026-03-10T08:00:00Z","recipients":["a"]}"#;
    let three = r#"{"GUID":"g-1","messageTime":"2026-03-10T08:01:00Z","recipients":["a","b","c"]}"#;
    let eight = r#"{"GUID":"g-2","messageTime":"2026-03-10T08:02:00Z","recipients":["a","b","c","d","e","f","g","h"]}"#;
    mails(&[one, three, eight]).counts("t/n", DAY, "12");
    // Told again, it is the same mail.
    mails(&[one, three, eight, three, eight]).counts("t/n", DAY, "12");
    mails(&[&format!("[{one},{three},{eight}]")]).counts("t/n", DAY, "12");
}

const COUNT: &str = crate::bench::COUNT;

#[test]
fn the_same_again_is_a_duplicate_and_something_else_a_conflict() {
    let said = Bench::ocsf(COUNT).replay([ocsf(0, ""), ocsf(0, ""), ocsf(1, "")].join("\n"));
    said.counts("t/n", DAY, "2");
    assert!(said.errors.contains("duplicate"), "{}", said.errors);
    let other = ocsf(0, "").replace("1773129600000", "1773129660000");
    let said = Bench::ocsf(COUNT).replay([ocsf(0, ""), other, ocsf(1, "")].join("\n"));
    assert!(said.errors.contains("conflict"), "{}", said.errors);
    assert_eq!(said.figure("t/n", DAY).outcome, "unvalidated", "a third is not in the figure: {said:#?}");
}

#[test]
fn an_exporter_may_use_the_ticket_as_identity_of_each_change() {
    let line = |incident: &str, change: &str, at: &str| {
        format!(
            r#"{{"id":"{incident}","type":"incident","incident":"{incident}","category":"phishing","change":"{change}","at":"{at}"}}"#
        )
    };
    let text = [
        line("INC-1", "opened", "2026-03-02T08:00:00Z"),
        line("INC-1", "resolved", "2026-03-03T08:00:00Z"),
        line("INC-2", "opened", "2026-03-04T08:00:00Z"),
        line("INC-2", "updated", "2026-03-05T08:00:00Z"),
        line("INC-2", "resolved", "2026-03-06T08:00:00Z"),
    ];
    let incidents =
        BLOCKED.replace("detection_finding, count: activity_id == 1", "incident_finding, count: activity_id >= 1");
    let bench = Bench::new()
        .source("app", "decode: json\nmapping: vrl")
        .mapping("app", include_str!("../../../schemas/mappings/itsm/map.vrl"))
        .construct("t/n", "app", ("P1M", "UTC"), &incidents)
        .at("2026-04-02T00:00:00Z", "2026-04-02T00:00:00Z");
    bench.replay(text.join("\n")).counts("t/n", "2026-03-01T00:00:00Z", "5");
    // Sent once more, nothing is counted twice.
    bench.replay([text.join("\n"), text.join("\n")].join("\n")).counts("t/n", "2026-03-01T00:00:00Z", "5");
}
