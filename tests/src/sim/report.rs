//! What came of a run.

use std::fmt;

use measurement::time::Timestamp;

use super::broker::Counts;
use crate::Anomaly;

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// What the checker found.
    Anomaly(Anomaly),
    /// A process refuses to go on, although nothing was done that it must refuse.
    Refused {
        /// Which.
        process: String,
        /// What it says.
        reason: String,
    },
    /// An event is reported as late that came promptly after its time.
    LateThoughPrompt {
        /// Its identity.
        uid: String,
        /// Its time.
        time: Timestamp,
        /// Where time was held to stand when it was read.
        watermark: Timestamp,
    },
    /// After the faults, the pipeline does not come to the end of what there is to do.
    Stuck(String),
}

impl Wrong {
    /// Whether it is about how things stand at the end. Where late copies of commits are never told of, torn
    /// transactions can be seen for a while; what protects the data is in the data, and mends it.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Anomaly(anomaly) => !matches!(
                anomaly,
                Anomaly::Conservation { .. }
                    | Anomaly::FrontierFell { .. }
                    | Anomaly::WatermarkFell { .. }
                    | Anomaly::WatermarkAhead { .. }
                    | Anomaly::TransactionNumber { .. }
                    | Anomaly::CoveredBeyondFrontier { .. }
                    | Anomaly::DigestDiffers { .. }
                    | Anomaly::PrefixDiffers { .. }
                    | Anomaly::LateDiffers { .. }
                    | Anomaly::LateTwice { .. }
                    | Anomaly::ClosedTooEarly { .. }
            ),
            Self::Refused { .. } | Self::LateThoughPrompt { .. } | Self::Stuck(_) => true,
        }
    }

    /// Its name, without what was seen.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anomaly(anomaly) => anomaly.kind(),
            Self::Refused { .. } => "Refused",
            Self::LateThoughPrompt { .. } => "LateThoughPrompt",
            Self::Stuck(_) => "Stuck",
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Steps of the scheduler, those after the faults too.
    pub steps: u64,
    /// Processes killed.
    pub kills: u64,
    /// Processes paused.
    pub pauses: u64,
    /// Processes that ended by themselves and were started again.
    pub ended: u64,
    /// Source records written.
    pub records: u64,
    /// Whether repeats were kept from aggregators and evaluators.
    pub blind: bool,
    /// What happened on the log.
    pub counts: Counts,
    /// What was wrong.
    pub wrong: Vec<Wrong>,
    /// Hash of the trace.
    pub trace: u64,
    /// The newest lines of the trace, if something was wrong.
    pub tail: String,
}

impl Report {
    /// Whether there is no sense in going on.
    pub(super) fn is_over(&self) -> bool {
        !self.wrong.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "seed {}: {} steps, {} kills, {} pauses, {} records, {:?}",
            self.seed, self.steps, self.kills, self.pauses, self.records, self.counts
        )?;
        write!(formatter, "{}", self.tail)?;
        for wrong in self.wrong.iter().take(8) {
            writeln!(formatter, "WRONG {}: {wrong:?}", wrong.kind())?;
        }
        writeln!(formatter, "{} things are wrong with seed {}", self.wrong.len(), self.seed)
    }
}
