//! Measurement constructs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Extra, Kind, Population};
use crate::{
    bands::Band,
    calendar::{Calendar, Period, PeriodLength},
    expression::{Expression, Parameter},
    judge::Outcome,
    number::Exact,
    time::{Span, Timestamp},
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

/// A base measure.
#[derive(Clone, Debug)]
pub struct BaseMeasure {
    /// Name.
    pub name: String,
    /// What is measured.
    pub of: BaseOf,
    /// At which moments a population is looked at.
    pub basis: Basis,
    /// What its expressions ask for beside the columns of the population.
    pub extras: Vec<Extra>,
    /// What counts.
    pub filter: Option<Expression>,
    /// How it is folded.
    pub fold: Fold,
    /// Unit, where it matters.
    pub unit: Option<String>,
}

/// The two kinds of base measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseOf {
    /// The events of a class in a period.
    Event {
        /// Name of the class.
        class: String,
        /// OCSF `class_uid`.
        uid: u32,
    },
    /// The rows of a population. Slots of its expressions are columns.
    Population(String),
}

/// At which moments of a period a population is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// As of its end.
    #[default]
    End,
    /// As of its start.
    Start,
    /// At the end of any of its days: a row counts if it matches once.
    Any,
    /// At the end of each of its days, on average.
    Average,
}

/// How matching events or rows become one value.
#[derive(Clone, Debug)]
pub enum Fold {
    /// How many.
    Count,
    /// Exact sum.
    Sum(Expression),
    /// Least value.
    Min(Expression),
    /// Greatest value.
    Max(Expression),
    /// Exact mean.
    Mean(Expression),
    /// Variance of a sample.
    Variance(Expression),
    /// How many different values.
    Distinct(Expression),
    /// The value that a share of all do not exceed.
    Quantile(Expression, Exact),
    /// Length of the union of intervals.
    Union(Box<Union>),
}

/// Intervals whose overlaps count once.
#[derive(Clone, Debug)]
pub struct Union {
    /// Their begin.
    pub from: Expression,
    /// Their end; null while they last.
    pub to: Expression,
    /// Intervals of different values do not overlap.
    pub per: Option<Expression>,
    /// Milliseconds of the unit in which the length is given.
    pub unit: i64,
}

impl Fold {
    /// Its expressions.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Count => Vec::new(),
            Self::Sum(value)
            | Self::Min(value)
            | Self::Max(value)
            | Self::Mean(value)
            | Self::Variance(value)
            | Self::Distinct(value)
            | Self::Quantile(value, _) => vec![value],
            Self::Union(union) => [&union.from, &union.to].into_iter().chain(&union.per).collect(),
        }
    }
}

/// A derived measure. Slots of its formula: base measures, then derived measures, then dimensions.
#[derive(Clone, Debug)]
pub struct DerivedMeasure {
    /// Name.
    pub name: String,
    /// The measurement function.
    pub formula: Expression,
    /// Unit.
    pub unit: String,
    /// Least denominator with which it is judged.
    pub minimum_denominator: u32,
    /// The interval that is shown beside a ratio.
    pub confidence: Confidence,
}

/// The interval that is shown beside a ratio of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// None.
    #[default]
    None,
    /// 95 % by Wilson's score.
    Wilson,
}

/// What is judged.
#[derive(Clone, Debug)]
pub struct Indicator {
    /// Name of a base or derived measure.
    pub of: String,
    /// Slot of that measure.
    pub slot: usize,
    /// Decision criteria, oldest first; at least one.
    pub criteria: Vec<Criteria>,
}

impl Indicator {
    /// The criteria in force at the start of a period; before the first, the first.
    pub fn in_force(&self, period: &Period) -> Option<&Criteria> {
        self.criteria
            .iter()
            .rfind(|criteria| criteria.from.is_none_or(|from| from <= period.start))
            .or_else(|| self.criteria.first())
    }

    /// Names of all bands, in the order of the newest criteria.
    pub fn band_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for criteria in self.criteria.iter().rev() {
            for name in criteria.band_names() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }
}

/// Decision criteria.
#[derive(Clone, Debug)]
pub struct Criteria {
    /// First instant at which they hold; `None` for since ever.
    pub from: Option<Timestamp>,
    /// What must not hold for anything to be said, in order.
    pub gates: Vec<Gate>,
    /// How a value becomes a band.
    pub decision: Decision,
    /// Rules that change a band, in order.
    pub adjust: Vec<Adjust>,
    /// Slots of the measures that are asked.
    pub asked: Vec<usize>,
    /// Who approved them.
    pub approved_by: Option<String>,
    /// Digest of all this.
    pub digest: String,
}

impl Criteria {
    /// All expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let rules = match &self.decision {
            Decision::Bands(_) => &[],
            Decision::Rules(rules) => rules.as_slice(),
        };
        let rules = rules.iter().filter_map(|rule| rule.when.as_ref());
        self.gates.iter().map(|gate| &gate.when).chain(rules).chain(self.adjust.iter().map(|rule| &rule.when))
    }

    /// Names of the bands.
    pub fn band_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match &self.decision {
            Decision::Bands(bands) => bands.iter().map(|band| band.name.as_str()).collect(),
            Decision::Rules(rules) => rules.iter().map(|rule| rule.band.as_str()).collect(),
        };
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }

    /// The criteria as people read them, one band a line.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = match &self.decision {
            Decision::Bands(bands) => bands.iter().map(|band| (band.name.clone(), band.to_string())).collect(),
            Decision::Rules(rules) => {
                let line = |rule: &Rule| {
                    let when = rule.when.as_ref().map_or("otherwise", Expression::text);
                    (rule.band.clone(), when.to_owned())
                };
                rules.iter().map(line).collect()
            }
        };
        for gate in self.gates.iter().rev() {
            lines.insert(0, (gate.outcome.name().to_owned(), gate.when.text().to_owned()));
        }
        for rule in &self.adjust {
            lines.push((rule.to.clone(), format!("instead of {} if {}", rule.band, rule.when.text())));
        }
        lines
    }
}

/// How a value becomes a band.
#[derive(Clone, Debug)]
pub enum Decision {
    /// By where the indicator's value lies; lowest first.
    Bands(Vec<Band>),
    /// By the first rule that holds.
    Rules(Vec<Rule>),
}

/// A rule on any measures.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The band.
    pub band: String,
    /// When; `None` for otherwise.
    pub when: Option<Expression>,
}

/// A condition under which there is no band, whatever the value.
#[derive(Clone, Debug)]
pub struct Gate {
    /// What it comes to.
    pub outcome: Outcome,
    /// When.
    pub when: Expression,
}

/// A rule that changes a band.
#[derive(Clone, Debug)]
pub struct Adjust {
    /// The band it applies to.
    pub band: String,
    /// The band it becomes.
    pub to: String,
    /// When.
    pub when: Expression,
}

/// What the organisation wants to reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Value in the indicator's unit.
    pub value: Option<Exact>,
    /// First instant at which it holds.
    pub from: Timestamp,
    /// First instant at which it no longer holds.
    pub until: Option<Timestamp>,
    /// Who approved it.
    pub approved_by: String,
}
