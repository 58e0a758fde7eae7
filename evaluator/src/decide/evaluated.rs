//! The judgement of one group, and what of it may be shown.

use std::collections::BTreeMap;

use measurement::{judge::Judgement, number::Exact, outcome::Outcome};
use records::BaseValue;

/// The judgement of one group in one period. Whoever shows or publishes it takes its figures from
/// [`Evaluated::figures`]: nothing else gives them away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    base: BTreeMap<String, BaseValue>,
    judgement: Judgement,
}

/// The figures of a group that may be shown. Of one that is too small there are none, whatever was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// Base measures by name.
    pub base: &'a BTreeMap<String, BaseValue>,
    /// Values by slot: base measures, then derived measures.
    pub values: &'a [Option<Exact>],
    /// The indicator's value.
    pub value: Option<&'a Exact>,
    /// Numerator and denominator, where the indicator is a ratio.
    pub fraction: Option<&'a (Exact, Exact)>,
    /// 95 % interval of the indicator's value, where its construct asks for one.
    pub interval: Option<&'a (Exact, Exact)>,
    /// `rising`, `falling` or `level` against the previous period.
    pub trend: Option<&'static str>,
}

static NO_BASE: BTreeMap<String, BaseValue> = BTreeMap::new();

impl Figures<'static> {
    const NONE: Self = Self { base: &NO_BASE, values: &[], value: None, fraction: None, interval: None, trend: None };
}

impl Evaluated {
    pub(super) const fn new(base: BTreeMap<String, BaseValue>, judgement: Judgement) -> Self {
        Self { base, judgement }
    }

    /// What it comes to.
    pub const fn outcome(&self) -> &Outcome {
        &self.judgement.outcome
    }

    /// Why there is no band, or which rule changed it.
    pub fn because(&self) -> Option<&str> {
        self.judgement.because.as_deref()
    }

    /// Digest of the criteria by which it was judged.
    pub fn criteria(&self) -> &str {
        &self.judgement.criteria
    }

    /// What may be shown.
    pub fn figures(&self) -> Figures<'_> {
        if self.is_hidden() {
            return Figures::NONE;
        }
        let Judgement {
            values,
            value,
            fraction,
            interval,
            trend,
            // Shown of hidden ones, too.
            outcome: _,
            because: _,
            criteria: _,
            // How many are behind a figure is what decides whether it is hidden.
            group_size: _,
        } = &self.judgement;
        Figures {
            base: &self.base,
            values,
            value: value.as_ref(),
            fraction: fraction.as_ref(),
            interval: interval.as_ref(),
            trend: *trend,
        }
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.judgement.outcome == Outcome::Suppressed
    }

    pub(super) fn hide(&mut self, because: &str) {
        self.judgement.outcome = Outcome::Suppressed;
        self.judgement.because = Some(because.to_owned());
    }

    /// How many are behind the figures, where their construct has a privacy profile.
    pub(super) const fn group_size(&self) -> Option<&Exact> {
        self.judgement.group_size.as_ref()
    }

    /// The value of a slot, also of a hidden group: a later period that looks back on it is hidden by its own size.
    pub(super) fn value_to_look_back_on(&self, slot: usize) -> Option<&Exact> {
        self.judgement.values.get(slot)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_group_has_an_outcome_and_no_figure() {
        let base = BaseValue { value: Some(Exact::from(3_u64)), n: 3, without: 0, undecided: 0, error: None };
        let third = || (Exact::from(1_u64), Exact::from(3_u64));
        let judgement = Judgement {
            values: vec![Some(Exact::from(3_u64))],
            value: Exact::ratio(1, 3),
            fraction: Some(third()),
            outcome: Outcome::Band("red".to_owned()),
            because: None,
            trend: Some("rising"),
            interval: Some(third()),
            criteria: "c".to_owned(),
            group_size: Some(Exact::from(3_u64)),
        };
        let mut evaluated = Evaluated::new(BTreeMap::from([("trained".to_owned(), base)]), judgement);
        let empty = |figures: Figures<'_>| {
            let Figures { base, values, value, fraction, interval, trend } = figures;
            [
                base.is_empty(),
                values.is_empty(),
                value.is_none(),
                fraction.is_none(),
                interval.is_none(),
                trend.is_none(),
            ]
        };
        assert_eq!(empty(evaluated.figures()), [false; 6]);
        evaluated.hide("too small");
        assert_eq!(empty(evaluated.figures()), [true; 6]);
        assert_eq!((evaluated.outcome(), evaluated.because()), (&Outcome::Suppressed, Some("too small")));
        assert_eq!(evaluated.value_to_look_back_on(0), Some(&Exact::from(3_u64)));
    }
}
