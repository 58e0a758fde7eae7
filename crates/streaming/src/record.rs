//! Records as they are read and written.

use std::{fmt, sync::Arc};

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// One partition of a topic.
    pub fn new(topic: &str, partition: i32) -> Self {
        Self { topic: Arc::from(topic), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.partition)
    }
}

/// Headers: names with values, in order.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A record that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub partition: TopicPartition,
    /// Where it lies.
    pub offset: i64,
    /// Milliseconds since the epoch, as the producer or the broker set it.
    pub timestamp: Option<i64>,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Headers,
}

/// A record as it is handed to a stage: borrowed from the client's memory, so that the hot path
/// copies nothing.
#[derive(Clone, Copy)]
pub struct RecordRef<'a>(Inner<'a>);

#[derive(Clone, Copy)]
enum Inner<'a> {
    Owned(&'a Record),
    Kafka(&'a BorrowedMessage<'a>),
}

impl<'a> RecordRef<'a> {
    pub(crate) const fn kafka(message: &'a BorrowedMessage<'a>) -> Self {
        Self(Inner::Kafka(message))
    }

    /// Topic.
    pub fn topic(&self) -> &'a str {
        match self.0 {
            Inner::Owned(record) => &record.partition.topic,
            Inner::Kafka(message) => message.topic(),
        }
    }

    /// Partition.
    pub fn partition(&self) -> i32 {
        match self.0 {
            Inner::Owned(record) => record.partition.partition,
            Inner::Kafka(message) => message.partition(),
        }
    }

    /// Offset.
    pub fn offset(&self) -> i64 {
        match self.0 {
            Inner::Owned(record) => record.offset,
            Inner::Kafka(message) => message.offset(),
        }
    }

    /// Milliseconds since the epoch.
    pub fn timestamp(&self) -> Option<i64> {
        match self.0 {
            Inner::Owned(record) => record.timestamp,
            Inner::Kafka(message) => message.timestamp().to_millis(),
        }
    }

    /// Key.
    pub fn key(&self) -> Option<&'a [u8]> {
        match self.0 {
            Inner::Owned(record) => record.key.as_deref(),
            Inner::Kafka(message) => message.key(),
        }
    }

    /// Value; `None` is a tombstone.
    pub fn value(&self) -> Option<&'a [u8]> {
        match self.0 {
            Inner::Owned(record) => record.value.as_deref(),
            Inner::Kafka(message) => message.payload(),
        }
    }

    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        match self.0 {
            Inner::Owned(record) => {
                record.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
            }
            Inner::Kafka(message) => {
                message.headers()?.iter().find(|header| header.key == name).and_then(|header| header.value)
            }
        }
    }

    /// A copy that owns its bytes.
    pub fn to_record(&self) -> Record {
        match self.0 {
            Inner::Owned(record) => record.clone(),
            Inner::Kafka(message) => Record {
                partition: TopicPartition::new(message.topic(), message.partition()),
                offset: message.offset(),
                timestamp: message.timestamp().to_millis(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().map_or_else(Vec::new, |headers| {
                    headers
                        .iter()
                        .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                        .collect()
                }),
            },
        }
    }
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        Self(Inner::Owned(record))
    }
}

/// The place of the record, never its content.
impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}@{}", self.topic(), self.partition(), self.offset())
    }
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct OutRecord {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition; `None` is computed from the key, see [`crate::partitioner`].
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Headers,
    /// Milliseconds since the epoch; `None` lets the log set it.
    pub timestamp: Option<i64>,
}
