//! Settings of librdkafka.

use std::collections::BTreeMap;

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::log::SESSION_TIMEOUT;

/// How long a transaction may last, in milliseconds.
const TRANSACTION_TIMEOUT: u32 = 15_000;

/// How to reach a cluster.
#[derive(Clone)]
pub struct KafkaConfig {
    /// `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// Further librdkafka settings, for security above all.
    pub properties: BTreeMap<String, String>,
}

/// Values of settings may be secrets.
impl std::fmt::Debug for KafkaConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KafkaConfig")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// What all clients share.
pub(super) fn client(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in &config.properties {
        client.set(name, value);
    }
    client
        .set("bootstrap.servers", &config.bootstrap_servers)
        .set("client.id", "vernier")
        .set("allow.auto.create.topics", "false")
        // A first connection that is refused is tried again soon, not after ten seconds.
        .set("reconnect.backoff.max.ms", "1000")
        .set_log_level(RDKafkaLogLevel::Warning);
    client
}

/// Readers and members: committed records only; offsets are ours to keep; a missing offset is an
/// error and never "the beginning" or "the end"; a small prefetch queue, because payloads that leave
/// the processor's cache before they are used cost more than waiting for them.
pub(super) fn consumer(config: &KafkaConfig) -> ClientConfig {
    let mut client = client(config);
    client
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "16384")
        // A full queue is looked at again soon, not after a second: that would cap a partition at so many records a second.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "100");
    client
}

/// Members of a group. The classic protocol: the new one is not safe with this librdkafka
/// (confluentinc/librdkafka #5541). Static membership (KIP-345): who comes back after a crash takes its partitions
/// up at once, where the group would otherwise wait for the dead member's session to run out.
pub(super) fn member(config: &KafkaConfig, group: &str, instance: &str) -> ClientConfig {
    let mut client = consumer(config);
    client
        .set("group.id", group)
        .set("group.instance.id", instance)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", SESSION_TIMEOUT.to_string())
        // By the answer to a heartbeat a member learns that the group agrees anew, and all wait for the last one.
        .set("heartbeat.interval.ms", "1000")
        // How soon new topics and partitions are seen.
        .set("topic.metadata.refresh.interval.ms", "5000")
        .set("metadata.max.age.ms", "15000")
        // A stage takes its restored state over between two polls; everything else is done in parts.
        .set("max.poll.interval.ms", "300000");
    client
}

/// Transactional producers. `socket.timeout.ms` is the most that librdkafka accepts beside the
/// transaction's timeout: with less, a merely silent connection would make it repeat a commit inside
/// the life of the transaction.
pub(super) fn producer(config: &KafkaConfig, transactional_id: &str) -> ClientConfig {
    let mut client = client(config);
    client
        .set("transactional.id", transactional_id)
        .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.to_string())
        .set("message.timeout.ms", "10000")
        .set("socket.timeout.ms", (TRANSACTION_TIMEOUT + 100).to_string())
        .set("queue.buffering.max.kbytes", "65536")
        .set("linger.ms", "5")
        .set("compression.type", "lz4")
        // Tells of repeated requests, see `producer`.
        .set("statistics.interval.ms", "50");
    client
}
