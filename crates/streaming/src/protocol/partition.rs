//! One partition that is owned: on its way back from the changelogs, or being read.

use measurement::time::Timestamp;

use super::words::{RestoreCall, RunError};
use crate::{
    record::TopicPartition,
    stage::{Resume, StageError},
    words::LogError,
};

/// Longest pause between two looks whether a dead owner's transaction has ended, in milliseconds.
const LOOK_AGAIN: i64 = 50;

/// How a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// On its way back, with the call that is next.
    Restoring(RestoreCall),
    /// Restored; to be read from this offset on.
    Ready(i64),
    /// Being read.
    Reading,
}

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) at: TopicPartition,
    pub(super) phase: Phase,
    /// Nothing is done for it before.
    pub(super) not_before: Timestamp,
    /// Offset of the next record; meaningful while it is read.
    pub(super) next_offset: i64,
    /// Offset that the last transaction stands for.
    pub(super) committed_offset: i64,
    /// When its end was reached, if nothing was read since.
    pub(super) caught_up: Option<Timestamp>,
    /// Whether the topic was missing before: what was known of it then means nothing.
    fresh: bool,
    /// Whether the group knows no offset, and other evidence says where reading went on.
    by_evidence: bool,
    /// What the group, or other evidence, says.
    group_offset: Option<i64>,
    /// First offset and high watermark.
    range: (i64, i64),
}

impl Partition {
    pub(super) const fn new(at: TopicPartition, fresh: bool) -> Self {
        Self {
            at,
            phase: Phase::Restoring(RestoreCall::Settle),
            not_before: Timestamp::MIN,
            next_offset: 0,
            committed_offset: 0,
            caught_up: None,
            fresh,
            by_evidence: false,
            group_offset: None,
            range: (0, 0),
        }
    }

    /// Back to the changelogs.
    pub(super) fn start_over(&mut self) {
        *self = Self::new(self.at.clone(), self.fresh);
    }

    pub(super) fn settled(&mut self, now: Timestamp, settled: bool) {
        if settled {
            self.phase = Phase::Restoring(RestoreCall::Offset);
        } else {
            self.not_before = now.plus(LOOK_AGAIN);
        }
    }

    pub(super) fn offset(&mut self, call: RestoreCall, offset: Option<i64>) {
        self.group_offset = offset;
        self.by_evidence = call == RestoreCall::Evidence && offset.is_some();
        let evidence = call == RestoreCall::Offset && offset.is_none() && !self.fresh;
        self.phase = Phase::Restoring(if evidence { RestoreCall::Evidence } else { RestoreCall::Read });
    }

    pub(super) fn read(&mut self, finished: bool) {
        if finished {
            self.phase = Phase::Restoring(RestoreCall::Range);
        }
    }

    pub(super) const fn range(&mut self, first: i64, end: i64) {
        self.range = (first, end);
        self.phase = Phase::Restoring(RestoreCall::Build { first, known: self.group_offset });
    }

    /// Where reading goes on, now that all is known. "No committed offset" means "from the beginning" only where
    /// nothing says otherwise: a coordinator that resigns has answered "none" (KAFKA-20416).
    pub(super) fn built(&mut self, resume: &Resume, empty: bool, looks: bool) -> Result<(), RunError> {
        let (first, end) = self.range;
        let anew = looks && (self.fresh || self.by_evidence);
        let offset = match (resume, self.group_offset) {
            (Resume::At(offset) | Resume::Rebuild { from: offset, .. }, _) => *offset,
            // The brokers forget a group's offsets with the topic: it was created anew.
            (Resume::Committed, Some(offset)) if offset > end && anew => {
                tracing::warn!(partition = %self.at, offset, end, "the topic was created anew: it is read from its beginning");
                first
            }
            (Resume::Committed, Some(offset)) => offset,
            (Resume::Committed, None) if empty => first,
            (Resume::Committed, None) => {
                return Err(StageError(format!(
                    "{}: there is state but no offset; refusing to guess where to go on",
                    self.at
                ))
                .into());
            }
        };
        let partition = self.at.clone();
        if let Resume::Rebuild { from, why } = resume
            && *from < first
        {
            return Err(StageError(format!(
                "{partition}: {why}; it must be built anew from offset {from}, but the records up to {first} are gone. \
                 Nothing is skipped silently: see docs/runbooks.md, section log-gap"
            ))
            .into());
        }
        if offset < first {
            return Err(LogError::Gone { partition, offset, first }.into());
        }
        if offset > end {
            return Err(LogError::Rewound { partition, offset, end }.into());
        }
        self.phase = Phase::Ready(offset);
        Ok(())
    }

    pub(super) const fn reading_from(&mut self, offset: i64) {
        self.phase = Phase::Reading;
        self.next_offset = offset;
        self.committed_offset = offset;
        self.caught_up = None;
    }

    pub(super) fn is_reading(&self) -> bool {
        self.phase == Phase::Reading
    }
}
