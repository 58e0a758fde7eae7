//! Seeded bugs: each must be caught.

use std::sync::Arc;

use measurement::catalogue::Catalogue;
use streaming::Clock;

use super::{
    log::SimLog,
    process::{Ended, Setup, Work, start as start_process},
    random::Random,
    world::{Plan, Process},
};

/// A seeded bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {}

impl Bug {
    pub(super) fn plan(self, plan: Plan, _random: &mut Random) -> Plan {
        match self {}
    }
}

/// Starts a process, sabotaged or not.
pub(super) fn start(
    _bug: Option<Bug>,
    process: &Process,
    setup: &Setup,
    catalogue: &Catalogue,
    log: SimLog,
    clock: Clock,
) -> Result<Box<dyn Work>, Ended> {
    start_process(process.kind, process.ordinal, setup, catalogue, Arc::new(log), clock)
}
