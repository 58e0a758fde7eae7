//! Options.

/// What can be set for the evaluator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Prefix of our own topics and of the transactional id.
    pub prefix: String,
    /// How long the watermark of a construct may stand still, by the clock, before due periods are
    /// closed as `unvalidated`; in milliseconds, 0 for never.
    pub stall_limit: i64,
    /// Hash of the last entry of a ledger that is lost for good: it is begun again.
    pub accept_lost_ledger: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { prefix: "vernier".to_owned(), stall_limit: 6 * 3_600_000, accept_lost_ledger: None }
    }
}
