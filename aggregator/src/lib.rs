//! Events in, base measures per period and group out.
//!
//! The path of a record, and the modules in that order:
//! 1. `plan`: which measures and populations ask for which events;
//! 2. `pipeline`: from a catalogue and a log to the running loop; one task per partition;
//! 3. `task`: one partition and its state, told the time: a list of calls of the stages below;
//! 4. `select`: the wanted fields of an event;
//! 5. `schedule`: progress records to watermarks; what is late, and what is computed up to when;
//! 6. `accumulate`: event measures;
//! 7. `measure`: population measures of the periods that are open, closing or restated;
//! 8. `tables`: the state, table by table: aggregates, activity, rows, identities; each folds, writes, loads and
//!    forgets itself, with one changelog and digest for all;
//! 9. `flush`: what else a transaction holds: late events, dead letters, the frontier;
//! 10. `restore`: the way back from the changelogs;
//! 11. `stats`: counters for the process shell;
//! 12. `worker`: the loop and the metrics of the process.

mod accumulate;
mod flush;
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

pub use pipeline::{Aggregator, Options, StartError, prepare, start};
pub use plan::Plan;
pub use restore::digest_of;
pub use stats::{Account, Place, Stats};
pub use task::Task;
pub use worker::set_up;
