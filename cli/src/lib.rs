//! `vernier`: the tool of authors, auditors and operators. It links the three services and can run
//! the whole chain in one process on the embedded log.
//!
//! In the order in which a user meets them:
//! 1. [`demo`]: a synthetic organisation through the whole chain, no broker needed;
//! 2. [`check`]: is this catalogue sound?
//! 3. [`test`](mod@test): does it say what its author means?
//! 4. [`explain`]: what does it measure, and what would change the band?
//! 5. [`diff`]: what is different between two catalogues, and which series break?
//! 6. [`plan`]: what will the files do to what is in force?
//! 7. [`apply`]: put them into force; what was ever in force;
//! 8. [`schema`]: JSON Schemas for editors;
//! 9. [`generate`]: the synthetic organisation's records, and the true answers beside them;
//! 10. [`replay`]: the whole chain on files of raw records;
//! 11. [`map`]: what a source's mapping makes of a file, record by record;
//! 12. [`topics`]: create and verify Vernier's topics on Apache Kafka;
//! 13. [`produce`]: files of raw records, or the synthetic organisation, into source topics;
//! 14. [`results`]: the ledger as table, JSON or CSV;
//! 15. [`surfaces`]: dashboard, alert rules and reference pages generated from the catalogue.
//!
//! Around them: [`command`], the arguments; [`chain`], the whole chain in one thread on an embedded log; [`letters`], what it
//! refused; [`connect`], the log and the topics that a configuration names.

pub mod demo;
pub mod check;
pub mod test;
pub mod explain;
pub mod diff;
pub mod plan;
pub mod apply;
pub mod schema;
pub mod generate;
pub mod replay;
pub mod map;
pub mod topics;
pub mod produce;
pub mod results;
pub mod surfaces;

pub mod command;
pub mod chain;
pub mod letters;
pub mod connect;

pub use command::run;
