//! Reading a stage's changelogs, in parts.

use std::{collections::HashMap, time::Duration};

use crate::{
    log::{Log, Reader},
    record::{Record, TopicPartition},
    words::LogError,
};

/// Most records of one part.
const PART: usize = 10_000;
/// Longest wait for one part.
const WAIT: Duration = Duration::from_millis(100);
/// Parts without a record, one after the other, after which a changelog counts as unreadable.
const PATIENCE: u32 = 600;

/// A restore under way: the newest value of each key in the changelogs' partition, up to the high watermarks that
/// were found when it began. The last stable offset would be too early: a commit whose markers are under way stands.
pub(super) struct Restore {
    changelogs: Vec<Changelog>,
    records: Vec<Record>,
}

struct Changelog {
    at: TopicPartition,
    end: i64,
    reader: Option<Box<dyn Reader>>,
    position: i64,
    quiet: u32,
    newest: HashMap<Vec<u8>, (i64, Vec<u8>)>,
}

impl Restore {
    /// Notes how far there is to read.
    pub(super) fn begin(log: &dyn Log, topics: &[String], input: &TopicPartition) -> Result<Self, LogError> {
        let changelogs = topics.iter().map(|topic| {
            let at = TopicPartition::new(topic, input.partition);
            let end = log.end_offset(&at)?;
            Ok(Changelog { at, end, reader: None, position: 0, quiet: 0, newest: HashMap::new() })
        });
        Ok(Self { changelogs: changelogs.collect::<Result<_, LogError>>()?, records: Vec::new() })
    }

    /// Whether no transaction is open before the ends.
    pub(super) fn settled(&self, log: &dyn Log) -> Result<bool, LogError> {
        for changelog in &self.changelogs {
            if log.stable_offset(&changelog.at)? < changelog.end {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the next part. True once there is no more.
    pub(super) fn read(&mut self, log: &dyn Log) -> Result<bool, LogError> {
        let Some(changelog) = self.changelogs.first_mut() else { return Ok(true) };
        if changelog.read(log)? {
            let changelog = self.changelogs.remove(0);
            self.records.extend(changelog.into_records());
        }
        Ok(self.changelogs.is_empty())
    }

    /// What was read: the newest record of each key, tombstones left out, in the order of topics and offsets.
    pub(super) fn into_records(self) -> Vec<Record> {
        self.records
    }
}

impl Changelog {
    fn read(&mut self, log: &dyn Log) -> Result<bool, LogError> {
        let Self { at, end, reader, position, quiet, newest } = self;
        if reader.is_none() {
            *position = log.first_offset(at)?;
            if *position >= *end {
                return Ok(true);
            }
            *reader = Some(log.reader(&at.topic, &[(at.partition, *position)])?);
        }
        let Some(reader) = reader else { return Ok(true) };
        let poll = reader.poll(WAIT, PART, &mut |record| {
            *position = record.offset() + 1;
            // What was written after the ends were found is somebody else's, whose transaction may be open.
            if record.offset() >= *end {
                return;
            }
            let key = record.key().unwrap_or_default();
            match record.value() {
                None => {
                    newest.remove(key);
                }
                Some(value) => match newest.get_mut(key) {
                    Some(known) => *known = (record.offset(), value.to_vec()),
                    None => {
                        newest.insert(key.to_vec(), (record.offset(), value.to_vec()));
                    }
                },
            }
        })?;
        *quiet = if poll.records == 0 { *quiet + 1 } else { 0 };
        // A last offset may be a marker, which is never handed over: the end is reported all the same.
        if *position >= *end || poll.ends.contains(&at.partition) {
            return Ok(true);
        }
        if *quiet > PATIENCE {
            return Err(LogError::Unavailable {
                doing: "read a changelog to its end",
                reason: format!("{at}: nothing comes at offset {position} of {end}"),
            });
        }
        Ok(false)
    }

    fn into_records(self) -> Vec<Record> {
        let at = self.at;
        let newest = self.newest.into_iter();
        let mut records: Vec<Record> = newest
            .map(|(key, (offset, value))| Record {
                partition: at.clone(),
                offset,
                timestamp: None,
                key: Some(key),
                value: Some(value),
                headers: Vec::new(),
            })
            .collect();
        records.sort_unstable_by_key(|record| record.offset);
        if !records.is_empty() {
            tracing::info!(partition = %at, records = records.len(), "changelog read");
        }
        records
    }
}
