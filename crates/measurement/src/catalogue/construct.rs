//! Measurement constructs.

use std::collections::{BTreeMap, BTreeSet};

use super::{BaseMeasure, BaseOf, Criteria, DerivedMeasure, Indicator, Kind, Population, Target};
use crate::{
    calendar::{Calendar, Period, PeriodLength},
    expression::{Expression, Parameter},
    time::Span,
};

/// A measurement construct.
#[derive(Clone, Debug)]
pub struct Construct {
    /// Stable identifier, `isms/security-incidents-trend`.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// File it was read from, relative to the catalogue.
    pub file: String,
    /// Semantic version.
    pub version: String,
    /// Digest of the measurement: base and derived measures, parameters, periods, populations, sources. A new one
    /// begins a new series.
    pub digest: String,
    /// Clause of the standard that the construct is an example of.
    pub iso27004: Option<String>,
    /// Controls and clauses of ISO/IEC 27001.
    pub iso27001: Vec<String>,
    /// Whether its values were compared with a licensed copy of the standard.
    pub verified: bool,
    /// Performance or effectiveness.
    pub kind: Kind,
    /// The information need.
    pub need: Need,
    /// Responsible parties.
    pub parties: Parties,
    /// Length of the periods.
    pub period: PeriodLength,
    /// How many periods a result looks at: 1, or more for a window that moves on by one period.
    pub rolling: u32,
    /// How often it is reported.
    pub report_every: Span,
    /// How often the construct itself is revised.
    pub revise_every: Span,
    /// How long after its end a period waits before it is final.
    pub close_after: Span,
    /// How long a late event still makes a revision, from the end of the period.
    pub restate_for: Span,
    /// Zone and fiscal year.
    pub calendar: Calendar,
    /// Sources whose life and watermark the construct depends on.
    pub sources: Vec<String>,
    /// Dimensions that results are broken down by.
    pub dimensions: Vec<Dimension>,
    /// Parameters by name, the organisation's values laid over the library's.
    pub parameters: BTreeMap<String, Parameter>,
    /// Names of the parameters that the organisation has set.
    pub set_by_organisation: BTreeSet<String>,
    /// Base measures. Their order fixes the slots of formulas: base measures first, then derived ones.
    pub base: Vec<BaseMeasure>,
    /// Derived measures, in an order in which each needs only earlier ones.
    pub derived: Vec<DerivedMeasure>,
    /// What is judged.
    pub indicator: Indicator,
    /// What the organisation wants to reach, oldest first.
    pub targets: Vec<Target>,
    /// Smallest group of persons that may be shown; 0 where nobody is concerned.
    pub minimum_group: u32,
    /// What shows that the control runs.
    pub evidence: String,
    /// Readings of the standard that others may not share.
    pub interpretation: Vec<String>,
    /// How the result is shown.
    pub chart: String,
    /// What the measurement is, line by line: see [`Construct::digest`].
    pub definition: BTreeMap<String, String>,
    /// Of a construct that is in force no more, and still stated for the periods that were its own: the sequence number
    /// of the last catalogue that had it. See [`Catalogue::layered`](super::Catalogue::layered).
    pub ended: Option<u64>,
}

impl Construct {
    /// Names of base and derived measures, by slot.
    pub fn measures(&self) -> impl Iterator<Item = &str> {
        let base = self.base.iter().map(|base| base.name.as_str());
        base.chain(self.derived.iter().map(|derived| derived.name.as_str()))
    }

    /// Unit of the indicator.
    pub fn unit(&self) -> &str {
        let derived =
            self.derived.iter().find(|derived| derived.name == self.indicator.of).map(|derived| derived.unit.as_str());
        let base =
            || self.base.iter().find(|base| base.name == self.indicator.of).and_then(|base| base.unit.as_deref());
        derived.or_else(base).unwrap_or("1")
    }

    /// Farthest look back of any formula or decision criterion, in periods.
    pub fn looks_back(&self) -> u32 {
        let formulas = self.derived.iter().map(|derived| derived.formula.looks_back());
        let criteria = self.indicator.criteria.iter().flat_map(Criteria::expressions).map(Expression::looks_back);
        formulas.chain(criteria).max().unwrap_or(0)
    }

    /// The target in force at the start of a period.
    pub fn target(&self, period: &Period) -> Option<&Target> {
        let known = self.targets.iter().rfind(|target| target.from <= period.start)?;
        known.until.is_none_or(|until| period.start < until).then_some(known)
    }

    /// What a result of a period looks at: the period, or the window that ends with it.
    pub fn window(&self, period: &Period) -> Period {
        let first = self.calendar.previous(self.period, period, self.rolling.saturating_sub(1));
        Period { start: first.start, end: period.end }
    }

    /// The populations that its measures ask for, those of joined columns included.
    pub fn populations(&self, known: &BTreeMap<String, Population>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for base in &self.base {
            if let BaseOf::Population(name) = &base.of {
                names.insert(name.clone());
                names.extend(known.get(name).into_iter().flat_map(|population| population.joins.keys().cloned()));
            }
        }
        names
    }
}

/// The information need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The question.
    pub question: String,
    /// The objective it serves.
    pub objective: String,
    /// The risk it bears on.
    pub risk: String,
    /// The decision it supports.
    pub decision: String,
}

/// Responsible parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Owns the information.
    pub owner: String,
    /// Collects it.
    pub collector: String,
    /// Asked for it and decides on it.
    pub client: String,
    /// Reviews the construct.
    pub reviewer: String,
}

/// What results are broken down by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// Name.
    pub name: String,
    /// Slot of the event field, for event measures.
    pub field: Option<usize>,
    /// Column, for population measures.
    pub column: Option<String>,
    /// Declared values; everything else is counted in [`Dimension::OTHER`].
    pub values: Vec<String>,
}

impl Dimension {
    /// The group of values that are not declared.
    pub const OTHER: &'static str = "other";
}
