//! The files of a catalogue as people write them. Unknown keys are errors. What refers to
//! something else keeps its place in the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConstructSpec {
    pub(super) construct: Text,
    pub(super) title: String,
    pub(super) version: Text,
    pub(super) reference: ReferenceSpec,
    pub(super) kind: Kind,
    pub(super) need: NeedSpec,
    pub(super) parties: PartiesSpec,
    pub(super) cadence: CadenceSpec,
    pub(super) calendar: CalendarSpec,
    pub(super) sources: Vec<Text>,
    #[serde(default)]
    pub(super) by: Vec<DimensionSpec>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, ParameterSpec>,
    pub(super) base: BTreeMap<String, BaseSpec>,
    #[serde(default)]
    pub(super) derived: BTreeMap<String, DerivedSpec>,
    pub(super) indicator: IndicatorSpec,
    pub(super) target: TargetSpec,
    #[expect(dead_code, reason = "one value is allowed: readers of the file are to see it")]
    pub(super) missing: Missing,
    #[serde(default)]
    pub(super) privacy: Option<PrivacySpec>,
    pub(super) evidence: String,
    pub(super) report: ReportSpec,
}

/// Performance (did we do what we planned) or effectiveness (did it have the intended effect).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Did we do what we planned?
    Performance,
    /// Did it have the intended effect?
    Effectiveness,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferenceSpec {
    pub(super) iso27004: Option<String>,
    #[serde(default)]
    pub(super) iso27001: Vec<String>,
    /// Whether the values were compared with a licensed copy of the standard.
    pub(super) verified: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NeedSpec {
    pub(super) question: String,
    pub(super) objective: String,
    pub(super) risk: String,
    pub(super) decision: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartiesSpec {
    pub(super) owner: Text,
    pub(super) collector: Text,
    pub(super) client: Text,
    pub(super) reviewer: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CadenceSpec {
    pub(super) period: Text,
    pub(super) report: Text,
    pub(super) revise: Text,
    pub(super) close_after: Text,
    pub(super) restate_for: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarSpec {
    pub(super) zone: Text,
    pub(super) fiscal_year_start: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DimensionSpec {
    pub(super) name: Text,
    /// Field of the events that event measures count.
    pub(super) event: Option<Text>,
    /// Column of the populations that population measures look at.
    pub(super) column: Option<Text>,
    pub(super) values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ParameterSpec {
    Table(ParameterTable),
    Single(Scalar),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterTable {
    pub(super) by: String,
    #[serde(default)]
    pub(super) values: BTreeMap<String, Scalar>,
    pub(super) default: Scalar,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Integer(i64),
    Decimal(f64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BaseSpec {
    pub(super) event: Option<Text>,
    pub(super) population: Option<Text>,
    /// Filter of what is counted.
    pub(super) count: Option<Text>,
    pub(super) sum: Option<Text>,
    pub(super) min: Option<Text>,
    pub(super) max: Option<Text>,
    pub(super) mean: Option<Text>,
    /// Filter beside sum, min, max, mean.
    #[serde(rename = "where")]
    pub(super) filter: Option<Text>,
    #[serde(default)]
    pub(super) unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DerivedSpec {
    pub(super) formula: Text,
    pub(super) unit: String,
    pub(super) minimum_denominator: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndicatorSpec {
    pub(super) of: Text,
    pub(super) bands: BTreeMap<String, Text>,
    #[serde(default)]
    pub(super) adjust: Vec<AdjustSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdjustSpec {
    pub(super) band: Text,
    pub(super) to: Text,
    pub(super) when: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetSpec {
    pub(super) value: Option<Scalar>,
    pub(super) from: Text,
    pub(super) approved_by: String,
}

/// What a period without data is called. There is one answer so far, and it must be stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Missing {
    NoData,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivacySpec {
    #[expect(dead_code, reason = "readers of the file are to see whose data it is about")]
    pub(super) subject: String,
    pub(super) minimum_group: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportSpec {
    pub(super) chart: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSpec {
    pub(super) source: Text,
    pub(super) title: String,
    pub(super) owner: String,
    pub(super) topics: Vec<Text>,
    pub(super) decode: super::Decode,
    /// `ocsf` for records that are OCSF events already, `vrl` for mappings/<source>/map.vrl.
    pub(super) mapping: super::MappingKind,
    pub(super) lateness: Text,
    pub(super) idle: Text,
    pub(super) max_future: Text,
    pub(super) rhythm: Text,
    pub(super) deduplicate: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PopulationSpec {
    pub(super) population: Text,
    pub(super) title: String,
    pub(super) columns: BTreeMap<String, ColumnSpec>,
    pub(super) feeds: Vec<FeedSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnSpec {
    #[serde(rename = "type")]
    pub(super) kind: crate::value::Type,
    pub(super) merge: super::Merge,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedSpec {
    pub(super) class: Text,
    pub(super) key: Text,
    #[serde(default)]
    pub(super) when: Option<Text>,
    pub(super) set: BTreeMap<String, SetSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SetSpec {
    Conditional(ConditionalSet),
    Plain(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionalSet {
    pub(super) value: String,
    pub(super) when: String,
}

/// `organisation.yaml`: values laid over those of the library, by construct and parameter.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganisationSpec {
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, BTreeMap<String, ParameterSpec>>,
}
