//! Real sshd lines: what the mapping finds must be what a plain search for strings counts.

use std::{fs, path::Path};

use ingest::{
    config::{Classes, Source},
    pipeline::{Arrival, process},
};
use measurement::{catalogue::Decode, time::Timestamp};
use serde_json::Value;

use crate::shipped;

/// 2026-01-01T00:00:00Z: later than every line, whose newest year is 2024.
const NOW: Timestamp = Timestamp(1_767_225_600_000);

#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Counts {
    lines: usize,
    failed: usize,
    accepted: usize,
    refused: usize,
}

/// Counts without knowing anything of syslog; no line of the sample is a repeated message.
fn by_search(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        counts.lines += 1;
        counts.failed += usize::from(line.contains("]: Failed ") && line.contains(" for "));
        counts.accepted += usize::from(line.contains("]: Accepted ") && line.contains(" for "));
    }
    counts
}

fn by_mapping(source: &mut Source, classes: &Classes, records: &[&str]) -> Counts {
    let mut counts = Counts::default();
    for (offset, record) in records.iter().enumerate() {
        let offset = i64::try_from(offset).unwrap();
        let value = Some(record.as_bytes());
        let arrival = Arrival { topic: "raw.sshd", partition: 0, offset, timestamp: NOW, key: None, value };
        let processed = process(source, classes, &arrival);
        counts.lines += record.lines().filter(|line| !line.trim().is_empty()).count();
        counts.refused += usize::from(processed.refusal().is_some());
        for (event, _) in &processed.events {
            let published: Value = serde_json::from_slice(&event.draft.bytes()).unwrap();
            match published["status_id"].as_i64() {
                Some(1) => counts.accepted += 1,
                Some(2) => counts.failed += 1,
                other => panic!("status_id {other:?}"),
            }
        }
    }
    counts
}

#[test]
fn real_lines_are_counted_as_a_plain_search_counts_them() {
    let Some(folder) = std::env::var_os("VERNIER_SAMPLE_DATA") else {
        eprintln!("skipped: set VERNIER_SAMPLE_DATA to the folder of the sample data");
        return;
    };
    let classes = Classes::new(&measurement::classes::Classes::known(), []);
    let mut source = shipped::source("sshd", Decode::Text);
    let mut total = Counts::default();
    for name in [
        "sshd-logs",
        "sshd-success-logs",
        "sshd-invalid-bf",
        "sshd-refused-conn",
        "ssh-bf",
        "ssh-generic-test",
        "opnsense-sshd",
    ] {
        let file = Path::new(&folder).join("f05-crowdsec").join(name).join(format!("{name}.log"));
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let searched = by_search(&text);
        assert_eq!(by_mapping(&mut source, &classes, &lines), searched, "{name}, a line a record");
        assert_eq!(by_mapping(&mut source, &classes, &[&text]), searched, "{name}, all lines in one record");
        total.lines += searched.lines;
        total.failed += searched.failed;
        total.accepted += searched.accepted;
    }
    eprintln!("{total:?}");
    assert!(total.lines > 50 && total.failed > 0 && total.accepted > 0, "{total:?}");
}
