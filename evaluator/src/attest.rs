//! Entries of the ledger.
//!
//! The ledger alone says what was published; the judgements say what ought to be. An entry is written
//! where they differ, with the next revision number, the number of the one it replaces, and the reason.
//! An entry that stands is never written twice.

use std::collections::HashMap;

use measurement::{catalogue::Construct, time::Timestamp};
use records::{Break, LedgerState, PeriodRef, Reason, ResultRecord, VERSION, encode, result::hash};

use crate::{
    decide::{Due, Evaluated, Evaluation, PeriodState},
    ledger::Ledger,
};

/// Version of this program, as entries name it.
const BUILD: &str = concat!("vernier ", env!("CARGO_PKG_VERSION"));

/// The entries that a ledger lacks, in order, each with its bytes. They are not in it before [`Ledger::add`] has been
/// given them.
pub fn missing(ledger: &Ledger, evaluation: &Evaluation, due: &[Due]) -> Vec<(Vec<u8>, ResultRecord)> {
    let mut entries: Vec<(Vec<u8>, ResultRecord)> = Vec::new();
    let mut last_hash = ledger.last_hash().to_owned();
    let mut sequence = ledger.len();
    // What was measured last in each series, by these entries: construct and group.
    let mut last: HashMap<(String, String), (Timestamp, String)> = HashMap::new();
    for item in due {
        let Some(construct) = evaluation.catalogue().constructs.get(item.construct) else { continue };
        let Some(period) = evaluation.period(item.construct, item.start) else { continue };
        for (group, evaluated) in &period.groups {
            let mut entry = entry(evaluation, construct, item, group, evaluated);
            if let Some(standing) = ledger.newest(&entry.construct, entry.period.start, &entry.group_label()) {
                // A period that was judged by another definition keeps its colour.
                if standing.definition != entry.definition {
                    if !enter_beside(ledger, evaluation, item, &mut entry) {
                        continue;
                    }
                    append(&mut entries, entry, &mut sequence, &mut last_hash);
                    continue;
                }
                if standing.says_the_same(&entry) {
                    continue;
                }
                // New criteria recolour nothing: only other figures are judged again, by what was in force then.
                if standing.criteria != entry.criteria && standing.base == entry.base {
                    continue;
                }
                entry.state = LedgerState::Revised;
                entry.revision = standing.revision + 1;
                entry.supersedes = Some(standing.revision);
                let same_base = standing.base == entry.base;
                entry.reason = if same_base && standing.reason == Reason::Stalled && !period.stalled {
                    Reason::StallEnded
                } else if same_base && item.by_history {
                    Reason::HistoryRevised
                } else if !same_base && standing.builds != entry.builds {
                    Reason::Rebuilt
                } else {
                    Reason::LateData
                };
                entry.breaks.clone_from(&standing.breaks);
            } else if !evaluation.is_own(item.construct, item.start) {
                // Another definition states it, whether it has done so yet or not.
                if enter_beside(ledger, evaluation, item, &mut entry) {
                    append(&mut entries, entry, &mut sequence, &mut last_hash);
                }
                continue;
            } else {
                let series = (entry.construct.clone(), entry.group_label());
                let pending =
                    last.get(&series).filter(|(start, _)| *start < item.start).map(|(_, known)| known.clone());
                let known = pending
                    .or_else(|| ledger.before(&series.0, item.start, &series.1).map(|known| known.definition.clone()));
                entry.breaks = known
                    .filter(|previous| *previous != entry.definition)
                    .map(|previous| break_of(evaluation, construct, previous));
                last.insert(series, (item.start, entry.definition.clone()));
            }
            append(&mut entries, entry, &mut sequence, &mut last_hash);
        }
    }
    entries
}

/// Gives an entry its place.
fn append(
    entries: &mut Vec<(Vec<u8>, ResultRecord)>,
    mut entry: ResultRecord,
    sequence: &mut u64,
    last_hash: &mut String,
) {
    entry.sequence = *sequence;
    entry.previous = std::mem::take(last_hash);
    let bytes = encode(&entry);
    *last_hash = hash(&bytes);
    *sequence += 1;
    entries.push((bytes, entry));
}

/// Whether what a definition says of a period that another one states is asked for and new. It has revisions of its own.
fn enter_beside(ledger: &Ledger, evaluation: &Evaluation, item: &Due, entry: &mut ResultRecord) -> bool {
    if !evaluation.is_beside(item.construct, item.start) {
        return false;
    }
    entry.state = LedgerState::Beside;
    let known = ledger.beside(&entry.construct, item.start, &entry.group_label(), &entry.definition);
    if let Some(known) = known {
        if known.says_the_same(entry) {
            return false;
        }
        entry.revision = known.revision + 1;
        entry.supersedes = Some(known.revision);
        entry.reason = Reason::LateData;
    }
    true
}

/// Where a series begins that another definition has had before.
fn break_of(evaluation: &Evaluation, construct: &Construct, previous: String) -> Break {
    let origin = evaluation.origin(construct);
    Break {
        previous,
        catalogue: origin.map(|origin| origin.catalogue),
        approver: origin.map(|origin| origin.approver.clone()).unwrap_or_default(),
        reason: origin.map(|origin| origin.reason.clone()).unwrap_or_default(),
    }
}

/// Why the first entry on a period is written.
fn reason(period: Option<&PeriodState>) -> Reason {
    match period {
        Some(state) if state.stalled => Reason::Stalled,
        Some(state) if state.silence.is_some() => Reason::Silence,
        _ => Reason::PeriodClosed,
    }
}

fn entry(
    evaluation: &Evaluation,
    construct: &Construct,
    due: &Due,
    group: &[String],
    evaluated: &Evaluated,
) -> ResultRecord {
    let figures = evaluated.figures();
    let period = evaluation.period(due.construct, due.start);
    let derived = construct.derived.iter().map(|derived| derived.name.clone());
    let derived = derived.zip(figures.values.iter().skip(construct.base.len()).cloned());
    let names = construct.dimensions.iter().map(|dimension| dimension.name.clone());
    ResultRecord {
        version: VERSION,
        sequence: 0,
        previous: String::new(),
        construct: construct.id.clone(),
        construct_version: construct.version.clone(),
        definition: construct.digest.clone(),
        criteria: evaluated.criteria().to_owned(),
        period: PeriodRef {
            start: due.start,
            end: period.map_or(due.start, |state| state.period.end),
            zone: construct.calendar.zone.name().to_owned(),
            window_start: period
                .filter(|state| construct.rolling > 1 && state.silence.is_none())
                .map(|state| construct.window(&state.period).start),
        },
        group: names.zip(group.iter().cloned()).collect(),
        state: LedgerState::Final,
        revision: 1,
        supersedes: None,
        reason: reason(period),
        breaks: None,
        base: figures.base.clone(),
        derived: derived.collect(),
        value: figures.value.cloned(),
        numerator: figures.fraction.map(|(top, _)| top.clone()),
        denominator: figures.fraction.map(|(_, bottom)| bottom.clone()),
        interval: figures.interval.cloned(),
        target: period.and_then(|state| construct.target(&state.period)?.value.clone()),
        outcome: evaluated.outcome().name().to_owned(),
        because: evaluated.because().map(str::to_owned),
        trend: figures.trend.map(str::to_owned),
        quality: period.map(|state| state.quality.clone()).unwrap_or_default(),
        watermark: evaluation.collected().watermark(&construct.sources).unwrap_or(Timestamp::MIN),
        covered: evaluation.collected().covered(),
        builds: evaluation.collected().builds(),
        build: BUILD.to_owned(),
    }
}
