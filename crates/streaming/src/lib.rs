//! The log as a trait, its two implementations, and the transactional loop on top of it. The only
//! crate that knows rdkafka.
//!
//! 1. [`record`]: records as they are read and written;
//! 2. [`words`]: topics, changes of an assignment and faults, in plain words;
//! 3. [`partitioner`]: which partition a key belongs to, as the Java client computes it;
//! 4. [`log`]: the log as traits: topics, readers, group members, transactional producers;
//! 5. [`embedded`]: a log in the process's own memory, with a folder for durability if one is given;
//! 6. [`kafka`]: Apache Kafka through librdkafka;
//! 7. [`topics`]: creating topics, and refusing to work on wrong ones;
//! 8. [`stage`]: what a service does with the records of its partitions;
//! 9. [`protocol`]: the commit protocol as a pure state machine: which call comes next;
//! 10. [`transact`](mod@transact): its shell for single transactions: makes the calls;
//! 11. [`runner`]: its shell for the loop of a group;
//! 12. [`conformance`]: what both logs must do (feature `testing`).

pub mod record;
pub mod words;
pub mod partitioner;
pub mod log;
pub mod embedded;
pub mod kafka;
pub mod topics;
pub mod stage;
pub mod protocol;
pub mod transact;
pub mod runner;
#[cfg(feature = "testing")]
pub mod conformance;

pub use log::{GroupMetadata, Log, Member, Poll, Producer, Reader};
pub use record::{OutRecord, Record, RecordRef, TopicPartition};
pub use words::{Change, Cleanup, Clock, LogError, Presence, Sight, TopicDescription, TopicSpec, TransactionError};

pub use protocol::RunError;
pub use runner::{Runner, RunnerConfig, RunnerStats, Step};
pub use stage::{Found, Input, Outbox, Position, Resume, Stage, StageError};
pub use transact::transact;
