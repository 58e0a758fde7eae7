//! What the log promises, on a real broker; the embedded log passes the same suite in `streaming`.

use pipeline_tests::Cluster;
use streaming::conformance::CHECKS;

#[test]
fn kafka_keeps_every_promise_of_the_log() {
    let log = Cluster::shared().log();
    let mut broken = Vec::new();
    for (number, (promise, check)) in CHECKS.iter().enumerate() {
        if let Err(seen) = check(log.as_ref(), &format!("conformance-{number}")) {
            broken.push(format!("{promise}: {seen}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
