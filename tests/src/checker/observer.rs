//! Somebody who reads along while things fail.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use records::{Frontier, ResultRecord, Topics, decode};
use streaming::{Log, LogError, Reader, Record};

use super::{
    anomaly::Anomaly,
    monotony::{Chain, Frontiers},
};

/// Reads committed records of the measures and of the ledger from where it was, and notes what goes back: frontiers,
/// watermarks, numbers of transactions, and the ledger.
pub struct Observer {
    measures: Followed,
    results: Followed,
    frontiers: HashMap<i32, Frontiers>,
    chain: Chain,
    anomalies: Vec<Anomaly>,
    seen: usize,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Observer")
            .field("seen", &self.seen)
            .field("anomalies", &self.anomalies)
            .finish_non_exhaustive()
    }
}

/// A topic that is read on and on.
struct Followed {
    topic: String,
    reader: Option<Box<dyn Reader>>,
    positions: BTreeMap<i32, i64>,
}

impl Followed {
    const fn new(topic: String) -> Self {
        Self { topic, reader: None, positions: BTreeMap::new() }
    }

    /// What is new. A reader that fails is left; the next one begins where this one was.
    fn poll(&mut self, log: &dyn Log, timeout: Duration) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        let mut reader = if let Some(reader) = self.reader.take() {
            reader
        } else {
            let partitions = log.partitions(&self.topic)?;
            let at = |partition| (partition, self.positions.get(&partition).copied().unwrap_or(0));
            let from: Vec<(i32, i64)> = (0..partitions).map(at).collect();
            log.reader(&self.topic, &from)?
        };
        let positions = &mut self.positions;
        let polled = reader.poll(timeout, 10_000, &mut |record| {
            positions.insert(record.partition(), record.offset() + 1);
            records.push(record.to_record());
        });
        if polled.is_ok() {
            self.reader = Some(reader);
        }
        // What was handed over before a fault was read all the same.
        match polled {
            Err(fault) if records.is_empty() => Err(fault),
            _ => Ok(records),
        }
    }
}

impl Observer {
    /// Somebody who begins with the first record of the topics under a prefix.
    pub fn new(prefix: &str) -> Self {
        let topics = Topics::new(prefix);
        Self {
            measures: Followed::new(topics.measures),
            results: Followed::new(topics.results),
            frontiers: HashMap::new(),
            chain: Chain::default(),
            anomalies: Vec::new(),
            seen: 0,
        }
    }

    /// Reads what is new, waiting at most so long for it on each topic. A fault of the log changes nothing: the next
    /// poll goes on where this one was.
    pub fn poll(&mut self, log: &dyn Log, timeout: Duration) -> Result<(), LogError> {
        for record in self.results.poll(log, timeout)? {
            self.seen += 1;
            let bytes = record.value.as_deref().unwrap_or_default();
            match decode::<ResultRecord>("result", bytes) {
                Ok(entry) => self.chain.see(record.offset, bytes, &entry, &mut self.anomalies),
                Err(fault) => self.anomalies.push(unreadable(&record, fault.to_string())),
            }
        }
        for record in self.measures.poll(log, timeout)? {
            self.seen += 1;
            if record.key.as_deref() != Some(Frontier::KEY) {
                continue;
            }
            let place = (record.partition.partition, record.offset);
            match decode::<Frontier>("frontier", record.value.as_deref().unwrap_or_default()) {
                Ok(frontier) => self.frontiers.entry(place.0).or_default().see(place, frontier, &mut self.anomalies),
                Err(fault) => self.anomalies.push(unreadable(&record, fault.to_string())),
            }
        }
        Ok(())
    }

    /// What was wrong so far.
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.anomalies
    }

    /// How many records were read so far: one who has seen nothing proves nothing.
    pub const fn seen(&self) -> usize {
        self.seen
    }
}

fn unreadable(record: &Record, reason: String) -> Anomaly {
    Anomaly::Unreadable {
        topic: record.partition.topic.to_string(),
        partition: record.partition.partition,
        offset: record.offset,
        reason,
    }
}
