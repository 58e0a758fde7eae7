//! The processes of a run: the product's own loops, advanced by one call at a time.

use std::{sync::Arc, time::Duration};

use evaluator::{Evaluator, EvaluatorError};
use measurement::catalogue::Catalogue;
use streaming::{Clock, Log, LogError, RunError, Runner, Stage};

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `vernier-ingest`.
    Ingest,
    /// `vernier-aggregator`.
    Aggregator,
    /// `vernier-evaluator`.
    Evaluator,
}

/// How a process ended that was not killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It may be started again: it was fenced, or could not reach the log at its start.
    Passing(String),
    /// It refuses to go on, which no run of this kind must bring about.
    Refused(String),
}

/// A running process.
pub trait Work {
    /// Makes one call on the log.
    fn advance(&mut self) -> Result<(), Ended>;

    /// Ends in good order.
    fn stop(&mut self) -> Result<(), Ended>;
}

impl<S: Stage> Work for Runner<S> {
    fn advance(&mut self) -> Result<(), Ended> {
        self.advance(Duration::ZERO).map(|_| ()).map_err(of_loop)
    }

    fn stop(&mut self) -> Result<(), Ended> {
        self.commit().map(|_| ()).map_err(of_loop)
    }
}

impl Work for Evaluator {
    fn advance(&mut self) -> Result<(), Ended> {
        match self.advance(Duration::ZERO) {
            // As the service does.
            Ok(_) | Err(EvaluatorError::Log(LogError::Unavailable { .. })) => Ok(()),
            Err(fault) => Err(of_evaluator(fault)),
        }
    }

    fn stop(&mut self) -> Result<(), Ended> {
        Ok(())
    }
}

pub(super) fn of_log(fault: LogError) -> Ended {
    match fault {
        LogError::Unavailable { .. } | LogError::Fenced { .. } => Ended::Passing(fault.to_string()),
        fault => Ended::Refused(fault.to_string()),
    }
}

pub(super) fn of_loop(fault: RunError) -> Ended {
    match fault {
        RunError::Fenced(reason) => Ended::Passing(reason),
        RunError::Log(fault) => of_log(fault),
        RunError::Stage(fault) => Ended::Refused(fault.to_string()),
    }
}

fn of_evaluator(fault: EvaluatorError) -> Ended {
    match fault {
        EvaluatorError::Fenced(reason) => Ended::Passing(reason),
        EvaluatorError::Log(fault) => of_log(fault),
        fault @ (EvaluatorError::Ledger(_) | EvaluatorError::Programme(_)) => Ended::Refused(fault.to_string()),
    }
}

/// What processes are started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Prefix of topics, groups and transactional ids.
    pub prefix: String,
    /// What ingest and aggregator can be set to, in milliseconds.
    pub commit_interval: i64,
    /// Likewise.
    pub progress_interval: i64,
    /// Likewise.
    pub refresh_interval: i64,
    /// Most records of a transaction.
    pub commit_records: usize,
}

impl Setup {
    pub(super) fn ingest(&self, ordinal: u32) -> ingest::Options {
        ingest::Options {
            prefix: self.prefix.clone(),
            ordinal,
            commit_interval: self.commit_interval,
            commit_records: self.commit_records,
            progress_interval: self.progress_interval,
            ..ingest::Options::default()
        }
    }

    pub(super) fn aggregator(&self, ordinal: u32) -> aggregator::Options {
        aggregator::Options {
            prefix: self.prefix.clone(),
            ordinal,
            commit_interval: self.commit_interval,
            commit_records: self.commit_records,
            refresh_interval: self.refresh_interval,
        }
    }

    pub(super) fn evaluator(&self) -> evaluator::config::Options {
        evaluator::config::Options {
            prefix: self.prefix.clone(),
            stall_limit: 0,
            ..evaluator::config::Options::default()
        }
    }
}

/// Starts a process.
pub(super) fn start(
    kind: Kind,
    ordinal: u32,
    setup: &Setup,
    catalogue: &Catalogue,
    log: Arc<dyn Log>,
    clock: Clock,
) -> Result<Box<dyn Work>, Ended> {
    match kind {
        Kind::Ingest => match ingest::start(log, catalogue, &setup.ingest(ordinal), clock) {
            Ok((runner, _)) => Ok(Box::new(runner)),
            Err(ingest::StartError::Plan(fault)) => Err(Ended::Refused(fault.to_string())),
            Err(ingest::StartError::Log(fault)) => Err(of_log(fault)),
            Err(ingest::StartError::Run(fault)) => Err(of_loop(fault)),
        },
        Kind::Aggregator => match aggregator::start(log, catalogue.clone(), &setup.aggregator(ordinal), clock) {
            Ok((runner, _)) => Ok(Box::new(runner)),
            Err(aggregator::StartError::Log(fault)) => Err(of_log(fault)),
            Err(aggregator::StartError::Run(fault)) => Err(of_loop(fault)),
        },
        Kind::Evaluator => match Evaluator::new(log, Arc::new(catalogue.clone()), &setup.evaluator(), clock) {
            Ok(evaluator) => Ok(Box::new(evaluator)),
            Err(fault) => Err(of_evaluator(fault)),
        },
    }
}
