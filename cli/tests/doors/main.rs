//! What a source says reaches the figure, or it is told: inputs as they come, through the whole chain.
//!
//! Each situation was described in public by users of other tools; the inputs here are our own. None of them may turn
//! a red indicator green: it stays red, or has no band and says why.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_raw_string_hashes,
    reason = "tests fail by panicking, and need not be fast"
)]

mod bench;
mod bytes;
mod damage;
mod framing;
mod identity;
mod outcomes;
mod times;
mod types;
