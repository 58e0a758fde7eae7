//! The measurement model of ISO/IEC 27004 and its arithmetic. Pure: no clock, no Kafka, no threads.

pub mod time;
pub mod number;
pub mod value;
pub mod calendar;
pub mod expression;
pub mod classes;
pub mod fields;
pub mod bands;
pub mod diagnostic;
pub mod catalogue;
