//! Source records in, canonical security events out.
//!
//! The path of a record, and the modules in that order:
//! 1. [`config`]: which topics belong to which source, and what is known of the classes;
//! 2. [`pipeline`]: what happens between two commits; [`process`]: the stages one after the other, from the [`arrival`] on;
//! 3. [`decode`]: bytes to elements (lines or JSON values), read strictly by [`json`];
//! 4. [`map`]: an element to events, by the source's program, and `doubt`: whether it may have looked at what was replaced;
//! 5. [`types`]: attributes in the types of their class;
//! 6. [`expand`]: one element that stands for several events, and with `identity` who each of them is;
//! 7. [`validate`]: class, required attributes, plausible time;
//! 8. [`route`]: primary key and reference copies;
//! 9. [`publish`]: what goes out, progress after the events it speaks of.
//!
//! Around the path: [`mod@start`], from a catalogue and a log to the running loop; [`reject`], why a
//! record was refused and its dead letter; [`progress`], how far each source partition has been
//! read; [`intake`], what was read minute by minute; [`stats`], what became of the records; [`waiting`],
//! which topics are not read; [`worker`], the loop and the metrics of the process.

pub mod config;
pub mod arrival;
pub mod pipeline;
pub mod process;
pub mod decode;
pub mod json;
pub mod map;
pub mod types;
pub mod expand;
mod doubt;
mod identity;
pub mod validate;
pub mod route;
pub mod publish;

pub mod start;
pub mod reject;
pub mod progress;
pub mod intake;
pub mod stats;
pub mod waiting;
pub mod worker;

pub use start::{Options, StartError, prepare, start};
