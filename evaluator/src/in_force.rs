//! What is judged by: the catalogue in force, and what of earlier ones is still stated.

use std::collections::{BTreeMap, BTreeSet};

use measurement::catalogue::Construct;
use programme::{Earlier, Programme, ProgrammeError};

use crate::{
    collect::{BaseName, Collected},
    decide::{Origin, Origins},
};

/// So many catalogues are looked back on for definitions of which there is nothing to count: formulas alone.
const LOOK_BACK: u64 = 8;

/// Definitions that were in force before and of which there is state, each by the last catalogue that had it; and which
/// catalogue brought each definition.
pub(crate) fn earlier(
    programme: &Programme,
    head: u64,
    collected: &Collected,
) -> Result<(Earlier, Origins), ProgrammeError> {
    let newest = programme.catalogue(head, &Earlier::new())?;
    let (mut earlier, mut origins) = (Earlier::new(), Origins::new());
    let defined: BTreeSet<&BaseName> = collected.defined().0.collect();
    let mut unexplained: BTreeSet<BaseName> = defined.iter().map(|name| (*name).clone()).collect();
    let mut known: BTreeSet<(String, String)> = BTreeSet::new();
    // What each construct is in the catalogue after the one that is looked at.
    let mut after: BTreeMap<String, String> = BTreeMap::new();
    let mut look = |sequence: u64, constructs: &[Construct]| {
        let here: BTreeMap<String, String> =
            constructs.iter().map(|construct| (construct.id.clone(), construct.digest.clone())).collect();
        for construct in constructs {
            let key = (construct.id.clone(), construct.digest.clone());
            if (after.get(&construct.id) == Some(&construct.digest) || !origins.contains_key(&key))
                && let Some(record) = programme.record(sequence)
            {
                let overlap = origins.get(&key).map_or_else(
                    || programme.record(sequence + 1).map_or(0, |next| next.overlap),
                    |known: &Origin| known.overlap,
                );
                let origin = Origin {
                    catalogue: sequence,
                    approver: record.approver,
                    reason: record.reason,
                    backcast_from: record.backcast_from,
                    overlap,
                };
                origins.insert(key.clone(), origin);
            }
            let bases: Vec<BaseName> = names(construct).collect();
            if known.insert(key) && sequence < head && bases.iter().all(|base| defined.contains(base)) {
                earlier.insert((sequence, construct.id.clone()));
            }
            for base in &bases {
                unexplained.remove(base);
            }
        }
        after = here;
        unexplained.is_empty() && head.saturating_sub(sequence) >= LOOK_BACK
    };
    look(head, &newest.constructs);
    // What lies before the first one that is there is lost.
    for sequence in (programme.first().max(1)..head).rev() {
        let enough = match programme.catalogue(sequence, &Earlier::new()) {
            Ok(older) => look(sequence, &older.constructs),
            // A build that understands less than the one that took it: nothing of it is stated.
            Err(ProgrammeError::Unsound { .. }) => false,
            Err(fault) => return Err(fault),
        };
        if enough {
            break;
        }
    }
    Ok((earlier, origins))
}

fn names(construct: &Construct) -> impl Iterator<Item = BaseName> {
    construct.base.iter().map(|base| BaseName {
        construct: construct.id.clone(),
        measure: base.name.clone(),
        definition: base.digest.clone(),
    })
}
