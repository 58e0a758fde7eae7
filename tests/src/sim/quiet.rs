//! After the faults: everything is mended and runs until nothing moves any more; then it is counted again.

use std::fmt::Write as _;

use records::Topics;
use streaming::{Log as _, TopicPartition};

use super::{
    faults::{Blind, Faults},
    process::Kind,
    report::Wrong,
    world::{PARTITIONS, PREFIX, SOURCE_PARTITIONS, World},
};
use crate::{Checker, Input, load::TOPICS};

/// Steps in which nothing may be written before all counts as done.
const STILL: u32 = 700;
/// Most steps after the faults, each time.
const MOST: u32 = 20_000;
/// How far the sources are moved on at the end, in milliseconds: every period that is looked at is closed then.
const AHEAD: i64 = 3 * 3_600_000;

impl World<'_> {
    /// Mends everything and runs until all is done; then checks.
    pub(super) fn recover(&mut self) {
        self.mend();
        self.feed_rest();
        if !self.run_until("sources to be read", Self::sources_are_read) {
            return;
        }
        // Ahead of the clock: what they agree on must be believed, whatever single clocks have told before.
        let batch = self.load.closing(AHEAD);
        for sent in &batch {
            self.send(sent);
        }
        if !self.run_until("the last source records to be read", Self::sources_are_read) {
            return;
        }
        self.end(Kind::Ingest);
        if self.still() {
            self.end(Kind::Aggregator);
            self.end(Kind::Evaluator);
            self.check();
        }
    }

    fn mend(&mut self) {
        self.log.note(format_args!("everything is mended"));
        self.log.set_faults(Faults { blind: self.plan.faults.blind, ..Faults::SLOW });
        // Whatever is still under way comes now, and sessions of the dead end.
        self.log.pass(30_000);
        self.ghosts.clear();
        self.mended = true;
        let now = self.log.now().0;
        for process in &mut self.processes {
            process.start_at = now;
            if let Some(body) = &mut process.body
                && body.paused_until.take().is_some()
            {
                self.log.wake(body.number);
            }
        }
    }

    fn step(&mut self) {
        self.report.steps += 1;
        let time = self.random.below(12);
        self.log.pass(time);
        self.start_and_wake();
        self.advance_one();
        if self.report.steps.is_multiple_of(256) {
            self.look();
        }
    }

    fn run_until(&mut self, what: &str, holds: fn(&Self) -> bool) -> bool {
        for step in 0..MOST {
            if step % 16 == 0 && holds(self) {
                return true;
            }
            self.step();
            if self.report.is_over() {
                return false;
            }
        }
        self.report.wrong.push(Wrong::Stuck(format!("waited for {what}; {}", self.positions())));
        false
    }

    /// Runs until what there is has been read and nothing is written any more.
    fn still(&mut self) -> bool {
        let mut before = Vec::new();
        let mut still = 0;
        for _ in 0..MOST {
            self.step();
            if self.report.is_over() {
                return false;
            }
            let ends = self.ends();
            still = if ends == before && self.all_run() { still + 1 } else { 0 };
            before = ends;
            if still >= STILL && self.events_are_read() && self.log.is_quiet() {
                return true;
            }
        }
        let waits = format!("still for {still} steps; {}", self.positions());
        self.report.wrong.push(Wrong::Stuck(waits));
        false
    }

    /// Whether everybody runs who has not been ended.
    fn all_run(&self) -> bool {
        self.processes.iter().all(|process| process.body.is_some() || process.start_at == i64::MAX)
    }

    fn end(&mut self, kind: Kind) {
        for process in self.processes.iter_mut().filter(|process| process.kind == kind) {
            process.start_at = i64::MAX;
            if let Some(mut body) = process.body.take()
                && let Err(ended) = body.work.stop()
            {
                let process = process.name.clone();
                self.report.wrong.push(Wrong::Refused { process, reason: format!("at its end: {ended:?}") });
            }
        }
        self.log.pass(5000);
    }

    fn sources_are_read(&self) -> bool {
        let group = format!("{PREFIX}-ingest");
        TOPICS.iter().flat_map(|topic| (0..SOURCE_PARTITIONS).map(|at| TopicPartition::new(topic, at))).all(|at| {
            let end = self.log.end_offset(&at).expect("it exists");
            end == 0 || self.log.committed(&group, &at) == Some(end)
        })
    }

    fn events_are_read(&self) -> bool {
        let topics = Topics::new(PREFIX);
        let group = format!("{PREFIX}-aggregator");
        (0..PARTITIONS).map(|at| TopicPartition::new(&topics.events, at)).all(|at| {
            let wanted = self.log.after_last_record(&at);
            wanted == 0 || self.log.committed(&group, &at).is_some_and(|committed| committed >= wanted)
        })
    }

    fn ends(&self) -> Vec<i64> {
        let topics = Topics::new(PREFIX);
        let mut ends = Vec::new();
        for topic in [&topics.events, &topics.measures, &topics.populations] {
            ends.extend((0..PARTITIONS).map(|at| TopicPartition::new(topic, at)));
        }
        ends.push(TopicPartition::new(&topics.results, 0));
        ends.iter().map(|at| self.log.end_offset(at).expect("it exists")).collect()
    }

    /// Who waits for what.
    fn positions(&self) -> String {
        let topics = Topics::new(PREFIX);
        let mut text = String::new();
        let sources = TOPICS.map(|topic| (topic.to_owned(), SOURCE_PARTITIONS, "ingest"));
        for (topic, count, group) in sources.into_iter().chain([(topics.events, PARTITIONS, "aggregator")]) {
            for at in (0..count).map(|at| TopicPartition::new(&topic, at)) {
                let committed = self.log.committed(&format!("{PREFIX}-{group}"), &at);
                let (stable, end) = (self.log.stable_offset(&at), self.log.end_offset(&at));
                // Writing to a String cannot fail.
                write!(text, "{at}: committed {committed:?}, stable {stable:?}, end {end:?}; ").ok();
            }
        }
        text + &self.log.who_waits()
    }

    fn check(&mut self) {
        self.look();
        self.report.wrong.extend(self.observer.anomalies().iter().cloned().map(Wrong::Anomaly));
        let input = Input::read(&self.log, self.catalogue).expect("an onlooker's calls do not fail");
        self.report.records = input.records.len() as u64;
        let closed_to = self.load.closed_to().expect("it was closed");
        let checker = Checker::new(self.catalogue, PREFIX);
        let found = checker.check_final(&self.log, &input, closed_to).expect("an onlooker's calls do not fail");
        self.report.wrong.extend(found.into_iter().map(Wrong::Anomaly));
        let late = self.prompt.check(&self.log, &Topics::new(PREFIX));
        self.report.wrong.extend(late);
        if self.plan.faults.blind == Blind::State {
            self.report.wrong.retain(Wrong::is_final);
        }
    }
}
