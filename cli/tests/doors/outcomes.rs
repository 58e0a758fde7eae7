//! What is said when there is no band to be stated.

use crate::bench::{Bench, DAY};

fn findings(found: u32, closed: u32) -> String {
    let line = |number: u32| {
        let activity = if number < found { 1 } else { 3 };
        let time = 1_773_129_600_000_u64 + u64::from(number) * 60_000;
        format!(
            r#"{{"class_uid":2004,"category_uid":2,"activity_id":{activity},"type_uid":20040{activity},"severity_id":1,"time":{time},"metadata":{{"uid":"d{number}","version":"1.8.0"}},"finding_info":{{"uid":"F{number}"}}}}"#
        )
    };
    (0..found + closed).map(line).collect::<Vec<_>>().join("\n")
}

fn backlog(bands: &str) -> Bench {
    Bench::ocsf(&format!(
        "base:\n  found: {{ event: detection_finding, count: activity_id == 1 }}\n  closed: {{ event: detection_finding, count: activity_id == 3 }}\nderived:\n  v: {{ formula: 100 * closed / found, unit: percent, minimum_denominator: 1 }}\nindicator:\n  of: v\n  bands: {{ {bands} }}\n"
    ))
}

#[test]
fn a_value_beyond_all_bands_is_an_outcome_of_its_own() {
    for bands in [r#"red: "[0, 80)", green: "[80, 100]""#, r#"green: "[0, 20)", red: "[20, 100]""#] {
        let said = backlog(bands).replay(findings(10, 15));
        assert_eq!(said.figure("t/n", DAY).value.as_deref(), Some("150"));
        assert_eq!(said.figure("t/n", DAY).outcome, "out-of-bands", "{said:#?}");
        assert_ne!(backlog(bands).replay(findings(10, 10)).figure("t/n", DAY).outcome, "out-of-bands");
    }
    let open = backlog(r#"red: "[0, 80)", green: "[80, inf)""#).replay(findings(10, 15));
    assert_eq!(open.figure("t/n", DAY).outcome, "green");
}

#[test]
fn zero_out_of_nothing_readable_is_no_zero() {
    let said = Bench::ocsf(crate::bench::COUNT).replay("{\"class_uid\":\n{\"a\":\nnonsense\n");
    assert_ne!(said.code, 0, "{said:#?}");
    let heartbeat = "{\"class_uid\":27001099,\"category_uid\":27001,\"activity_id\":1,\"time\":1773129600000,\"severity_id\":1,\"metadata\":{\"uid\":\"h\",\"version\":\"1.8.0\",\"product\":{\"name\":\"app\"}}}";
    let said = Bench::ocsf(crate::bench::COUNT).replay(format!("{heartbeat}\n{}", "{\"class_uid\":\n".repeat(20)));
    let figure = said.figure("t/n", DAY);
    assert_eq!(figure.outcome, "unvalidated", "{said:#?}");
    assert!(!figure.because.is_empty());
}
