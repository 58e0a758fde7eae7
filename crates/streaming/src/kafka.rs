//! Apache Kafka through librdkafka. Every call blocks: whoever uses it runs on a thread of its own.
//!
//! Settings and their reasons are in [`config`]; transactions, and what tells that one was repeated
//! behind our back, in [`producer`]; assignment in [`member`].

mod admin;
mod closing;
mod config;
mod member;
mod observer;
#[cfg(feature = "testing")]
mod plain;
mod producer;
mod reader;
mod watch;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{ClientConfig, error::KafkaError, types::RDKafkaErrorCode};

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

/// A Kafka cluster. Clones share their connections.
#[derive(Clone)]
pub struct KafkaLog {
    config: KafkaConfig,
    observers: observer::Observers,
    #[cfg(feature = "testing")]
    plain: bool,
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KafkaLog").field("config", &self.config).finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// A cluster; nothing is connected before it is used.
    pub fn new(config: KafkaConfig) -> Self {
        Self {
            config,
            observers: observer::Observers::default(),
            #[cfg(feature = "testing")]
            plain: false,
        }
    }

    /// The same cluster with producers that know no transactions: for benchmarks of what these cost.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn without_transactions(mut self) -> Self {
        self.plain = true;
        self
    }

    fn client(&self) -> ClientConfig {
        config::client(&self.config)
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
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ) => LogError::Fatal { doing, reason },
        _ => LogError::Unavailable { doing, reason },
    }
}

/// Whether the client itself tries again after such an error: it tells of a connection, not of what was asked.
fn is_passing(fault: &KafkaError) -> bool {
    matches!(
        fault.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
        )
    )
}

/// Tells of brokers that cannot be reached, not of every one of the client's attempts.
#[derive(Default)]
struct Passing(Option<std::time::Instant>);

impl Passing {
    #[expect(clippy::disallowed_methods, reason = "how often a warning is given, not a time of the data")]
    fn tell(&mut self, fault: &KafkaError) {
        let now = std::time::Instant::now();
        if self.0.is_none_or(|told| now.duration_since(told) > Duration::from_secs(5)) {
            tracing::warn!(%fault, "a broker cannot be reached");
            self.0 = Some(now);
        }
    }
}

impl Log for KafkaLog {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        admin::describe(self, topic)
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        admin::create(self, spec)
    }

    fn broker_settings(&self) -> Result<BTreeMap<i32, BTreeMap<String, String>>, LogError> {
        admin::broker_settings(self)
    }

    fn first_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.observers.watermarks(&self.config, partition).map(|(low, _)| low)
    }

    fn end_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.observers.watermarks(&self.config, partition).map(|(_, high)| high)
    }

    fn stable_offset(&self, partition: &TopicPartition) -> Result<i64, LogError> {
        self.observers.stable(&self.config, partition).map(|(_, stable)| stable)
    }

    fn reader(&self, topic: &str, from: &[(i32, i64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::new(self, topic, from, 100)?))
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(member::KafkaMember::join(self, group, instance, topics)?))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        #[cfg(feature = "testing")]
        if self.plain {
            return Ok(Box::new(plain::PlainProducer::new(self)?));
        }
        Ok(Box::new(producer::KafkaProducer::new(self, transactional_id)?))
    }
}
