//! What became of the records of a source partition, minute by minute of event time: what tells the aggregator that a
//! source is alive whatever its mapping makes of it, and how much of its input is in no figure.

use measurement::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::VERSION;

/// Written to one partition of `vernier.events`, in the same transaction as the events of the records that it speaks of.
/// The partition is that of the key `topic/partition`, so that each record is accounted for once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// Version of this payload.
    pub version: u32,
    /// Name of the source.
    pub source: String,
    /// Topic of the source partition.
    pub topic: String,
    /// Number of the source partition within its topic.
    pub partition: i32,
    /// By minute, in order; at most [`Intake::MINUTES`].
    pub minutes: Vec<IntakeMinute>,
}

impl Intake {
    /// Most minutes in one record: a history that is read in at once makes several.
    pub const MINUTES: usize = 1000;

    /// A record of this build's version.
    pub fn new(source: &str, topic: &str, partition: i32, minutes: Vec<IntakeMinute>) -> Self {
        Self { version: VERSION, source: source.to_owned(), topic: topic.to_owned(), partition, minutes }
    }

    /// The key, which decides the partition.
    pub fn key(&self) -> Vec<u8> {
        format!("{}/{}", self.topic, self.partition).into_bytes()
    }
}

/// What was read of one minute. An element is what a record holds: a line, a JSON value, an item of an array.
/// Read = published + not relevant + refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeMinute {
    /// Earliest time of an element in it: that of its event, or the nearest that is known.
    pub first: Timestamp,
    /// Latest time of an element in it.
    pub last: Timestamp,
    /// Elements read.
    pub read: u64,
    /// Elements that are in no figure because they could not be read: refused, for whatever reason.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub refused: u64,
    /// Elements in which bytes or characters had to be replaced that their mapping may have looked at: what it made of
    /// them is not certain.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub replaced: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_zero_is_not_written() {
        let minute = IntakeMinute { first: Timestamp(1), last: Timestamp(2), read: 3, refused: 0, replaced: 0 };
        let intake = Intake::new("sshd", "raw.sshd", 2, vec![minute]);
        let bytes = crate::encode(&intake);
        let text = r#"{"version":1,"source":"sshd","topic":"raw.sshd","partition":2,"minutes":[{"first":1,"last":2,"read":3}]}"#;
        assert_eq!(String::from_utf8_lossy(&bytes), text);
        assert_eq!(crate::decode::<Intake>("intake", &bytes).unwrap(), intake);
        assert_eq!(intake.key(), b"raw.sshd/2");
    }
}
