//! By which catalogue a partition was measured last, as its newest frontier says.

use std::time::Duration;

use records::{Frontier, Topics, decode};
use streaming::{Log, LogError, TopicPartition, log::read_range};

/// How many of the newest records of a partition are looked through first: a frontier ends every transaction.
const LOOK_BACK: i64 = 20_000;
/// How long reading may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The newest frontier of a partition of the measures.
pub fn frontier(log: &dyn Log, topics: &Topics, partition: i32) -> Result<Option<Frontier>, LogError> {
    let at = TopicPartition::new(&topics.measures, partition);
    let (first, end) = (log.first_offset(&at)?, log.stable_offset(&at)?);
    let mut found = None;
    for from in [first.max(end - LOOK_BACK), first] {
        read_range(log, &at, (from, end), PATIENCE, &mut |record| {
            if record.key() == Some(Frontier::KEY)
                && let Some(value) = record.value()
            {
                found = decode("frontier", value).ok();
            }
        })?;
        if found.is_some() || from == first {
            break;
        }
    }
    Ok(found)
}

/// Number of the newest catalogue by which some partition was measured; 0 where there was none.
pub fn measured_by(log: &dyn Log, topics: &Topics) -> Result<u64, LogError> {
    let mut newest = 0;
    for partition in 0..log.partitions(&topics.measures)? {
        newest = newest.max(frontier(log, topics, partition)?.map_or(0, |frontier| frontier.sequence));
    }
    Ok(newest)
}
