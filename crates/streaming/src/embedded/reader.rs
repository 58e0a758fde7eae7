//! Reading outside a group.

use std::{sync::Arc, time::Duration};

use super::state::{Shared, deadline};
use crate::{
    log::{Poll, Reader, Sink},
    record::TopicPartition,
    words::LogError,
};

pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    positions: Vec<(TopicPartition, i64)>,
}

impl EmbeddedReader {
    pub(super) fn new(shared: &Arc<Shared>, topic: &str, from: &[(i32, i64)]) -> Self {
        let topic: Arc<str> = Arc::from(topic);
        let positions = from
            .iter()
            .map(|(partition, offset)| (TopicPartition { topic: Arc::clone(&topic), partition: *partition }, *offset))
            .collect();
        Self { shared: Arc::clone(shared), positions }
    }
}

impl Reader for EmbeddedReader {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let left = deadline(timeout);
        let mut state = self.shared.lock();
        loop {
            let mut poll = Poll::default();
            let mut batch = Vec::new();
            for (partition, position) in &mut self.positions {
                let (records, next) = state.read(partition, *position, most - batch.len().min(most))?;
                *position = next;
                batch.extend(records);
                if next >= state.end(partition)? {
                    poll.ends.push(partition.partition);
                }
            }
            if !batch.is_empty() || left().is_zero() {
                drop(state);
                poll.records = batch.len();
                for record in &batch {
                    sink(record.as_ref().into());
                }
                return Ok(poll);
            }
            state = self.shared.wait(state, left());
        }
    }
}
