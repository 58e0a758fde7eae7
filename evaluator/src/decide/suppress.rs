//! Complementary suppression: what is hidden must not be the difference of what is shown.

use std::collections::BTreeMap;

use measurement::{catalogue::Construct, number::Exact};

use super::evaluated::Evaluated;

/// Hides the next smallest groups, and at last the total, until the hidden ones together are no smaller than the
/// privacy profile asks and more than one.
pub(super) fn complement(construct: &Construct, groups: &mut BTreeMap<Vec<String>, Evaluated>) {
    let least = i64::from(construct.minimum_group);
    loop {
        let size = |evaluated: &Evaluated| evaluated.group_size().cloned().filter(|size| !size.is_zero());
        let parts = || groups.iter().filter(|(group, _)| !group.is_empty());
        let hidden: Vec<Exact> =
            parts().filter(|(_, part)| part.is_hidden()).filter_map(|(_, part)| size(part)).collect();
        let together = hidden.iter().fold(Exact::zero(), |sum, size| sum.add(size));
        if hidden.is_empty() || (hidden.len() > 1 && together >= least) {
            return;
        }
        let shown = parts().filter(|(_, part)| !part.is_hidden());
        let next = shown.filter_map(|(group, part)| Some((size(part)?, group.clone()))).min();
        // With nothing left to hide among the groups, the total would tell.
        let next = next.map_or_else(Vec::new, |(_, group)| group);
        let Some(part) = groups.get_mut(&next).filter(|part| !part.is_hidden()) else {
            return;
        };
        part.hide("a smaller group could be computed from it");
    }
}
