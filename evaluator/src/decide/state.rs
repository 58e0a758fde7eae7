//! What is known of the periods of a construct.

use std::collections::{BTreeMap, BTreeSet};

use measurement::{calendar::Period, time::Timestamp};
use records::Quality;

use super::{evaluated::Evaluated, life::Life, whole::Standing};
use crate::collect::BaseId;

/// Where a period is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Running.
    Open,
    /// Over; late events of the sources are still awaited.
    Closing,
    /// Judged.
    Final,
}

/// Whether a state is of a silence of many periods, in none of which a source told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody has told anything since.
    Lasting,
    /// Something was told at its end.
    Over,
}

/// One period of one construct, or a long silence.
#[derive(Clone, Debug)]
pub struct PeriodState {
    /// The period; all periods of a silence together.
    pub period: Period,
    /// Whether it is a silence of many periods.
    pub silence: Option<Silence>,
    /// Where it is in its life.
    pub phase: Phase,
    /// Whether it was closed because time stood still.
    pub stalled: bool,
    /// Judgements by group: the values of the dimensions, in their order; empty for the total.
    pub groups: BTreeMap<Vec<String>, Evaluated>,
    /// How the sources did.
    pub quality: Quality,
}

/// One construct.
#[derive(Debug, Default)]
pub(super) struct ConstructState {
    /// Its base measures, as they were collected.
    pub(super) bases: Vec<BaseId>,
    /// Start of the first period that another definition states, where one has followed.
    pub(super) limit: Option<Timestamp>,
    /// Whether it can be stated, as it was found last.
    pub(super) standing: Option<Standing>,
    /// By start; each begins where the one before it ends.
    pub(super) periods: BTreeMap<Timestamp, PeriodState>,
    /// Starts of those that are silences.
    pub(super) silences: BTreeSet<Timestamp>,
    pub(super) life: Life,
    /// Periods to be judged anew.
    pub(super) dirty: BTreeSet<Timestamp>,
    /// Periods that the watermark has not closed.
    pub(super) unfinished: BTreeSet<Timestamp>,
    /// Watermark at the last judgement, and since when by the clock.
    pub(super) watermark: Option<(Timestamp, Timestamp)>,
}

impl ConstructState {
    /// Whether a period is its own to state, and no other definition's.
    pub(super) fn is_own(&self, start: Timestamp) -> bool {
        self.limit.is_none_or(|limit| start < limit)
    }
}
