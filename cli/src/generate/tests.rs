use std::collections::BTreeSet;

use super::*;

fn small() -> Organisation {
    Organisation::plant(7, Timestamp::parse("2026-10-20T10:00:00Z").unwrap(), 15, 0.05)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (one, two) = (render::records(&small()), render::records(&small()));
    assert_eq!(one, two);
    let other = Organisation::plant(8, Timestamp::parse("2026-10-20T10:00:00Z").unwrap(), 15, 0.05);
    assert_ne!(render::records(&other), one);
}

#[test]
fn arrivals_are_in_order_and_within_the_history() {
    let organisation = small();
    let records = render::records(&organisation);
    assert!(records.windows(2).all(|pair| pair[0].arrival <= pair[1].arrival));
    assert!(records.iter().all(|raw| raw.arrival < organisation.end.0 + 1000));
    for flaw in [render::Flaw::Duplicate, render::Flaw::Late] {
        assert!(records.iter().any(|raw| raw.flaw == flaw), "{flaw:?}");
    }
}

#[test]
fn the_story_has_all_bands_and_outcomes() {
    let outcomes: BTreeSet<String> = truth::answers(&small()).into_iter().map(|answer| answer.outcome).collect();
    for outcome in [
        "green",
        "yellow",
        "red",
        "no-data",
        "unvalidated",
        "not-applicable",
        "insufficient-n",
        "insufficient-history",
        "suppressed",
    ] {
        assert!(outcomes.contains(outcome), "{outcome} is missing in {outcomes:?}");
    }
}

/// Who counts a record twice, or leaves out a late one, must not find the true answers.
#[test]
fn flaws_would_change_answers() {
    let records = render::records(&small());
    for flaw in [render::Flaw::Duplicate, render::Flaw::Late] {
        let opened = records.iter().filter(|raw| {
            raw.topic == "raw.itsm" && raw.flaw == flaw && String::from_utf8_lossy(&raw.bytes).contains("\"opened\"")
        });
        let opened = opened.count();
        assert!(opened >= 2, "{opened} incidents whose opening is told {flaw:?}");
    }
}

#[test]
fn the_manifest_counts_what_the_files_hold() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &small(), 7, 0.05).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    for topic in render::TOPICS {
        let ending = if *topic == "raw.sshd" { "log" } else { "ndjson" };
        let bytes = fs::read(folder.path().join(format!("{topic}.{ending}"))).unwrap();
        let lines = bytes.split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(manifest["topics"][topic]["records"], lines, "{topic}");
    }
}
