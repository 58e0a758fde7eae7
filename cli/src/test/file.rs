//! What a test file says.

use std::collections::BTreeMap;

use measurement::number::Exact;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// The cases of one construct: `NAME.test.yaml` beside `NAME.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// Identifier of the construct.
    pub construct: String,
    /// Parts of events that cases take by `use`.
    #[serde(default)]
    pub templates: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case: base measures to be judged, or events to be measured.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in words.
    pub name: String,
    /// Whether it is told as the worked example of the construct.
    #[serde(default)]
    pub example: bool,
    /// The period that is judged: `2026-03`, `2026-Q1`, `2026`, `2026-03-05` or an instant.
    pub period: Option<String>,
    /// The group that is looked at; all of them together if none is given.
    #[serde(default)]
    pub group: BTreeMap<String, String>,
    /// Base measures by name; null for one that is not defined.
    pub base: Option<BTreeMap<String, Option<Number>>>,
    /// Values of measures in earlier periods, the newest first.
    #[serde(default)]
    pub history: Vec<BTreeMap<String, Number>>,
    /// With `base`: sources of which one sent nothing, or fell silent.
    pub sources: Option<State>,
    /// With `base`: elements of sources that could not be read: how many, or how many of how many.
    #[serde(default)]
    pub refused: BTreeMap<String, Refused>,
    /// With `base`: events or rows that could not be decided, by base measure.
    #[serde(default)]
    pub undecided: BTreeMap<String, u64>,
    /// Events, in any order.
    #[serde(default)]
    pub events: Vec<BTreeMap<String, serde_json::Value>>,
    /// With `events`: sources that send nothing.
    #[serde(default)]
    pub silent: Vec<String>,
    /// With `events`: sources that fall silent, and when.
    #[serde(default)]
    pub silent_from: BTreeMap<String, String>,
    /// What it must come to.
    pub expect: Expect,
    /// Events that come after the period was closed.
    #[serde(default)]
    pub late: Vec<BTreeMap<String, serde_json::Value>>,
    /// What it must come to after the late events.
    pub then: Option<Expect>,
}

impl Case {
    /// A case that says nothing but its group: `all`, or `dimension=value,…`.
    pub fn of_group(label: &str) -> anyhow::Result<Self> {
        let mut group = BTreeMap::new();
        for part in label.split(',').filter(|_| label != "all") {
            let (name, value) =
                part.split_once('=').ok_or_else(|| anyhow::anyhow!("write a group like category=malware"))?;
            group.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self {
            name: String::new(),
            example: false,
            period: None,
            group,
            base: None,
            history: Vec::new(),
            sources: None,
            refused: BTreeMap::new(),
            undecided: BTreeMap::new(),
            events: Vec::new(),
            silent: Vec::new(),
            silent_from: BTreeMap::new(),
            expect: Expect {
                outcome: String::new(),
                value: None,
                numerator: None,
                denominator: None,
                target: None,
                base: BTreeMap::new(),
                undecided: BTreeMap::new(),
                trend: None,
                revision: None,
            },
            late: Vec::new(),
            then: None,
        })
    }
}

/// How the sources did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// One sent nothing.
    Silent,
    /// One fell silent before the end.
    Stale,
}

/// Elements of a source that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Refused {
    /// So many of so many that the share is tolerated.
    Some(u64),
    /// So many of so many.
    Of {
        /// Those that could not be read.
        refused: u64,
        /// All.
        read: u64,
    },
}

impl Refused {
    /// How many were refused and how many there were.
    pub const fn counts(self) -> (u64, u64) {
        match self {
            Self::Some(refused) => (refused, u64::MAX),
            Self::Of { refused, read } => (refused, read),
        }
    }
}

/// What a case must come to. What is not named is not compared, but for the outcome.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// A band, or the reason why there is none.
    pub outcome: String,
    /// The indicator's value, exact.
    pub value: Option<Number>,
    /// Numerator of a ratio.
    pub numerator: Option<Number>,
    /// Denominator of a ratio.
    pub denominator: Option<Number>,
    /// The target in force.
    pub target: Option<Number>,
    /// Base measures by name.
    #[serde(default)]
    pub base: BTreeMap<String, Number>,
    /// Events or rows that could not be decided, by base measure.
    #[serde(default)]
    pub undecided: BTreeMap<String, u64>,
    /// rising, falling or level.
    pub trend: Option<String>,
    /// Revision of the result.
    pub revision: Option<u32>,
}

/// An exact number: 60, 0.95 or `"200/3"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(pub Exact);

impl std::fmt::Display for Number {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Integer(i64),
            Decimal(f64),
            Text(String),
        }
        let number = match Form::deserialize(deserializer)? {
            Form::Integer(number) => Some(Exact::from(number)),
            Form::Decimal(number) => Exact::from_f64(number),
            Form::Text(text) => text.parse().ok(),
        };
        number.map(Self).ok_or_else(|| D::Error::custom("not an exact number: write 60, 0.95 or \"200/3\""))
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["number", "string"], "description": "60, 0.95 or \"200/3\"" })
    }
}
