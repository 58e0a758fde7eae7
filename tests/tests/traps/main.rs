//! The traps of measuring on a stream, one test each, in the users' own test format wherever it can say them.
//!
//! Where a trap is about a surface that does not exist yet, the part of the engine is tested.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod bench;
mod catalogue;
mod population;
mod revisions;
mod time;
mod values;
