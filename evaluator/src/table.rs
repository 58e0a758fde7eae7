//! Rows for people: what `vernier demo`, `vernier replay` and `vernier results` print.

use measurement::{catalogue::Catalogue, number::Exact, time::Timestamp};
use records::{LedgerState, ResultRecord};
use serde::Serialize;

use crate::decide::{Evaluation, PeriodState, Phase};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Identifier of the construct.
    pub construct: String,
    /// `2026-03`, `2026-Q1` …
    pub period: String,
    /// Start of the period, in milliseconds.
    pub period_start: Timestamp,
    /// End of the period, in milliseconds.
    pub period_end: Timestamp,
    /// `all` or `category=malware`.
    pub group: String,
    /// Value for people, rounded.
    pub value: String,
    /// Exact value.
    pub exact: Option<Exact>,
    /// Unit.
    pub unit: String,
    /// Denominator, where the value is a ratio.
    pub n: Option<String>,
    /// Band, or why there is none.
    pub outcome: String,
    /// `open`, `closing`, `final`, `revised`.
    pub state: String,
    /// Revision; 0 while nothing is published.
    pub revision: u32,
    /// What the outcome rests on.
    pub because: Option<String>,
    /// Whether a base measure behind the value is an estimate.
    pub estimate: bool,
    /// Where a series begins that another definition was before: who approved that, and why.
    #[serde(rename = "break", skip_serializing_if = "Option::is_none")]
    pub breaks: Option<String>,
}

/// A row of a ledger entry.
pub fn row(catalogue: &Catalogue, entry: &ResultRecord) -> Row {
    let construct = catalogue.construct(&entry.construct);
    let period = measurement::calendar::Period { start: entry.period.start, end: entry.period.end };
    Row {
        construct: entry.construct.clone(),
        period: construct.map_or_else(
            || entry.period.start.to_string(),
            |construct| construct.calendar.label(construct.period, &period),
        ),
        period_start: entry.period.start,
        period_end: entry.period.end,
        group: entry.group_label(),
        value: entry.value.as_ref().map_or_else(|| "-".to_owned(), |value| value.display(3)),
        exact: entry.value.clone(),
        unit: construct.map_or_else(String::new, |construct| construct.unit().to_owned()),
        n: entry.denominator.as_ref().map(|n| n.display(3)),
        outcome: entry.outcome.clone(),
        state: match (entry.state, entry.revision) {
            (LedgerState::Beside, _) => "beside",
            (_, 2..) => "revised",
            _ => "final",
        }
        .to_owned(),
        revision: entry.revision,
        because: entry.because.clone(),
        estimate: entry.base.values().any(|base| base.error.is_some()),
        breaks: entry.breaks.as_ref().map(|told| {
            let catalogue = told.catalogue.map_or_else(String::new, |number| format!(" by catalogue {number}"));
            format!("definition changed{catalogue}, {}: {} (was {})", told.approver, told.reason, told.previous)
        }),
    }
}

/// The current period of every construct: the newest that has begun.
pub fn current(evaluation: &Evaluation) -> Vec<Row> {
    rows(evaluation, evaluation.series().filter_map(|(index, _)| evaluation.newest(index, |_| true)))
}

/// All periods that have begun and are not closed.
pub fn unfinished(evaluation: &Evaluation) -> Vec<Row> {
    let of =
        |index| evaluation.periods(index).filter(|state| state.phase != Phase::Final).map(move |state| (index, state));
    rows(evaluation, (0..evaluation.catalogue().constructs.len()).flat_map(of))
}

fn rows<'a>(evaluation: &Evaluation, states: impl Iterator<Item = (usize, &'a PeriodState)>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, state) in states {
        let Some(construct) = evaluation.catalogue().constructs.get(index) else { continue };
        for (group, evaluated) in &state.groups {
            let figures = evaluated.figures();
            let names = construct.dimensions.iter().map(|dimension| dimension.name.clone());
            rows.push(Row {
                construct: construct.id.clone(),
                period: construct.calendar.label(construct.period, &state.period),
                period_start: state.period.start,
                period_end: state.period.end,
                group: records::result::group_label(&names.zip(group.iter().cloned()).collect()),
                value: figures.value.map_or_else(|| "-".to_owned(), |value| value.display(3)),
                exact: figures.value.cloned(),
                unit: construct.unit().to_owned(),
                n: figures.fraction.map(|(_, n)| n.display(3)),
                outcome: evaluated.outcome().name().to_owned(),
                state: match state.phase {
                    Phase::Open => "open",
                    Phase::Closing => "closing",
                    Phase::Final => "final",
                }
                .to_owned(),
                revision: 0,
                because: evaluated.because().map(str::to_owned),
                estimate: figures.base.values().any(|base| base.error.is_some()),
                breaks: None,
            });
        }
    }
    rows
}
