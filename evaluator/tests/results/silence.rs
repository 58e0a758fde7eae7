//! Life that lies far apart: few periods, and the same that a judgement of each period would say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use evaluator::decide::{Evaluation, SILENT_ONE_BY_ONE, Silence};
use measurement::{
    accumulate::Accumulator,
    calendar::{Calendar, PeriodLength, UTC},
    catalogue::{Catalogue, Files},
    time::Timestamp,
};
use proptest::prelude::*;
use records::{
    Activity, ActivityKey, Aggregate, AggregateKey, Frontier, Reason, ResultRecord, Since, Unit, UnitKey, VERSION,
    encode,
};
use streaming::{Record, RecordRef, TopicPartition};

use crate::bench::{Bench, DAY, HOUR, LOGINS, MINUTE, START, Transaction};

const FIVE: i64 = 5 * MINUTE;
/// How long the source of the catalogue may be silent.
const RHYTHM: i64 = 3 * FIVE;
/// How far its formula looks back, in periods.
const BACK: usize = 2;

fn catalogue() -> Arc<Catalogue> {
    let construct = "
construct: silence/rise
title: Rise
version: 1.0.0
reference: { verified: false }
kind: performance
need: { question: A, objective: B, risk: C, decision: D }
parties: { owner: A, collector: B, client: C, reviewer: D }
cadence: { period: PT5M, report: P1M, revise: P1Y, close_after: PT5M, restate_for: P13M }
calendar: { zone: UTC, fiscal_year_start: 01-01 }
sources: [any]
base:
  attempts: { event: authentication, count: activity_id == 1 }
derived:
  rise: { formula: \"attempts - previous(attempts, 2)\", unit: ratio }
indicator: { of: rise, bands: { green: \"(-inf, 0]\", red: \"(0, inf)\" } }
target: { value: 0, from: 2020-01-01, approved_by: A }
missing: no-data
evidence: None
report: { chart: line }
";
    let source = "
source: any
title: Any
owner: Nobody
topics: [raw.any]
decode: json
mapping: ocsf
lateness: PT1M
idle: PT30S
max_future: PT5M
rhythm: PT15M
deduplicate: P7D
";
    let mut files = Files::default();
    files.0.insert("constructs/rise.yaml".to_owned(), construct.to_owned());
    files.0.insert("sources/any.yaml".to_owned(), source.to_owned());
    Arc::new(Catalogue::from_files(&files).unwrap_or_else(|faults| panic!("{faults}")))
}

fn calendar() -> Calendar {
    Calendar::civil(UTC)
}

fn start_of(time: i64) -> i64 {
    calendar().period_at(PeriodLength::Minutes(5), Timestamp(time)).start.0
}

/// An evaluation that is handed what one task has written.
struct Told {
    catalogue: Arc<Catalogue>,
    evaluation: Evaluation,
}

impl Told {
    fn new(catalogue: &Arc<Catalogue>) -> Self {
        Self { catalogue: Arc::clone(catalogue), evaluation: Evaluation::new(Arc::clone(catalogue), 1, 0) }
    }

    fn hand(&mut self, key: Vec<u8>, value: Vec<u8>) {
        let record = Record {
            partition: TopicPartition::new("measures", 0),
            offset: 0,
            timestamp: None,
            key: Some(key),
            value: Some(value),
            headers: Vec::new(),
        };
        self.evaluation.record(RecordRef::from(&record));
    }

    /// Everything that was ever told in a period.
    fn period(&mut self, start: i64, (first, last, count): (i64, i64, u64)) {
        let construct = &self.catalogue.constructs[0];
        let key = AggregateKey {
            construct: construct.id.clone(),
            definition: construct.base[0].digest.clone(),
            measure: "attempts".to_owned(),
            period_start: Timestamp(start),
            group: Vec::new(),
        };
        let period_end = Timestamp(start + FIVE);
        let accumulator = Accumulator::counted(count);
        self.hand(encode(&key), encode(&Aggregate { version: VERSION, period_end, accumulator, covered: 0 }));
        let key = ActivityKey { source: "any".to_owned(), interval_start: Timestamp(start) };
        let (first, last) = (Some(Timestamp(first)), Some(Timestamp(last)));
        let activity = Activity {
            version: VERSION,
            first,
            last,
            count,
            read: count,
            refused: 0,
            replaced: 0,
            mappings: BTreeSet::new(),
        };
        self.hand(encode(&key), encode(&activity));
    }

    fn look(&mut self, watermark: i64) {
        let catalogue = Arc::clone(&self.catalogue);
        for (construct, base) in catalogue.constructs.iter().flat_map(|of| of.base.iter().map(move |base| (of, base))) {
            let definition = base.digest.clone();
            let unit = Unit { version: VERSION, definition: definition.clone(), since: Since::Beginning, ended: None };
            let key = UnitKey { construct: construct.id.clone(), measure: base.name.clone(), definition };
            self.hand(encode(&key), encode(&unit));
        }
        let frontier = Frontier {
            version: VERSION,
            next_offset: 1,
            replay_from: 0,
            transaction: 1,
            partitions: 1,
            catalogue: String::new(),
            sequence: 0,
            newest: None,
            builds: 0,
            watermarks: BTreeMap::from([("any".to_owned(), Timestamp(watermark))]),
            sources: BTreeMap::new(),
            uncomputed: BTreeMap::new(),
            accounting: BTreeMap::new(),
            digest: String::new(),
        };
        self.hand(Frontier::KEY.to_vec(), encode(&frontier));
        self.evaluation.evaluate(Timestamp(watermark));
    }

    /// Start, end, silence and outcome of every state.
    fn states(&self) -> Vec<(i64, i64, Option<Silence>, String)> {
        let states = self.evaluation.periods(0);
        let outcome = |state: &evaluator::decide::PeriodState| {
            let total = &state.groups[&Vec::new()];
            format!("{} {:?} {:?}", total.outcome(), total.figures().value, total.because())
        };
        states.map(|state| (state.period.start.0, state.period.end.0, state.silence, outcome(state))).collect()
    }
}

type Cells = BTreeMap<i64, (i64, i64, u64)>;

fn cells(times: &[i64]) -> Cells {
    let mut cells = Cells::new();
    for time in times {
        let cell = cells.entry(start_of(*time)).or_insert((*time, *time, 0));
        *cell = (cell.0.min(*time), cell.1.max(*time), cell.2 + 1);
    }
    cells
}

/// Every period of the calendar from the first life on, judged one by one in the plainest way: its outcome.
fn one_by_one(cells: &Cells, until: i64) -> Vec<(i64, String)> {
    let mut counts: Vec<Option<i64>> = Vec::new();
    let mut told = Vec::new();
    let mut last = None;
    let mut start = *cells.keys().next().unwrap();
    while start <= until {
        let end = start + FIVE;
        last = cells.get(&start).map(|cell| cell.1).or(last);
        let until = end.min(until);
        let silent = last.unwrap() < until - RHYTHM.max(FIVE);
        counts.push((!silent).then(|| i64::try_from(cells.get(&start).map_or(0, |cell| cell.2)).unwrap()));
        let before = counts.len().checked_sub(1 + BACK).and_then(|at| counts[at]);
        let outcome = match (counts.last().unwrap(), before) {
            (None, _) => "no-data",
            // A rhythm longer than a period: whoever is within it is alive.
            (Some(_), None) => "insufficient-history",
            (Some(now), Some(before)) if now - before <= 0 => "green",
            (Some(_), Some(_)) => "red",
        };
        told.push((start, outcome.to_owned()));
        start = end;
    }
    told
}

/// The same from the states: a silence stands for all of its periods.
fn expanded(told: &Told) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    for (start, end, silence, outcome) in told.states() {
        assert!(silence.is_some() || end - start == FIVE, "{start} to {end}");
        let outcome = outcome.split(' ').next().unwrap().to_owned();
        all.extend((start..end).step_by(usize::try_from(FIVE).unwrap()).map(|start| (start, outcome.clone())));
    }
    all
}

/// Moments of life: some close together, most of them far apart.
fn moments() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![0..FIVE, FIVE..2 * HOUR, 2 * HOUR..6 * HOUR, DAY..40 * DAY];
    prop::collection::vec(step, 1..14).prop_map(|steps| {
        let mut at = START;
        steps
            .into_iter()
            .map(|step| {
                at += step;
                at
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// However far apart life lies, in whatever order it is told and whenever it is looked at: what is said of every
    /// period is what looking at each would say, and there are no more states than life asks for.
    #[test]
    fn a_silence_says_what_its_periods_would_say(
        times in moments(),
        order in prop::collection::vec(any::<u32>(), 14),
        looks in prop::collection::vec(any::<bool>(), 14),
        after in prop_oneof![0..HOUR, DAY..20 * DAY],
    ) {
        let catalogue = catalogue();
        let all = cells(&times);
        let until = times.iter().max().unwrap() + after;
        let mut whole = Told::new(&catalogue);
        for (start, cell) in &all {
            whole.period(*start, *cell);
        }
        whole.look(until);
        prop_assert_eq!(expanded(&whole), one_by_one(&all, until));
        let around = SILENT_ONE_BY_ONE + 3 + usize::try_from(RHYTHM / FIVE).unwrap();
        prop_assert!(whole.states().len() <= all.len() * around + 1, "{} of {}", whole.states().len(), all.len());

        let mut shuffled: Vec<usize> = (0..times.len()).collect();
        shuffled.sort_by_key(|at| order[*at]);
        let mut piecemeal = Told::new(&catalogue);
        let (mut known, mut watermark) = (Vec::new(), START);
        for (at, look) in shuffled.iter().zip(&looks) {
            known.push(times[*at]);
            let start = start_of(times[*at]);
            piecemeal.period(start, cells(&known)[&start]);
            if *look {
                watermark = watermark.max(times[*at]);
                piecemeal.look(watermark);
            }
        }
        piecemeal.look(until);
        prop_assert_eq!(piecemeal.states(), whole.states());
    }
}

fn said(entries: &[ResultRecord]) -> Vec<(i64, i64, &str, Reason, u32)> {
    let said = entries.iter().filter(|entry| entry.construct == LOGINS).map(|entry| {
        let (start, end) = (entry.period.start.0, entry.period.end.0);
        ((start - START) / HOUR, (end - START) / HOUR, entry.outcome.as_str(), entry.reason, entry.revision)
    });
    said.collect()
}

#[test]
fn a_record_a_year_early_makes_a_day_of_entries_and_one_more() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let early = START - 365 * DAY;
    let both = bench.logins(bench.logins(Transaction::default(), early, 40, 7), START, 40, 30);
    bench.tasks(both, START + 2 * HOUR);
    bench.drain(&mut evaluator);
    let ledger = bench.ledger();
    let entries = said(&ledger);
    // Six hours within the rhythm, a day hour by hour, all the rest.
    assert!(entries.len() < 40, "{}", entries.len());
    let silence = entries.iter().find(|entry| entry.3 == Reason::Silence).unwrap();
    assert_eq!((silence.1, silence.2, silence.4), (0, "no-data", 1), "it ends where life begins");
    let first = -365 * 24;
    assert!((first + 25..first + 40).contains(&silence.0), "{silence:?}");
    let judged = entries.iter().filter(|entry| entry.2 == "green" || entry.2 == "red").count();
    assert_eq!(judged, 2, "{entries:?}");
    let entry = ledger.iter().find(|entry| entry.reason == Reason::Silence).unwrap();
    assert!(entry.because.as_ref().unwrap().contains("sent nothing since"), "{entry:?}");
    assert!(entry.base.is_empty());
}

#[test]
fn a_silence_that_lasts_is_shown_and_written_once_it_is_over() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    bench.tasks(bench.logins(Transaction::default(), START, 40, 7), START + 20 * DAY);
    bench.drain(&mut evaluator);
    assert!(bench.ledger().iter().all(|entry| entry.reason != Reason::Silence));
    let view = evaluator.view().get();
    let now = view.current.iter().find(|row| row.construct == LOGINS).unwrap();
    assert_eq!((now.outcome.as_str(), now.state.as_str()), ("no-data", "open"));
    assert_eq!((now.period_start.0 - START) / HOUR, 32);
    assert!(now.period.contains('…'), "{}", now.period);

    bench.tasks(bench.logins(Transaction::default(), START + 20 * DAY, 40, 7), START + 20 * DAY + 2 * HOUR);
    bench.drain(&mut evaluator);
    let ledger = bench.ledger();
    let silences: Vec<_> = said(&ledger).into_iter().filter(|entry| entry.3 == Reason::Silence).collect();
    assert_eq!(silences, [(32, 480, "no-data", Reason::Silence, 1)]);
}

#[test]
fn late_life_within_a_silence_cuts_it() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let twice = bench.logins(bench.logins(Transaction::default(), START, 40, 7), START + 40 * DAY, 40, 7);
    bench.tasks(twice, START + 40 * DAY + 2 * HOUR);
    bench.drain(&mut evaluator);
    let before = bench.ledger().len();
    bench.tasks(bench.logins(Transaction::default(), START + 10 * DAY, 40, 30), START + 40 * DAY + 2 * HOUR);
    bench.drain(&mut evaluator);
    let ledger = bench.ledger();
    let later = said(&ledger[before..]);
    assert_eq!(later[0], (32, 240, "no-data", Reason::LateData, 2), "the first part, with its new end");
    assert_eq!(later[1], (240, 241, "red", Reason::PeriodClosed, 1));
    assert_eq!(*later.last().unwrap(), (240 + 32, 960, "no-data", Reason::Silence, 1));
    // What stands tells of every hour once.
    let mut newest = BTreeMap::new();
    for (start, end, ..) in said(&ledger) {
        newest.insert(start, end);
    }
    let mut at = 0;
    for (start, end) in newest {
        assert_eq!(start, at);
        at = end;
    }
    let written = bench.ledger().len();
    bench.drain(&mut bench.evaluator());
    assert_eq!(bench.ledger().len(), written, "another evaluator has nothing to add");
}

#[test]
fn what_cannot_be_read_opens_its_period_and_is_no_life() {
    let catalogue = catalogue();
    let mut told = Told::new(&catalogue);
    let key = ActivityKey { source: "any".to_owned(), interval_start: Timestamp(START) };
    let refused = Activity {
        version: VERSION,
        first: None,
        last: None,
        count: 0,
        read: 3,
        refused: 3,
        replaced: 0,
        mappings: BTreeSet::new(),
    };
    told.hand(encode(&key), encode(&refused));
    told.look(START + FIVE);
    let state = told.evaluation.periods(0).next().unwrap();
    assert_eq!(state.quality.sources["any"].refused, 3);
    assert_eq!(state.groups[&Vec::new()].outcome().name(), "no-data");
    let other = Activity { refused: 0, ..refused.clone() };
    let mut told = Told::new(&catalogue);
    told.hand(encode(&key), encode(&other));
    told.look(START + FIVE);
    assert_eq!(told.states(), [], "what is no sign of life begins nothing");
}
