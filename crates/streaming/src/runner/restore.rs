//! Reading a stage's changelogs.

use std::collections::HashMap;

use super::RunnerConfig;
use crate::{
    log::{Log, LogError, read_to_end},
    record::{Record, TopicPartition},
};

/// The newest record of each key in the changelogs' partition, up to the high watermark and with all
/// transactions below it settled: a dead owner's last transaction may still be open, and what it
/// wrote either stands or does not before anybody goes on.
pub(super) fn newest(log: &dyn Log, config: &RunnerConfig, input: &TopicPartition) -> Result<Vec<Record>, LogError> {
    let mut all = Vec::new();
    for topic in &config.changelogs {
        let partition = TopicPartition::new(topic, input.partition);
        let mut newest: HashMap<Vec<u8>, Record> = HashMap::new();
        read_to_end(log, &partition, config.restore_deadline, &mut |record| {
            let key = record.key().unwrap_or_default();
            if record.value().is_none() {
                newest.remove(key);
            } else {
                newest.insert(key.to_vec(), record.to_record());
            }
        })?;
        let mut records: Vec<Record> = newest.into_values().collect();
        records.sort_by_key(|record| record.offset);
        if !records.is_empty() {
            tracing::info!(%partition, records = records.len(), "changelog read");
        }
        all.extend(records);
    }
    Ok(all)
}
