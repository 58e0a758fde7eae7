//! Source records in, canonical security events out.
//!
//! The path of a record, and the modules in that order:
//! 1. [`config`]: which topics belong to which source, and what is known of the classes;
//! 2. [`pipeline`]: the stages one after the other, and what happens between two commits;
//! 3. [`decode`]: bytes to elements (lines or JSON values), read strictly by [`json`];
//! 4. [`map`]: an element to events, by the source's program;
//! 5. [`expand`]: one element that stands for several events, and the identity of each;
//! 6. [`validate`]: class, required attributes, plausible time;
//! 7. [`route`]: primary key and reference copies;
//! 8. [`publish`]: what goes out, progress after the events it speaks of.
//!
//! Around the path: [`mod@start`], from a catalogue and a log to the running loop; [`reject`], why a
//! record was refused and its dead letter; [`progress`], how far each source partition has been
//! read; [`stats`], what became of the records; [`worker`], the loop and the metrics of the process.

pub mod config;
pub mod pipeline;
pub mod decode;
pub mod json;
pub mod map;
pub mod expand;
pub mod validate;
pub mod route;
pub mod publish;

pub mod start;
pub mod reject;
pub mod progress;
pub mod stats;
pub mod worker;

pub use start::{Options, StartError, prepare, start};
