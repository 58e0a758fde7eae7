//! Reading outside a group.

use std::time::{Duration, Instant};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, DefaultConsumerContext},
    error::KafkaError,
};

use super::{KafkaLog, closing::Closing, config, failed, is_passing};
use crate::{
    log::{Log as _, LogError, Poll, Reader, Sink},
    record::{RecordRef, TopicPartition},
};

pub(super) struct KafkaReader {
    consumer: Closing<DefaultConsumerContext>,
}

impl KafkaReader {
    /// `wait` is how long, in milliseconds, the broker holds a request at the end of a partition before it
    /// answers that there is nothing: the end is known no sooner.
    pub(super) fn new(log: &KafkaLog, topic: &str, from: &[(i32, i64)], wait: u32) -> Result<Self, LogError> {
        let consumer: BaseConsumer = config::consumer(&log.config)
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
        Ok(Self { consumer: Closing::new(consumer) })
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
                    tracing::warn!(%fault, "a broker cannot be reached");
                    break;
                }
                Some(Err(fault)) => return Err(failed("read", &fault)),
            }
            timeout = Duration::ZERO;
        }
        Ok(poll)
    }
}

/// Waits until the last stable offset has reached the high watermark found at the call.
#[expect(clippy::disallowed_methods, reason = "deadline of a wait, not a time of the data")]
pub(super) fn settled_end(log: &KafkaLog, partition: &TopicPartition, deadline: Duration) -> Result<i64, LogError> {
    let end = log.end_offset(partition)?;
    let give_up = Instant::now() + deadline;
    loop {
        let (_, stable) = log.observers.stable(&log.config, partition)?;
        if stable >= end {
            return Ok(end);
        }
        if Instant::now() >= give_up {
            return Err(LogError::Unavailable {
                doing: "wait for an open transaction to end",
                reason: format!(
                    "{partition}: the last stable offset is {stable}, the end {end}, for {} s; find the hanging transaction with kafka-transactions.sh find-hanging",
                    deadline.as_secs()
                ),
            });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
