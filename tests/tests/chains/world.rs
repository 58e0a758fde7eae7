//! Aggregators and an evaluator on one log in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aggregator::{Aggregator, Definitions};
use evaluator::{Evaluator, ledger::for_each_entry, table::Row};
use measurement::{catalogue::Catalogue, time::Timestamp};
use programme::{Beside, Change, Programme, put};
use records::{Progress, ResultRecord, Topics, headers};
use streaming::{Clock, Log, OutRecord, Runner, embedded::EmbeddedLog, log::place, transact};

use crate::variants;

pub(crate) const PARTITIONS: i32 = 3;
/// 2026-03-02T00:00:00Z.
pub(crate) const START: i64 = 1_772_409_600_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// What is written to the events.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// An event with its key.
    Event(String, String),
    /// Everything is read up to an instant.
    Progress(i64),
}

/// By what it is measured.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// Those of the log.
    Log,
    /// One.
    Given(Box<Catalogue>),
}

pub(crate) struct World {
    /// As the services see it.
    log: Arc<dyn Log>,
    by: By,
    topics: Topics,
    now: Arc<AtomicI64>,
    aggregators: Vec<Option<Runner<Aggregator>>>,
    evaluator: Option<Evaluator>,
    /// Whatever ended a service that nobody had killed.
    pub(crate) ended: Vec<String>,
}

impl World {
    pub(crate) fn new(by: By, aggregators: usize, bend: impl FnOnce(Arc<dyn Log>) -> Arc<dyn Log>) -> Self {
        let embedded: Arc<dyn Log> = Arc::new(EmbeddedLog::new());
        let topics = Topics::default();
        for spec in service::topics::ours(&topics, PARTITIONS, 1) {
            embedded.create(&spec).unwrap();
        }
        Self {
            log: bend(embedded),
            by,
            topics,
            now: Arc::new(AtomicI64::new(START)),
            aggregators: (0..aggregators).map(|_| None).collect(),
            evaluator: None,
            ended: Vec::new(),
        }
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Arc::new(move || Timestamp(now.load(Ordering::Relaxed)))
    }

    /// Lets time pass.
    pub(crate) fn at(&self, now: i64) {
        self.now.store(now, Ordering::Relaxed);
    }

    pub(crate) fn tell(&self, told: &[Told]) {
        let mut records = Vec::new();
        for one in told {
            match one {
                Told::Event(key, value) => records.push(OutRecord {
                    topic: self.topics.events.as_str().into(),
                    key: Some(key.clone().into_bytes()),
                    value: Some(value.clone().into_bytes()),
                    headers: vec![
                        (headers::KIND.to_owned(), headers::EVENT.to_vec()),
                        (headers::SOURCE.to_owned(), b"idp".to_vec()),
                    ],
                    ..OutRecord::default()
                }),
                Told::Progress(until) => {
                    let newest = Some(Timestamp(*until));
                    let progress =
                        Progress { newest, next_offset: 1, ..Progress::new("idp", "raw.idp", 0, 1, Timestamp(*until)) };
                    records.extend((0..PARTITIONS).map(|partition| OutRecord {
                        topic: self.topics.events.as_str().into(),
                        partition: Some(partition),
                        value: Some(records::encode(&progress)),
                        headers: vec![
                            (headers::KIND.to_owned(), headers::PROGRESS.to_vec()),
                            (headers::SOURCE.to_owned(), b"idp".to_vec()),
                        ],
                        ..OutRecord::default()
                    }));
                }
            }
        }
        for record in &mut records {
            place(record, PARTITIONS);
        }
        transact(self.log.producer("ingest").unwrap().as_mut(), records, None).unwrap();
    }

    /// Puts a variant into force. Gives its number.
    pub(crate) fn put(&self, variant: u16, history: bool) -> u64 {
        self.put_beside(variant, history, Beside::default())
    }

    /// The same, with what is entered beside.
    pub(crate) fn put_beside(&self, variant: u16, history: bool, beside: Beside) -> u64 {
        let (files, catalogue) = (variants::files(variant), variants::catalogue(variant));
        let programme = Programme::open(Arc::clone(&self.log), &self.topics).unwrap();
        let change = Change {
            files: &files,
            digest: &catalogue.digest,
            follows: programme.head(),
            lost: 0,
            rebuild: false,
            beside,
            effective_from: None,
            history,
            approver: "A",
            reason: "why",
            plan: None,
            at: Timestamp(self.now.load(Ordering::Relaxed)),
        };
        put(&self.log, &self.topics, &change).unwrap()
    }

    fn start_aggregator(&self, ordinal: usize) -> Option<Runner<Aggregator>> {
        let definitions: Definitions = match &self.by {
            By::Log => Programme::open(Arc::clone(&self.log), &self.topics).ok()?.into(),
            By::Given(catalogue) => Catalogue::clone(catalogue).into(),
        };
        let options = aggregator::Options {
            ordinal: u32::try_from(ordinal).unwrap(),
            commit_interval: 1,
            refresh_interval: 0,
            commit_records: 40,
            ..aggregator::Options::default()
        };
        aggregator::start(Arc::clone(&self.log), definitions, &options, self.clock()).ok().map(|(runner, _)| runner)
    }

    /// One aggregator goes on. What it has read is committed only where that is said.
    pub(crate) fn step(&mut self, ordinal: usize, commit: bool) -> bool {
        if self.aggregators[ordinal].is_none() {
            self.aggregators[ordinal] = self.start_aggregator(ordinal);
        }
        let Some(runner) = &mut self.aggregators[ordinal] else { return false };
        let done = runner.step(Duration::ZERO).and_then(|step| {
            let committed = commit && runner.commit()?;
            Ok(step.records > 0 || step.restoring || committed)
        });
        done.unwrap_or_else(|fault| {
            self.ended.push(fault.to_string());
            self.aggregators[ordinal] = None;
            false
        })
    }

    /// An aggregator dies.
    pub(crate) fn kill(&mut self, ordinal: usize) {
        self.aggregators[ordinal] = None;
    }

    /// The evaluator goes on.
    pub(crate) fn judge(&mut self) -> bool {
        if self.evaluator.is_none() {
            let options = evaluator::Options { stall_limit: 0, ..evaluator::Options::default() };
            let (catalogue, programme) = match &self.by {
                By::Given(catalogue) => (Catalogue::clone(catalogue), None),
                By::Log => {
                    let programme = Programme::open(Arc::clone(&self.log), &self.topics).unwrap();
                    let Ok(catalogue) = programme.catalogue(programme.head(), &programme::Earlier::new()) else {
                        return false;
                    };
                    (Catalogue::clone(&catalogue), Some(programme))
                }
            };
            let evaluator = Evaluator::new(Arc::clone(&self.log), Arc::new(catalogue), &options, self.clock()).unwrap();
            self.evaluator = Some(match programme {
                Some(programme) => evaluator.by(programme),
                None => evaluator,
            });
        }
        let Some(evaluator) = &mut self.evaluator else { return false };
        match evaluator.step(Duration::ZERO) {
            Ok(read) => read > 0,
            Err(fault) => {
                self.ended.push(fault.to_string());
                self.evaluator = None;
                false
            }
        }
    }

    /// The evaluator dies.
    pub(crate) fn kill_evaluator(&mut self) {
        self.evaluator = None;
    }

    /// Everything is read and judged.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..10_000 {
            self.now.fetch_add(1, Ordering::Relaxed);
            let mut busy = false;
            for ordinal in 0..self.aggregators.len() {
                busy |= self.step(ordinal, true);
            }
            busy |= self.judge();
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet > 4 {
                // The view is taken once a second.
                self.now.fetch_add(1500, Ordering::Relaxed);
                self.judge();
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.ended);
    }

    pub(crate) fn ledger(&self) -> Vec<ResultRecord> {
        let mut entries = Vec::new();
        for_each_entry(self.log.as_ref(), &self.topics.results, |_, entry| {
            entries.push(entry);
            Ok(())
        })
        .unwrap();
        entries
    }

    /// What is shown now.
    pub(crate) fn current(&self) -> Vec<Row> {
        self.evaluator.as_ref().unwrap().view().get().current.clone()
    }

    /// Constructs of which nothing can be stated.
    pub(crate) fn building(&self) -> Vec<String> {
        self.evaluator.as_ref().unwrap().view().get().building.keys().cloned().collect()
    }
}
