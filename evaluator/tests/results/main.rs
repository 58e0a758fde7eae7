//! The evaluator on the embedded log: from base measures to entries of the ledger.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod bench;
mod closing;
mod faulty;
mod ledger;
mod revisions;
mod silence;
mod unread;
mod whole;
mod writer;
