//! Apache Kafka through librdkafka. Every call blocks: whoever uses it runs on a thread of its own.
//!
//! Settings and their reasons are in [`config`]; transactions, and what tells that one was repeated
//! behind our back, in [`producer`]; assignment in [`member`].

mod admin;
mod config;
mod member;
mod producer;
mod reader;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use crate::{
    log::{Log, LogError, Member, Producer, Reader, TopicDescription},
    record::TopicPartition,
    topics::TopicSpec,
};

/// How long one question to the cluster may take.
const ASK: Duration = Duration::from_secs(15);

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

/// A Kafka cluster.
#[derive(Clone, Debug)]
pub struct KafkaLog {
    config: KafkaConfig,
}

impl KafkaLog {
    /// A cluster; nothing is connected before it is used.
    pub const fn new(config: KafkaConfig) -> Self {
        Self { config }
    }

    fn client(&self) -> ClientConfig {
        config::client(&self.config)
    }

    /// A consumer that belongs to no group and sees open transactions: for questions about offsets.
    fn observer(&self) -> Result<BaseConsumer, LogError> {
        self.client()
            .set("isolation.level", "read_uncommitted")
            .set("group.id", "vernier-observer")
            .create()
            .map_err(|fault| failed("create a client", &fault))
    }

    fn watermarks(&self, partition: &TopicPartition) -> Result<(i64, i64), LogError> {
        self.observer()?
            .fetch_watermarks(&partition.topic, partition.partition, ASK)
            .map_err(|fault| failed("ask for offsets", &fault))
    }
}

/// The error of a call: fatal where the client cannot go on.
fn failed(doing: &'static str, fault: &KafkaError) -> LogError {
    let reason = fault.to_string();
    match fault.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => LogError::Fatal {
            doing,
            reason: format!("{reason}: run `vernier topics apply`, or create the source topic"),
        },
        Some(
            RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::FencedInstanceId,
        ) => LogError::Fatal { doing, reason },
        _ => LogError::Unavailable { doing, reason },
    }
}

impl Log for KafkaLog {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        admin::describe(self, topic)
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        admin::create(self, spec)
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.watermarks(partition).map(|(low, _)| low)
    }

    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.watermarks(partition).map(|(_, high)| high)
    }

    fn settled_end(&self, partition: &TopicPartition, deadline: Duration) -> Result<i64, LogError> {
        reader::settled_end(self, partition, deadline)
    }

    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::new(self, topic, from, 100)?))
    }

    fn member(&self, group: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(member::KafkaMember::join(self, group, topics)?))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::KafkaProducer::new(self, transactional_id)?))
    }
}
