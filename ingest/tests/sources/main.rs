//! The sources that the project ships, from raw records to events.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails, and says when it was skipped"
)]

mod shipped;

mod plans;
mod mappings;
mod meaning;
mod sample_data;
mod any_bytes;
mod doors;
mod on_a_log;
