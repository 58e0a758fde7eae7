//! From a catalogue and a log to the running loop: what the service, `vernier replay` and the demo
//! have in common.

use std::sync::Arc;

use measurement::{catalogue::Catalogue, diagnostic::Diagnostics};
use records::Topics;
use serde::Deserialize;
use streaming::{Clock, Log, LogError, RunError, Runner, RunnerConfig};

use crate::{
    config::Plan,
    decode::Limits,
    pipeline::{Ingest, Settings},
    stats::Stats,
};

/// What can be set for ingest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Prefix of our own topics, of the group and of the transactional id.
    pub prefix: String,
    /// Which of several instances this is; no two may have the same.
    pub ordinal: u32,
    /// Time between commits, in milliseconds.
    pub commit_interval: i64,
    /// Most records read in one transaction.
    pub commit_records: usize,
    /// Longest time between two progress records of a source partition, in milliseconds.
    pub progress_interval: i64,
    /// Whether time passes as records come; see [`Settings::as_it_came`].
    pub as_it_came: bool,
    /// How much of a record is read.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "vernier".to_owned(),
            ordinal: 0,
            commit_interval: 500,
            commit_records: 10_000,
            progress_interval: 2000,
            as_it_came: true,
            limits: Limits::default(),
        }
    }
}

/// Why ingest cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Mappings have faults.
    #[error("the sources cannot be used:\n{0}")]
    Plan(#[from] Diagnostics),
    /// A topic is missing, or the log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The loop cannot start.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The loop, ready to run, and its counters.
pub fn start(
    log: Arc<dyn Log>,
    catalogue: &Catalogue,
    options: &Options,
    clock: Clock,
) -> Result<(Runner<Ingest>, Arc<Stats>), StartError> {
    let (config, ingest) = prepare(log.as_ref(), catalogue, options, &clock)?;
    let stats = ingest.stats();
    Ok((Runner::new(log, config, clock, ingest)?, stats))
}

/// Reads by another catalogue from now on, whose topics take the place of those that are read.
pub fn adopt(runner: &mut Runner<Ingest>, catalogue: &Catalogue, options: &Options) -> Result<(), Diagnostics> {
    let plan = plan(catalogue, options)?;
    let inputs = plan.topics().map(str::to_owned).collect();
    runner.stage_mut().adopt(plan);
    runner.subscribe(inputs);
    Ok(())
}

fn plan(catalogue: &Catalogue, options: &Options) -> Result<Plan, Diagnostics> {
    let mut plan = Plan::new(catalogue)?;
    for source in &mut plan.sources {
        source.limits = options.limits;
    }
    Ok(plan)
}

/// The two parts of the loop: what it works on, and the stage.
pub fn prepare(
    log: &dyn Log,
    catalogue: &Catalogue,
    options: &Options,
    clock: &Clock,
) -> Result<(RunnerConfig, Ingest), StartError> {
    let plan = plan(catalogue, options)?;
    let topics = Topics::new(&options.prefix);
    let inputs: Vec<String> = plan.topics().map(str::to_owned).collect();
    // A topic that is not there yet, or does not answer, is no reason not to read the others: the loop looks again.
    let there = inputs.iter().filter_map(|topic| Some((topic.clone(), log.partitions(topic).ok()?)));
    let source_partitions = there.collect();
    let settings = Settings {
        event_partitions: log.partitions(&topics.events)?,
        topics,
        source_partitions,
        progress_interval: options.progress_interval,
        as_it_came: options.as_it_came,
    };
    let config = RunnerConfig {
        group: format!("{}-ingest", options.prefix),
        transactional_id: format!("{}-ingest-{}", options.prefix, options.ordinal),
        inputs,
        changelogs: Vec::new(),
        commit_interval: options.commit_interval,
        commit_records: options.commit_records,
        look_at_ends: options.progress_interval.min(options.commit_interval).max(1),
        bound: None,
    };
    Ok((config, Ingest::new(plan, settings, Arc::clone(clock))))
}
