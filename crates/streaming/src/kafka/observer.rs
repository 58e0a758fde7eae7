//! Questions about offsets and topics, asked by clients that read nothing.
//!
//! A broker answers the requests of a connection in order: a question on the connection of a client
//! that reads waits until the broker has answered its fetch, at the end of a partition half a second.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::{
    config::{self, KafkaConfig},
    fault::failed,
};
use crate::{record::TopicPartition, words::LogError};

/// How long the leader of a partition may take to answer. Whoever asks has other partitions, and asks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Clients that are made when they are first needed, and kept.
#[derive(Clone, Default)]
pub(super) struct Observers {
    uncommitted: Slot,
    committed: Slot,
}

type Slot = Arc<Mutex<Option<Arc<BaseConsumer>>>>;

impl Observers {
    /// A client that is told high watermarks.
    pub(super) fn uncommitted(&self, config: &KafkaConfig) -> Result<Arc<BaseConsumer>, LogError> {
        client(&self.uncommitted, config, "read_uncommitted")
    }

    /// First offset and high watermark.
    pub(super) fn watermarks(&self, config: &KafkaConfig, partition: &TopicPartition) -> Result<(i64, i64), LogError> {
        ask(&self.uncommitted, config, "read_uncommitted", partition)
    }

    /// First offset and last stable offset: a read-committed client is told the latter where another is told
    /// the high watermark.
    pub(super) fn stable(&self, config: &KafkaConfig, partition: &TopicPartition) -> Result<(i64, i64), LogError> {
        ask(&self.committed, config, "read_committed", partition)
    }
}

fn ask(slot: &Slot, config: &KafkaConfig, isolation: &str, partition: &TopicPartition) -> Result<(i64, i64), LogError> {
    let answer = client(slot, config, isolation)?.fetch_watermarks(&partition.topic, partition.partition, PATIENCE);
    answer.map_err(|fault| {
        // A client that reads nothing is not told that a partition has a new leader: a fresh one asks.
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        failed("ask for the ends of a partition", &fault)
    })
}

fn client(slot: &Slot, config: &KafkaConfig, isolation: &str) -> Result<Arc<BaseConsumer>, LogError> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = slot.as_ref() {
        return Ok(Arc::clone(client));
    }
    // Without a group: there is none to be left when the client is dropped.
    let client: BaseConsumer = config::client(config)
        .set("isolation.level", isolation)
        .create()
        .map_err(|fault| failed("create a client", &fault))?;
    let client = Arc::new(client);
    *slot = Some(Arc::clone(&client));
    Ok(client)
}
