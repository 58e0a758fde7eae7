//! The measures and criteria of a case, asked in their order.

use std::cell::Cell;

use super::case::{Case, Sources};
use crate::{
    catalogue::{Criteria, Decision, Rule},
    expression::{Context, History},
    number::Exact,
    outcome::Outcome,
    value::Value,
};

/// What is known of one derived measure beside its value.
#[derive(Clone, Debug, Default)]
pub(super) struct Ratio {
    pub(super) fraction: Option<(Exact, Exact)>,
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

/// What a case comes to as if nothing of its input were missing, and its value.
pub(super) fn outcome_of(case: &Case<'_>, criteria: &Criteria) -> (Outcome, Option<Exact>) {
    let (slots, ratios) = compute(case);
    let value = slots.get(case.construct.indicator.slot).and_then(Value::to_exact);
    let (outcome, _) = Asked { case, criteria, slots: &slots, ratios: &ratios }.outcome(value.as_ref(), None);
    (outcome, value)
}

/// All values by slot, and what is known of derived measures beside theirs.
pub(super) fn compute(case: &Case<'_>) -> (Vec<Value>, Vec<Ratio>) {
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

pub(super) type Reason = (Outcome, Option<String>);

/// The criteria, asked on the values.
pub(super) struct Asked<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) criteria: &'a Criteria,
    pub(super) slots: &'a [Value],
    pub(super) ratios: &'a [Ratio],
}

impl Asked<'_> {
    /// What they come to; `beyond` says why more of the input is missing than is tolerated, if so.
    pub(super) fn outcome(&self, value: Option<&Exact>, beyond: Option<String>) -> Reason {
        // A small group stays hidden whatever else is to be said of it.
        let least = self.case.construct.minimum_group;
        if least > 0 && self.group_size().is_some_and(|n| !n.is_zero() && n < i64::from(least)) {
            return (Outcome::Suppressed, Some(format!("fewer than {least} in the group")));
        }
        if let Some(reason) = beyond {
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
    pub(super) fn group_size(&self) -> Option<Exact> {
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
