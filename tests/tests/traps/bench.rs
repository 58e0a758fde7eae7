//! Catalogues for cases, and the cases run on them.

use std::path::Path;

use measurement::catalogue::{Catalogue, Files, read_file};
use vernier::test::{TestFile, run_cases};

/// The catalogue that is shipped, with other files in the place of some of its own.
pub(crate) fn shipped(changes: &[(&str, &str)]) -> Catalogue {
    let (mut files, faults) = Files::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas"));
    assert!(faults.is_empty(), "{faults:?}");
    for (path, text) in changes {
        files.0.insert((*path).to_owned(), (*text).to_owned());
    }
    Catalogue::from_files(&files).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A catalogue of a test's own: one construct, its populations, and a source that sends everything.
pub(crate) fn own(construct: &str, populations: &[&str]) -> Result<Catalogue, String> {
    let mut files = Files::default();
    let head = "
version: 1.0.0
reference: { verified: false }
kind: performance
need: { question: A, objective: B, risk: C, decision: D }
parties: { owner: A, collector: B, client: C, reviewer: D }
target: { value: 1, from: 2020-01-01, approved_by: A }
missing: no-data
evidence: None
report: { chart: line }
";
    files.0.insert("constructs/own.yaml".to_owned(), format!("construct: traps/own\ntitle: Own{head}{construct}"));
    for (number, text) in populations.iter().enumerate() {
        files.0.insert(format!("populations/{number}.yaml"), (*text).to_owned());
    }
    let source = "
source: any
title: Any
owner: Nobody
topics: [raw.any]
decode: json
mapping: ocsf
lateness: PT1H
idle: PT30S
max_future: PT5M
rhythm: P2D
deduplicate: P7D
";
    files.0.insert("sources/any.yaml".to_owned(), source.to_owned());
    Catalogue::from_files(&files).map_err(|faults| faults.to_string())
}

/// Runs cases; every one must hold.
pub(crate) fn hold(catalogue: &Catalogue, cases: &str) {
    let file: TestFile = read_file("cases", cases).unwrap_or_else(|faults| panic!("{faults}"));
    let (count, failures) = run_cases(catalogue, &file, false);
    assert!(count > 0 && failures.is_empty(), "{failures:#?}");
}

/// The calendar of most constructs here.
pub(crate) const MONTHLY: &str = "
cadence: { period: P1M, report: P1M, revise: P1Y, close_after: P2D, restate_for: P13M }
calendar: { zone: Europe/Zurich, fiscal_year_start: 01-01 }
sources: [any]
";
