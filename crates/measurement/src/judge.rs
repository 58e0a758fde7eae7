//! From base measures to a judgement: derived measures, bands, and the reasons why there is none.

mod case;
mod asked;
mod completeness;
mod confidence;

use asked::{Asked, compute};
pub use case::{Case, SourceInput, Sources, Unread};

use crate::{catalogue::Confidence, number::Exact, outcome::Outcome, value::Value};

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Values by slot: base measures, then derived measures.
    pub values: Vec<Option<Exact>>,
    /// The indicator's value.
    pub value: Option<Exact>,
    /// Numerator and denominator, where the indicator is a ratio.
    pub fraction: Option<(Exact, Exact)>,
    /// What it comes to.
    pub outcome: Outcome,
    /// Why there is no band, which rule changed it, or what is missing from it although it stands.
    pub because: Option<String>,
    /// `rising`, `falling` or `level` against the previous period.
    pub trend: Option<&'static str>,
    /// 95 % interval of the indicator's value, where its construct asks for one.
    pub interval: Option<(Exact, Exact)>,
    /// Digest of the criteria by which it was judged.
    pub criteria: String,
    /// How many are behind the figure, where the construct has a privacy profile.
    pub group_size: Option<Exact>,
}

/// Judges.
pub fn judge(case: &Case<'_>) -> Judgement {
    let construct = case.construct;
    let measures = construct.base.len() + construct.derived.len();
    let nothing = |because: Option<String>| Judgement {
        values: vec![None; measures],
        value: None,
        fraction: None,
        outcome: Outcome::NoData,
        because,
        trend: None,
        interval: None,
        criteria: String::new(),
        group_size: None,
    };
    let Some(criteria) = construct.indicator.in_force(&case.period) else { return nothing(None) };
    if let Sources::Silent(reason) = case.sources {
        // Nothing is known, so nothing is stated: not even a zero.
        return Judgement { criteria: criteria.digest.clone(), ..nothing(Some(reason.clone())) };
    }
    let (slots, ratios) = compute(case);
    let values: Vec<Option<Exact>> = slots.iter().take(measures).map(Value::to_exact).collect();
    let value = values.get(construct.indicator.slot).cloned().flatten();
    let index = construct.indicator.slot.checked_sub(construct.base.len());
    let fraction = index.and_then(|index| ratios.get(index)).and_then(|ratio| ratio.fraction.clone());
    let asked = Asked { case, criteria, slots: &slots, ratios: &ratios };
    let (outcome, because) = asked.outcome(value.as_ref(), completeness::beyond(case, criteria));
    let stands = match outcome {
        Outcome::Band(_) => completeness::stands(case, criteria, &outcome),
        _ => Ok(None),
    };
    let (outcome, because) = match stands {
        Ok(tolerated) => (outcome, because.into_iter().chain(tolerated).reduce(|rule, too| format!("{rule}; {too}"))),
        Err(reason) => (Outcome::Unvalidated, Some(reason)),
    };
    let interval = index.and_then(|index| construct.derived.get(index)).and_then(|derived| {
        let (top, bottom) = fraction.as_ref().filter(|_| derived.confidence == Confidence::Wilson)?;
        confidence::wilson(top, bottom, &derived.unit)
    });
    let trend = trend(case, value.as_ref());
    let group_size = if construct.minimum_group > 0 { asked.group_size() } else { None };
    let criteria = criteria.digest.clone();
    Judgement { values, value, fraction, outcome, because, trend, interval, criteria, group_size }
}

fn trend(case: &Case<'_>, value: Option<&Exact>) -> Option<&'static str> {
    let before = case.earlier.value(case.construct.indicator.slot, 1)?.to_exact()?;
    Some(match value?.cmp(&before) {
        std::cmp::Ordering::Less => "falling",
        std::cmp::Ordering::Equal => "level",
        std::cmp::Ordering::Greater => "rising",
    })
}

#[cfg(test)]
mod tests;
