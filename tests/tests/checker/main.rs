//! The checker's own tests: it finds nothing wrong with a chain that is sound, and names what is wrong with one whose
//! topics were tampered with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod chain;
mod sabotage;
mod sound;
