//! Reading topics as they stand: committed records, in the order of their offsets.

use std::{collections::BTreeMap, time::Duration};

use streaming::{Log, LogError, Record, TopicPartition};

/// Records of one topic by partition.
pub(super) type Topic = BTreeMap<i32, Vec<Record>>;

/// How long nothing may come before a read is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that can be read of a topic now, up to the first open transaction of each partition.
pub(super) fn read(log: &dyn Log, topic: &str) -> Result<Topic, LogError> {
    let mut records = Topic::new();
    let mut open: Vec<(i32, i64)> = Vec::new();
    for partition in 0..log.partitions(topic)? {
        let at = TopicPartition::new(topic, partition);
        let first = log.first_offset(&at)?;
        records.insert(partition, Vec::new());
        if first < log.end_offset(&at)? {
            open.push((partition, first));
        }
    }
    if open.is_empty() {
        return Ok(records);
    }
    let mut reader = log.reader(topic, &open)?;
    let slice = Duration::from_millis(100);
    let mut quiet = Duration::ZERO;
    while !open.is_empty() {
        let poll = reader.poll(slice, 10_000, &mut |record| {
            records.entry(record.partition()).or_default().push(record.to_record());
        })?;
        open.retain(|(partition, _)| !poll.ends.contains(partition));
        quiet = if poll.records == 0 { quiet + slice } else { Duration::ZERO };
        if quiet > PATIENCE {
            return Err(LogError::Unavailable {
                doing: "read a topic to its end",
                reason: format!("{topic}: nothing came for {} s in the partitions {open:?}", PATIENCE.as_secs()),
            });
        }
    }
    Ok(records)
}
