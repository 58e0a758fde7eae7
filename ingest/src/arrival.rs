//! A source record as it came.

use measurement::time::Timestamp;

/// A source record.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Topic that it was read from.
    pub topic: &'a str,
    /// Partition that it was read from.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its own time stamp.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its bytes.
    pub value: Option<&'a [u8]>,
}
