//! What could not be used: by ingest, or by the aggregator where two events of one identity say different things. The
//! value and key of a dead letter are those of the record that was refused, byte for byte; where it came from and why
//! it was refused ride in headers, so that the record can be sent again unchanged once its cause is mended.

/// The stage that refused the record: those of ingest, and the aggregator's look at identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Bytes to text or JSON.
    Decode,
    /// The source's mapping.
    Map,
    /// One record that stands for several.
    Expand,
    /// Class, required attributes, plausible time.
    Validate,
    /// Keys and reference copies.
    Route,
    /// Identities, in the aggregator.
    Identity,
}

impl Stage {
    /// The name used in headers, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Map => "map",
            Self::Expand => "expand",
            Self::Validate => "validate",
            Self::Route => "route",
            Self::Identity => "identity",
        }
    }
}

/// Origin and reason of a dead letter, written as headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Name of the source.
    pub source: String,
    /// Topic that the record was read from.
    pub topic: String,
    /// Partition that the record was read from.
    pub partition: i32,
    /// Offset of the record.
    pub offset: i64,
    /// Stage that refused it.
    pub stage: Stage,
    /// Reason from a closed set, fit for a metric label.
    pub reason: &'static str,
    /// What exactly was wrong; never holds payload text.
    pub detail: String,
}

impl DeadLetter {
    /// Reason: an event has the identity of another one and says something else.
    pub const IDENTITY_CONFLICT: &'static str = "identity-conflict";

    /// Header: name of the source.
    pub const SOURCE: &'static str = "vernier-source";
    /// Header: origin topic.
    pub const TOPIC: &'static str = "vernier-origin-topic";
    /// Header: origin partition.
    pub const PARTITION: &'static str = "vernier-origin-partition";
    /// Header: origin offset.
    pub const OFFSET: &'static str = "vernier-origin-offset";
    /// Header: stage that refused the record.
    pub const STAGE: &'static str = "vernier-stage";
    /// Header: reason from a closed set.
    pub const REASON: &'static str = "vernier-reason";
    /// Header: what exactly was wrong.
    pub const DETAIL: &'static str = "vernier-detail";

    /// The headers of the dead letter.
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        vec![
            header(Self::SOURCE, &self.source),
            header(Self::TOPIC, &self.topic),
            header(Self::PARTITION, &self.partition.to_string()),
            header(Self::OFFSET, &self.offset.to_string()),
            header(Self::STAGE, self.stage.name()),
            header(Self::REASON, self.reason),
            header(Self::DETAIL, &self.detail),
        ]
    }
}
