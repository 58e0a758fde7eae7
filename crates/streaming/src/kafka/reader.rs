//! Reading outside a group.

use std::time::Duration;

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, DefaultConsumerContext},
    error::KafkaError,
};

use super::{
    closing::Closing,
    config::{self, KafkaConfig},
    fault::{Passing, failed, is_passing},
};
use crate::{
    log::{Poll, Reader, Sink},
    record::RecordRef,
    words::LogError,
};

pub(super) struct KafkaReader {
    consumer: Closing<DefaultConsumerContext>,
    passing: Passing,
}

impl KafkaReader {
    /// `wait` is how long, in milliseconds, the broker holds a request at the end of a partition before it
    /// answers that there is nothing: the end is known no sooner.
    pub(super) fn new(config: &KafkaConfig, topic: &str, from: &[(i32, i64)], wait: u32) -> Result<Self, LogError> {
        let consumer: BaseConsumer = config::consumer(config)
            // No group is joined; the name is asked for by the client.
            .set("group.id", "vernier-reader")
            // One topic a reader: the client names the partition of an end, not its topic.
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", wait.to_string())
            .create()
            .map_err(|fault| failed("create a reader", &fault))?;
        let mut partitions = TopicPartitionList::new();
        for (partition, offset) in from {
            partitions
                .add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|fault| failed("assign a reader", &fault))?;
        }
        consumer.assign(&partitions).map_err(|fault| failed("assign a reader", &fault))?;
        Ok(Self { consumer: Closing::new(consumer), passing: Passing::default() })
    }
}

impl Reader for KafkaReader {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let mut poll = Poll::default();
        let mut timeout = timeout;
        while poll.records < most {
            match self.consumer.get().poll(timeout) {
                None => break,
                Some(Ok(message)) => {
                    poll.records += 1;
                    poll.ends.retain(|partition| *partition != message.partition());
                    sink(RecordRef::kafka(&message));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => poll.ends.push(partition),
                Some(Err(fault)) if is_passing(&fault) => {
                    self.passing.tell(&fault);
                    break;
                }
                Some(Err(fault)) => return Err(failed("read", &fault)),
            }
            timeout = Duration::ZERO;
        }
        Ok(poll)
    }
}
