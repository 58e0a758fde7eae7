//! Between which bounds the values of a formula lie, as far as its form tells: what `check` foresees by.
//!
//! Counts and sums are taken to be zero or more. Nothing is said of what the form does not tell.

use std::collections::BTreeMap;

use super::plan::{Arithmetic, Node};
use crate::number::Exact;

/// Bounds of a value; `None` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) lower: Option<Exact>,
    pub(crate) upper: Option<Exact>,
}

impl Range {
    /// Zero or more.
    pub(crate) fn of_count() -> Self {
        Self { lower: Some(Exact::zero()), upper: None }
    }

    fn point(value: Exact) -> Self {
        Self { lower: Some(value.clone()), upper: Some(value) }
    }

    fn negated(self) -> Self {
        let turn = |bound: Option<Exact>| bound.map(|bound| Exact::zero().subtract(&bound));
        Self { lower: turn(self.upper), upper: turn(self.lower) }
    }

    fn plus(&self, other: &Self) -> Self {
        let sum = |left: &Option<Exact>, right: &Option<Exact>| Some(left.as_ref()?.add(right.as_ref()?));
        Self { lower: sum(&self.lower, &other.lower), upper: sum(&self.upper, &other.upper) }
    }

    /// Of one or the other.
    fn or(self, other: Self) -> Self {
        Self {
            lower: self.lower.zip(other.lower).map(|(left, right)| left.min(right)),
            upper: self.upper.zip(other.upper).map(|(left, right)| left.max(right)),
        }
    }

    fn times(self, factor: &Exact) -> Self {
        let scaled = |bound: Option<Exact>| bound.map(|bound| bound.multiply(factor));
        let Self { lower, upper } = self;
        let scaled = Self { lower: scaled(lower), upper: scaled(upper) };
        if factor.is_negative() { Self { lower: scaled.upper, upper: scaled.lower } } else { scaled }
    }

    fn is_positive(&self) -> bool {
        self.lower.as_ref().is_some_and(|lower| !lower.is_negative())
    }
}

/// What is known of the variables of a formula.
pub(crate) trait Facts {
    /// The bounds of a variable; `None` where nothing is known.
    fn range(&self, slot: usize) -> Option<Range>;

    /// Whether the first variable never exceeds the second: it counts a part of what the other counts.
    fn within(&self, part: usize, whole: usize) -> bool;
}

/// The bounds of a formula; `None` where its form tells nothing.
pub(super) fn range(node: &Node, facts: &dyn Facts) -> Option<Range> {
    match node {
        Node::Constant(value) => value.to_exact().map(Range::point),
        Node::Slot(slot) => facts.range(*slot),
        Node::Table(parameter, _) => {
            let values = parameter.values.values().chain([&parameter.default]);
            values.map(|value| value.to_exact().map(Range::point)).reduce(|left, right| Some(left?.or(right?)))?
        }
        Node::Negate(operand) => range(operand, facts).map(Range::negated),
        Node::Abs(_) | Node::Sqrt(_) => Some(Range::of_count()),
        Node::If(_, left, right) | Node::Coalesce(left, right) => Some(range(left, facts)?.or(range(right, facts)?)),
        Node::Least(left, right) => {
            let (left, right) = (range(left, facts)?, range(right, facts)?);
            let upper = left.upper.iter().chain(&right.upper).min().cloned();
            Some(Range { upper, lower: left.or(right).lower })
        }
        Node::Greatest(left, right) => {
            let (left, right) = (range(left, facts)?, range(right, facts)?);
            let lower = left.lower.iter().chain(&right.lower).max().cloned();
            Some(Range { lower, upper: left.or(right).upper })
        }
        Node::Arithmetic(operator, left, right) => arithmetic(node, *operator, (left, right), facts),
        _ => None,
    }
}

fn arithmetic(node: &Node, operator: Arithmetic, (left, right): (&Node, &Node), facts: &dyn Facts) -> Option<Range> {
    match operator {
        Arithmetic::Add | Arithmetic::Subtract => {
            // A part taken from its whole leaves something.
            if let Some(bounds) = Sum::of(node).map(|sum| sum.bounds(facts)) {
                return bounds;
            }
            let right = range(right, facts)?;
            let right = if operator == Arithmetic::Add { right } else { right.negated() };
            Some(range(left, facts)?.plus(&right))
        }
        Arithmetic::Multiply => match (constant(left), constant(right)) {
            (Some(factor), _) => Some(range(right, facts)?.times(&factor)),
            (_, Some(factor)) => Some(range(left, facts)?.times(&factor)),
            (None, None) => {
                let both = range(left, facts)?.is_positive() && range(right, facts)?.is_positive();
                both.then(Range::of_count)
            }
        },
        Arithmetic::Divide => {
            if let Some(divisor) = constant(right) {
                return Some(range(left, facts)?.times(&Exact::from(1_u64).divide(&divisor)?));
            }
            let (above, below) = (Sum::of(left), Sum::of(right));
            if let Some(bounds) = above.zip(below).and_then(|(above, below)| above.over(&below, facts)) {
                return Some(bounds);
            }
            let both = range(left, facts)?.is_positive() && range(right, facts)?.is_positive();
            both.then(Range::of_count)
        }
        Arithmetic::Remainder => None,
    }
}

fn constant(node: &Node) -> Option<Exact> {
    match node {
        Node::Constant(value) => value.to_exact(),
        _ => None,
    }
}

/// A sum of variables, each times a number.
struct Sum(BTreeMap<usize, Exact>);

impl Sum {
    fn of(node: &Node) -> Option<Self> {
        let mut sum = Self(BTreeMap::new());
        sum.take(node, &Exact::from(1_u64))?;
        Some(sum)
    }

    fn take(&mut self, node: &Node, factor: &Exact) -> Option<()> {
        match node {
            Node::Slot(slot) => {
                let of = self.0.entry(*slot).or_insert_with(Exact::zero);
                *of = of.add(factor);
                Some(())
            }
            Node::Negate(operand) => self.take(operand, &Exact::zero().subtract(factor)),
            Node::Arithmetic(Arithmetic::Add, left, right) => {
                self.take(left, factor)?;
                self.take(right, factor)
            }
            Node::Arithmetic(Arithmetic::Subtract, left, right) => {
                self.take(left, factor)?;
                self.take(right, &Exact::zero().subtract(factor))
            }
            Node::Arithmetic(Arithmetic::Multiply, left, right) => match (constant(left), constant(right)) {
                (Some(other), _) => self.take(right, &factor.multiply(&other)),
                (_, Some(other)) => self.take(left, &factor.multiply(&other)),
                (None, None) => None,
            },
            _ => None,
        }
    }

    /// Whether nothing is taken away but parts of what is there.
    fn is_positive(&self, facts: &dyn Facts) -> bool {
        let mut left = self.0.clone();
        self.0.iter().filter(|(_, factor)| factor.is_negative()).all(|(part, factor)| {
            let enough = |(whole, of): &(&usize, &mut Exact)| of.add(factor) >= 0 && facts.within(*part, **whole);
            let Some((_, of)) = left.iter_mut().find(enough) else { return false };
            *of = of.add(factor);
            true
        })
    }

    fn counts(&self, facts: &dyn Facts) -> bool {
        self.0.keys().all(|slot| facts.range(*slot).is_some_and(|range| range.is_positive()))
    }

    fn bounds(&self, facts: &dyn Facts) -> Option<Range> {
        if !self.counts(facts) {
            return None;
        }
        let lower = self.is_positive(facts).then(Exact::zero);
        let grows = self.0.values().any(|factor| *factor > 0);
        Some(Range { lower, upper: if grows { None } else { Some(Exact::zero()) } })
    }

    /// The bounds of a ratio of two sums: what stands above counts parts of what stands below, or it has none.
    fn over(&self, below: &Self, facts: &dyn Facts) -> Option<Range> {
        if !self.counts(facts) || !below.counts(facts) || below.0.values().any(Exact::is_negative) {
            return None;
        }
        let lower = self.is_positive(facts).then(Exact::zero);
        let mut shares: BTreeMap<usize, Exact> = BTreeMap::new();
        for (part, factor) in self.0.iter().filter(|(_, factor)| **factor > 0) {
            let Some((whole, of)) = below.0.iter().find(|(whole, _)| part == *whole || facts.within(*part, **whole))
            else {
                return Some(Range { lower, upper: None });
            };
            let share = shares.entry(*whole).or_insert_with(Exact::zero);
            *share = share.add(&factor.divide(of)?);
        }
        Some(Range { lower, upper: Some(shares.into_values().max().unwrap_or_else(Exact::zero)) })
    }
}
