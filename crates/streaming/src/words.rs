//! The words of a log: what it may be asked for, what changes, and why it does not do what it was asked. Everything
//! here stands on them; they stand on nothing but records.

use std::collections::BTreeMap;

use crate::record::TopicPartition;

/// Gives the time. Only the process shell makes one that reads the system's clock.
pub type Clock = std::sync::Arc<dyn Fn() -> measurement::time::Timestamp + Send + Sync>;

/// Why the log did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The topic does not exist.
    #[error("topic `{0}` does not exist: run `vernier topics apply`, or create it if it is a source topic")]
    NoTopic(String),
    /// A topic that is asked for is not there, or may not be used.
    #[error("{doing}: {reason}: run `vernier topics apply`, or create the source topic and allow its use")]
    Absent {
        /// What was being done.
        doing: &'static str,
        /// What the client said.
        reason: String,
    },
    /// The log cannot be reached or answered with an error that may pass.
    #[error("{doing}: {reason}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the client said.
        reason: String,
    },
    /// Records that were asked for are gone: retention has passed them.
    #[error(
        "{partition}: the records from offset {offset} up to {first} are gone, at most {} of them: retention is shorter than the outage. \
         Nothing is skipped silently: see docs/runbooks.md, section log-gap", first - offset
    )]
    Gone {
        /// Where.
        partition: TopicPartition,
        /// The first offset that is needed.
        offset: i64,
        /// The first offset that is still there.
        first: i64,
    },
    /// A partition ends before what was read of it.
    #[error(
        "{partition}: it ends at offset {end}, but was read up to offset {offset} before: the topic was deleted and created anew, or its newest records were lost. \
         See docs/runbooks.md, section log-gap"
    )]
    Rewound {
        /// Where.
        partition: TopicPartition,
        /// The offset that reading was to go on from.
        offset: i64,
        /// The high watermark.
        end: i64,
    },
    /// A partition that is read has no record at the offset that comes next. Which one, the client does not say.
    #[error("an offset is out of range: retention has passed it, or the topic was created anew")]
    OutOfRange,
    /// Another process has the name of this member or producer.
    #[error("fenced: another process is the instance `{id}`: {reason}; give every instance its own number")]
    Fenced {
        /// The name.
        id: String,
        /// What the client said.
        reason: String,
    },
    /// The client cannot go on.
    #[error("{doing}: {reason}")]
    Fatal {
        /// What was being done.
        doing: &'static str,
        /// What the client said.
        reason: String,
    },
    /// A stored log cannot be read.
    #[error("embedded log: {0}")]
    Storage(String),
}

/// What became of a transaction that did not commit.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// It was aborted: nothing of it stands.
    #[error("transaction aborted: {0}")]
    Aborted(String),
    /// Nobody knows whether it stands. This producer must not begin another one.
    #[error("outcome of the transaction unknown: {0}")]
    Unclear(String),
    /// A newer producer has taken the transactional id.
    #[error("fenced: another process uses the transactional id `{id}`: {reason}")]
    Fenced {
        /// The transactional id.
        id: String,
        /// What the client said.
        reason: String,
    },
}

/// A change of a member's assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// New partitions: they are ours now; nothing is read from them before [`crate::Member::assign`].
    Assigned(Vec<TopicPartition>),
    /// Partitions to hand over: they stay ours until [`crate::Member::release`].
    Revoked(Vec<TopicPartition>),
    /// Partitions that somebody else may own already: nothing may be committed for them, and they are to
    /// be let go of by [`crate::Member::release`].
    Lost(Vec<TopicPartition>),
}

/// Kafka's `cleanup.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cleanup {
    /// Old records are deleted.
    Delete,
    /// The newest record of each key is kept.
    Compact,
}

impl Cleanup {
    /// Kafka's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
        }
    }
}

/// What a topic must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Copies of each partition; used when the topic is created.
    pub replication_factor: i32,
    /// Cleanup policy.
    pub cleanup: Cleanup,
    /// Further settings, by Kafka's names; checked as well.
    pub configs: BTreeMap<String, String>,
}

impl TopicSpec {
    /// All settings by Kafka's names, the cleanup policy included.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = self.configs.clone();
        settings.insert("cleanup.policy".to_owned(), self.cleanup.name().to_owned());
        settings
    }
}

/// Whether a topic can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It can, and has so many partitions.
    There(i32),
    /// It does not exist.
    Missing,
    /// The log does not allow it.
    Forbidden,
}

/// How the topics stand that a member reads, or is to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Each topic of which it is known.
    pub topics: BTreeMap<String, Presence>,
    /// Their partitions that nobody in the group owns; `None` while the group agrees on who owns what, or does not say.
    pub unowned: Option<Vec<TopicPartition>>,
}

/// What a topic is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Number of partitions.
    pub partitions: i32,
    /// Settings by Kafka's names.
    pub configs: BTreeMap<String, String>,
}
