//! What the log promises, on a real broker; the embedded log passes the same suite in `streaming`.

use pipeline_tests::Cluster;

#[test]
fn kafka_keeps_every_promise_of_the_log() {
    let broken = Cluster::shared().broken_promises();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
