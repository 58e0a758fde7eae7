//! Apache Kafka through librdkafka. Every call blocks: whoever uses it runs on a thread of its own.
//!
//! Settings and their reasons are in [`config`]; transactions, and what tells that one was repeated
//! behind our back, in [`producer`]; assignment in [`member`]; what makes a group agree anew in [`group`].

mod admin;
mod closing;
mod config;
mod fault;
mod group;
mod member;
mod observer;
#[cfg(feature = "testing")]
mod plain;
mod producer;
mod reader;
mod watch;

use std::collections::BTreeMap;

pub use config::KafkaConfig;

use crate::{
    log::{Log, Member, Producer, Reader},
    record::TopicPartition,
    words::{LogError, TopicDescription, TopicSpec},
};

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
}

impl Log for KafkaLog {
    fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        admin::describe(&self.config, &self.observers, topic)
    }

    fn partitions(&self, topic: &str) -> Result<i32, LogError> {
        admin::partitions(&self.config, &self.observers, topic)
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        admin::create(&self.config, &self.observers, spec)
    }

    fn broker_settings(&self) -> Result<BTreeMap<i32, BTreeMap<String, String>>, LogError> {
        admin::broker_settings(&self.config, &self.observers)
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
        Ok(Box::new(reader::KafkaReader::new(&self.config, topic, from, 100)?))
    }

    fn member(&self, group: &str, instance: &str, topics: &[String]) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(member::KafkaMember::join(&self.config, &self.observers, group, instance, topics)?))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        #[cfg(feature = "testing")]
        if self.plain {
            return Ok(Box::new(plain::PlainProducer::new(&self.config)?));
        }
        Ok(Box::new(producer::KafkaProducer::new(&self.config, transactional_id)?))
    }
}
