//! A producer without transactions, for benchmarks alone: what exactly-once costs is measured beside it.

use std::time::Duration;

use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

use super::{
    config::{self, KafkaConfig},
    fault::failed,
    producer::to_base,
};
use crate::{
    log::{GroupMetadata, Producer},
    record::{OutRecord, TopicPartition},
    words::{LogError, TransactionError},
};

pub(super) struct PlainProducer(BaseProducer<DefaultProducerContext>);

impl PlainProducer {
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, LogError> {
        let mut client = config::producer(config, "plain");
        client.remove("transactional.id").remove("transaction.timeout.ms").set("enable.idempotence", "true");
        client.create().map(Self).map_err(|fault| failed("create a producer", &fault))
    }
}

impl Producer for PlainProducer {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        Ok(0)
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        Ok(())
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        let mut base = to_base(&record);
        while let Err((fault, again)) = self.0.send(base) {
            if fault.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) {
                return Err(TransactionError::Unclear(fault.to_string()));
            }
            self.0.poll(Duration::from_millis(5));
            base = again;
        }
        self.0.poll(Duration::ZERO);
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        while self.0.in_flight_count() > 0 {
            self.0.poll(Duration::from_millis(1));
        }
        Ok(())
    }

    fn send_offsets(&mut self, _: &[(TopicPartition, i64)], _: &GroupMetadata) -> Result<(), TransactionError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        Ok(())
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        Ok(())
    }
}
