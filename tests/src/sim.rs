//! The whole pipeline in one thread, on a simulated log and simulated time: the same seed gives the same run.
//!
//! What runs is the product's own code, call by call: between any two calls on the log a process may be killed, paused
//! or replaced, the brokers may go, markers of transactions may be written, and late copies of requests may come.
//!
//! 1. [`random`], [`faults`], [`trace`]: chance, what may go wrong, what happened;
//! 2. `partition`, `coordinator`, `group`, `broker`: the brokers, with the first version of Kafka's protocol of
//!    transactions, which is the one that librdkafka speaks;
//! 3. [`log`] with `reader`, `member`, `producer`: the log as a process sees it;
//! 4. [`process`], `plan`, `world`, `quiet`: processes, what happens to them, and the end, when all is counted again;
//! 5. [`report`]: what came of it; [`sabotage`]: seeded bugs, each of which must be caught.

pub mod random;
pub mod faults;
pub mod trace;
mod partition;
mod coordinator;
mod group;
mod broker;
pub mod log;
mod reader;
mod member;
mod producer;
pub mod process;
pub mod report;
mod plan;
mod world;
mod prompt;
mod quiet;
pub mod sabotage;

use measurement::catalogue::Catalogue;

pub use broker::Counts;
pub use faults::{Blind, Faults};
pub use log::SimLog;
pub use random::Random;
pub use report::{Report, Wrong};
pub use sabotage::Bug;

use world::World;

/// The catalogue that runs are made with.
pub fn catalogue() -> Catalogue {
    Catalogue::load(&crate::load::catalogue_folder()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// One run. The same seed gives the same run.
pub fn run(seed: u64, catalogue: &Catalogue, bug: Option<Bug>) -> Report {
    run_with(seed, catalogue, bug, false)
}

/// One run, of which the whole trace is kept if it is asked for.
pub fn run_with(seed: u64, catalogue: &Catalogue, bug: Option<Bug>, whole_trace: bool) -> Report {
    let mut world = World::new(seed, catalogue, bug, whole_trace);
    world.suffer();
    if !world.report.is_over() {
        world.recover();
    }
    let mut report = world.report;
    report.blind = world.plan.faults.blind != Blind::No;
    report.counts = world.log.counts();
    report.trace = world.log.trace().0;
    if whole_trace {
        report.tail = world.log.tail(usize::MAX);
    } else if !report.wrong.is_empty() {
        report.tail = world.log.tail(60);
    }
    report
}
