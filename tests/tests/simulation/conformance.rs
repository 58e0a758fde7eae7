//! What the log promises, on the simulated log.

use measurement::time::Timestamp;
use pipeline_tests::sim::{Faults, SimLog};
use streaming::conformance::CHECKS;

#[test]
fn the_simulated_log_keeps_every_promise_of_the_log() {
    let log = SimLog::new(1, Timestamp(1_700_000_000_000), Faults::NONE);
    let mut broken = Vec::new();
    for (number, (promise, check)) in CHECKS.iter().enumerate() {
        if let Err(seen) = check(&log, &format!("conformance-{number}")) {
            broken.push(format!("{promise}: {seen}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
