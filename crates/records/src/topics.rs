//! The topics, all named after one prefix.

/// Names of Vernier's topics.
///
/// `events`, `measures` and `populations` have the same number of partitions: an aggregator task is
/// one partition of `events`, and its state lies in the same partition of the other two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Canonical events and progress records (retention by time).
    pub events: String,
    /// What ingest could not use, byte for byte (retention by time).
    pub dead_letter: String,
    /// Partial base measures, source activity and frontiers (compacted).
    pub measures: String,
    /// Rows of populations and seen chunks (compacted).
    pub populations: String,
    /// Events that came after the restatement horizon (retention by time).
    pub late: String,
    /// The ledger: one partition, kept for ever.
    pub results: String,
    /// Every catalogue that was ever in force: one partition, kept for ever.
    pub catalogue: String,
}

impl Topics {
    /// The topics under a prefix; the default prefix is `vernier`.
    pub fn new(prefix: &str) -> Self {
        let name = |topic: &str| format!("{prefix}.{topic}");
        Self {
            events: name("events"),
            dead_letter: name("dead-letter"),
            measures: name("measures"),
            populations: name("populations"),
            late: name("late"),
            results: name("results"),
            catalogue: name("catalogue"),
        }
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self::new("vernier")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_prefix() {
        assert_eq!(Topics::default().dead_letter, "vernier.dead-letter");
        assert_eq!(Topics::new("test-7").events, "test-7.events");
    }
}
