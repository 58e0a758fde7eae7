//! The coordinator of transactions, as librdkafka's first version of the protocol meets it.
//!
//! A producer has one epoch from its start to its end. Adding a partition after a completed transaction silently
//! begins a new one under the same epoch: a late request to end the one before cannot be told from a timely one.

use std::{collections::BTreeSet, fmt};

use streaming::TopicPartition;

/// Where a transaction leaves its marker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Partition(TopicPartition),
    /// The offsets of a group.
    Group(String),
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(at) => write!(formatter, "{at}"),
            Self::Group(group) => write!(formatter, "offsets of {group}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    Ongoing,
    /// Decided; markers are being written.
    Ending {
        commit: bool,
    },
    Complete {
        commit: bool,
    },
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `PRODUCER_FENCED`: there is a newer epoch.
    Fenced,
    /// `INVALID_TXN_STATE`.
    InvalidState,
    /// `CONCURRENT_TRANSACTIONS`: to be asked again.
    Concurrent,
    /// The member is not who the coordinator of the group knows.
    Member(&'static str),
}

/// One transactional id.
#[derive(Debug)]
pub(super) struct Transactions {
    pub(super) producer: u64,
    pub(super) epoch: u32,
    pub(super) phase: Phase,
    pub(super) began: i64,
    targets: BTreeSet<Target>,
    /// Markers that are not written yet.
    unmarked: BTreeSet<Target>,
}

impl Transactions {
    pub(super) const fn new(producer: u64) -> Self {
        Self { producer, epoch: 0, phase: Phase::Empty, began: 0, targets: BTreeSet::new(), unmarked: BTreeSet::new() }
    }

    const fn check(&self, epoch: u32) -> Result<(), Refusal> {
        if epoch == self.epoch { Ok(()) } else { Err(Refusal::Fenced) }
    }

    /// `AddPartitionsToTxn` and `AddOffsetsToTxn`.
    pub(super) fn add(&mut self, epoch: u32, target: Target, now: i64) -> Result<(), Refusal> {
        self.check(epoch)?;
        match self.phase {
            Phase::Ending { .. } => return Err(Refusal::Concurrent),
            Phase::Ongoing => {}
            Phase::Empty | Phase::Complete { .. } => {
                self.phase = Phase::Ongoing;
                self.began = now;
            }
        }
        self.targets.insert(target);
        Ok(())
    }

    /// What partitions ask before they take the first record of a transaction.
    pub(super) fn verify(&self, epoch: u32, target: &Target) -> Result<(), Refusal> {
        self.check(epoch)?;
        let known = self.phase == Phase::Ongoing && self.targets.contains(target);
        if known { Ok(()) } else { Err(Refusal::InvalidState) }
    }

    /// `EndTxn`. Gives where markers are to be written, if it was this request that has ended the transaction.
    pub(super) fn end(&mut self, epoch: u32, commit: bool) -> Result<BTreeSet<Target>, Refusal> {
        self.check(epoch)?;
        match self.phase {
            Phase::Ongoing => Ok(self.decide(commit)),
            Phase::Complete { commit: known } if known == commit => Ok(BTreeSet::new()),
            Phase::Ending { commit: known } if known == commit => Err(Refusal::Concurrent),
            Phase::Empty | Phase::Ending { .. } | Phase::Complete { .. } => Err(Refusal::InvalidState),
        }
    }

    /// Aborts what is open under a newer epoch, so that its producer is shut out.
    pub(super) fn fence(&mut self) -> BTreeSet<Target> {
        self.epoch += 1;
        self.decide(false)
    }

    fn decide(&mut self, commit: bool) -> BTreeSet<Target> {
        self.unmarked = std::mem::take(&mut self.targets);
        self.phase = if self.unmarked.is_empty() { Phase::Complete { commit } } else { Phase::Ending { commit } };
        self.unmarked.clone()
    }

    /// A marker is written.
    pub(super) fn marked(&mut self, target: &Target) {
        self.unmarked.remove(target);
        if let (Phase::Ending { commit }, true) = (self.phase, self.unmarked.is_empty()) {
            self.phase = Phase::Complete { commit };
        }
    }
}
