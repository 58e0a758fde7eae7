//! From base measures to a judgement: derived measures, bands, and the reasons why there is none.

mod completeness;
mod confidence;

use std::{cell::Cell, fmt};

pub use completeness::{SourceInput, Unread};

use crate::{
    calendar::Period,
    catalogue::{Confidence, Construct, Criteria, Decision, Rule},
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
    /// A source fell silent before the period ended, time stood still, or too much of the input was not legible.
    Unvalidated,
    /// 0/0, or a ratio to nothing.
    NotApplicable,
    /// The denominator is below the construct's minimum.
    InsufficientN,
    /// The group is smaller than the privacy profile allows.
    Suppressed,
    /// The formula looks further back than there are results.
    InsufficientHistory,
    /// There is a value, and it lies beyond all bands.
    OutOfBands,
}

impl Outcome {
    /// All outcomes that are no band, by name.
    pub const WITHOUT_BAND: [&'static str; 7] = [
        "no-data",
        "unvalidated",
        "not-applicable",
        "insufficient-n",
        "suppressed",
        "insufficient-history",
        "out-of-bands",
    ];

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
            Self::OutOfBands => "out-of-bands",
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
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The construct.
    pub construct: &'a Construct,
    /// The period, whose start decides which criteria hold.
    pub period: Period,
    /// What the result looks at: the period, or a window that ends with it.
    pub window: Period,
    /// The moment of looking.
    pub as_of: Timestamp,
    /// One value per dimension; null for the total.
    pub group: &'a [Value],
    /// One value per base measure; `None` where it is not defined.
    pub base: &'a [Option<Exact>],
    /// How many events or rows are behind each base measure.
    pub n: &'a [u64],
    /// How the sources did.
    pub sources: &'a Sources,
    /// What of their input is in no figure.
    pub unread: &'a Unread,
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

impl Case<'_> {
    /// The value of a dimension; null for the total.
    fn dimension_value(&self, name: &str) -> Value {
        let index = self.construct.dimensions.iter().position(|dimension| dimension.name == name);
        index.and_then(|index| self.group.get(index)).cloned().unwrap_or_default()
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

/// What is known of one derived measure beside its value.
#[derive(Clone, Debug, Default)]
struct Ratio {
    fraction: Option<(Exact, Exact)>,
    /// Whether its formula looked further back than there are results.
    missing: bool,
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
    let (outcome, because) = asked.outcome(value.as_ref());
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

/// What a case comes to, and its value.
fn outcome_of(case: &Case<'_>, criteria: &Criteria) -> (Outcome, Option<Exact>) {
    let (slots, ratios) = compute(case);
    let value = slots.get(case.construct.indicator.slot).and_then(Value::to_exact);
    let (outcome, _) = Asked { case, criteria, slots: &slots, ratios: &ratios }.outcome(value.as_ref());
    (outcome, value)
}

/// All values by slot, and what is known of derived measures beside theirs.
fn compute(case: &Case<'_>) -> (Vec<Value>, Vec<Ratio>) {
    let construct = case.construct;
    let number = |value: &Option<Exact>| value.clone().map_or(Value::Null, Value::from_exact);
    let mut slots: Vec<Value> = case.base.iter().map(number).collect();
    slots.resize(construct.base.len() + construct.derived.len(), Value::Null);
    slots.extend(case.group.iter().cloned());
    let mut ratios = Vec::with_capacity(construct.derived.len());
    for (index, derived) in construct.derived.iter().enumerate() {
        let recall = Recall { current: &slots, earlier: case.earlier, missing: Cell::new(false) };
        let context = context(case, &slots, &recall);
        let value = derived.formula.evaluate(&context);
        let fraction =
            derived.formula.fraction(&context).and_then(|(top, bottom)| Some((top.to_exact()?, bottom.to_exact()?)));
        ratios.push(Ratio { fraction, missing: recall.missing.get() });
        if let Some(place) = slots.get_mut(construct.base.len() + index) {
            *place = value;
        }
    }
    (slots, ratios)
}

fn context<'a>(case: &Case<'a>, slots: &'a [Value], history: &'a dyn History) -> Context<'a> {
    Context { slots, period: case.window, as_of: case.as_of, calendar: &case.construct.calendar, history }
}

fn trend(case: &Case<'_>, value: Option<&Exact>) -> Option<&'static str> {
    let before = case.earlier.value(case.construct.indicator.slot, 1)?.to_exact()?;
    Some(match value?.cmp(&before) {
        std::cmp::Ordering::Less => "falling",
        std::cmp::Ordering::Equal => "level",
        std::cmp::Ordering::Greater => "rising",
    })
}

type Reason = (Outcome, Option<String>);

/// The criteria, asked on the values.
struct Asked<'a> {
    case: &'a Case<'a>,
    criteria: &'a Criteria,
    slots: &'a [Value],
    ratios: &'a [Ratio],
}

impl Asked<'_> {
    fn outcome(&self, value: Option<&Exact>) -> Reason {
        // A small group stays hidden whatever else is to be said of it.
        let least = self.case.construct.minimum_group;
        if least > 0 && self.group_size().is_some_and(|n| !n.is_zero() && n < i64::from(least)) {
            return (Outcome::Suppressed, Some(format!("fewer than {least} in the group")));
        }
        if let Some(reason) = completeness::beyond(self.case, self.criteria) {
            return (Outcome::Unvalidated, Some(reason));
        }
        if let Sources::Stale(reason) = self.case.sources {
            return (Outcome::Unvalidated, Some(reason.clone()));
        }
        if let Some(reason) = self.gate().or_else(|| self.unfit()) {
            return reason;
        }
        let Some(value) = value else {
            return (Outcome::NotApplicable, Some("the value is not defined".to_owned()));
        };
        let (outcome, because) = match &self.criteria.decision {
            Decision::Bands(_) => self.band(value),
            Decision::Rules(rules) => self.rule(rules),
        };
        self.adjusted(outcome, because)
    }

    /// The derived measures that decide, with what is known of them.
    fn asked(&self) -> impl Iterator<Item = (usize, &Ratio)> {
        let base = self.case.construct.base.len();
        let derived = self.criteria.asked.iter().filter_map(move |slot| slot.checked_sub(base));
        derived.filter_map(|index| Some((index, self.ratios.get(index)?)))
    }

    /// How many are behind the figure: the least denominator that is asked, or the least count of a base measure.
    fn group_size(&self) -> Option<Exact> {
        let bottoms = self.asked().filter_map(|(_, ratio)| ratio.fraction.as_ref()).map(|(_, bottom)| bottom.clone());
        let counts = self.criteria.asked.iter().filter_map(|slot| self.case.n.get(*slot)).map(|n| Exact::from(*n));
        bottoms.min().or_else(|| counts.min())
    }

    fn gate(&self) -> Option<Reason> {
        let recall = Recall { current: self.slots, earlier: self.case.earlier, missing: Cell::new(false) };
        let context = context(self.case, self.slots, &recall);
        let gate = self.criteria.gates.iter().find(|gate| gate.when.matches(&context))?;
        Some((gate.outcome.clone(), Some(gate.when.text().to_owned())))
    }

    /// Why nothing can be judged: too little history, too small or no denominator.
    fn unfit(&self) -> Option<Reason> {
        let construct = self.case.construct;
        if self.asked().any(|(_, ratio)| ratio.missing) {
            return Some(self.insufficient_history());
        }
        for (index, ratio) in self.asked() {
            let Some((numerator, denominator)) = &ratio.fraction else { continue };
            if denominator.is_zero() {
                let reason = if numerator.is_zero() {
                    "0/0".to_owned()
                } else {
                    format!("from zero: {}/0", numerator.display(3))
                };
                return Some((Outcome::NotApplicable, Some(reason)));
            }
            let minimum = construct.derived.get(index).map_or(0, |derived| derived.minimum_denominator);
            if *denominator < i64::from(minimum) {
                let reason = format!("n is {}, at least {minimum} are needed", denominator.display(0));
                return Some((Outcome::InsufficientN, Some(reason)));
            }
        }
        None
    }

    fn insufficient_history(&self) -> Reason {
        let reason = format!("needs {} earlier periods", self.case.construct.looks_back());
        (Outcome::InsufficientHistory, Some(reason))
    }

    fn band(&self, value: &Exact) -> Reason {
        let Decision::Bands(bands) = &self.criteria.decision else { return self.rule(&[]) };
        let dimension_value = |name: &str| self.case.dimension_value(name);
        match bands.iter().find(|band| band.contains(value, &dimension_value)) {
            Some(band) => (Outcome::Band(band.name.clone()), None),
            None => (Outcome::OutOfBands, Some("the value lies beyond all bands".to_owned())),
        }
    }

    /// The first rule that holds. One of which it is not known stops the search: a later one must not win by ignorance.
    fn rule(&self, rules: &[Rule]) -> Reason {
        for rule in rules {
            let Some(when) = &rule.when else { return (Outcome::Band(rule.band.clone()), None) };
            let recall = Recall { current: self.slots, earlier: self.case.earlier, missing: Cell::new(false) };
            match when.evaluate(&context(self.case, self.slots, &recall)) {
                Value::Bool(true) => return (Outcome::Band(rule.band.clone()), Some(when.text().to_owned())),
                Value::Bool(false) => {}
                _ if recall.missing.get() => return self.insufficient_history(),
                _ => {
                    let reason = format!("not known: {}", when.text());
                    return (Outcome::NotApplicable, Some(reason));
                }
            }
        }
        (Outcome::OutOfBands, Some("no rule holds".to_owned()))
    }

    fn adjusted(&self, outcome: Outcome, because: Option<String>) -> Reason {
        let Outcome::Band(name) = &outcome else { return (outcome, because) };
        for rule in self.criteria.adjust.iter().filter(|rule| rule.band == *name) {
            let recall = Recall { current: self.slots, earlier: self.case.earlier, missing: Cell::new(false) };
            if rule.when.matches(&context(self.case, self.slots, &recall)) {
                let reason = format!("{} changed to {}: {}", rule.band, rule.to, rule.when.text());
                return (Outcome::Band(rule.to.clone()), Some(reason));
            }
        }
        (outcome, because)
    }
}

#[cfg(test)]
mod tests;
