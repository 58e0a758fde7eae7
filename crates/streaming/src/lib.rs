//! The log as a trait, its two implementations, and the transactional loop on top of it. The only
//! crate that knows rdkafka.
//!
//! 1. [`record`]: records as they are read and written;
//! 2. [`partitioner`]: which partition a key belongs to, as the Java client computes it;
//! 3. [`log`]: the log as traits: topics, readers, group members, transactional producers;
//! 4. [`embedded`]: a log in the process's own memory, with a folder for durability if one is given;
//! 5. [`kafka`]: Apache Kafka through librdkafka;
//! 6. [`topics`]: creating topics, and refusing to work on wrong ones;
//! 7. [`stage`]: what a service does with the records of its partitions;
//! 8. [`protocol`]: the commit protocol as a pure state machine: which call comes next;
//! 9. [`runner`]: its shell: makes the calls;
//! 10. [`conformance`]: what both logs must do (feature `testing`).

pub mod record;
pub mod partitioner;
pub mod log;
pub mod embedded;
pub mod kafka;
pub mod topics;
pub mod stage;
pub mod protocol;
pub mod runner;
#[cfg(feature = "testing")]
pub mod conformance;

pub use log::{Change, GroupMetadata, Log, LogError, Member, Poll, Producer, Reader, TransactionError};
pub use record::{OutRecord, Record, RecordRef, TopicPartition};

pub use protocol::RunError;
pub use runner::{Runner, RunnerConfig, RunnerStats, Step};
pub use stage::{Outbox, Position, Resume, Stage, StageError};
pub use topics::{Cleanup, TopicSpec};

/// Gives the time. Only the process shell makes one that reads the system's clock.
pub type Clock = std::sync::Arc<dyn Fn() -> measurement::time::Timestamp + Send + Sync>;
