//! Reading outside a group.

use std::{sync::Arc, time::Duration};

use streaming::{LogError, Poll, Reader, TopicPartition, log::Sink};

use super::log::{SimLog, millis, unavailable};

pub(super) struct SimReader {
    log: SimLog,
    positions: Vec<(TopicPartition, i64)>,
}

impl SimReader {
    pub(super) fn new(log: &SimLog, topic: &str, from: &[(i32, i64)]) -> Self {
        let topic: Arc<str> = Arc::from(topic);
        let positions = from
            .iter()
            .map(|(partition, offset)| (TopicPartition { topic: Arc::clone(&topic), partition: *partition }, *offset))
            .collect();
        Self { log: log.clone(), positions }
    }
}

impl Reader for SimReader {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let mut poll = Poll::default();
        let mut batch = Vec::new();
        {
            let mut broker = self.log.lock();
            self.log.spend(&mut broker);
            let (empty, known) = (broker.faults.empty_poll, self.log.process != 0);
            if known && broker.gone_until.is_some() {
                // The client says so at times, and at times brings nothing.
                broker.pass(millis(timeout));
                return if broker.random.chance(5000) { Ok(poll) } else { Err(unavailable("read")) };
            }
            if known && broker.random.chance(empty) {
                broker.pass(millis(timeout));
                return Ok(poll);
            }
            for (at, position) in &mut self.positions {
                let partition = broker.find(at)?;
                if *position < partition.first() || *position > partition.end() {
                    return Err(LogError::OutOfRange);
                }
                let found = partition.read(*position, most.saturating_sub(batch.len()));
                *position = found.next;
                if found.next >= partition.stable() {
                    poll.ends.push(at.partition);
                }
                batch.extend(found.records);
            }
            if batch.is_empty() {
                broker.pass(millis(timeout));
            }
        }
        poll.records = batch.len();
        for record in &batch {
            sink(record.as_ref().into());
        }
        Ok(poll)
    }
}
