//! What can be wrong, by name.

use std::fmt;

use measurement::time::Timestamp;
use records::AggregateKey;

/// How many events are behind a measure, and the sum of their identities where it sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many events.
    pub events: u64,
    /// Sum of identities; 0 for a measure that only counts.
    pub sum: i128,
}

impl Tally {
    /// Adds another one.
    pub const fn add(&mut self, more: Self) {
        self.events += more.events;
        self.sum += more.sum;
    }

    /// What is left without another one, which is part of it.
    pub(super) const fn take(&mut self, part: Self) {
        self.events = self.events.saturating_sub(part.events);
        self.sum -= part.sum;
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// A measure holds fewer events than were sent.
    LostEvents {
        /// The measure, over all partitions.
        place: AggregateKey,
        /// By the recount.
        expected: Tally,
        /// In the measures.
        found: Tally,
    },
    /// A measure holds more events than were sent.
    DoubleCounted {
        /// The measure, over all partitions.
        place: AggregateKey,
        /// By the recount.
        expected: Tally,
        /// In the measures.
        found: Tally,
    },
    /// A measure holds as many events as were sent, but not the same ones.
    Swapped {
        /// The measure, over all partitions.
        place: AggregateKey,
        /// By the recount.
        expected: Tally,
        /// In the measures.
        found: Tally,
    },
    /// An event, reference copy or dead letter stands less often than source records ask for.
    LostRecord {
        /// What it is.
        what: String,
        /// How often it must stand.
        expected: usize,
        /// How often it stands.
        found: usize,
    },
    /// An event, reference copy or dead letter stands more often than source records ask for.
    DoublePublished {
        /// What it is.
        what: String,
        /// How often it must stand.
        expected: usize,
        /// How often it stands.
        found: usize,
    },
    /// A frontier accounts for other numbers of events than its prefix of the events holds.
    Conservation {
        /// Partition of the task.
        partition: i32,
        /// Offset of the next event by the frontier.
        next_offset: i64,
        /// Source, and what differs.
        detail: String,
    },
    /// A frontier goes back.
    FrontierFell {
        /// Partition of the task.
        partition: i32,
        /// Offset of the frontier's record.
        offset: i64,
        /// Next event by the frontier before.
        from: i64,
        /// Next event by this one.
        to: i64,
    },
    /// A published watermark goes back or is not there any more.
    WatermarkFell {
        /// Partition of the task.
        partition: i32,
        /// Offset of the frontier's record.
        offset: i64,
        /// The source.
        source: String,
        /// Watermark by the frontier before.
        from: Timestamp,
        /// Watermark by this one.
        to: Option<Timestamp>,
    },
    /// A published watermark is farther than the progress records before the frontier allow.
    WatermarkAhead {
        /// Partition of the task.
        partition: i32,
        /// Offset of the next event by the frontier.
        next_offset: i64,
        /// The source.
        source: String,
        /// What was published.
        published: Timestamp,
        /// What the progress records allow.
        allowed: Option<Timestamp>,
    },
    /// A progress record holds a time for the newest that a wrong clock has told.
    WrongClockBelieved {
        /// The source partition.
        partition: String,
        /// Up to where it was read by the progress record.
        next_offset: i64,
        /// What is held for the newest time.
        believed: Timestamp,
        /// What may be.
        allowed: Option<Timestamp>,
    },
    /// The numbers of two transactions of a task do not follow each other.
    TransactionNumber {
        /// Partition of the task.
        partition: i32,
        /// Offset of the frontier's record.
        offset: i64,
        /// Number before.
        from: u64,
        /// Number of this one.
        to: u64,
    },
    /// State says that it covers more than the frontier of its transaction, or a frontier more than there is.
    CoveredBeyondFrontier {
        /// Partition of the task.
        partition: i32,
        /// Offset that is said to be covered.
        covered: i64,
        /// Offset that may be covered at most.
        allowed: i64,
    },
    /// The digest of a frontier is not that of the state before it.
    DigestDiffers {
        /// Partition of the task.
        partition: i32,
        /// Offset of the frontier's record.
        offset: i64,
    },
    /// State lies after the last frontier.
    StateWithoutFrontier {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// How many records.
        records: usize,
    },
    /// An aggregate at a frontier is not the recount over the frontier's prefix of the events.
    PrefixDiffers {
        /// Partition of the task.
        partition: i32,
        /// Offset of the next event by the frontier.
        next_offset: i64,
        /// The aggregate.
        place: AggregateKey,
        /// By the recount.
        expected: Tally,
        /// As published.
        found: Tally,
    },
    /// A late event was not reported, or one was that is not late.
    LateDiffers {
        /// Where the event lies.
        partition: i32,
        /// Where the event lies.
        offset: i64,
        /// By the recount: constructs for which it is late.
        expected: Vec<String>,
        /// As published.
        found: Vec<String>,
    },
    /// A late event was reported more than once: harmless to figures, and what a state that is built anew does.
    LateTwice {
        /// Where the event lies.
        partition: i32,
        /// Where the event lies.
        offset: i64,
        /// How often.
        found: usize,
    },
    /// The ledger does not follow from itself.
    LedgerBroken {
        /// Offset of the entry.
        offset: i64,
        /// Its number.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// The newest revision of a closed period says something else than the recount.
    LedgerDiffers {
        /// Construct, period, group and base measure.
        place: String,
        /// By the recount.
        expected: Tally,
        /// By the entry; `None` where it has no such base measure.
        found: Option<Tally>,
    },
    /// A period was closed by an entry to which something is missing that was there by then.
    ClosedTooEarly {
        /// Construct, period, group and base measure.
        place: String,
        /// Revision.
        revision: u32,
        /// Why.
        reason: String,
    },
    /// A period that must be closed has no entry.
    NotClosed {
        /// Construct, period and group.
        place: String,
    },
    /// A transaction is open that nobody ends.
    OpenTransaction {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// What the log says.
        reason: String,
    },
    /// Something is still being written or has yet to be read.
    NotQuiet {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// What was seen.
        detail: String,
    },
    /// A record of one of our own topics cannot be read.
    Unreadable {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Offset.
        offset: i64,
        /// Why.
        reason: String,
    },
}

impl Anomaly {
    /// Its name, without what was seen.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::LostEvents { .. } => "LostEvents",
            Self::DoubleCounted { .. } => "DoubleCounted",
            Self::Swapped { .. } => "Swapped",
            Self::LostRecord { .. } => "LostRecord",
            Self::DoublePublished { .. } => "DoublePublished",
            Self::Conservation { .. } => "Conservation",
            Self::FrontierFell { .. } => "FrontierFell",
            Self::WatermarkFell { .. } => "WatermarkFell",
            Self::WatermarkAhead { .. } => "WatermarkAhead",
            Self::WrongClockBelieved { .. } => "WrongClockBelieved",
            Self::TransactionNumber { .. } => "TransactionNumber",
            Self::CoveredBeyondFrontier { .. } => "CoveredBeyondFrontier",
            Self::DigestDiffers { .. } => "DigestDiffers",
            Self::StateWithoutFrontier { .. } => "StateWithoutFrontier",
            Self::PrefixDiffers { .. } => "PrefixDiffers",
            Self::LateDiffers { .. } => "LateDiffers",
            Self::LateTwice { .. } => "LateTwice",
            Self::LedgerBroken { .. } => "LedgerBroken",
            Self::LedgerDiffers { .. } => "LedgerDiffers",
            Self::ClosedTooEarly { .. } => "ClosedTooEarly",
            Self::NotClosed { .. } => "NotClosed",
            Self::OpenTransaction { .. } => "OpenTransaction",
            Self::NotQuiet { .. } => "NotQuiet",
            Self::Unreadable { .. } => "Unreadable",
        }
    }

    /// What a measure that must hold one thing and holds another is called; `None` where it is the same.
    pub(super) fn of_measure(place: AggregateKey, expected: Tally, found: Tally) -> Option<Self> {
        match found.events.cmp(&expected.events) {
            std::cmp::Ordering::Less => Some(Self::LostEvents { place, expected, found }),
            std::cmp::Ordering::Greater => Some(Self::DoubleCounted { place, expected, found }),
            std::cmp::Ordering::Equal if found.sum != expected.sum => Some(Self::Swapped { place, expected, found }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// What a record that must stand so often and stands so often is called; `None` where it is the same.
    pub(super) fn of_record(what: String, expected: usize, found: usize) -> Option<Self> {
        match found.cmp(&expected) {
            std::cmp::Ordering::Less => Some(Self::LostRecord { what, expected, found }),
            std::cmp::Ordering::Greater => Some(Self::DoublePublished { what, expected, found }),
            std::cmp::Ordering::Equal => None,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}
