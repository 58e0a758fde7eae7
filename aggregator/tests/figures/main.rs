//! The aggregator on the embedded log: the same figures whatever the order of arrival, the partitions, the
//! cuts between transactions, duplicates, restarts and torn state.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod bench;
mod changes;
mod conflicts;
mod intervals;
mod late;
mod mistyped;
mod order;
mod rebuild;
mod sources;
