//! Seeded bugs: each is caught.

use std::collections::BTreeSet;

use pipeline_tests::sim::{Bug, Wrong, catalogue, run};

/// Most seeds that are tried with one bug.
const MOST: u64 = 200;

#[test]
fn every_seeded_bug_is_caught() {
    let catalogue = catalogue();
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let caught = (1..=MOST).find_map(|seed| {
            let report = run(seed, &catalogue, Some(bug));
            let kinds: BTreeSet<&str> = report.wrong.iter().map(Wrong::kind).collect();
            (!kinds.is_empty()).then_some((seed, kinds))
        });
        match caught {
            Some((seeds, kinds)) => println!("{bug:?}: caught by seed {seeds}: {kinds:?}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught within {MOST} seeds each: {missed:?}");
}
