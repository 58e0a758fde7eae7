//! From a catalogue and a log to the running loop; one task per partition of `vernier.events`.

use std::{collections::BTreeMap, sync::Arc};

use measurement::time::Timestamp;
use records::Topics;
use streaming::{
    Clock, Found, Log, LogError, Outbox, Position, RecordRef, Resume, RunError, Runner, RunnerConfig, Stage,
    StageError, TopicPartition,
};

use crate::{in_force::Definitions, restore::restore, stats::Stats, task::Task};

/// What can be set for the aggregator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Prefix of our own topics, of the group and of the transactional id.
    pub prefix: String,
    /// Which of several instances this is; no two may have the same.
    pub ordinal: u32,
    /// Time between commits, in milliseconds.
    pub commit_interval: i64,
    /// Most records of one transaction.
    pub commit_records: usize,
    /// Least time between two computations of population measures, in milliseconds.
    pub refresh_interval: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "vernier".to_owned(),
            ordinal: 0,
            commit_interval: 500,
            commit_records: 50_000,
            refresh_interval: 1000,
        }
    }
}

/// Why the aggregator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A topic is missing, or the log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The loop cannot start.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The stage: tasks by partition.
#[derive(Debug)]
pub struct Aggregator {
    definitions: Definitions,
    topics: Topics,
    partitions: i32,
    refresh_interval: i64,
    tasks: BTreeMap<i32, Task>,
    stats: Stats,
}

impl Stage for Aggregator {
    fn restore(&mut self, partition: &TopicPartition, found: Found) -> Result<Resume, StageError> {
        let (task, resume) = restore(&self.definitions, &self.topics, partition.partition, self.partitions, &found)?;
        self.stats.begin(&task);
        self.tasks.insert(partition.partition, task);
        Ok(resume)
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), StageError> {
        if let Some(task) = self.tasks.get_mut(&record.partition()) {
            task.record(record)?;
        }
        Ok(())
    }

    fn flush(&mut self, now: Timestamp, positions: &[Position], out: &mut Outbox) -> Result<(), StageError> {
        for position in positions {
            if let Some(task) = self.tasks.get_mut(&position.partition.partition) {
                let time = (now, self.refresh_interval);
                task.flush(&self.topics, (position.next_offset, self.partitions), time, out)?;
            }
        }
        Ok(())
    }

    fn committed(&mut self) {
        for task in self.tasks.values() {
            self.stats.note(task);
        }
    }

    fn forget(&mut self, partition: &TopicPartition) {
        self.tasks.remove(&partition.partition);
        self.stats.forget(partition.partition);
    }
}

/// The loop, ready to run, and its counters.
pub fn start(
    log: Arc<dyn Log>,
    definitions: impl Into<Definitions>,
    options: &Options,
    clock: Clock,
) -> Result<(Runner<Aggregator>, Stats), StartError> {
    let (config, stage) = prepare(log.as_ref(), definitions, options)?;
    let stats = stage.stats.clone();
    Ok((Runner::new(log, config, clock, stage)?, stats))
}

/// The two parts of the loop: what it works on, and the stage.
pub fn prepare(
    log: &dyn Log,
    definitions: impl Into<Definitions>,
    options: &Options,
) -> Result<(RunnerConfig, Aggregator), StartError> {
    let topics = Topics::new(&options.prefix);
    let partitions = log.partitions(&topics.events)?;
    let config = RunnerConfig {
        group: format!("{}-aggregator", options.prefix),
        transactional_id: format!("{}-aggregator-{}", options.prefix, options.ordinal),
        inputs: vec![topics.events.clone()],
        changelogs: vec![topics.measures.clone(), topics.populations.clone()],
        commit_interval: options.commit_interval,
        commit_records: options.commit_records,
        look_at_ends: 0,
        bound: Some(partitions),
    };
    let stage = Aggregator {
        definitions: definitions.into(),
        topics,
        partitions,
        refresh_interval: options.refresh_interval,
        tasks: BTreeMap::new(),
        stats: Stats::default(),
    };
    Ok((config, stage))
}
