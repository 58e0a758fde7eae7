//! What a judgement comes to.

use std::fmt;

/// What a judgement comes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A band of the construct.
    Band(String),
    /// A source sent nothing although its rhythm says it should have.
    NoData,
    /// A source fell silent before the period ended, time stood still, or too much of the input was not legible.
    Unvalidated,
    /// 0/0, or a ratio to nothing.
    NotApplicable,
    /// The denominator is below the construct's minimum.
    InsufficientN,
    /// The group is smaller than the privacy profile allows.
    Suppressed,
    /// The formula looks further back than there are results.
    InsufficientHistory,
    /// There is a value, and it lies beyond all bands.
    OutOfBands,
}

impl Outcome {
    /// All outcomes that are no band, by name.
    pub const WITHOUT_BAND: [&'static str; 7] = [
        "no-data",
        "unvalidated",
        "not-applicable",
        "insufficient-n",
        "suppressed",
        "insufficient-history",
        "out-of-bands",
    ];

    /// The name in ledger, metrics and reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Band(name) => name,
            Self::NoData => "no-data",
            Self::Unvalidated => "unvalidated",
            Self::NotApplicable => "not-applicable",
            Self::InsufficientN => "insufficient-n",
            Self::Suppressed => "suppressed",
            Self::InsufficientHistory => "insufficient-history",
            Self::OutOfBands => "out-of-bands",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
