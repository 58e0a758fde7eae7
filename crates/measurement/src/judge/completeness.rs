//! Whether a figure stands although part of its input could not be read.
//!
//! What was refused, and what could not be decided, is in no figure for certain. More of it than the construct tolerates
//! leaves no band. Within the tolerance a band stands only if no value of what is missing could change it: the case is
//! judged again with the base measures moved as far as that may have moved them. How far a sum or a mean may have been
//! moved nobody knows: it keeps its band only where the construct itself states which share may be missing, and the
//! judgement says so.

use std::collections::BTreeSet;

use super::{
    asked::outcome_of,
    case::{Case, SourceInput, Unread},
};
use crate::{
    bands::Limit,
    catalogue::{BaseMeasure, Criteria, Decision},
    number::Exact,
    outcome::Outcome,
};

/// Up to so many measures that may have moved, every combination is tried; with more, each alone and all together.
const COMBINED: usize = 4;
/// The band that is never taken away because of characters that had to be replaced: alerts go by it.
const ALARM: &str = "red";

/// Why too much is missing for any band; `None` if it is within the tolerance.
pub(super) fn beyond(case: &Case<'_>, criteria: &Criteria) -> Option<String> {
    let Unread { events, rows, undecided } = case.unread;
    for SourceInput { source, read, refused, doubtful: _ } in events.iter().chain(rows) {
        if exceeds(criteria, *refused, *read) {
            let read = read.max(refused);
            return Some(format!("{refused} of {read} elements of {source} could not be read"));
        }
    }
    let measures = case.construct.base.iter().zip(undecided).zip(case.n);
    let ((measure, undecided), n) = measures.max_by_key(|((_, undecided), _)| **undecided)?;
    exceeds(criteria, *undecided, whole(case)).then(|| {
        let name = &measure.name;
        format!(
            "{undecided} could not be decided for `{name}` beside the {n} that count: something is mistyped or replaced"
        )
    })
}

/// Whether a part is a greater share of its whole than may be missing.
fn exceeds(criteria: &Criteria, part: u64, whole: u64) -> bool {
    let share = Exact::from(part).divide(&Exact::from(whole.max(part)));
    share.is_some_and(|share| share > criteria.tolerance())
}

/// What the measures look at, as far as it is known: all that came, or the most that was counted of it.
fn whole(case: &Case<'_>) -> u64 {
    let Unread { events, rows, undecided: _ } = case.unread;
    let read = |inputs: &[SourceInput]| Unread::sum(inputs, |input| input.read);
    case.n.iter().copied().fold(read(events).max(read(rows)), u64::max)
}

/// Whether a band stands: no value of what is missing could change it. The measures that may have moved by any amount,
/// which the construct tolerates, in words; or why it does not stand.
pub(super) fn stands(case: &Case<'_>, criteria: &Criteria, band: &Outcome) -> Result<Option<String>, String> {
    let needed = needed(case, criteria);
    // Whoever types such characters as a user name must not be able to take an alarm away. What is less than red stands
    // only if they could not have changed it.
    let doubt = *band != Outcome::Band(ALARM.to_owned());
    let mut moving: Vec<(usize, [Exact; 2])> = Vec::new();
    // Most that is missing of those that move by one each, and of those that move by any amount.
    let (mut most, mut most_of_all) = (0, 0);
    let mut tolerated: Vec<String> = Vec::new();
    for (index, measure) in case.construct.base.iter().enumerate().filter(|(index, _)| needed.contains(index)) {
        let (missing, wrong) = case.unread.of(index, measure, doubt);
        if missing == 0 {
            continue;
        }
        if !measure.fold.is_bounded() {
            if !is_tolerated(case, criteria, measure, (missing, doubt)) {
                return Err(format!("{missing} unread could have moved `{}` by any amount", measure.name));
            }
            most_of_all = most_of_all.max(missing);
            tolerated.push(format!("`{}`", measure.name));
            continue;
        }
        most = most.max(missing);
        let value = case.base.get(index).cloned().flatten().unwrap_or_else(Exact::zero);
        let least = value.subtract(&Exact::from(wrong)).max(Exact::zero());
        moving.push((index, [least, value.add(&Exact::from(missing))]));
    }
    let other = corners(&moving).into_iter().find_map(|corner| {
        let mut base = case.base.to_vec();
        for (index, value) in corner {
            if let Some(place) = base.get_mut(index) {
                *place = Some(value);
            }
        }
        let outcome = match outcome_of(&Case { base: &base, ..*case }, criteria) {
            // Of two counts each was moved alone, a part beyond its whole: on the way there lie the outermost band and
            // nothing else.
            (Outcome::OutOfBands, Some(value)) => outermost(case, criteria, &value).unwrap_or(Outcome::OutOfBands),
            (outcome, _) => outcome,
        };
        (outcome != *band).then_some(outcome)
    });
    match other {
        Some(outcome) => Err(format!("{most} unread could change {band} to {outcome}")),
        None if tolerated.is_empty() => Ok(None),
        None => {
            let names = tolerated.join(" and ");
            Ok(Some(format!("{most_of_all} unread could have moved {names} by any amount, which its tolerance allows")))
        }
    }
}

/// Whether the construct itself states that so much may be missing from a measure that has no bound: of each source
/// that it looks at, and of all together. A share that nobody has stated allows nothing.
fn is_tolerated(case: &Case<'_>, criteria: &Criteria, measure: &BaseMeasure, (missing, doubt): (u64, bool)) -> bool {
    let of_source = |input: &SourceInput| input.refused.saturating_add(if doubt { input.doubtful } else { 0 });
    criteria.tolerance.is_some()
        && !exceeds(criteria, missing, whole(case))
        && !case.unread.inputs(measure).iter().any(|input| exceeds(criteria, of_source(input), input.read))
}

/// The band that lies nearest to a value beyond all of them.
fn outermost(case: &Case<'_>, criteria: &Criteria, value: &Exact) -> Option<Outcome> {
    let Decision::Bands(bands) = &criteria.decision else { return None };
    let dimension_value = |name: &str| case.dimension_value(name);
    let ranges = || bands.iter().flat_map(|band| band.ranges.iter().map(move |range| (&band.name, range)));
    let end = |limit: &Limit| limit.resolve(&dimension_value);
    let highest = ranges().filter_map(|(name, range)| Some((end(&range.upper.limit)?, name))).max()?;
    let lowest = ranges().filter_map(|(name, range)| Some((end(&range.lower.limit)?, name))).min()?;
    let (_, name) = if *value >= highest.0 { highest } else { lowest };
    Some(Outcome::Band(name.clone()))
}

/// The base measures that the judgement asks, by index.
fn needed(case: &Case<'_>, criteria: &Criteria) -> BTreeSet<usize> {
    let count = case.construct.base.len();
    let mut slots: BTreeSet<usize> = criteria.asked.iter().copied().collect();
    slots.extend(criteria.expressions().flat_map(|expression| expression.slots().iter().copied()));
    // Each derived measure needs only earlier ones.
    for (index, derived) in case.construct.derived.iter().enumerate().rev() {
        if slots.contains(&(count + index)) {
            slots.extend(derived.formula.slots());
        }
    }
    slots.into_iter().filter(|slot| *slot < count).collect()
}

/// The ends of what measures may be, combined.
fn corners(moving: &[(usize, [Exact; 2])]) -> Vec<Vec<(usize, Exact)>> {
    if moving.len() <= COMBINED {
        return moving.iter().fold(vec![Vec::new()], |corners, (index, ends)| {
            let longer = |corner: &Vec<(usize, Exact)>, end: &Exact| {
                corner.iter().cloned().chain([(*index, end.clone())]).collect()
            };
            corners.iter().flat_map(|corner| ends.iter().map(move |end| longer(corner, end))).collect()
        });
    }
    let alone = moving.iter().flat_map(|(index, ends)| ends.iter().map(|end| vec![(*index, end.clone())]));
    let together = [0, 1].map(|end| {
        moving.iter().filter_map(|(index, ends)| Some((*index, ends.get(end)?.clone()))).collect::<Vec<_>>()
    });
    alone.chain(together).collect()
}
