//! A log with an aggregator on it, and what lies on its topics afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aggregator::{Aggregator, Options, Stats};
use measurement::{accumulate::Accumulator, catalogue::Catalogue, time::Timestamp};
use records::{Accounting, Aggregate, AggregateKey, Frontier, Progress, Since, Topics, Unit, headers};
use streaming::{
    Clock, Log, OutRecord, Record, Runner, TopicPartition,
    embedded::EmbeddedLog,
    log::{place, read_to_end},
    transact,
};

/// 2026-03-01T00:00:00Z.
pub(crate) const START: i64 = 1_772_323_200_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Construct, measure, start of the period, group.
pub(crate) type Figure = (String, String, Timestamp, Vec<String>);
/// Merged over all partitions.
pub(crate) type Figures = BTreeMap<Figure, Accumulator>;

/// An event as ingest publishes it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) source: &'static str,
    pub(crate) key: String,
    pub(crate) value: String,
}

/// A log-in on a host.
pub(crate) fn login(uid: usize, time: i64, host: u8, failed: bool) -> Event {
    let status = if failed { 2 } else { 1 };
    Event {
        source: "sshd",
        key: format!("host-{host}"),
        value: format!(
            r#"{{"activity_id":1,"class_uid":3002,"metadata":{{"uid":"login-{uid}","version":"1.8.0"}},"status_id":{status},"time":{time},"type_uid":300201}}"#
        ),
    }
}

/// A step in the life of an incident: 1 opened, 2 updated, 3 resolved.
pub(crate) fn incident(uid: usize, time: i64, number: u8, category: &str, step: u8) -> Event {
    let status = [1, 2, 4][usize::from(step) - 1];
    Event {
        source: "itsm",
        key: format!("INC-{number}"),
        value: format!(
            r#"{{"activity_id":{step},"class_uid":2005,"finding_info_list":[{{"types":["{category}"],"uid":"INC-{number}"}}],"metadata":{{"uid":"incident-{uid}","version":"1.8.0"}},"status_id":{status},"time":{time},"type_uid":20050{step}}}"#
        ),
    }
}

pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

pub(crate) struct Bench {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) embedded: Arc<EmbeddedLog>,
    pub(crate) catalogue: Catalogue,
    topics: Topics,
    partitions: i32,
    now: Arc<AtomicI64>,
    /// Most records of a transaction of the aggregator.
    pub(crate) commit_records: usize,
    /// Least time between two computations of population measures.
    pub(crate) refresh_interval: i64,
}

impl Bench {
    pub(crate) fn new(partitions: i32) -> Self {
        let embedded = Arc::new(EmbeddedLog::new());
        let log: Arc<dyn Log> = Arc::<EmbeddedLog>::clone(&embedded);
        let topics = Topics::default();
        for spec in service::topics::ours(&topics, partitions, 1) {
            log.create(&spec).unwrap();
        }
        Self {
            log,
            embedded,
            catalogue: Catalogue::load(&schemas()).unwrap(),
            topics,
            partitions,
            now: Arc::new(AtomicI64::new(START + 400 * DAY)),
            commit_records: 50_000,
            refresh_interval: 0,
        }
    }

    pub(crate) fn publish(&self, events: &[Event]) {
        let records = events.iter().map(|event| OutRecord {
            topic: self.topics.events.as_str().into(),
            key: Some(event.key.clone().into_bytes()),
            value: Some(event.value.clone().into_bytes()),
            headers: vec![
                (headers::KIND.to_owned(), headers::EVENT.to_vec()),
                (headers::SOURCE.to_owned(), event.source.as_bytes().to_vec()),
            ],
            ..OutRecord::default()
        });
        self.write(records.collect());
    }

    /// Says in every partition that the log-ins and the incidents have been read up to a time.
    pub(crate) fn progress(&self, newest: i64) {
        self.progress_of(&["sshd", "itsm"], newest);
    }

    /// Says in every partition that sources have been read up to a time.
    pub(crate) fn progress_of(&self, sources: &[&str], newest: i64) {
        self.progress_with(sources, newest, None);
    }

    /// The same, and which reference copies were made of what was read.
    pub(crate) fn progress_with(&self, sources: &[&str], newest: i64, copies: Option<&BTreeSet<String>>) {
        let mut records = Vec::new();
        for source in sources {
            let topic = format!("raw.{source}");
            let progress = Progress {
                newest: Some(Timestamp(newest)),
                next_offset: 1,
                copies: copies.cloned(),
                ..Progress::new(source, &topic, 0, 1, Timestamp(newest))
            };
            records.extend((0..self.partitions).map(|partition| OutRecord {
                topic: self.topics.events.as_str().into(),
                partition: Some(partition),
                key: Some(format!("{topic}/0").into_bytes()),
                value: Some(records::encode(&progress)),
                headers: vec![
                    (headers::KIND.to_owned(), headers::PROGRESS.to_vec()),
                    (headers::SOURCE.to_owned(), source.as_bytes().to_vec()),
                ],
                ..OutRecord::default()
            }));
        }
        self.write(records);
    }

    pub(crate) fn write(&self, mut records: Vec<OutRecord>) {
        for record in &mut records {
            place(record, self.partitions);
        }
        transact(self.log.producer("test").unwrap().as_mut(), records, None).unwrap();
    }

    pub(crate) fn start(&self) -> Runner<Aggregator> {
        self.start_with_stats().0
    }

    pub(crate) fn start_with_stats(&self) -> (Runner<Aggregator>, Stats) {
        let now = Arc::clone(&self.now);
        // Every look at the clock takes a millisecond, so that nothing depends on its standing still.
        let clock: Clock = Arc::new(move || Timestamp(now.fetch_add(1, Ordering::Relaxed)));
        let options = Options {
            commit_interval: i64::MAX,
            commit_records: self.commit_records,
            refresh_interval: self.refresh_interval,
            ..Options::default()
        };
        aggregator::start(Arc::clone(&self.log), self.catalogue.clone(), &options, clock).unwrap()
    }

    /// Reads everything there is and commits it.
    pub(crate) fn drain(runner: &mut Runner<Aggregator>) {
        let mut quiet = 0;
        while quiet < 3 {
            let step = runner.step(Duration::ZERO).unwrap();
            quiet = if step.records == 0 && !step.restoring { quiet + 1 } else { 0 };
        }
        runner.commit().unwrap();
    }

    fn read(&self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for partition in 0..self.partitions {
            let partition = TopicPartition::new(topic, partition);
            read_to_end(self.log.as_ref(), &partition, Duration::from_secs(5), &mut |record| {
                records.push(record.to_record());
            })
            .unwrap();
        }
        records
    }

    /// Records of the measures topic, the newest of each key and partition, tombstones left out.
    fn newest(&self) -> BTreeMap<(Vec<u8>, i32), Vec<u8>> {
        self.newest_of(&self.topics.measures)
    }

    fn newest_of(&self, topic: &str) -> BTreeMap<(Vec<u8>, i32), Vec<u8>> {
        let mut newest = BTreeMap::new();
        for record in self.read(topic) {
            let key = (record.key.unwrap(), record.partition.partition);
            match record.value {
                Some(value) => newest.insert(key, value),
                None => newest.remove(&key),
            };
        }
        newest
    }

    /// Figures of the catalogue's definitions; what counts nothing is left out.
    pub(crate) fn figures(&self) -> Figures {
        let mut figures = Figures::new();
        for ((key, _), value) in self.newest() {
            let Ok(key) = records::decode::<AggregateKey>("aggregate", &key) else { continue };
            let aggregate: Aggregate = records::decode("aggregate", &value).unwrap();
            let of_construct = self.catalogue.construct(&key.construct).map(|construct| &construct.base);
            let current = of_construct.is_some_and(|base| base.iter().any(|base| base.digest == key.definition));
            assert!(current, "{key:?} is of no measure of the catalogue: it should have been removed");
            if (aggregate.accumulator.n(), aggregate.accumulator.without(), aggregate.accumulator.undecided())
                == (0, 0, 0)
            {
                continue;
            }
            figures
                .entry((key.construct, key.measure, key.period_start, key.group))
                .and_modify(|merged| merged.merge(&aggregate.accumulator))
                .or_insert(aggregate.accumulator);
        }
        figures
    }

    /// From when on a measure is whole, in the partition where it is so latest.
    pub(crate) fn whole_since(&self, construct: &str, measure: &str) -> Since {
        let base = &self.catalogue.construct(construct).unwrap().base;
        let definition = base.iter().find(|base| base.name == measure).unwrap().digest.clone();
        let key = records::UnitKey { construct: construct.to_owned(), measure: measure.to_owned(), definition };
        let all = self.newest();
        let since = (0..self.partitions).map(|partition| {
            let value = &all[&(records::encode(&key), partition)];
            let unit: Unit = records::decode("unit", value).unwrap();
            assert_eq!(unit.definition, key.definition);
            unit.since
        });
        since.max().unwrap()
    }

    /// Removes everything that a changelog holds.
    pub(crate) fn lose(&self, topic: &str) {
        let tombstones = self.newest_of(topic).into_keys().map(|(key, partition)| OutRecord {
            topic: topic.into(),
            partition: Some(partition),
            key: Some(key),
            ..OutRecord::default()
        });
        self.write(tombstones.collect());
    }

    /// Accounting of a source, over all partitions.
    pub(crate) fn accounting(&self, source: &str) -> Accounting {
        let mut sum = Accounting::default();
        for ((key, _), value) in self.newest() {
            if key != Frontier::KEY {
                continue;
            }
            let frontier: Frontier = records::decode("frontier", &value).unwrap();
            sum += frontier.accounting.get(source).copied().unwrap_or_default();
        }
        sum
    }

    /// What is written of an incident, as text.
    pub(crate) fn incident(&self, number: u8) -> String {
        let wanted = records::RowKey {
            population: self.catalogue.populations["incidents"].state_name(),
            key: format!("INC-{number}"),
        };
        let wanted = records::encode(&wanted);
        let rows = self.newest_of(&self.topics.populations);
        let row = rows.into_iter().find(|((key, _), _)| *key == wanted).unwrap();
        String::from_utf8(row.1).unwrap()
    }

    /// What is written of a source's activity: first and last event and their number, by elementary interval.
    pub(crate) fn activity(&self, source: &str) -> Vec<(i64, i64, i64, u64)> {
        let mut found = Vec::new();
        for ((key, _), value) in self.newest() {
            let Ok(key) = records::decode::<records::ActivityKey>("activity", &key) else { continue };
            if key.source == source {
                let activity: records::Activity = records::decode("activity", &value).unwrap();
                found.push((key.interval_start.0, activity.first.unwrap().0, activity.last.unwrap().0, activity.count));
            }
        }
        found.sort_unstable();
        found
    }

    /// A source's activity, in the order of its intervals.
    pub(crate) fn activities(&self, source: &str) -> Vec<records::Activity> {
        let mut found = BTreeMap::new();
        for ((key, _), value) in self.newest() {
            let Ok(key) = records::decode::<records::ActivityKey>("activity", &key) else { continue };
            if key.source == source {
                found.insert(key.interval_start, records::decode("activity", &value).unwrap());
            }
        }
        found.into_values().collect()
    }

    /// The dead letters.
    pub(crate) fn dead_letters(&self) -> Vec<Record> {
        self.read(&self.topics.dead_letter)
    }

    /// The newest frontier of a partition.
    pub(crate) fn newest_frontier(&self, partition: i32) -> Frontier {
        records::decode("frontier", &self.newest()[&(Frontier::KEY.to_vec(), partition)]).unwrap()
    }

    /// How many records the measures topic holds.
    pub(crate) fn written(&self) -> usize {
        self.read(&self.topics.measures).len()
    }

    /// The late events.
    pub(crate) fn late(&self) -> Vec<records::Late> {
        let mut late = Vec::new();
        for partition in 0..self.log.partitions(&self.topics.late).unwrap() {
            let partition = TopicPartition::new(&self.topics.late, partition);
            read_to_end(self.log.as_ref(), &partition, Duration::from_secs(5), &mut |record| {
                late.push(records::decode("late event", record.value().unwrap()).unwrap());
            })
            .unwrap();
        }
        late
    }
}

/// The count behind a figure; 0 where there is none.
pub(crate) fn count(figures: &Figures, construct: &str, measure: &str, start: i64, group: &[&str]) -> u64 {
    let group = group.iter().map(|value| (*value).to_owned()).collect();
    figures.get(&(construct.to_owned(), measure.to_owned(), Timestamp(start), group)).map_or(0, Accumulator::n)
}
