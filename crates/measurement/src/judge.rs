//! From base measures to a judgement: derived measures, bands, and the reasons why there is none.

use std::{cell::Cell, fmt};

use crate::{
    calendar::Period,
    catalogue::Construct,
    expression::{Context, History},
    number::Exact,
    time::Timestamp,
    value::Value,
};

/// What a judgement comes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A band of the construct.
    Band(String),
    /// A source sent nothing although its rhythm says it should have.
    NoData,
    /// A source fell silent before the period ended, or time stood still.
    Unvalidated,
    /// 0/0, or a ratio to nothing.
    NotApplicable,
    /// The denominator is below the construct's minimum.
    InsufficientN,
    /// The group is smaller than the privacy profile allows.
    Suppressed,
    /// The formula looks further back than there are results.
    InsufficientHistory,
}

impl Outcome {
    /// All outcomes that are no band, by name.
    pub const WITHOUT_BAND: [&'static str; 6] =
        ["no-data", "unvalidated", "not-applicable", "insufficient-n", "suppressed", "insufficient-history"];

    /// The name in ledger, metrics and reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Band(name) => name,
            Self::NoData => "no-data",
            Self::Unvalidated => "unvalidated",
            Self::NotApplicable => "not-applicable",
            Self::InsufficientN => "insufficient-n",
            Self::Suppressed => "suppressed",
            Self::InsufficientHistory => "insufficient-history",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How the sources of a construct did in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// All were alive to the end.
    Alive,
    /// One sent nothing; in words.
    Silent(String),
    /// One fell silent before the end, or time stood still; in words.
    Stale(String),
}

/// What is judged.
pub struct Case<'a> {
    /// The construct.
    pub construct: &'a Construct,
    /// The period.
    pub period: Period,
    /// The moment of looking.
    pub as_of: Timestamp,
    /// One value per dimension; null for the total.
    pub group: &'a [Value],
    /// One value per base measure; `None` where it is not defined.
    pub base: &'a [Option<Exact>],
    /// How the sources did.
    pub sources: &'a Sources,
    /// Earlier values, by slot of the construct's formulas.
    pub earlier: &'a dyn History,
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Case")
            .field("construct", &self.construct.id)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

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
    /// Why there is no band, or which rule changed it.
    pub because: Option<String>,
    /// `rising`, `falling` or `level` against the previous period.
    pub trend: Option<&'static str>,
}

/// Earlier values with the current ones in front, noting whether something was missing.
struct Recall<'a> {
    current: &'a [Value],
    earlier: &'a dyn History,
    missing: Cell<bool>,
}

impl History for Recall<'_> {
    fn value(&self, slot: usize, back: u32) -> Option<Value> {
        let value = match back {
            0 => self.current.get(slot).cloned(),
            back => self.earlier.value(slot, back),
        };
        let value = value.filter(|value| !value.is_null());
        if value.is_none() && back > 0 {
            self.missing.set(true);
        }
        value
    }
}

/// Judges.
pub fn judge(case: &Case<'_>) -> Judgement {
    let construct = case.construct;
    if let Sources::Silent(reason) = case.sources {
        // Nothing is known, so nothing is stated: not even a zero.
        let values = vec![None; construct.base.len() + construct.derived.len()];
        return Judgement {
            values,
            value: None,
            fraction: None,
            outcome: Outcome::NoData,
            because: Some(reason.clone()),
            trend: None,
        };
    }
    let number = |value: &Option<Exact>| value.clone().map_or(Value::Null, Value::from_exact);
    let mut slots: Vec<Value> = case.base.iter().map(number).collect();
    slots.resize(construct.base.len() + construct.derived.len(), Value::Null);
    slots.extend(case.group.iter().cloned());
    let mut fraction = None;
    let mut missing = false;
    let mut minimum = 0;
    for (index, derived) in construct.derived.iter().enumerate() {
        let slot = construct.base.len() + index;
        let recall = Recall { current: &slots, earlier: case.earlier, missing: Cell::new(false) };
        let context = context(case, &slots, &recall);
        let value = derived.formula.evaluate(&context);
        if slot == construct.indicator.slot {
            fraction = derived
                .formula
                .fraction(&context)
                .and_then(|(top, bottom)| Some((top.to_exact()?, bottom.to_exact()?)));
            minimum = derived.minimum_denominator;
            missing = recall.missing.get();
        }
        if let Some(place) = slots.get_mut(slot) {
            *place = value;
        }
    }
    let values: Vec<Option<Exact>> =
        slots.iter().take(construct.base.len() + construct.derived.len()).map(Value::to_exact).collect();
    let value = values.get(construct.indicator.slot).cloned().flatten();
    let trend = trend(case, value.as_ref());
    let (outcome, because) = outcome(case, &slots, value.as_ref(), fraction.as_ref(), minimum, missing);
    Judgement { values, value, fraction, outcome, because, trend }
}

fn context<'a>(case: &Case<'a>, slots: &'a [Value], history: &'a dyn History) -> Context<'a> {
    Context { slots, period: case.period, as_of: case.as_of, calendar: &case.construct.calendar, history }
}

fn trend(case: &Case<'_>, value: Option<&Exact>) -> Option<&'static str> {
    let before = case.earlier.value(case.construct.indicator.slot, 1)?.to_exact()?;
    Some(match value?.cmp(&before) {
        std::cmp::Ordering::Less => "falling",
        std::cmp::Ordering::Equal => "level",
        std::cmp::Ordering::Greater => "rising",
    })
}

fn outcome(
    case: &Case<'_>,
    slots: &[Value],
    value: Option<&Exact>,
    fraction: Option<&(Exact, Exact)>,
    minimum: u32,
    missing: bool,
) -> (Outcome, Option<String>) {
    let construct = case.construct;
    // A small group stays hidden whatever else is to be said of it.
    if construct.minimum_group > 0
        && let Some((_, denominator)) = fraction
        && !denominator.is_zero()
        && *denominator < i64::from(construct.minimum_group)
    {
        return (Outcome::Suppressed, Some(format!("fewer than {} in the group", construct.minimum_group)));
    }
    if let Sources::Stale(reason) = case.sources {
        return (Outcome::Unvalidated, Some(reason.clone()));
    }
    if missing {
        return (Outcome::InsufficientHistory, Some(format!("needs {} earlier periods", construct.looks_back())));
    }
    if let Some((numerator, denominator)) = fraction {
        if denominator.is_zero() {
            let reason =
                if numerator.is_zero() { "0/0".to_owned() } else { format!("from zero: {}/0", numerator.display(3)) };
            return (Outcome::NotApplicable, Some(reason));
        }
        if *denominator < i64::from(minimum) {
            return (
                Outcome::InsufficientN,
                Some(format!("n is {}, at least {minimum} are needed", denominator.display(0))),
            );
        }
    }
    let Some(value) = value else {
        return (Outcome::NotApplicable, Some("the value is not defined".to_owned()));
    };
    let dimension_value = |name: &str| {
        let index = construct.dimensions.iter().position(|dimension| dimension.name == name);
        index.and_then(|index| case.group.get(index)).cloned().unwrap_or_default()
    };
    let Some(band) = construct.indicator.bands.iter().find(|band| band.contains(value, &dimension_value)) else {
        return (Outcome::NotApplicable, Some("the value lies outside all bands".to_owned()));
    };
    for rule in construct.indicator.adjust.iter().filter(|rule| rule.band == band.name) {
        let recall = Recall { current: slots, earlier: case.earlier, missing: Cell::new(false) };
        if rule.when.matches(&context(case, slots, &recall)) {
            return (
                Outcome::Band(rule.to.clone()),
                Some(format!("{} changed to {}: {}", rule.band, rule.to, rule.when.text())),
            );
        }
    }
    (Outcome::Band(band.name.clone()), None)
}

#[cfg(test)]
mod tests;
