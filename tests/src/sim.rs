//! The whole pipeline in one thread, on a simulated log and simulated time: the same seed gives the same run.
//!
//! What runs is the product's own code, call by call: between any two calls on the log a process may be killed, paused
//! or replaced, the brokers may go, markers of transactions may be written, and late copies of requests may come.
//!
//! 1. [`random`], [`faults`], [`trace`]: chance, what may go wrong, what happened;
//! 2. `partition`, `coordinator`, `group`, `broker`: the brokers, with the first version of Kafka's protocol of
//!    transactions, which is the one that librdkafka speaks;
//! 3. [`log`] with `reader`, `member`, `producer`: the log as a process sees it.

pub mod random;
pub mod faults;
pub mod trace;
mod partition;
mod coordinator;
mod group;
mod broker;
pub mod log;
mod reader;
mod member;
mod producer;

pub use broker::Counts;
pub use faults::{Blind, Faults};
pub use log::SimLog;
pub use random::Random;
