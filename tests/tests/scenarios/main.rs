//! Scenarios: the services as processes, on a real Apache Kafka.

mod conformance;
mod topics;
mod truth;
mod kills;
mod time;
mod poison;
