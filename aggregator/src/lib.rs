//! Events in, base measures per period and group out.
//!
//! The path of a record, and the modules in that order:
//! 1. `plan`: which measures and populations ask for which events;
//! 2. `pipeline`: from a catalogue and a log to the running loop; one task per partition;
//! 3. `in_force`: by which catalogue a task measures; `build`: what lacks its events is built beside it;
//! 4. `task`: one partition and its state, told the time: a list of calls of the stages below;
//! 5. `select`: the wanted fields of an event;
//! 6. `schedule`: progress records to watermarks; what is late, and what is computed up to when;
//! 7. `accumulate`: event measures;
//! 8. `measure`: population measures of the periods that are open, closing or restated;
//! 9. `tables`: the state, table by table: aggregates, activity, rows, identities; each folds, writes, loads and
//!    forgets itself, with one changelog and digest for all;
//! 10. `flush`: what else a transaction holds: late events, dead letters, the frontier;
//! 11. `restore`: the way back from the changelogs;
//! 12. `stats`: counters for the process shell;
//! 13. `worker`: the loop and the metrics of the process.

mod accumulate;
mod build;
mod flush;
mod in_force;
mod measure;
mod pipeline;
mod plan;
mod restore;
mod schedule;
mod select;
mod stats;
mod tables;
mod task;
mod worker;

pub use in_force::Definitions;
pub use pipeline::{Aggregator, Options, StartError, prepare, start};
pub use plan::Plan;
pub use restore::digest_of;
pub use stats::{Account, Place, Stats};
pub use task::Task;
pub use worker::set_up;
