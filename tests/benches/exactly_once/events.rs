//! Records of `vernier.events`, as ingest publishes them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use measurement::time::Timestamp;
use records::{Frontier, Progress, Topics, decode, encode, headers};
use streaming::{Log, OutRecord, Reader, TopicPartition, log::place};

fn record(topic: &str, kind: &[u8], source: &str, key: String, value: Vec<u8>) -> OutRecord {
    OutRecord {
        topic: Arc::from(topic),
        key: Some(key.into_bytes()),
        value: Some(value),
        headers: vec![
            (headers::KIND.to_owned(), kind.to_vec()),
            (headers::SOURCE.to_owned(), source.as_bytes().to_vec()),
        ],
        ..OutRecord::default()
    }
}

/// An event that opens one of so many cases.
pub(crate) fn case(topic: &str, number: u64, time: i64, partitions: i32) -> OutRecord {
    let value = format!(
        "{{\"class_uid\":2005,\"activity_id\":1,\"time\":{time},\"severity_id\":1,\"status_id\":1,\
         \"finding_info_list\":[{{\"uid\":\"case-{number}\"}}],\"metadata\":{{\"uid\":\"bench-{number}-{time}\"}},\
         \"unmapped\":{{\"team\":\"red\",\"identity\":{number}}}}}"
    );
    let mut record = record(topic, headers::EVENT, "beta", format!("case-{number}"), value.into_bytes());
    place(&mut record, partitions);
    record
}

/// Word to every partition that both sources have been read up to a time.
pub(crate) fn progress(topic: &str, newest: i64, partitions: i32) -> Vec<OutRecord> {
    let mut records = Vec::new();
    for source in ["alpha", "beta"] {
        let name = format!("raw.{source}");
        let newest = Timestamp(newest);
        let value = encode(&Progress { newest: Some(newest), ..Progress::new(source, &name, 0, 1, newest) });
        records.extend((0..partitions).map(|partition| OutRecord {
            partition: Some(partition),
            ..record(topic, headers::PROGRESS, source, name.clone(), value.clone())
        }));
    }
    records
}

/// Reads along how far the aggregators have come.
pub(crate) struct Watch {
    reader: Box<dyn Reader>,
    next: BTreeMap<i32, i64>,
}

impl Watch {
    pub(crate) fn new(log: &dyn Log, topics: &Topics) -> Self {
        let partitions = log.partitions(&topics.measures).unwrap();
        let from: Vec<(i32, i64)> = (0..partitions)
            .map(|partition| (partition, log.first_offset(&TopicPartition::new(&topics.measures, partition)).unwrap()))
            .collect();
        Self { reader: log.reader(&topics.measures, &from).unwrap(), next: BTreeMap::new() }
    }

    /// Reads on until every partition has been folded up to these offsets.
    pub(crate) fn until(&mut self, ends: &BTreeMap<i32, i64>) {
        while !ends.iter().all(|(partition, end)| self.next.get(partition) >= Some(end)) {
            let next = &mut self.next;
            self.reader
                .poll(Duration::from_millis(5), 10_000, &mut |record| {
                    if record.key() == Some(Frontier::KEY) {
                        let frontier: Frontier = decode("frontier", record.value().unwrap()).unwrap();
                        next.insert(record.partition(), frontier.next_offset);
                    }
                })
                .unwrap();
        }
    }
}

/// Offset after the last record of each partition; the marker behind it is not read by anybody.
pub(crate) fn ends(log: &dyn Log, topic: &str) -> BTreeMap<i32, i64> {
    let partitions = log.partitions(topic).unwrap();
    (0..partitions)
        .map(|partition| (partition, log.end_offset(&TopicPartition::new(topic, partition)).unwrap() - 1))
        .collect()
}
