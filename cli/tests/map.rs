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
    assert_eq!(lines[4], "FILE: 4 records, 2 events, 1 not relevant, 1 refused");
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
