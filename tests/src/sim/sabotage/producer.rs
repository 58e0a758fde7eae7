//! Producers that do one thing wrong.

use records::{Frontier, Progress, decode, encode, headers};
use streaming::{GroupMetadata, Log as _, LogError, OutRecord, Producer, TopicPartition, TransactionError};

use super::{Bug, Kind, Saboteur, SimProducer};

/// A producer that is wrong in the way of the log's bug.
pub(super) fn wrong(log: &Saboteur, id: &str) -> Result<Box<dyn Producer>, LogError> {
    if log.bug == Bug::OldProducer {
        if log.shared().producer.is_none() {
            let producer = SimProducer::new(&log.inner, id)?;
            log.shared().producer = Some(producer);
        }
        return Ok(Box::new(Old { log: log.clone() }));
    }
    let unfenced = log.bug == Bug::TwinsUnfenced && log.kind == Kind::Evaluator;
    let id = if unfenced { format!("{id}-{}", log.inner.process) } else { id.to_owned() };
    Ok(Box::new(Wrong { inner: log.inner.producer(&id)?, log: log.clone(), held: Vec::new() }))
}

struct Wrong {
    inner: Box<dyn Producer>,
    log: Saboteur,
    held: Vec<OutRecord>,
}

impl Wrong {
    /// A progress record whose newest time is the latest that was read.
    fn moved(&self, record: OutRecord) -> OutRecord {
        let Ok(mut progress) = decode::<Progress>("progress", record.value.as_deref().unwrap_or_default()) else {
            return record;
        };
        let at = TopicPartition::new(&progress.topic, progress.partition);
        progress.newest = progress.newest.max(self.log.shared().latest.get(&at).copied());
        OutRecord { value: Some(encode(&progress)), ..record }
    }
}

impl Producer for Wrong {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        self.inner.repeats()
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.held.clear();
        let end = self.log.inner.end_offset_now(&TopicPartition::new(&self.log.topics.results, 0));
        self.log.shared().ledger_end = Some(end);
        self.inner.begin()
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        match self.log.bug {
            Bug::DeadLettersOutside if *record.topic == *self.log.topics.dead_letter => {
                self.log.inner.append(record);
                Ok(())
            }
            Bug::IntakeOutside if is_intake(&record) => {
                // The partition is chosen by the one who sends.
                let mut record = record;
                let partitions =
                    self.log.partitions(&record.topic).map_err(|fault| TransactionError::Unclear(fault.to_string()))?;
                streaming::log::place(&mut record, partitions);
                self.log.inner.append(record);
                Ok(())
            }
            Bug::IntakeTwice | Bug::IntakeLost if is_intake(&record) && self.log.is_third_intake() => {
                if self.log.bug == Bug::IntakeTwice {
                    self.inner.send(record.clone())?;
                    self.inner.send(record)?;
                }
                Ok(())
            }
            Bug::OneRecordMovesTime if is_progress(&record) => self.inner.send(self.moved(record)),
            Bug::FrontierFirst => {
                self.held.push(record);
                Ok(())
            }
            _ => self.inner.send(record),
        }
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|record| record.key.as_deref() != Some(Frontier::KEY));
        held.into_iter().try_for_each(|record| self.inner.send(record))?;
        self.inner.deliver()
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        let mut offsets = offsets.to_vec();
        if self.log.bug == Bug::OffsetOfLast && self.log.kind == Kind::Ingest {
            for (_, offset) in &mut offsets {
                *offset = (*offset - 1).max(0);
            }
        }
        if self.log.bug == Bug::OffsetsLeftOut {
            let mut shared = self.log.shared();
            let moved = offsets.iter().any(|(at, offset)| shared.sent.get(at) != Some(offset));
            shared.sent.extend(offsets.iter().cloned());
            if !moved {
                return Ok(());
            }
        }
        self.inner.send_offsets(&offsets, group)
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        let outcome = self.inner.commit();
        if outcome.is_ok() {
            self.log.shared().ledger_end = None;
        }
        outcome
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        self.inner.abort()
    }
}

fn is_intake(record: &OutRecord) -> bool {
    is_of_kind(record, headers::INTAKE)
}

fn is_progress(record: &OutRecord) -> bool {
    is_of_kind(record, headers::PROGRESS)
}

fn is_of_kind(record: &OutRecord, kind: &[u8]) -> bool {
    record.headers.iter().any(|(name, value)| name == headers::KIND && value == kind)
}

/// The one producer of a process, whatever happens to it.
struct Old {
    log: Saboteur,
}

impl Old {
    fn with<T>(
        &self,
        call: impl FnOnce(&mut SimProducer) -> Result<T, TransactionError>,
    ) -> Result<T, TransactionError> {
        match &mut self.log.shared().producer {
            Some(producer) => call(producer),
            None => Err(TransactionError::Unclear("there is no producer".to_owned())),
        }
    }
}

impl Producer for Old {
    fn repeats(&mut self) -> Result<u64, TransactionError> {
        Ok(0)
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.with(|producer| {
            producer.let_go();
            producer.begin()
        })
    }

    fn send(&mut self, record: OutRecord) -> Result<(), TransactionError> {
        self.with(|producer| producer.send(record))
    }

    fn deliver(&mut self) -> Result<(), TransactionError> {
        self.with(SimProducer::deliver)
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        self.with(|producer| producer.send_offsets(offsets, group))
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        self.with(SimProducer::commit)
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        self.with(SimProducer::abort)
    }
}
