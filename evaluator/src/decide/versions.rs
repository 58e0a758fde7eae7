//! Constructs that have more than one definition: which of them states which period.
//!
//! A definition that was followed by another one goes on to state the periods that begin before the first one of the
//! other, and to revise what it has published. Nothing that another definition has published is ever revised by it.

use std::collections::BTreeMap;

use measurement::{catalogue::Construct, time::Timestamp};

use super::{
    Evaluation,
    state::{ConstructState, PeriodState},
    whole::Standing,
};

/// Which catalogue brought a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its number.
    pub catalogue: u64,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// From when on it is entered beside results of the definitions before.
    pub backcast_from: Option<Timestamp>,
    /// For how many periods it goes on beside what has followed it: what the next catalogue says.
    pub overlap: u32,
}

/// By identifier of a construct and digest of its definition.
pub type Origins = BTreeMap<(String, String), Origin>;

impl Evaluation {
    /// Which catalogue brought the definition of a construct, where that is known.
    pub fn origin(&self, construct: &Construct) -> Option<&Origin> {
        self.origins.get(&(construct.id.clone(), construct.digest.clone()))
    }

    /// Whether some definition of a construct can be stated.
    pub(crate) fn is_stated(&self, id: &str) -> bool {
        let both = self.catalogue.constructs.iter().zip(&self.constructs);
        both.filter(|(construct, _)| construct.id == id)
            .any(|(_, state)| matches!(state.standing, Some(Standing::From(_))))
    }

    /// The newest period of a construct, in whatever definition it is stated, with the number of that: of all periods, or
    /// of those that `wanted` names.
    pub fn newest(&self, construct: usize, wanted: impl Fn(&PeriodState) -> bool) -> Option<(usize, &PeriodState)> {
        let id = &self.catalogue.constructs.get(construct)?.id;
        let all = self.catalogue.constructs.iter().enumerate().filter(|(_, other)| other.id == *id);
        let newest = all.filter_map(|(index, _)| Some((index, self.periods(index).rev().find(|state| wanted(state))?)));
        newest.max_by_key(|(_, state)| state.period.start)
    }

    /// The constructs that stand for their series: those in force, and of those that are not the newest of each.
    pub fn series(&self) -> impl Iterator<Item = (usize, &Construct)> {
        let all = self.catalogue.constructs.iter().enumerate();
        all.filter(|(index, construct)| {
            let mut before = self.catalogue.constructs.iter().take(*index);
            construct.ended.is_none() || !before.any(|other| other.id == construct.id)
        })
    }

    /// Whether a period that nobody has published yet is a construct's to state.
    pub(crate) fn is_own(&self, construct: usize, start: Timestamp) -> bool {
        self.constructs.get(construct).is_some_and(|state| state.is_own(start))
    }

    /// Whether what a definition says of a period that another one states is to be entered beside.
    pub(crate) fn is_beside(&self, construct: usize, start: Timestamp) -> bool {
        let (Some(own), Some(state)) = (self.catalogue.constructs.get(construct), self.constructs.get(construct))
        else {
            return false;
        };
        let Some(origin) = self.origin(own) else { return false };
        if own.ended.is_none() {
            return origin.backcast_from.is_some_and(|from| start >= from);
        }
        let Some(limit) = state.limit.filter(|limit| *limit > Timestamp::MIN && *limit <= start) else { return false };
        let mut period = own.calendar.period_at(own.period, limit);
        for _ in 0..origin.overlap {
            if period.start == start {
                return true;
            }
            period = own.calendar.next(own.period, &period);
        }
        false
    }

    /// Finds from when on another definition states what was stated by an earlier one. The newer ones come first.
    pub(super) fn set_limits(&mut self) {
        let mut first: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
        for (construct, state) in self.catalogue.constructs.iter().zip(&mut self.constructs) {
            let followed = first.get(construct.id.as_str()).copied();
            if construct.ended.is_some() {
                state.limit = followed.unwrap_or_else(|| end_of(construct, state, &self.collected));
            }
            let own = match state.standing {
                Some(Standing::From(first)) => Some(first),
                Some(Standing::Building(_)) | None => None,
            };
            let earliest = [followed.flatten(), own].into_iter().flatten().min();
            first.insert(&construct.id, earliest);
        }
    }
}

/// Where a construct ends that nothing follows: at the first boundary behind everything that was read before.
fn end_of(construct: &Construct, state: &ConstructState, collected: &crate::collect::Collected) -> Option<Timestamp> {
    let until = state.bases.iter().filter_map(|base| collected.ended(*base)).max()?;
    let period = construct.calendar.period_at(construct.period, until);
    Some(construct.calendar.next(construct.period, &period).start)
}
