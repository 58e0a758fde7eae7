//! Transactional producers.

use std::sync::Arc;

use super::{
    group::{self, Membership},
    state::Shared,
};
use crate::{
    log::{GroupMetadata, Producer},
    partitioner,
    record::{OutRecord, Record, TopicPartition},
    words::TransactionError,
};

pub(super) struct EmbeddedProducer {
    shared: Arc<Shared>,
    id: String,
    epoch: u64,
    open: Option<Transaction>,
}

#[derive(Default)]
struct Transaction {
    records: Vec<OutRecord>,
    offsets: Vec<(TopicPartition, i64)>,
    group: Option<(String, u64)>,
}

impl EmbeddedProducer {
    pub(super) fn new(shared: &Arc<Shared>, id: &str) -> Self {
        let epoch = {
            let mut state = shared.lock();
            let epoch = state.epochs.entry(id.to_owned()).or_default();
            *epoch += 1;
            *epoch
        };
        Self { shared: Arc::clone(shared), id: id.to_owned(), epoch, open: None }
    }

    fn open(&mut self) -> Result<&mut Transaction, TransactionError> {
        self.open.as_mut().ok_or_else(|| TransactionError::Aborted("no transaction was begun".to_owned()))
    }
}

impl Producer for EmbeddedProducer {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        Ok(0)
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        if self.open.is_some() {
            return Err(TransactionError::Aborted("a transaction is open already".to_owned()));
        }
        self.open = Some(Transaction::default());
        Ok(())
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        self.open()?.records.push(record);
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        self.open().map(|_| ())
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        let Some(Membership { group, member }) = group.get() else {
            return Err(TransactionError::Aborted("the membership belongs to another log".to_owned()));
        };
        let membership = (group.clone(), *member);
        let transaction = self.open()?;
        transaction.offsets.extend_from_slice(offsets);
        transaction.group = Some(membership);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        let Some(Transaction { records, offsets, group }) = self.open.take() else {
            return Err(TransactionError::Aborted("no transaction was begun".to_owned()));
        };
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if state.epochs.get(&self.id) != Some(&self.epoch) {
            return Err(TransactionError::Fenced {
                id: self.id.clone(),
                reason: "a newer producer took over".to_owned(),
            });
        }
        if let Some((name, member)) = &group {
            group::check(state.groups.get(name), *member, &offsets).map_err(|reason| {
                // Nothing was appended; what is left to do is what an abort does.
                self.open = Some(Transaction::default());
                TransactionError::Aborted(reason)
            })?;
        }
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            let Some(topic) = state.topics.get(&record.topic) else {
                self.open = Some(Transaction::default());
                return Err(TransactionError::Aborted(format!("topic `{}` does not exist", record.topic)));
            };
            let partitions = topic.description.partitions;
            let partition =
                record.partition.unwrap_or_else(|| partitioner::partition_for(record.key.as_deref(), partitions));
            placed.push(Record {
                partition: TopicPartition { topic: record.topic, partition },
                offset: -1,
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
                headers: record.headers,
            });
        }
        let group_name = group.map(|(name, _)| name);
        if let Some(storage) = &mut state.storage {
            storage
                .commit(&placed, group_name.as_deref(), &offsets)
                .map_err(|fault| TransactionError::Unclear(fault.to_string()))?;
        }
        state.append(placed);
        if let Some(group) = group_name {
            let group = state.groups.entry(group).or_default();
            group.offsets.extend(offsets);
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        self.open = None;
        let state = self.shared.lock();
        if state.epochs.get(&self.id) != Some(&self.epoch) {
            return Err(TransactionError::Fenced {
                id: self.id.clone(),
                reason: "a newer producer took over".to_owned(),
            });
        }
        Ok(())
    }
}
