//! Events in, base measures per period and group out.
//!
//! The path of a record, and the modules in that order:
//! 1. [`config`]: which measures and populations ask for which events;
//! 2. [`pipeline`]: from a catalogue and a log to the running loop; one task per partition;
//! 3. [`task`]: one partition and its state, told the time; the stages below in one place;
//! 4. [`store`]: what the task keeps, with the digest over it;
//! 5. [`window`]: progress records to watermarks;
//! 6. [`select`]: the wanted fields of an event, and who asks for it;
//! 7. [`seen`]: duplicates are left out;
//! 8. [`accumulate`]: event measures;
//! 9. [`rows`]: rows of populations;
//! 10. [`close`]: population measures of the periods that are open, closing or restated;
//! 11. [`publish`]: one transaction: aggregates, rows, activity, seen chunks, late events, frontier;
//! 12. [`restore`]: the way back from the changelogs;
//! 13. [`stats`]: counters for the process shell;
//! 14. [`worker`]: the loop and the metrics of the process.

pub mod config;
pub mod pipeline;
pub mod task;
pub mod store;
pub mod window;
pub mod select;
pub mod seen;
pub mod accumulate;
pub mod rows;
pub mod close;
pub mod publish;
pub mod restore;
pub mod stats;
pub mod worker;

pub use config::Plan;
pub use pipeline::{Options, StartError, prepare, start};
pub use task::Task;
