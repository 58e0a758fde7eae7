//! Faults: services, brokers and networks that die, freeze, stutter and lie, under a load whose truth is known.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test says what is wrong by a panic"
)]

mod chance;
mod run;

mod ground;
mod older;
mod points;
mod kills;
mod zombies;
mod rescale;
mod brokers;
mod network;
mod late;
mod operators;
