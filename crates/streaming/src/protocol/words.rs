//! The words in which the protocol speaks with whoever runs it.

use measurement::time::Timestamp;

use super::transaction::Call;
use crate::{
    record::TopicPartition,
    stage::{Resume, StageError},
    words::{Change, LogError, Sight, TransactionError},
};

/// What the protocol is told once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Time between commits, in milliseconds.
    pub commit_interval: i64,
    /// Most records of a transaction.
    pub commit_records: usize,
    /// How often to look whether partitions have been read to their end, in milliseconds; 0 for never.
    pub look_at_ends: i64,
    /// After how long without a sign of life a member loses its partitions, in milliseconds.
    pub session_timeout: i64,
    /// How often to look how the topics stand that are to be read, in milliseconds; 0 for never. Where nobody looks, a
    /// topic that is not there is the end.
    pub look_at_inputs: i64,
    /// Number of partitions that the stage's state is bound to. Later ones are not read: their keys would lie elsewhere.
    pub bound: Option<i32>,
}

/// Why a loop stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process has taken over.
    #[error("{0}")]
    Fenced(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The stage failed.
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// A step on the way back from the changelogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreCall {
    /// Whether no transaction is open below the high watermarks found at the first look. A dead owner's last
    /// transaction may be; what it wrote either stands or does not before anybody goes on. The last stable
    /// offset is no end to read to: what a dead owner has committed may still lie behind it.
    Settle,
    /// [`crate::Member::committed`].
    Offset,
    /// The group knows no offset: what else is known, see [`crate::Stage::last_known`].
    Evidence,
    /// The next part of the changelogs.
    Read,
    /// First offset and high watermark of the partition itself.
    Range,
    /// [`crate::Stage::restore`] on all of them.
    Build {
        /// Offset of the first record that is still there.
        first: i64,
        /// Where the group, or other evidence, says that reading goes on.
        known: Option<i64>,
    },
}

/// The one call that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// [`crate::Member::poll`]; records go to the stage if [`super::Protocol::admit`] says so.
    Poll {
        /// Most records.
        most: usize,
        /// Longest wait, in milliseconds; `None` leaves it to the caller.
        wait: Option<i64>,
    },
    /// A step of a restore.
    Restore(TopicPartition, RestoreCall),
    /// [`crate::Member::assign`].
    Assign(TopicPartition, i64),
    /// [`crate::Member::unassign`].
    Unassign(Vec<TopicPartition>),
    /// [`crate::Member::release`].
    Release(Vec<TopicPartition>),
    /// [`crate::Stage::forget`].
    Forget(TopicPartition),
    /// [`crate::Member::caught_up`] for every partition that is read.
    LookAtEnds,
    /// [`crate::Member::look`], and [`crate::Stage::inputs`] with what came of it.
    LookAtInputs,
    /// [`crate::Member::subscribe`] to the topics that are to be read.
    Subscribe,
    /// [`crate::Member::agree_anew`].
    AgreeAnew(Vec<TopicPartition>),
    /// [`crate::Stage::flush`] with [`super::Protocol::positions`].
    Flush,
    /// A call on the producer, with what the last flush wrote and [`super::Protocol::offsets`].
    Transact(Call),
    /// A new producer in the place of the old one.
    Renew,
    /// A new member in the place of the old one.
    Rejoin,
    /// [`crate::Stage::committed`].
    Confirm,
    /// Nothing for so many milliseconds.
    Wait(i64),
}

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// It was done.
    Done,
    /// To [`Action::Poll`].
    Polled {
        /// Records handed over, admitted or not.
        records: usize,
        /// Changes of the assignment, oldest first.
        changes: Vec<Change>,
    },
    /// To [`RestoreCall::Settle`]: whether they are.
    Settled(bool),
    /// To [`RestoreCall::Offset`] and [`RestoreCall::Evidence`].
    Offset(Option<i64>),
    /// To [`RestoreCall::Read`]: whether that was all.
    Read(bool),
    /// To [`RestoreCall::Build`]: where to go on, and whether the changelogs held nothing.
    Built(Resume, bool),
    /// To [`RestoreCall::Range`]: first offset and high watermark.
    Range(i64, i64),
    /// To [`Action::LookAtEnds`].
    Ends {
        /// When the look began.
        began: Timestamp,
        /// Partitions whose end was reached then.
        reached: Vec<TopicPartition>,
        /// Whether some topic may not be there.
        absent: bool,
    },
    /// To [`Action::LookAtInputs`]; `None` if it is not known yet.
    Inputs(Option<Sight>),
    /// To [`Action::Flush`]: how many records are to be written.
    Flushed(usize),
    /// To [`Call::Repeats`].
    Repeats(u64),
    /// To [`Action::Transact`].
    Refused(TransactionError),
    /// To anything.
    Failed(LogError),
}

/// What the protocol did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions committed.
    pub commits: u64,
    /// Transactions aborted.
    pub aborts: u64,
    /// Transactions of which nobody knew the outcome.
    pub unclear: u64,
    /// Producers replaced because the client had repeated a request on its own.
    pub repeats: u64,
}
