//! The measures of events over all partitions, beside the recount.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use records::{AggregateKey, Late, decode};

use super::{
    anomaly::{Anomaly, Tally},
    input::Recount,
    plan::Plan,
    scan::Topic,
    tasks::Walked,
};

/// What every measure must hold: what was sent, less what was reported as late for its construct.
pub(super) fn wanted(plan: &Plan<'_>, recount: &Recount, late: &Topic) -> BTreeMap<AggregateKey, Tally> {
    let mut cells = recount.cells.clone();
    let mut known = HashSet::new();
    for record in late.values().flatten() {
        let Ok(late) = decode::<Late>("late", record.value.as_deref().unwrap_or_default()) else { continue };
        // A second report of one event takes nothing away: it was sent once.
        let identity = (late.source, late.uid);
        let Some(sent) = recount.events.get(&identity).filter(|_| known.insert(identity.clone())) else { continue };
        for share in plan.shares(&sent.event) {
            if late.constructs.contains(&share.place.construct)
                && let Some(cell) = cells.get_mut(&share.place)
            {
                cell.take(share.adds);
            }
        }
    }
    cells
}

/// Compares.
pub(super) fn check(wanted: &BTreeMap<AggregateKey, Tally>, walked: &[Walked<'_>]) -> Vec<Anomaly> {
    let mut found: BTreeMap<&AggregateKey, Tally> = BTreeMap::new();
    for (place, tally) in walked.iter().flat_map(|walked| &walked.found) {
        found.entry(place).or_default().add(*tally);
    }
    let places: BTreeSet<&AggregateKey> = wanted.keys().chain(found.keys().copied()).collect();
    places
        .into_iter()
        .filter_map(|place| {
            let of = |tally: Option<&Tally>| tally.copied().unwrap_or_default();
            Anomaly::of_measure(place.clone(), of(wanted.get(place)), of(found.get(place)))
        })
        .collect()
}
