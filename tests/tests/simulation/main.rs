//! The whole pipeline on a simulated log: kills, pauses, lost brokers, late copies of requests, and every figure exact.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod bugs;
mod conformance;
mod gaps;
mod kills;
mod same;
mod seeds;
