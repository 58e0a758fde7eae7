//! 100,000 random shuffles of the same events, split over partitions, cut into transactions and with duplicates among
//! them, give byte-identical results.
//!
//! Aggregator and evaluator are driven as the plain structures that they are, so that one shuffle takes less than a
//! millisecond; that the processes around them do not matter is for the scenarios to show.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod engine;
mod same;
mod story;
