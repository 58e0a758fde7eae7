//! Entries of the ledger.
//!
//! The ledger alone says what was published; the judgements say what ought to be. An entry is written
//! where they differ, with the next revision number, the number of the one it replaces, and the reason.
//! An entry that stands is never written twice.

use std::collections::{BTreeMap, HashMap};

use measurement::{catalogue::Construct, outcome::Outcome, time::Timestamp};
use records::{LedgerState, PeriodRef, ResultRecord, VERSION, encode};

use crate::decide::{Due, Evaluated, Evaluation, PeriodState};

/// Version of this program, as entries name it.
const BUILD: &str = concat!("vernier ", env!("CARGO_PKG_VERSION"));

/// What the ledger says.
#[derive(Debug, Default)]
pub struct Ledger {
    next_sequence: u64,
    last_hash: String,
    newest: HashMap<(String, Timestamp, String), ResultRecord>,
}

/// Why a ledger cannot be carried on.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// An entry does not follow the one before it.
    #[error("ledger entry {sequence} does not follow the one before it: {reason}")]
    Broken {
        /// The entry.
        sequence: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Ledger {
    /// Takes in the next entry. Fails if it does not follow the one before it.
    pub fn read(&mut self, bytes: &[u8], entry: ResultRecord) -> Result<(), LedgerError> {
        let broken = |reason| LedgerError::Broken { sequence: entry.sequence, reason };
        if entry.sequence != self.next_sequence {
            return Err(broken("its number is not the next"));
        }
        if entry.previous != self.last_hash {
            return Err(broken("it names another hash of the entry before it"));
        }
        self.last_hash = records::result::hash(bytes);
        self.next_sequence += 1;
        self.newest.insert((entry.construct.clone(), entry.period.start, entry.group_label()), entry);
        Ok(())
    }

    /// How many entries there are.
    pub const fn len(&self) -> u64 {
        self.next_sequence
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.next_sequence == 0
    }

    /// The newest entry of a construct, period and group.
    pub fn newest(&self, construct: &str, start: Timestamp, group: &str) -> Option<&ResultRecord> {
        self.newest.get(&(construct.to_owned(), start, group.to_owned()))
    }

    /// The entries that are missing, in order, each with its bytes. They are not in the ledger before
    /// [`Ledger::read`] has been given them.
    pub fn missing(&self, evaluation: &Evaluation, due: &[Due]) -> Vec<(Vec<u8>, ResultRecord)> {
        let mut entries: Vec<(Vec<u8>, ResultRecord)> = Vec::new();
        let mut last_hash = self.last_hash.clone();
        let mut sequence = self.next_sequence;
        for item in due {
            let Some(construct) = evaluation.catalogue().constructs.get(item.construct) else { continue };
            let Some(period) = evaluation.period(item.construct, item.start) else { continue };
            for (group, evaluated) in &period.groups {
                let mut entry = entry(evaluation, construct, item, group, evaluated);
                let key = (entry.construct.clone(), entry.period.start, entry.group_label());
                if let Some(standing) = self.newest.get(&key) {
                    // A period that was judged by another definition keeps its colour.
                    if standing.definition != entry.definition || standing.says_the_same(&entry) {
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
                    let reason = if same_base && standing.reason == "stalled" && !period.stalled {
                        "stall-ended"
                    } else if same_base && item.by_history {
                        "history-revised"
                    } else {
                        // The figures have changed, or what was known of the sources.
                        "late-data"
                    };
                    reason.clone_into(&mut entry.reason);
                }
                entry.sequence = sequence;
                entry.previous = std::mem::take(&mut last_hash);
                let bytes = encode(&entry);
                last_hash = records::result::hash(&bytes);
                sequence += 1;
                entries.push((bytes, entry));
            }
        }
        entries
    }
}

/// Why the first entry on a period is written.
fn reason(period: Option<&PeriodState>) -> &'static str {
    match period {
        Some(state) if state.stalled => "stalled",
        Some(state) if state.silence.is_some() => "silence",
        _ => "period-closed",
    }
}

fn entry(
    evaluation: &Evaluation,
    construct: &Construct,
    due: &Due,
    group: &[String],
    evaluated: &Evaluated,
) -> ResultRecord {
    let judgement = &evaluated.judgement;
    let period = evaluation.period(due.construct, due.start);
    let suppressed = judgement.outcome == Outcome::Suppressed;
    let derived = construct.derived.iter().enumerate().map(|(index, derived)| {
        (derived.name.clone(), judgement.values.get(construct.base.len() + index).cloned().flatten())
    });
    let names = construct.dimensions.iter().map(|dimension| dimension.name.clone());
    ResultRecord {
        version: VERSION,
        sequence: 0,
        previous: String::new(),
        construct: construct.id.clone(),
        construct_version: construct.version.clone(),
        definition: construct.digest.clone(),
        criteria: judgement.criteria.clone(),
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
        reason: reason(period).to_owned(),
        base: if suppressed { BTreeMap::new() } else { evaluated.base.clone() },
        derived: if suppressed { BTreeMap::new() } else { derived.collect() },
        value: judgement.value.clone().filter(|_| !suppressed),
        numerator: judgement.fraction.as_ref().map(|(top, _)| top.clone()).filter(|_| !suppressed),
        denominator: judgement.fraction.as_ref().map(|(_, bottom)| bottom.clone()).filter(|_| !suppressed),
        interval: judgement.interval.clone().filter(|_| !suppressed),
        target: period.and_then(|state| construct.target(&state.period)?.value.clone()),
        outcome: judgement.outcome.name().to_owned(),
        because: judgement.because.clone(),
        trend: judgement.trend.map(str::to_owned).filter(|_| !suppressed),
        quality: period.map(|state| state.quality.clone()).unwrap_or_default(),
        watermark: evaluation.collected().watermark(&construct.sources).unwrap_or(Timestamp::MIN),
        covered: evaluation.collected().covered(),
        build: BUILD.to_owned(),
    }
}
