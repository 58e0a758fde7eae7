//! Bands and boundaries that no case looks at.

use std::collections::BTreeSet;

use measurement::{
    bands::Limit,
    catalogue::{Construct, Decision},
    number::Exact,
};

use super::Found;

/// What cases came to.
#[derive(Debug, Default)]
pub(super) struct Seen {
    outcomes: BTreeSet<String>,
    values: BTreeSet<Exact>,
    intervals: bool,
}

impl Seen {
    pub(super) fn note(&mut self, found: &Found) {
        self.outcomes.insert(found.outcome.clone());
        self.values.extend(found.value.clone());
        self.intervals |= found.interval.is_some();
    }

    pub(super) fn outcome(&mut self, outcome: &str) {
        self.outcomes.insert(outcome.to_owned());
    }

    /// What was not looked at, in words.
    pub(super) fn gaps(&self, construct: &Construct) -> Vec<String> {
        let mut gaps = Vec::new();
        for band in construct.indicator.band_names() {
            if !self.outcomes.contains(band) {
                gaps.push(format!("no case comes to {band}"));
            }
        }
        if !self.outcomes.contains("no-data") {
            gaps.push("no case shows what becomes of a period without data".to_owned());
        }
        let history = construct.derived.iter().any(|derived| derived.formula.looks_back() > 0);
        if history && !self.outcomes.contains("insufficient-history") {
            gaps.push("no case shows what becomes of too little history".to_owned());
        }
        let minimum = construct.derived.iter().any(|derived| derived.minimum_denominator > 1);
        if minimum && !self.outcomes.contains("insufficient-n") && !self.outcomes.contains("suppressed") {
            gaps.push("no case has a denominator below the minimum".to_owned());
        }
        for criteria in &construct.indicator.criteria {
            let Decision::Bands(bands) = &criteria.decision else { continue };
            for range in bands.iter().flat_map(|band| &band.ranges) {
                if let Limit::Number(limit) = &range.lower.limit
                    && !self.values.contains(limit)
                    && !is_outer(limit, construct)
                {
                    gaps.push(format!("no case lies exactly on {}", limit.display(6)));
                }
            }
        }
        gaps
    }
}

/// Whether a limit is the lower end of everything: no band lies on its other side.
fn is_outer(limit: &Exact, construct: &Construct) -> bool {
    construct.indicator.criteria.iter().all(|criteria| {
        let Decision::Bands(bands) = &criteria.decision else { return true };
        let lower = bands.iter().flat_map(|band| &band.ranges).filter_map(|range| match &range.lower.limit {
            Limit::Number(lower) => Some(lower),
            Limit::Infinite | Limit::Parameter(..) => None,
        });
        lower.min() == Some(limit)
    })
}
