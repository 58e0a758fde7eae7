//! Counters that reset: a reading below the one before it means that the counter began anew at zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::order::Order;
use crate::number::Exact;

/// Readings in the order of their events. Those that no period can tell apart any more are one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Run>", into = "Vec<Run>")]
pub(super) struct Counter {
    runs: BTreeMap<Order, Run>,
}

/// Neighbouring readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Run {
    first: Order,
    begins: Exact,
    last: Order,
    ends: Exact,
    /// How far it has counted from the first to the last.
    increase: Exact,
}

impl From<Vec<Run>> for Counter {
    fn from(runs: Vec<Run>) -> Self {
        Self { runs: runs.into_iter().map(|run| (run.first.clone(), run)).collect() }
    }
}

impl From<Counter> for Vec<Run> {
    fn from(counter: Counter) -> Self {
        counter.runs.into_values().collect()
    }
}

impl Counter {
    /// One reading.
    pub(super) fn observed(order: Order, reading: Exact) -> Self {
        let run = Run {
            first: order.clone(),
            begins: reading.clone(),
            last: order.clone(),
            ends: reading,
            increase: Exact::zero(),
        };
        Self { runs: BTreeMap::from([(order, run)]) }
    }

    /// Takes in other readings. True if there were new ones.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let before = self.runs.len();
        for (order, run) in &other.runs {
            // What falls into a run that was closed comes too late to be told apart.
            let closed = self.runs.range(..=order).next_back().is_some_and(|(_, known)| known.last >= *order);
            if !closed {
                self.runs.insert(order.clone(), run.clone());
            }
        }
        self.runs.len() > before
    }

    /// How far it has counted since the first reading.
    pub(super) fn increase(&self) -> Exact {
        let mut sum = Exact::zero();
        let mut before: Option<&Exact> = None;
        for run in self.runs.values() {
            if let Some(before) = before {
                sum = sum.add(&step(before, &run.begins));
            }
            sum = sum.add(&run.increase);
            before = Some(&run.ends);
        }
        sum
    }

    /// Makes one run of all readings.
    pub(super) fn close(&mut self) {
        let increase = self.increase();
        if let (Some((_, first)), Some((_, last))) = (self.runs.first_key_value(), self.runs.last_key_value()) {
            let run = Run {
                first: first.first.clone(),
                begins: first.begins.clone(),
                last: last.last.clone(),
                ends: last.ends.clone(),
                increase,
            };
            self.runs = BTreeMap::from([(run.first.clone(), run)]);
        }
    }
}

/// From one reading to the next.
fn step(before: &Exact, after: &Exact) -> Exact {
    if after < before { after.clone() } else { after.subtract(before) }
}
