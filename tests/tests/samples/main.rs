//! Real events: what constructs of our own measure on them is what a Python program counts that knows nothing of Vernier.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod counts;
mod expected;
