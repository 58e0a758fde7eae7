//! Fresh seeds until so many processes have been killed.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use pipeline_tests::sim::{Report, catalogue, run};

/// Processes killed, where the environment does not ask for more.
const KILLS: u64 = 50_000;
/// The variable that asks for more.
const VARIABLE: &str = "VERNIER_SIM_KILLS";
/// The variable that names the first seed.
const FIRST: &str = "VERNIER_SIM_SEED";
const THREADS: usize = 2;

/// What a variable says, if it is set.
#[expect(clippy::disallowed_methods, reason = "how long a soak lasts is for its caller to say")]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}: no number")))
}

#[derive(Default)]
struct Sum {
    runs: u64,
    blind: u64,
    steps: u64,
    kills: u64,
    pauses: u64,
    records: u64,
    commits: u64,
    aborts: u64,
    copies: u64,
    harmful: u64,
    refused: u64,
    losses: u64,
    failed: Vec<Report>,
}

impl Sum {
    fn add(&mut self, report: Report) {
        self.runs += 1;
        self.blind += u64::from(report.blind);
        self.steps += report.steps;
        self.kills += report.kills;
        self.pauses += report.pauses;
        self.records += report.records;
        self.commits += report.counts.commits;
        self.aborts += report.counts.aborts;
        self.copies += report.counts.copies;
        self.harmful += report.counts.harmful;
        self.refused += report.counts.refused;
        self.losses += report.counts.losses;
        if !report.wrong.is_empty() {
            self.failed.push(report);
        }
    }
}

#[test]
fn no_event_is_lost_or_counted_twice_whatever_is_killed() {
    let wanted = number(VARIABLE).unwrap_or(KILLS);
    let first = number(FIRST).unwrap_or_else(|| u64::try_from(service::clock::now().0).unwrap());
    let begun = service::clock::now();
    println!("seeds from {first} on, {wanted} kills");
    let (next, enough, sum) = (AtomicU64::new(first), AtomicBool::new(false), Mutex::new(Sum::default()));
    let catalogue = catalogue();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !enough.load(Ordering::Acquire) {
                    let report = run(next.fetch_add(1, Ordering::AcqRel), &catalogue, None);
                    let mut sum = sum.lock().unwrap();
                    sum.add(report);
                    if sum.kills >= wanted || !sum.failed.is_empty() {
                        enough.store(true, Ordering::Release);
                    }
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    let took = service::clock::now().0 - begun.0;
    println!(
        "{} runs ({} of them blind) in {} s, {} a minute: {} steps, {} kills, {} pauses, {} broker losses, {} source records, \
         {} transactions committed and {} aborted, {} late copies of which {} ended a transaction, offsets refused {} times",
        sum.runs,
        sum.blind,
        took / 1000,
        i64::try_from(sum.runs).unwrap() * 60_000 / took.max(1),
        sum.steps,
        sum.kills,
        sum.pauses,
        sum.losses,
        sum.records,
        sum.commits,
        sum.aborts,
        sum.copies,
        sum.harmful,
        sum.refused
    );
    for report in &sum.failed {
        println!("{report}");
    }
    let seeds: Vec<u64> = sum.failed.iter().map(|report| report.seed).collect();
    assert!(seeds.is_empty(), "something is wrong with these seeds, to be kept in seeds.txt: {seeds:?}");
}
