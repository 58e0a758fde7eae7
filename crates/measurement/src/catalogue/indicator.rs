//! Indicators, decision criteria and targets.

use std::collections::BTreeSet;

use crate::{bands::Band, calendar::Period, expression::Expression, number::Exact, outcome::Outcome, time::Timestamp};

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
    /// The share of the input that may be unread before there is no band, where the construct states one.
    pub tolerance: Option<Exact>,
    /// Slots of the measures that are asked.
    pub asked: Vec<usize>,
    /// Who approved them.
    pub approved_by: Option<String>,
    /// Digest of all this.
    pub digest: String,
}

impl Criteria {
    /// The share of the input that may be unread before there is no band: one in a hundred unless the construct states
    /// another.
    pub fn tolerance(&self) -> Exact {
        self.tolerance.clone().or_else(|| Exact::ratio(1, 100)).unwrap_or_else(Exact::zero)
    }

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
