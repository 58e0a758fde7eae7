//! Chains of catalogues: whatever is changed, and wherever, no figure is ever published that a fresh deployment of the
//! definition that it names would contradict, and in the end everything is as a fresh deployment of the last catalogue has
//! it.
//!
//! 1. `variants`: catalogues that differ in every kind of edit;
//! 2. `world`: aggregators and evaluator on one log in memory, which are killed and told to go on;
//! 3. `chain`: random logs, chains, cuts and kills, against fresh deployments;
//! 4. `bent`: a log that does something wrong;
//! 5. `bugs`: that each such wrong is found.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod bent;
mod bugs;
mod chain;
mod variants;
mod world;
