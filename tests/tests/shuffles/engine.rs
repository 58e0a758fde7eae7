//! Tasks of the aggregator and the evaluation behind them, without a log between.

use std::{path::Path, sync::Arc};

use aggregator::{Plan, Task};
use evaluator::decide::Evaluation;
use measurement::{catalogue::Catalogue, time::Timestamp};
use records::{Progress, Topics, encode, headers};
use serde_json::json;
use streaming::{Outbox, Record, RecordRef, TopicPartition, partitioner};

use crate::story::{Arrival, START, Sent, Story};

/// Catalogue and plan, read once.
pub(crate) struct Engine {
    catalogue: Arc<Catalogue>,
    plan: Arc<Plan>,
    topics: Topics,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shuffles/catalogue");
        let catalogue = Catalogue::load(&folder).unwrap_or_else(|faults| panic!("{faults}"));
        let plan = Arc::new(Plan::new(catalogue.clone()));
        Self { catalogue: Arc::new(catalogue), plan, topics: Topics::default() }
    }

    /// All final results of an arrival, as text.
    pub(crate) fn run(&self, arrival: &Arrival) -> String {
        let mut run = Run::new(self, arrival.partitions);
        for (number, sent) in arrival.records.iter().enumerate() {
            if number == arrival.progress_at {
                run.progress(Timestamp(START));
                run.evaluation.evaluate(Story::END);
            }
            run.record(sent);
            if number % arrival.cut == arrival.cut - 1 {
                run.commit();
            }
        }
        run.progress(Story::END);
        run.commit();
        run.evaluation.evaluate(Story::END);
        run.results()
    }
}

struct Run<'a> {
    engine: &'a Engine,
    tasks: Vec<(Task, i64)>,
    evaluation: Evaluation,
}

impl<'a> Run<'a> {
    fn new(engine: &'a Engine, partitions: i32) -> Self {
        let tasks = (0..partitions).map(|partition| (Task::new(&engine.plan, partition), 0)).collect();
        let evaluation = Evaluation::new(Arc::clone(&engine.catalogue), partitions, 0);
        Self { engine, tasks, evaluation }
    }

    fn record(&mut self, sent: &Sent) {
        let partitions = i32::try_from(self.tasks.len()).unwrap();
        let own = partitioner::partition_for(Some(sent.key.as_bytes()), partitions);
        for partition in (0..partitions).filter(|partition| sent.to_all || *partition == own) {
            let kind = if sent.population.is_some() { headers::REFERENCE } else { headers::EVENT };
            let mut all =
                vec![(headers::KIND.to_owned(), kind.to_vec()), (headers::SOURCE.to_owned(), b"any".to_vec())];
            if let Some(population) = sent.population {
                all.push((headers::POPULATION.to_owned(), population.as_bytes().to_vec()));
            }
            self.hand(partition, sent.value.clone().into_bytes(), all);
        }
    }

    /// Every source partition is complete up to an instant.
    fn progress(&mut self, until: Timestamp) {
        let source = &self.engine.catalogue.sources["any"];
        let newest = Some(until.plus(source.lateness));
        let progress = encode(&Progress { newest, ..Progress::new("any", "raw.any", 0, 1, until) });
        for partition in 0..i32::try_from(self.tasks.len()).unwrap() {
            let all = vec![
                (headers::KIND.to_owned(), headers::PROGRESS.to_vec()),
                (headers::SOURCE.to_owned(), b"any".to_vec()),
            ];
            self.hand(partition, progress.clone(), all);
        }
    }

    fn hand(&mut self, partition: i32, value: Vec<u8>, headers: Vec<(String, Vec<u8>)>) {
        let (task, offset) = &mut self.tasks[usize::try_from(partition).unwrap()];
        let record = Record {
            partition: TopicPartition::new("events", partition),
            offset: *offset,
            timestamp: None,
            key: None,
            value: Some(value),
            headers,
        };
        *offset += 1;
        task.record(RecordRef::from(&record)).unwrap();
    }

    /// One transaction of every task, which the evaluation reads.
    fn commit(&mut self) {
        let partitions = i32::try_from(self.tasks.len()).unwrap();
        for (partition, (task, offset)) in self.tasks.iter_mut().enumerate() {
            let mut out = Outbox::default();
            task.flush(&self.engine.topics, (*offset, partitions), (Timestamp(*offset), 0), &mut out).unwrap();
            for record in out.into_records().into_iter().filter(|record| *record.topic == *self.engine.topics.measures)
            {
                let record = Record {
                    partition: TopicPartition::new(&record.topic, i32::try_from(partition).unwrap()),
                    offset: 0,
                    timestamp: None,
                    key: record.key,
                    value: record.value,
                    headers: Vec::new(),
                };
                self.evaluation.record(RecordRef::from(&record));
            }
        }
    }

    fn results(&self) -> String {
        let mut lines = Vec::new();
        for (index, construct) in self.engine.catalogue.constructs.iter().enumerate() {
            for state in self.evaluation.periods(index) {
                for (group, evaluated) in &state.groups {
                    let figures = evaluated.figures();
                    let line = json!([
                        construct.id,
                        state.period,
                        group,
                        figures.base,
                        figures.value,
                        evaluated.outcome().name(),
                        figures.trend,
                        evaluated.because(),
                        figures.interval,
                        figures.fraction,
                        state.quality
                    ]);
                    lines.push(line.to_string());
                }
            }
        }
        lines.join("\n")
    }
}
