//! The catalogue: constructs, populations and sources, checked and compiled.

mod check;
mod load;
mod spec;

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

pub use spec::Kind;

use crate::{
    bands::Band,
    calendar::{Calendar, PeriodLength},
    classes::Classes,
    diagnostic::Diagnostics,
    expression::{Expression, Parameter},
    fields::Fields,
    time::Span,
    value::Type,
};

/// Everything that is measured, and from what.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Constructs by identifier.
    pub constructs: Vec<Construct>,
    /// Populations by name.
    pub populations: BTreeMap<String, Population>,
    /// Sources by name.
    pub sources: BTreeMap<String, Source>,
    /// Event classes.
    pub classes: Classes,
    /// Fields of events that constructs and populations ask for, with their slots.
    pub fields: Fields,
    /// Digest of all files that have a say in the figures.
    pub digest: String,
    /// Folder that the catalogue was read from.
    pub folder: std::path::PathBuf,
}

impl Catalogue {
    /// Reads and checks all files under a folder. The error holds every fault that was found.
    pub fn load(folder: &Path) -> Result<Self, Diagnostics> {
        load::load(folder)
    }

    /// The construct of an identifier.
    pub fn construct(&self, id: &str) -> Option<&Construct> {
        self.constructs.iter().find(|construct| construct.id == id)
    }
}

/// A measurement construct.
#[derive(Clone, Debug)]
pub struct Construct {
    /// Stable identifier, `isms/security-incidents-trend`.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// Semantic version.
    pub version: String,
    /// Digest of the definition, criteria, parameters and the populations it uses.
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
    /// Base measures. Their order fixes the slots of formulas: base measures first, then derived ones.
    pub base: Vec<BaseMeasure>,
    /// Derived measures, in an order in which each needs only earlier ones.
    pub derived: Vec<DerivedMeasure>,
    /// What is judged.
    pub indicator: Indicator,
    /// What the organisation wants to reach.
    pub target: Target,
    /// Smallest group of persons that may be shown; 0 where nobody is concerned.
    pub minimum_group: u32,
    /// What shows that the control runs.
    pub evidence: String,
    /// How the result is shown.
    pub chart: String,
}

impl Construct {
    /// Unit of the indicator.
    pub fn unit(&self) -> &str {
        let derived =
            self.derived.iter().find(|derived| derived.name == self.indicator.of).map(|derived| derived.unit.as_str());
        let base =
            || self.base.iter().find(|base| base.name == self.indicator.of).and_then(|base| base.unit.as_deref());
        derived.or_else(base).unwrap_or("1")
    }

    /// Farthest look back of any formula or adjust rule, in periods.
    pub fn looks_back(&self) -> u32 {
        let formulas = self.derived.iter().map(|derived| derived.formula.looks_back());
        let rules = self.indicator.adjust.iter().map(|rule| rule.when.looks_back());
        formulas.chain(rules).max().unwrap_or(0)
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
    /// The rows of a population as of the end of a period. Slots of its expressions are columns.
    Population(String),
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
}

/// What is judged.
#[derive(Clone, Debug)]
pub struct Indicator {
    /// Name of a base or derived measure.
    pub of: String,
    /// Slot of that measure.
    pub slot: usize,
    /// Bands, lowest first.
    pub bands: Vec<Band>,
    /// Rules that change a band, in order.
    pub adjust: Vec<Adjust>,
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
    pub value: Option<crate::number::Exact>,
    /// Day from which it holds, ISO 8601.
    pub from: String,
    /// Who approved it.
    pub approved_by: String,
}

/// A population: a table kept from events.
#[derive(Clone, Debug)]
pub struct Population {
    /// Name.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Columns; their order fixes the slots of expressions on rows.
    pub columns: Vec<Column>,
    /// Events that change rows.
    pub feeds: Vec<Feed>,
}

impl Population {
    /// Slot of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// A column of a population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type.
    pub kind: Type,
    /// How updates are merged.
    pub merge: Merge,
}

/// How the updates of a column become one value. None depends on the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// The value of the earliest event.
    First,
    /// The value of the latest event.
    Last,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Exact sum.
    Sum,
    /// Number of events.
    Count,
}

/// Events of one class that change rows.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Name of the class.
    pub class: String,
    /// OCSF `class_uid`.
    pub uid: u32,
    /// Path of the row's key.
    pub key: String,
    /// Slot of the key.
    pub key_slot: usize,
    /// Whether the key is not the class's primary key, so that the population is fed by reference copies.
    pub by_reference: bool,
    /// What counts.
    pub when: Option<Expression>,
    /// Columns that it sets: column, value, condition.
    pub set: Vec<SetColumn>,
}

/// A column set by a feed.
#[derive(Clone, Debug)]
pub struct SetColumn {
    /// Index of the column.
    pub column: usize,
    /// The value, an expression on the event.
    pub value: Expression,
    /// What counts, an expression on the event.
    pub when: Option<Expression>,
}

/// How records of a source are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decode {
    /// Each line is a text.
    Text,
    /// JSON: an object, an array of objects, several lines, or objects in a wrapper.
    Json,
}

/// How records of a source become OCSF events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MappingKind {
    /// They are OCSF events already.
    Ocsf,
    /// By `mappings/<source>/map.vrl`.
    Vrl,
}

/// A source of events.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Who answers for it.
    pub owner: String,
    /// Topics it writes to.
    pub topics: Vec<String>,
    /// How its records are read.
    pub decode: Decode,
    /// Path of its mapping, `None` where its records are OCSF events already.
    pub mapping: Option<std::path::PathBuf>,
    /// How long after its time an event may come without being late, in milliseconds.
    pub lateness: i64,
    /// How long a source partition must be quiet before the clock moves its watermark, in milliseconds.
    pub idle: i64,
    /// How far in the future an event time may lie, in milliseconds.
    pub max_future: i64,
    /// Longest silence that is normal, in milliseconds.
    pub rhythm: i64,
    /// How long identities are remembered, in milliseconds.
    pub deduplicate: i64,
}
