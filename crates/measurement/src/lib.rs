//! The measurement model of ISO/IEC 27004 and its arithmetic. Pure: no clock, no Kafka, no threads.
//!
//! In the order in which a figure comes about:
//! 1. [`time`], [`calendar`], [`working`]: instants, calendar periods, working hours;
//! 2. [`number`], [`forms`], [`value`], [`coerce`], [`rates`]: exact numbers, how things are written, the values of
//!    expressions, what a source may write for one, rates of exchange;
//! 3. [`digest`], [`expression`]: digests, and CEL, checked and compiled once;
//! 4. [`classes`], [`fields`], [`bands`], [`outcome`], [`diagnostic`], [`catalogue`]: what is measured, and from what;
//! 5. [`extract`]: the wanted fields of an event;
//! 6. [`grain`], [`population`]: rows with their versions;
//! 7. [`accumulate`]: base measures;
//! 8. [`judge`]: derived measures, bands and outcomes.

pub mod time;
pub mod calendar;
pub mod working;
pub mod number;
pub mod forms;
pub mod value;
pub mod coerce;
pub mod rates;
pub mod digest;
pub mod expression;
pub mod classes;
pub mod fields;
pub mod bands;
pub mod outcome;
pub mod diagnostic;
pub mod catalogue;
pub mod extract;
pub mod grain;
pub mod population;
pub mod accumulate;
pub mod judge;
