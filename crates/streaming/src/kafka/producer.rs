//! Transactional producers.
//!
//! The order of calls is: send, wait for the deliveries, send the offsets, commit. Any other order
//! costs about 100 ms a transaction, because the coordinator refuses while it still adds partitions and
//! librdkafka then waits, and because the crate's own flush waits in slices of 100 ms.
//!
//! librdkafka repeats a commit by itself when a connection breaks, and says nothing of it; the late first
//! copy can then end the *next* transaction (fixed in the broker protocol by KIP-890, which librdkafka does
//! not speak: confluentinc/librdkafka #5423). What tells is the client's statistics: requests that timed
//! out or were retried, and disconnects, within a transaction. [`Producer::repeats`] counts them
//! ([`super::watch`]); if the count has risen, the protocol replaces the producer before it begins another
//! transaction: a new one raises the epoch, and late copies are refused. The brokers that lead partitions count
//! as well as the coordinator: a late copy of the offsets goes to the coordinator of the group.
//!
//! Transactional calls of librdkafka wait without a bound of their own for a timer inside. When the
//! coordinator of the group dies while offsets are sent, that timer never ends (seen with 2.12.1: minutes,
//! until the process was killed). So each call is made on a thread of its own, and one that does not
//! answer is left behind with its producer: the outcome is unknown, and a new producer fences it.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::ConsumerGroupMetadata,
    error::{KafkaError, KafkaResult, RDKafkaError},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
    types::RDKafkaErrorCode,
    util::Timeout,
};

use super::{
    config::{self, KafkaConfig},
    fault::failed,
    watch::Watch,
};
use crate::{
    log::{GroupMetadata, Producer},
    record::{OutRecord, TopicPartition},
    words::{LogError, TransactionError},
};

/// Longest wait for deliveries and transactional calls, above the transaction's own timeout.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same for offsets: the client asks again and again for those of a topic that was deleted meanwhile, and the
/// partitions of all others wait.
const OFFSETS_PATIENCE: Duration = Duration::from_secs(8);

pub(super) struct KafkaProducer {
    producer: Arc<BaseProducer<Watch>>,
    watch: Watch,
    id: String,
}

impl KafkaProducer {
    pub(super) fn new(config: &KafkaConfig, id: &str) -> Result<Self, LogError> {
        let watch = Watch::new();
        let producer: BaseProducer<Watch> = config::producer(config, id)
            .create_with_context(watch.clone())
            .map_err(|fault| failed("create a transactional producer", &fault))?;
        let mut last = None;
        for _ in 0..5 {
            match producer.init_transactions(Timeout::After(Duration::from_secs(30))) {
                Ok(()) => return Ok(Self { producer: Arc::new(producer), watch, id: id.to_owned() }),
                Err(KafkaError::Transaction(fault)) if fault.is_retriable() => {
                    last = Some(KafkaError::Transaction(fault));
                }
                Err(fault) => return Err(failed("take over the transactional id", &fault)),
            }
        }
        let reason = last.map_or_else(String::new, |fault| fault.to_string());
        Err(LogError::Unavailable { doing: "take over the transactional id", reason })
    }

    /// Makes a transactional call that must end.
    fn bounded(
        &self,
        doing: &'static str,
        call: impl FnOnce(&BaseProducer<Watch>) -> KafkaResult<()> + Send + 'static,
    ) -> Result<(), TransactionError> {
        let producer = Arc::clone(&self.producer);
        let (answer, wait) = mpsc::channel();
        thread::spawn(move || {
            let outcome = call(&producer);
            // Given back before the answer is there: the last owner destroys the client, and that takes time.
            drop(producer);
            answer.send(outcome).ok();
        });
        match wait.recv_timeout(PATIENCE + Duration::from_secs(2)) {
            Ok(outcome) => outcome.map_err(|fault| self.failure(&fault, doing)),
            Err(_) => Err(TransactionError::Unclear(format!("{doing}: the client does not answer"))),
        }
    }

    fn classify(&self, fault: &RDKafkaError, doing: &str) -> TransactionError {
        let reason = format!("{doing}: {fault}");
        let fenced =
            [RDKafkaErrorCode::Fenced, RDKafkaErrorCode::ProducerFenced, RDKafkaErrorCode::InvalidProducerEpoch];
        if fenced.contains(&fault.code()) {
            return TransactionError::Fenced { id: self.id.clone(), reason };
        }
        // The first sign of a transaction that somebody else's late request has ended: its parts may stand or not.
        let torn = fault.code() == RDKafkaErrorCode::InvalidTransactionalState;
        if fault.txn_requires_abort() && !fault.is_fatal() && !torn {
            return TransactionError::Aborted(reason);
        }
        TransactionError::Unclear(reason)
    }

    fn failure(&self, fault: &KafkaError, doing: &str) -> TransactionError {
        match fault {
            KafkaError::Transaction(fault) => self.classify(fault, doing),
            other => match self.producer.client().fatal_error() {
                Some((code, reason))
                    if code == RDKafkaErrorCode::Fenced || code == RDKafkaErrorCode::ProducerFenced =>
                {
                    TransactionError::Fenced { id: self.id.clone(), reason }
                }
                Some((_, reason)) => TransactionError::Unclear(reason),
                None => TransactionError::Aborted(format!("{doing}: {other}")),
            },
        }
    }

    /// Waits for the deliveries by short polls; the crate's flush would wait in slices of 100 ms.
    #[expect(clippy::disallowed_methods, reason = "deadline of a wait, not a time of the data")]
    fn settle(&self) -> Result<(), TransactionError> {
        let give_up = Instant::now() + PATIENCE;
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(1));
            if Instant::now() > give_up {
                return Err(TransactionError::Unclear("deliveries did not end in time".to_owned()));
            }
        }
        Ok(())
    }

    /// Waits for the deliveries and refuses to go on if one failed.
    fn drain(&self) -> Result<(), TransactionError> {
        self.settle()?;
        if self.watch.has_failed() {
            return Err(match self.producer.client().fatal_error() {
                Some((RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced, reason)) => {
                    TransactionError::Fenced { id: self.id.clone(), reason }
                }
                Some((_, reason)) => TransactionError::Unclear(reason),
                // `INVALID_TXN_STATE` on a delivery is the first sign of a torn transaction: never "abort and go on".
                None => TransactionError::Unclear("a record was not delivered".to_owned()),
            });
        }
        Ok(())
    }
}

/// A record as the client takes it.
pub(super) fn to_base(record: &OutRecord) -> BaseRecord<'_, [u8], [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in &record.headers {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let mut base = BaseRecord::to(&record.topic);
    base.partition = record.partition;
    base.key = record.key.as_deref();
    base.payload = record.value.as_deref();
    base.timestamp = record.timestamp;
    base.headers = (!record.headers.is_empty()).then_some(headers);
    base
}

impl Producer for KafkaProducer {
    #[expect(clippy::disallowed_methods, reason = "deadline of a wait, not a time of the data")]
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(repeats) = self.watch.repeats() {
                return Ok(repeats);
            }
            self.producer.poll(Duration::from_millis(1));
            if Instant::now() > give_up {
                return Err(TransactionError::Unclear("the client gives no statistics".to_owned()));
            }
        }
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.watch.begin();
        self.producer.begin_transaction().map_err(|fault| match self.failure(&fault, "begin") {
            // Nothing was begun, so there is nothing to abort.
            TransactionError::Aborted(reason) => TransactionError::Unclear(reason),
            other => other,
        })
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        let mut base = to_base(&record);
        loop {
            match self.producer.send(base) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    // Bounded memory: what is queued goes out first.
                    self.producer.poll(Duration::from_millis(5));
                    base = again;
                }
                Err((fault, _)) => return Err(self.failure(&fault, "send a record")),
            }
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        self.drain()
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        let Some(metadata) = group.get::<Arc<ConsumerGroupMetadata>>() else {
            return Err(TransactionError::Aborted("the membership belongs to another log".to_owned()));
        };
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))
                .map_err(|fault| self.failure(&fault, "send offsets"))?;
        }
        let metadata = Arc::clone(metadata);
        self.bounded("send offsets", move |producer| {
            producer.send_offsets_to_transaction(&list, &metadata, OFFSETS_PATIENCE)
        })
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        let outcome = self.bounded("commit", |producer| producer.commit_transaction(PATIENCE));
        self.watch.ended();
        outcome
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        // librdkafka waits inside for reports of deliveries, which nobody would fetch meanwhile.
        self.settle()?;
        let outcome = self.bounded("abort", |producer| producer.abort_transaction(PATIENCE));
        let outcome = outcome.map_err(|fault| match fault {
            TransactionError::Aborted(reason) => TransactionError::Unclear(reason),
            other => other,
        });
        self.watch.ended();
        outcome
    }
}
