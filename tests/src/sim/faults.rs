//! Which faults there are, and how often.

/// Which hidden repeats of requests the client keeps to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blind {
    /// None: [`streaming::Producer::repeats`] counts them all.
    #[default]
    No,
    /// Those of aggregators and evaluators. Late copies are of commits alone: what protects their data is in the data.
    State,
    /// All of them.
    All,
}

/// Chances in ten thousand, each of a call, and longest times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A request to end a transaction or to add its offsets is delayed in the network, and repeated by the client.
    pub delayed: i64,
    /// The answer is lost, and the request is repeated after it was done.
    pub unanswered: i64,
    /// Request or answer is lost for good: nobody knows the outcome.
    pub lost: i64,
    /// A request that begins a transaction, or adds a partition to it, comes once more later.
    pub added_late: i64,
    /// A request is answered by "cannot be reached".
    pub unavailable: i64,
    /// A poll brings nothing although there is something.
    pub empty_poll: i64,
    /// The coordinator of a group has forgotten an offset for a moment.
    pub amnesia: i64,
    /// Longest time until a marker of a transaction is written.
    pub marker_delay: i64,
    /// Longest time until a late copy comes.
    pub copy_delay: i64,
    /// Longest time until a group has agreed on who owns what.
    pub rebalance_delay: i64,
    /// Time that passes with each call, at most.
    pub call: i64,
    /// Which repeats the client keeps to itself.
    pub blind: Blind,
}

impl Faults {
    /// No fault, and no time that passes by itself.
    pub const NONE: Self = Self {
        delayed: 0,
        unanswered: 0,
        lost: 0,
        added_late: 0,
        unavailable: 0,
        empty_poll: 0,
        amnesia: 0,
        marker_delay: 0,
        copy_delay: 0,
        rebalance_delay: 0,
        call: 0,
        blind: Blind::No,
    };

    /// No fault, but everything takes its time.
    pub const SLOW: Self = Self { marker_delay: 1000, rebalance_delay: 500, call: 2, ..Self::NONE };
}
