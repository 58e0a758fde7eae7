//! What all constructs have in common: periods, groups, history, and how a ratio becomes a band.

use std::collections::BTreeMap;

use super::world::{World, label};
use crate::generate::{
    days::{Length, periods},
    truth::{
        answer::Answer,
        fraction::Fraction,
        outcome::{Draft, Life, Ratio, SourceTimes, first, life},
    },
};

/// One answer before it is known how the sources did.
pub(super) struct Row<'a> {
    /// Value of the dimension; `None` for the total.
    pub(super) group: Option<&'a str>,
    /// Base measures.
    pub(super) base: Vec<(&'static str, String)>,
    /// The indicator.
    pub(super) value: Option<Fraction>,
    /// Band, or why there is none.
    pub(super) outcome: String,
    /// Values that later periods look back on.
    pub(super) kept: Vec<Option<Fraction>>,
}

impl<'a> Row<'a> {
    pub(super) fn total(
        base: Vec<(&'static str, String)>,
        value: Option<Fraction>,
        outcome: impl Into<String>,
    ) -> Self {
        Self { group: None, base, value, outcome: outcome.into(), kept: vec![value] }
    }

    pub(super) fn of(self, group: Option<&'a str>) -> Self {
        Self { group, ..self }
    }

    pub(super) fn keeping(self, kept: Vec<Option<Fraction>>) -> Self {
        Self { kept, ..self }
    }
}

/// Earlier values: of the total or a group, so many periods back, the value of a number.
pub(super) type Back<'a> = &'a dyn Fn(Option<&str>, usize, usize) -> Option<Fraction>;

/// How a construct is measured.
pub(super) struct Series<'a> {
    pub(super) construct: &'a str,
    pub(super) dimension: &'a str,
    pub(super) length: Length,
    pub(super) close_after: i64,
    pub(super) sources: &'a [&'a SourceTimes],
}

impl<'a> Series<'a> {
    /// One without a dimension.
    pub(super) const fn total(
        construct: &'a str,
        length: Length,
        close_after: i64,
        sources: &'a [&'a SourceTimes],
    ) -> Self {
        Self { construct, dimension: "", length, close_after, sources }
    }
}

impl World<'_> {
    /// The answers of all periods.
    pub(super) fn series<'r>(
        &self,
        series: &Series<'_>,
        mut rows: impl FnMut(i64, i64, Back<'_>) -> Vec<Row<'r>>,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut history: Vec<BTreeMap<String, Vec<Option<Fraction>>>> = Vec::new();
        for (start, end) in periods(series.length, first(series.sources), self.last_end(series.close_after)) {
            let life = life(series.sources, start, end);
            let back = |group: Option<&str>, periods: usize, number: usize| {
                let period = history.len().checked_sub(periods).and_then(|index| history.get(index))?;
                period.get(&label(series.dimension, group))?.get(number).copied().flatten()
            };
            let mut now = BTreeMap::new();
            let found = rows(start, end, &back);
            for row in found {
                let group = label(series.dimension, row.group);
                if life != Life::Silent {
                    now.insert(group.clone(), row.kept);
                }
                let draft = Draft {
                    construct: series.construct,
                    period: (start, end),
                    group,
                    base: row.base,
                    value: row.value,
                    outcome: row.outcome,
                };
                answers.push(draft.answer(life));
            }
            history.push(now);
        }
        answers
    }
}

/// A share with its bands.
pub(super) fn share(
    (top, bottom): (i128, i128),
    (factor, least): (i128, i128),
    band: impl FnOnce(Fraction) -> &'static str,
) -> (Option<Fraction>, String) {
    let ratio = Ratio { top, bottom, factor };
    let value = ratio.value();
    let outcome = match (ratio.without_band(least), value) {
        (Some(reason), _) => reason,
        (None, Some(value)) => band(value),
        (None, None) => "not-applicable",
    };
    (value, outcome.to_owned())
}

/// A decimal such as 0.9 from its digits and their place.
pub(super) fn decimal(top: i128, bottom: i128) -> Fraction {
    Fraction::new(top, bottom).unwrap_or(Fraction::whole(0))
}

pub(super) fn count(matching: impl Iterator) -> i128 {
    i128::try_from(matching.count()).unwrap_or(0)
}

pub(super) fn shown(value: Option<Fraction>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The mean of fractions.
pub(super) fn mean(values: &[Fraction]) -> Option<Fraction> {
    let sum = values.iter().try_fold(Fraction::whole(0), |sum, value| sum.plus(*value))?;
    sum.over(Fraction::whole(i128::try_from(values.len()).ok()?))
}
