//! `vernier map try`: what becomes of each record of a file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn try_on(source: &str, content: &[u8], more: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    fs::write(&file, content).unwrap();
    let file = file.to_str().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vernier"))
        .args([["map", "try", source, file, "--received", "2026-03-11T12:00:00Z"].as_slice(), more].concat())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout.clone()).unwrap().replace(file, "FILE");
    (output, told)
}

const LOG: &[u8] = b"2026-03-10T11:00:00Z web-1 sshd[1]: Failed password for ann from 192.0.2.1 port 1 ssh2\n\
    2026-03-10T11:00:01Z web-1 cron[1]: (root) CMD (true)\n\n\
    no syslog\n\
    2026-03-10T11:00:02Z web-1 sshd[2]: Accepted publickey for bob from 192.0.2.1 port 1 ssh2\n";

#[test]
fn each_record_is_told_of_with_its_line_and_the_fields_are_counted() {
    let (output, told) = try_on("sshd", LOG, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("FILE:1: authentication at 2026-03-10T11:00:00.000Z: "), "{told}");
    assert_eq!(lines[1], "FILE:2: not relevant");
    assert!(lines[2].starts_with("FILE:4: refused, mapping-aborted: "), "{told}");
    assert!(lines[3].starts_with("FILE:5: authentication"), "{told}");
    assert_eq!(lines[4], "FILE: 4 records, read 4 = 2 published + 1 not relevant + 1 refused; 2 events");
    assert!(lines.contains(&"  *        2  status_id") && lines.contains(&"           2  category_uid"), "{told}");
    // What the records hold is shown where it is asked for alone.
    assert!(!told.contains("web-1") && !told.contains("ann"), "{told}");
    assert!(try_on("sshd", LOG, &["--events"]).1.contains("web-1"));
    let (_, summary) = try_on("sshd", LOG, &["--summary"]);
    assert!(summary.starts_with("FILE: 4 records"), "{summary}");
}

#[test]
fn programs_read_the_same_as_json() {
    for (more, holds) in [(vec!["--format", "json"], false), (vec!["--format", "json", "--events"], true)] {
        let (_, told) = try_on("sshd", LOG, &more);
        let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0]["events"][0]["class"], "authentication");
        assert_eq!(lines[0]["events"][0].get("event").is_some(), holds);
        assert_eq!(
            (lines[1]["not_relevant"].as_u64(), lines[2]["refused"][0]["reason"].as_str()),
            (Some(1), Some("mapping-aborted"))
        );
        assert_eq!(lines[4]["summary"]["classes"]["authentication"]["fields"]["time"], 2);
    }
}

#[test]
fn nothing_of_what_became_of_an_element_is_left_out() {
    let event = r#"{"class_uid":2002,"category_uid":2,"activity_id":1,"status_id":1,"time":1773129600000,"metadata":{"uid":"a"},"finding_info":{"uid":"F"},"device":{"uid":"D"},"vulnerabilities":[{"cvss":[{"base_score":"high"}]}]}"#;
    let replaced = event.replace("\"F\"", "\"F\\ud800\"").replace("\"high\"", "9.8");
    let wrapper = format!(r#"{{"n":1,"events":[{event},{event},{event}]}}"#);
    let (output, told) = try_on("edr", format!("{event}\n{replaced}\n{wrapper}\n[{event}").as_bytes(), &[]);
    for line in [
        "FILE:1: 1 mistyped: vulnerabilities[].cvss[].base_score of vulnerability_finding",
        "FILE:2: 1 with characters replaced",
        "FILE: 4 records, read 7 = 3 published + 0 not relevant + 4 refused; 3 events",
        "  1 refused, invalid-json",
        "  3 refused, undeclared-wrapper",
        "  2 mistyped: vulnerabilities[].cvss[].base_score of vulnerability_finding",
        "  1 with characters replaced",
    ] {
        assert!(told.lines().any(|found| found == line), "{line}\n{told}");
    }
    assert!(told.contains("FILE:3: 3 refused, undeclared-wrapper: "), "{told}");
    assert!(output.status.success());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, LOG).unwrap();
    let packed = packed.finish().unwrap();
    let (output, told) = try_on("sshd", &packed[..packed.len() - 3], &["--summary"]);
    assert_eq!(output.status.code(), Some(3), "{told}");
}

#[test]
fn json_over_lines_and_packed_files_are_taken_as_replay_takes_them() {
    let event = "{\"class_uid\": 2004, \"category_uid\": 2, \"activity_id\": 1, \"time\": 1773129600000, \"metadata\": {\"uid\": \"a\"},\n \"finding_info\": {\"uid\": \"F\"}}";
    for content in [
        event.as_bytes().to_vec(),
        format!("[\n{event}\n]").into_bytes(),
        zstd::encode_all(event.as_bytes(), 1).unwrap(),
    ] {
        let (output, told) = try_on("edr", &content, &["--summary"]);
        assert!(output.status.success() && told.starts_with("FILE: 1 records"), "{told}");
    }
    let (output, _) = try_on("edr", b"\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    let (output, _) = try_on("shsd", b"x", &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown source `shsd`: did you mean `sshd`?"));
}
