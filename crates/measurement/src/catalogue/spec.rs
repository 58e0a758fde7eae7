//! The files of a catalogue as people write them. Unknown keys are errors. What refers to
//! something else keeps its place in the file. The comments on fields are what editors show.

mod register;
mod shapes;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use register::{FeedSpec, OrganisationSpec, PopulationSpec, RatesSpec, SetSpec, SnapshotSpec, SourceSpec};
pub(super) use shapes::{OneOrMany, Text};

use super::{Basis, Confidence};
use crate::expression::OpenItems;

/// A measurement construct: the form of ISO/IEC 27004 and what a stream needs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConstructSpec {
    /// Stable identifier, such as `isms/audit-programme`.
    pub(super) construct: Text,
    /// Title for people.
    pub(super) title: String,
    /// Semantic version of the construct.
    pub(super) version: Text,
    /// Which example, clauses and controls it answers to.
    pub(super) reference: ReferenceSpec,
    pub(super) kind: Kind,
    /// The information need.
    pub(super) need: NeedSpec,
    /// Who answers for what.
    pub(super) parties: PartiesSpec,
    /// When it is measured, reported and revised.
    pub(super) cadence: CadenceSpec,
    /// Zone, fiscal year, working hours.
    pub(super) calendar: CalendarSpec,
    /// Sources that must be alive for a figure to mean something.
    pub(super) sources: Vec<Text>,
    /// Dimensions that results are broken down by.
    #[serde(default)]
    pub(super) by: Vec<DimensionSpec>,
    /// Values that the organisation may lay its own over, in `organisation.yaml`.
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, ParameterSpec>,
    /// Base measures by name.
    pub(super) base: BTreeMap<String, BaseSpec>,
    /// Derived measures by name.
    #[serde(default)]
    pub(super) derived: BTreeMap<String, DerivedSpec>,
    /// What is judged, and by which decision criteria.
    pub(super) indicator: IndicatorSpec,
    /// What the organisation wants to reach: one, or one after the other.
    pub(super) target: OneOrMany<TargetSpec>,
    #[expect(dead_code, reason = "one value is allowed: readers of the file are to see it")]
    pub(super) missing: Missing,
    /// The share of the input that may be unread, 0 to 1, before there is no band; 0.01 unless said otherwise.
    #[serde(default)]
    pub(super) tolerance: Option<Scalar>,
    /// Needed where people are measured.
    #[serde(default)]
    pub(super) privacy: Option<PrivacySpec>,
    /// What shows that the control runs and helps to find causes.
    pub(super) evidence: String,
    /// Readings of the standard that others may not share.
    #[serde(default)]
    pub(super) interpretation: Vec<String>,
    /// How the result is shown.
    pub(super) report: ReportSpec,
}

/// Performance (did we do what we planned) or effectiveness (did it have the intended effect).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Did we do what we planned?
    Performance,
    /// Did it have the intended effect?
    Effectiveness,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferenceSpec {
    /// Edition and clause of the example, `2016/B.6`.
    pub(super) iso27004: Option<String>,
    /// Clauses and controls of ISO/IEC 27001:2022.
    #[serde(default)]
    pub(super) iso27001: Vec<String>,
    /// Whether the values were compared with a licensed copy of the standard.
    pub(super) verified: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NeedSpec {
    /// The question that somebody must answer.
    pub(super) question: String,
    /// The objective it serves.
    pub(super) objective: String,
    /// The risk it bears on.
    pub(super) risk: String,
    /// The decision it supports.
    pub(super) decision: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartiesSpec {
    /// Owns the information.
    pub(super) owner: Text,
    /// Collects it.
    pub(super) collector: Text,
    /// Asked for it and decides on it.
    pub(super) client: Text,
    /// Reviews the construct.
    pub(super) reviewer: Text,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CadenceSpec {
    /// Length of a period: PT1M to PT30M, PT1H, P1D, P1W, P1M, P3M, P6M, P1Y.
    pub(super) period: Text,
    /// How many periods a result looks at; 1 unless said otherwise.
    pub(super) rolling: Option<u32>,
    /// How often results are reported.
    pub(super) report: Text,
    /// How often the construct is revised.
    pub(super) revise: Text,
    /// How long after its end a period waits before it is final.
    pub(super) close_after: Text,
    /// How long after its end a period may still be corrected.
    pub(super) restate_for: Text,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarSpec {
    /// IANA zone, `Europe/Zurich`.
    pub(super) zone: Text,
    /// Month and day on which the year begins, `01-01`.
    pub(super) fiscal_year_start: Text,
    /// What `worked(from, to)` counts.
    pub(super) working_hours: Option<WorkingHoursSpec>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkingHoursSpec {
    /// Days of the week: mon, tue, wed, thu, fri, sat, sun.
    pub(super) days: Vec<Text>,
    /// Begin of a working day, `08:00`.
    pub(super) from: Text,
    /// End of a working day, `17:00`.
    pub(super) to: Text,
    /// Days on which nobody works, `2026-12-25`.
    #[serde(default)]
    pub(super) holidays: Vec<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DimensionSpec {
    /// Name.
    pub(super) name: Text,
    /// Field of the events that event measures count.
    pub(super) event: Option<Text>,
    /// Column of the populations that population measures look at.
    pub(super) column: Option<Text>,
    /// The values that have a group of their own: the budget of series. All others are counted in `other`.
    #[serde(default)]
    pub(super) values: Vec<String>,
}

/// A value, a table of values by a dimension, or the demand that the organisation sets one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ParameterSpec {
    Required(RequiredParameter),
    Table(ParameterTable),
    Single(Scalar),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequiredParameter {
    /// What the organisation has to say, in words.
    pub(super) required: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterTable {
    /// The dimension.
    pub(super) by: String,
    /// Values by value of the dimension.
    #[serde(default)]
    pub(super) values: BTreeMap<String, Scalar>,
    /// What holds for everything else and for the total.
    pub(super) default: Scalar,
}

/// A number, or an ISO 8601 duration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Scalar {
    Integer(i64),
    Decimal(f64),
    Text(String),
}

/// A base measure on events or on a population, with exactly one fold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BaseSpec {
    /// Event class whose events of the period are folded.
    pub(super) event: Option<Text>,
    /// Population whose rows are folded.
    pub(super) population: Option<Text>,
    /// At which moments the population is looked at.
    pub(super) basis: Option<Basis>,
    /// Fold: how many events or rows fulfil a condition.
    pub(super) count: Option<Text>,
    /// Fold: exact sum.
    pub(super) sum: Option<Text>,
    /// Fold: least value.
    pub(super) min: Option<Text>,
    /// Fold: greatest value.
    pub(super) max: Option<Text>,
    /// Fold: exact mean.
    pub(super) mean: Option<Text>,
    /// Fold: variance of a sample.
    pub(super) variance: Option<Text>,
    /// Fold: how many different values.
    pub(super) distinct: Option<Text>,
    /// Fold: the value that the share `at` of all do not exceed.
    pub(super) quantile: Option<Text>,
    /// Share for `quantile`, 0 to 1.
    pub(super) at: Option<f64>,
    /// Fold: length of the union of intervals, in `unit`.
    pub(super) union: Option<UnionSpec>,
    /// Condition beside every fold but `count`, which is one.
    #[serde(rename = "where")]
    pub(super) filter: Option<Text>,
    /// What `elapsed` and `worked` make of an end that is not there yet.
    pub(super) open: Option<OpenItems>,
    /// Unit of the value.
    pub(super) unit: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnionSpec {
    /// Begin of an interval.
    pub(super) from: Text,
    /// End of an interval; null while it lasts.
    pub(super) to: Text,
    /// Intervals of different values do not overlap.
    pub(super) per: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DerivedSpec {
    /// The measurement function.
    pub(super) formula: Text,
    /// Unit of the value.
    pub(super) unit: String,
    /// Least denominator with which a ratio is judged; every ratio states one.
    pub(super) minimum_denominator: Option<u32>,
    /// The interval that is shown beside a ratio.
    pub(super) confidence: Option<Confidence>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IndicatorSpec {
    /// Name of the measure that is shown.
    pub(super) of: Text,
    /// Conditions under which there is no band, whatever the value.
    #[serde(default)]
    pub(super) gates: Vec<GateSpec>,
    /// Ranges of its value by band: `"[0, 60)"`, `"[0, 0.5) or (1.5, inf)"`.
    #[serde(default)]
    pub(super) bands: BTreeMap<String, Text>,
    /// Conditions on any measures, instead of bands: the first that holds decides.
    #[serde(default)]
    pub(super) rules: Vec<RuleSpec>,
    /// Rules that change a band.
    #[serde(default)]
    pub(super) adjust: Vec<AdjustSpec>,
    /// Criteria one after the other, instead of the keys above.
    #[serde(default)]
    pub(super) criteria: Vec<CriteriaSpec>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CriteriaSpec {
    /// Day from which they hold; periods are judged by the criteria in force at their start.
    pub(super) from: Text,
    #[serde(default)]
    pub(super) gates: Vec<GateSpec>,
    #[serde(default)]
    pub(super) bands: BTreeMap<String, Text>,
    #[serde(default)]
    pub(super) rules: Vec<RuleSpec>,
    #[serde(default)]
    pub(super) adjust: Vec<AdjustSpec>,
    /// Who approved them.
    pub(super) approved_by: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateSpec {
    /// What it comes to.
    pub(super) outcome: GateOutcome,
    /// When.
    pub(super) when: Text,
}

/// What a gate may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GateOutcome {
    Unvalidated,
    NotApplicable,
    InsufficientN,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    /// The band.
    pub(super) band: Text,
    /// When; the last rule has none.
    pub(super) when: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustSpec {
    /// The band it applies to.
    pub(super) band: Text,
    /// The band it becomes.
    pub(super) to: Text,
    /// When: a condition that looks at history.
    pub(super) when: Text,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetSpec {
    /// Value in the indicator's unit.
    pub(super) value: Option<Scalar>,
    /// Day from which it holds.
    pub(super) from: Text,
    /// Day from which it no longer holds.
    pub(super) until: Option<Text>,
    /// Who approved it.
    pub(super) approved_by: String,
}

/// What a period without data is called. There is one answer, and it must be stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Missing {
    NoData,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivacySpec {
    /// Whose data it is.
    #[expect(dead_code, reason = "readers of the file are to see whose data it is about")]
    pub(super) subject: String,
    /// Smallest group of persons that may be shown.
    pub(super) minimum_group: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportSpec {
    /// Kind of chart.
    pub(super) chart: String,
}
