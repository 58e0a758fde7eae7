//! Base measures in, judged results out.
//!
//! The path of a partial, and the modules in that order:
//! 1. [`config`]: what can be set;
//! 2. [`pipeline`]: the loop: read `vernier.measures`, judge at each frontier, append to the ledger;
//! 3. `in_force`: by which definitions is judged;
//! 4. [`collect`]: partials of all partitions, merged; watermarks; activity of sources;
//! 5. [`decide`]: which periods are open, closing, final or revised, and the judgement of each group
//!    (derived measures, bands and outcomes are `measurement::judge`);
//! 6. [`ledger`]: what was published: its hash chain, what stands already;
//! 7. [`attest`]: entries of the ledger that are missing: revisions;
//! 8. [`expose`]: the view: Prometheus metrics;
//! 9. [`table`]: the view: rows for people;
//! 10. [`worker`]: the loop, the metrics and the HTTP answers of the process.

pub mod config;
pub mod pipeline;
mod in_force;
pub mod collect;
pub mod decide;
pub mod ledger;
pub mod attest;
pub mod expose;
pub mod table;
pub mod worker;

pub use config::Options;
pub use decide::{Evaluated, Evaluation, Phase};
pub use pipeline::{Evaluator, EvaluatorError};
