//! Members of a group.
//!
//! librdkafka announces a rebalance and goes on only when it is answered. The announcement is
//! queued here and answered by whoever drives the member, so that a partition that is revoked stays
//! ours until its work is committed. While the member leaves, announcements are answered at once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    bindings::rd_kafka_resp_err_t,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use super::{ASK, KafkaLog, closing::Closing, config, failed, is_passing, reader::KafkaReader};
use crate::{
    log::{Change, GroupMetadata, LogError, Member, Membership, Poll, Reader as _, Sink},
    record::{RecordRef, TopicPartition},
};

#[derive(Default)]
struct Announcements {
    queue: Mutex<VecDeque<Change>>,
    leaving: AtomicBool,
}

impl Announcements {
    fn push(&self, change: Change) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(change);
    }

    fn take(&self) -> Vec<Change> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

impl ClientContext for Announcements {}

impl ConsumerContext for Announcements {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: rd_kafka_resp_err_t, partitions: &mut TopicPartitionList) {
        let assigned = code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.leaving.load(Ordering::Acquire) {
            let answer = if assigned {
                consumer.incremental_assign(partitions)
            } else {
                consumer.incremental_unassign(partitions)
            };
            if let Err(fault) = answer {
                tracing::debug!(%fault, "answering a rebalance while leaving");
            }
            return;
        }
        let list = partitions
            .elements()
            .iter()
            .map(|element| TopicPartition::new(element.topic(), element.partition()))
            .collect();
        self.push(if assigned {
            Change::Assigned(list)
        } else if consumer.assignment_lost() {
            Change::Lost(list)
        } else {
            Change::Revoked(list)
        });
    }
}

pub(super) struct KafkaMember {
    consumer: Closing<Announcements>,
    log: KafkaLog,
    /// What the last look at the end of a partition has shown.
    looks: HashMap<TopicPartition, Look>,
}

#[derive(Clone, Copy)]
struct Look {
    /// The last stable offset.
    end: i64,
    /// Offset of the next record to be handed over.
    position: i64,
    /// Whether there is no record between the two, once it is known.
    empty: Option<bool>,
}

/// Whether no record is left from an offset to the end of a partition; `None` if it cannot be said yet.
fn nothing_left(log: &KafkaLog, partition: &TopicPartition, from: i64) -> Result<Option<bool>, LogError> {
    let mut reader = KafkaReader::new(log, &partition.topic, &[(partition.partition, from)], 10)?;
    for _ in 0..20 {
        let poll = reader.poll(Duration::from_millis(50), 1, &mut |_| {})?;
        if poll.records > 0 {
            return Ok(Some(false));
        }
        if poll.ends.contains(&partition.partition) {
            return Ok(Some(true));
        }
    }
    Ok(None)
}

impl KafkaMember {
    pub(super) fn join(log: &KafkaLog, group: &str, topics: &[String]) -> Result<Self, LogError> {
        let consumer: BaseConsumer<Announcements> = config::member(&log.config, group)
            .create_with_context(Announcements::default())
            .map_err(|fault| failed("create a group member", &fault))?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|fault| failed("join the group", &fault))?;
        Ok(Self { consumer: Closing::new(consumer), log: log.clone(), looks: HashMap::new() })
    }

    fn list(partitions: &[TopicPartition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&partition.topic, partition.partition);
        }
        list
    }
}

impl Member for KafkaMember {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let mut poll = Poll::default();
        let mut timeout = timeout;
        while poll.records < most {
            match self.consumer.get().poll(timeout) {
                Some(Ok(message)) => {
                    poll.records += 1;
                    sink(RecordRef::kafka(&message));
                }
                Some(Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                ))) => {
                    return Err(LogError::Fatal {
                        doing: "read",
                        reason: "an offset is out of range: retention has passed it, or the topic was created anew"
                            .to_owned(),
                    });
                }
                Some(Err(fault)) if is_passing(&fault) => {
                    tracing::warn!(%fault, "a broker cannot be reached");
                    break;
                }
                Some(Err(fault)) => return Err(failed("read", &fault)),
                // A rebalance ends a poll without a record.
                None => break,
            }
            timeout = Duration::ZERO;
        }
        poll.changes = self.consumer.get().context().take();
        Ok(poll)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (partition, offset) in partitions {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))
                .map_err(|fault| failed("take over partitions", &fault))?;
        }
        self.consumer.get().incremental_assign(&list).map_err(|fault| failed("take over partitions", &fault))
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        for partition in partitions {
            self.looks.remove(partition);
        }
        self.consumer
            .get()
            .incremental_unassign(&Self::list(partitions))
            .map_err(|fault| failed("give partitions up", &fault))
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        self.consumer
            .get()
            .seek(&partition.topic, partition.partition, Offset::Offset(offset), ASK)
            .map_err(|fault| failed("go to an offset", &fault))
    }

    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError> {
        // The call waits while a dead owner's transaction holds offsets of the partition: at most
        // the transaction's timeout and the broker's scan.
        let found = self
            .consumer
            .get()
            .committed_offsets(Self::list(std::slice::from_ref(partition)), Duration::from_mins(1))
            .map_err(|fault| failed("ask for the group's offsets", &fault))?;
        let offset = found.find_partition(&partition.topic, partition.partition).map(|element| element.offset());
        match offset {
            Some(Offset::Offset(offset)) => Ok(Some(offset)),
            _ => Ok(None),
        }
    }

    fn caught_up(&mut self, partition: &TopicPartition, position: i64) -> Result<bool, LogError> {
        let (first, stable) = self.log.observers.stable(&self.log.config, partition)?;
        if position >= stable || first >= stable {
            return Ok(true);
        }
        // What is left may be markers alone, which are never handed over; or records that are still on
        // their way to us. Neither offsets nor patience tell the two apart: reading does. It is done
        // once for an end and a position that were the same at two looks, not while records flow.
        let fresh = Look { end: stable, position, empty: None };
        let look = self.looks.entry(partition.clone()).or_insert(fresh);
        if (look.end, look.position) != (stable, position) {
            *look = fresh;
            return Ok(false);
        }
        if let Some(empty) = look.empty {
            return Ok(empty);
        }
        let empty = nothing_left(&self.log, partition, position.max(first))?;
        look.empty = empty;
        Ok(empty == Some(true))
    }

    fn metadata(&self) -> Result<GroupMetadata, LogError> {
        self.consumer
            .get()
            .group_metadata()
            .map(|metadata| GroupMetadata(Membership::Kafka(Arc::new(metadata))))
            .ok_or_else(|| LogError::Fatal {
                doing: "prove membership",
                reason: "the consumer has no group".to_owned(),
            })
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.consumer.get().context().leaving.store(true, Ordering::Release);
        for change in self.consumer.get().context().take() {
            let answer = match &change {
                Change::Assigned(_) => self.consumer.get().incremental_assign(&TopicPartitionList::new()),
                Change::Revoked(list) | Change::Lost(list) => {
                    self.consumer.get().incremental_unassign(&Self::list(list))
                }
            };
            if let Err(fault) = answer {
                tracing::debug!(%fault, "answering a rebalance while leaving");
            }
        }
    }
}
