//! Scenarios: the services as processes, on a real Apache Kafka.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::format_push_string,
    reason = "a test says what is wrong by a panic"
)]

mod conformance;
mod topics;
mod truth;
mod kills;
mod brokers;
mod changes;
mod time;
mod poison;
mod sshd;
mod surfaces;
mod demo;
mod documents;
mod sources;
mod live;
mod losses;
