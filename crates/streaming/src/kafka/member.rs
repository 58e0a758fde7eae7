//! Members of a group.
//!
//! librdkafka announces a rebalance and goes on only when it is answered. New partitions are answered for at
//! once with nothing: none of them is fetched before it is restored, and the group need not wait for that. That
//! partitions are revoked is queued here and answered by whoever drives the member, so that they stay ours until
//! their work is committed. While the member leaves, everything is answered at once.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    bindings::rd_kafka_resp_err_t,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use super::{
    closing::Closing,
    config::{self, KafkaConfig},
    fault::{Passing, failed, is_passing},
    group::{Detour, Looks, Question, detour},
    observer::Observers,
    reader::KafkaReader,
};
use crate::{
    log::{GroupMetadata, Member, Poll, Reader as _, Sink},
    record::{RecordRef, TopicPartition},
    words::{Change, LogError, Presence, Sight},
};

/// How long a detour may take before it is ended without the group having agreed.
const DETOUR: Duration = Duration::from_secs(4);

#[derive(Default)]
struct Announcements {
    queue: Mutex<VecDeque<Change>>,
    /// Partitions that the client was told to fetch: it refuses to be told of others that they are given up.
    read: Mutex<HashSet<TopicPartition>>,
    /// Partitions that are ours by the group.
    owned: Mutex<HashSet<TopicPartition>>,
    /// Whether the group has agreed since somebody asked.
    agreed: AtomicBool,
    leaving: AtomicBool,
}

impl Announcements {
    fn push(&self, change: Change) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(change);
    }

    fn take(&self) -> Vec<Change> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Those of some partitions that are fetched; they count as not fetched from now on.
    fn read_among(&self, partitions: &[TopicPartition]) -> TopicPartitionList {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions.iter().filter(|partition| read.remove(partition)) {
            list.add_partition(&partition.topic, partition.partition);
        }
        list
    }
}

impl ClientContext for Announcements {}

impl ConsumerContext for Announcements {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: rd_kafka_resp_err_t, partitions: &mut TopicPartitionList) {
        let assigned = code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let list: Vec<TopicPartition> = partitions
            .elements()
            .iter()
            .map(|element| TopicPartition::new(element.topic(), element.partition()))
            .collect();
        let answer = if assigned {
            self.owned.lock().unwrap_or_else(PoisonError::into_inner).extend(list.iter().cloned());
            self.agreed.store(true, Ordering::Release);
            self.push(Change::Assigned(list));
            consumer.incremental_assign(&TopicPartitionList::new())
        } else if self.leaving.load(Ordering::Acquire) {
            consumer.incremental_unassign(&self.read_among(&list))
        } else if consumer.assignment_lost() {
            self.push(Change::Lost(list));
            Ok(())
        } else {
            self.push(Change::Revoked(list));
            Ok(())
        };
        if let Err(fault) = answer {
            tracing::warn!(%fault, "answering a rebalance");
        }
    }
}

pub(super) struct KafkaMember {
    consumer: Closing<Announcements>,
    config: KafkaConfig,
    observers: Observers,
    group: String,
    instance: String,
    topics: Vec<String>,
    looks_at_topics: Looks,
    /// Topics that were there when last seen.
    there: BTreeSet<String>,
    /// Topics that the brokers may withhold.
    withheld: BTreeSet<String>,
    /// Since when the member reads other topics than it should, to make the group agree anew.
    detour: Option<Instant>,
    /// What the last look at the end of a partition has shown.
    looks: HashMap<TopicPartition, Look>,
    passing: Passing,
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
fn nothing_left(config: &KafkaConfig, partition: &TopicPartition, from: i64) -> Result<Option<bool>, LogError> {
    let mut reader = KafkaReader::new(config, &partition.topic, &[(partition.partition, from)], 10)?;
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

fn subscribe(consumer: &BaseConsumer<Announcements>, topics: &[String]) -> Result<(), KafkaError> {
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics)
}

impl KafkaMember {
    pub(super) fn join(
        config: &KafkaConfig,
        observers: &Observers,
        group: &str,
        instance: &str,
        topics: &[String],
    ) -> Result<Self, LogError> {
        let consumer: BaseConsumer<Announcements> = config::member(config, group, instance)
            .create_with_context(Announcements::default())
            .map_err(|fault| failed("create a group member", &fault))?;
        subscribe(&consumer, topics).map_err(|fault| failed("join the group", &fault))?;
        Ok(Self {
            consumer: Closing::new(consumer),
            config: config.clone(),
            observers: observers.clone(),
            group: group.to_owned(),
            instance: instance.to_owned(),
            topics: topics.to_vec(),
            looks_at_topics: Looks::default(),
            there: BTreeSet::new(),
            withheld: BTreeSet::new(),
            detour: None,
            looks: HashMap::new(),
            passing: Passing::default(),
        })
    }

    /// Topics that the group has given us partitions of.
    fn owns(&self) -> BTreeSet<String> {
        let owned = self.announcements().owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.iter().map(|at| at.topic.to_string()).collect()
    }

    /// Reads again what is to be read, once the group has agreed on what was read for a moment.
    fn come_back(&mut self) -> Result<(), LogError> {
        let Some(since) = self.detour else { return Ok(()) };
        if self.announcements().agreed.load(Ordering::Acquire) || since.elapsed() > DETOUR {
            subscribe(self.consumer.get(), &self.topics).map_err(|fault| failed("join the group", &fault))?;
            self.detour = None;
        }
        Ok(())
    }

    fn announcements(&self) -> &Announcements {
        self.consumer.get().context()
    }
}

impl Member for KafkaMember {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        self.come_back()?;
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
                ))) => return Err(LogError::OutOfRange),
                Some(Err(fault)) if fault.rdkafka_error_code() == Some(RDKafkaErrorCode::FencedInstanceId) => {
                    return Err(LogError::Fenced { id: self.instance.clone(), reason: fault.to_string() });
                }
                Some(Err(fault)) if is_passing(&fault) => {
                    self.passing.tell(&fault);
                    break;
                }
                Some(Err(fault)) => {
                    if fault.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) {
                        self.withheld.extend(self.topics.iter().cloned());
                    }
                    return Err(failed("read", &fault));
                }
                // A rebalance ends a poll without a record.
                None => break,
            }
            timeout = Duration::ZERO;
        }
        poll.changes = self.announcements().take();
        Ok(poll)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (partition, offset) in partitions {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))
                .map_err(|fault| failed("take over partitions", &fault))?;
        }
        self.consumer.get().incremental_assign(&list).map_err(|fault| failed("take partitions up", &fault))?;
        let mut read = self.announcements().read.lock().unwrap_or_else(PoisonError::into_inner);
        read.extend(partitions.iter().map(|(partition, _)| partition.clone()));
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        for partition in partitions {
            self.looks.remove(partition);
        }
        let read = self.announcements().read_among(partitions);
        if read.count() == 0 {
            return Ok(());
        }
        self.consumer.get().incremental_unassign(&read).map_err(|fault| failed("put partitions down", &fault))
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        subscribe(self.consumer.get(), topics).map_err(|fault| failed("read other topics", &fault))?;
        self.topics = topics.to_vec();
        self.detour = None;
        self.looks_at_topics.forget();
        Ok(())
    }

    fn look(&mut self) -> Result<Option<Sight>, LogError> {
        let topics: BTreeSet<String> = self.topics.iter().cloned().chain(self.owns()).collect();
        let question = || Question {
            config: self.config.clone(),
            observers: self.observers.clone(),
            group: self.group.clone(),
            topics: topics.into_iter().collect(),
            probe: self.withheld.clone(),
        };
        let Some(sight) = self.looks_at_topics.look(question) else { return Ok(None) };
        let is = |wanted: fn(&Presence) -> bool| {
            let found = sight.topics.iter().filter(move |(_, presence)| wanted(presence));
            found.map(|(topic, _)| topic.clone()).collect::<BTreeSet<_>>()
        };
        self.there = is(|presence| matches!(presence, Presence::There(_)));
        self.withheld = is(|presence| *presence == Presence::Forbidden);
        Ok(Some(sight))
    }

    #[expect(clippy::disallowed_methods, reason = "how long a detour takes, not a time of the data")]
    fn agree_anew(&mut self, unowned: &[TopicPartition]) -> Result<(), LogError> {
        let owns = self.owns();
        let (there, owns) =
            (self.there.iter().map(String::as_str).collect(), owns.iter().map(String::as_str).collect());
        self.announcements().agreed.store(false, Ordering::Release);
        match detour(&there, &self.topics, &owns, unowned) {
            Detour::Topics(topics) => {
                tracing::debug!(topics = topics.join(" "), "reading these for a moment");
                subscribe(self.consumer.get(), &topics).map_err(|fault| failed("read other topics", &fault))?;
            }
            Detour::Nothing => {
                self.consumer.get().unsubscribe();
                // Whoever has left is told nothing more: it comes back at once.
                self.announcements().agreed.store(true, Ordering::Release);
            }
        }
        self.detour = Some(Instant::now());
        Ok(())
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        for partition in partitions {
            self.looks.remove(partition);
        }
        let mut owned = self.announcements().owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.retain(|partition| !partitions.contains(partition));
        drop(owned);
        // Also with nothing: the group waits for the answer.
        let read = self.announcements().read_among(partitions);
        self.consumer.get().incremental_unassign(&read).map_err(|fault| failed("give partitions up", &fault))
    }

    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError> {
        // The client asks again and again while a dead owner's transaction holds offsets of the partition: as
        // long as that transaction's timeout and the broker's scan take. We have other things to do meanwhile.
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&partition.topic, partition.partition);
        let found = self
            .consumer
            .get()
            .committed_offsets(list, Duration::from_secs(2))
            .map_err(|fault| failed("ask for the group's offsets", &fault))?;
        let offset = found.find_partition(&partition.topic, partition.partition).map(|element| element.offset());
        match offset {
            Some(Offset::Offset(offset)) => Ok(Some(offset)),
            _ => Ok(None),
        }
    }

    fn caught_up(&mut self, partition: &TopicPartition, position: i64) -> Result<bool, LogError> {
        let (first, stable) = self.observers.stable(&self.config, partition)?;
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
        let empty = nothing_left(&self.config, partition, position.max(first))?;
        look.empty = empty;
        Ok(empty == Some(true))
    }

    fn metadata(&self) -> Result<GroupMetadata, LogError> {
        self.consumer.get().group_metadata().map(|metadata| GroupMetadata::new(Arc::new(metadata))).ok_or_else(|| {
            LogError::Fatal { doing: "prove membership", reason: "the consumer has no group".to_owned() }
        })
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.announcements().leaving.store(true, Ordering::Release);
        for change in self.announcements().take() {
            let (Change::Revoked(list) | Change::Lost(list)) = change else { continue };
            if let Err(fault) = self.consumer.get().incremental_unassign(&self.announcements().read_among(&list)) {
                tracing::debug!(%fault, "answering a rebalance while leaving");
            }
        }
    }
}
