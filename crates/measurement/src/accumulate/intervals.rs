//! How long something lasted, overlaps counted once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Disjoint intervals `[start, end)` by what they are about, sorted, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intervals {
    parts: BTreeMap<String, Vec<(Timestamp, Timestamp)>>,
}

impl Intervals {
    /// Takes in an interval.
    pub fn add(&mut self, part: String, from: Timestamp, to: Timestamp) {
        if from >= to {
            return;
        }
        let known = self.parts.entry(part).or_default();
        // All that it overlaps or touches become one with it.
        let first = known.partition_point(|(_, end)| *end < from);
        let last = known.partition_point(|(start, _)| *start <= to);
        let mut whole = (from, to);
        for (start, end) in known.drain(first..last) {
            whole = (whole.0.min(start), whole.1.max(end));
        }
        known.insert(first, whole);
    }

    /// Takes in the intervals of another.
    pub fn merge(&mut self, other: &Self) {
        for (part, intervals) in &other.parts {
            for (from, to) in intervals {
                self.add(part.clone(), *from, *to);
            }
        }
    }

    /// Length of all in milliseconds: what different parts share counts for each.
    pub fn length(&self) -> i64 {
        let lengths = self.parts.values().flatten().map(|(from, to)| to.0.saturating_sub(from.0));
        lengths.fold(0, i64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Counted minute by minute, the length is the same.
        #[test]
        fn the_length_is_what_is_covered(intervals in prop::collection::vec((0_i64..60, 0_i64..20, 0_u8..2), 0..20)) {
            let mut union = Intervals::default();
            let mut covered = std::collections::BTreeSet::new();
            for (from, length, part) in &intervals {
                union.add(part.to_string(), Timestamp(*from), Timestamp(from + length));
                covered.extend((*from..from + length).map(|at| (at, *part)));
            }
            prop_assert_eq!(union.length(), i64::try_from(covered.len()).unwrap());
            for known in union.parts.values() {
                prop_assert!(known.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
