//! Apache Kafka of the line before.

use pipeline_tests::{Cluster, kafka::Version};

#[test]
fn an_older_kafka_keeps_every_promise_of_the_log() {
    let broken = Cluster::of(Version::Three, 1).broken_promises();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
