//! The ground the scenarios stand on: a real Apache Kafka, real processes, a real Prometheus.
//!
//! 1. [`wait`]: waiting on conditions, with a deadline;
//! 2. [`folder`]: temporary folders that stay where they are when a test fails;
//! 3. [`process`]: processes that end when the test does, whatever way it ends;
//! 4. [`proxy`]: a network that makes faults, between services and brokers;
//! 5. [`kafka`]: one or three brokers on free ports;
//! 6. [`deployment`]: catalogue, topics and services of one test on a cluster;
//! 7. [`answers`]: true answers beside results;
//! 8. [`prometheus`]: a Prometheus that scrapes;
//! 9. [`load`]: source records from a seed;
//! 10. [`checker`]: whether what stands on the topics is what was sent, each event once;
//! 11. [`sim`]: the whole pipeline in one thread, on a simulated log and simulated time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test says what is wrong by a panic"
)]

pub mod wait;
pub mod folder;
pub mod process;
pub mod proxy;
pub mod kafka;
pub mod deployment;
pub mod answers;
pub mod prometheus;
pub mod load;
pub mod checker;
pub mod sim;

pub use checker::{Anomaly, Checker, Input, Observer};
pub use deployment::{Deployment, Service, Setup};
pub use folder::Folder;
pub use kafka::Cluster;
pub use load::Load;
pub use process::Process;
pub use proxy::Proxy;
pub use wait::until;
