//! Real sshd lines: what the mapping finds must be what a plain search for strings counts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ingest::{
    arrival::Arrival,
    config::{Classes, Source},
    decode::{Framing, Limits},
    map::Mapping,
    process::process,
};
use measurement::{catalogue::Decode, forms::Reading, time::Timestamp};
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

/// Takes whatever it gets for an event of no class that is known, so that nothing is left out on the way.
const TAKE_ALL: &str = r#"if length(.) == 0 { return null }
{
  "class_uid": 27001099, "activity_id": 1, "time": %received_ms, "severity_id": 1,
  "metadata": { "version": "1.8.0", "product": { "name": %source } }, "unmapped": .
}
"#;

fn takes_all(decode: Decode) -> Source {
    Source {
        name: "lab".into(),
        topics: vec!["raw.lab".to_owned()],
        framing: Framing::plain(decode),
        mapping: Some(Mapping::compile(TAKE_ALL, chrono_tz::UTC).unwrap()),
        reading: Reading::default(),
        max_future: 300_000,
        lateness: 300_000,
        limits: Limits::default(),
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|ending| ending != "zip") {
            found.push(path);
        }
    }
}

#[test]
fn every_record_of_every_real_file_is_accounted_for() {
    let Some(folder) = std::env::var_os("VERNIER_SAMPLE_DATA") else {
        println!("SKIPPED: VERNIER_SAMPLE_DATA is not set");
        return;
    };
    let classes = Classes::new(&measurement::classes::Classes::known(), []);
    let native = || Source { mapping: None, ..takes_all(Decode::Json) };
    let mut sources =
        [takes_all(Decode::Text), takes_all(Decode::Json), native(), shipped::source("sshd", Decode::Text)];
    let mut paths = Vec::new();
    files(Path::new(&folder), &mut paths);
    paths.sort();
    let mut sums = vec![[0_u64; 4]; sources.len()];
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let blank = bytes.trim_ascii().is_empty();
        for (source, sum) in sources.iter_mut().zip(&mut sums) {
            let value = Some(bytes.as_slice());
            let arrival = Arrival { topic: "raw.lab", partition: 0, offset: 0, timestamp: NOW, key: None, value };
            let processed = process(source, &classes, &arrival);
            let (published, not_relevant, refused) =
                (processed.published, processed.not_relevant(), processed.refused_elements());
            assert_eq!(processed.elements, published + not_relevant + refused, "{}", path.display());
            assert!(processed.elements > 0, "{}", path.display());
            let told: u64 = processed.signs.iter().map(|sign| sign.read).sum();
            assert_eq!(told, processed.elements, "{}", path.display());
            for (sum, count) in sum.iter_mut().zip([processed.elements, published, not_relevant, refused]) {
                *sum += count;
            }
            if source.framing.decode == Decode::Text && source.name.as_ref() == "lab" && !blank {
                let text = String::from_utf8_lossy(&bytes);
                let filled =
                    text.lines().filter(|line| !line.trim_matches(['\u{feff}', ' ', '\t', '\r']).is_empty()).count();
                let limit = bytes.len() <= Limits::default().record_bytes;
                assert!(!limit || published + refused >= u64::try_from(filled).unwrap(), "{}", path.display());
            }
        }
    }
    eprintln!("{} files; read, published, not relevant, refused: {sums:?}", paths.len());
}
