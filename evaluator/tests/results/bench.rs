//! A log with base measures as the aggregator writes them, an evaluator on it, and its ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use evaluator::{Evaluator, EvaluatorError, Options, ledger::for_each_entry};
use measurement::{
    accumulate::Accumulator,
    catalogue::{BaseMeasure, Catalogue, Construct},
    time::Timestamp,
};
use records::{
    Activity, ActivityKey, Aggregate, AggregateKey, Frontier, ResultRecord, Since, Topics, Unit, UnitKey, VERSION,
    encode,
};
use streaming::{Clock, Log, OutRecord, embedded::EmbeddedLog, transact};

/// 2026-03-01T00:00:00Z.
pub(crate) const START: i64 = 1_772_323_200_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) const LOGINS: &str = "vernier/failed-authentication-ratio";
pub(crate) const TREND: &str = "isms/security-incidents-trend";

pub(crate) struct Bench {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) now: Arc<AtomicI64>,
    topics: Topics,
    partitions: i32,
}

impl Bench {
    /// Every measure is whole in every partition.
    pub(crate) fn new(partitions: i32) -> Self {
        let bench = Self::without_units(partitions);
        for partition in 0..partitions {
            bench.task(partition, Transaction::units(&bench.catalogue));
        }
        bench
    }

    /// No partition says that anything is whole.
    pub(crate) fn without_units(partitions: i32) -> Self {
        let log: Arc<dyn Log> = Arc::new(EmbeddedLog::new());
        let topics = Topics::default();
        for spec in service::topics::ours(&topics, partitions, 1) {
            log.create(&spec).unwrap();
        }
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        let catalogue = Arc::new(Catalogue::load(&schemas).unwrap());
        Self { log, catalogue, now: Arc::new(AtomicI64::new(START)), topics, partitions }
    }

    pub(crate) fn evaluator(&self) -> Evaluator {
        self.try_evaluator().unwrap()
    }

    pub(crate) fn try_evaluator(&self) -> Result<Evaluator, EvaluatorError> {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || Timestamp(now.load(Ordering::Relaxed)));
        let options = Options { stall_limit: 6 * HOUR, ..Options::default() };
        Evaluator::new(Arc::clone(&self.log), Arc::clone(&self.catalogue), &options, clock)
    }

    /// Reads everything there is, and a second later looks at the time once more.
    pub(crate) fn drain(&self, evaluator: &mut Evaluator) {
        let mut quiet = 0;
        while quiet < 3 {
            quiet = if evaluator.step(Duration::ZERO).unwrap() == 0 { quiet + 1 } else { 0 };
        }
        self.now.fetch_add(1000, Ordering::Relaxed);
        evaluator.step(Duration::ZERO).unwrap();
    }

    /// One transaction of the aggregator's task of a partition.
    pub(crate) fn task(&self, partition: i32, transaction: Transaction) {
        let records = transaction.0.into_iter().map(|(key, value)| OutRecord {
            topic: self.topics.measures.as_str().into(),
            partition: Some(partition),
            key: Some(key),
            // Nothing written is a tombstone.
            value: Some(value).filter(|value| !value.is_empty()),
            ..OutRecord::default()
        });
        let id = format!("task-{partition}");
        transact(self.log.producer(&id).unwrap().as_mut(), records.collect(), None).unwrap();
    }

    /// A transaction of every task: the first has the figures, the others the frontier alone.
    pub(crate) fn tasks(&self, transaction: Transaction, watermark: i64) {
        self.task(0, transaction.frontier(watermark, self.partitions));
        for partition in 1..self.partitions {
            self.task(partition, Transaction::default().frontier(watermark, self.partitions));
        }
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

    /// Entries of one construct about one period, those of groups left out.
    pub(crate) fn entries(&self, construct: &str, start: i64) -> Vec<ResultRecord> {
        let wanted = |entry: &ResultRecord| {
            entry.construct == construct && entry.period.start == Timestamp(start) && entry.group.is_empty()
        };
        self.ledger().into_iter().filter(wanted).collect()
    }

    pub(crate) fn construct(&self, id: &str) -> &Construct {
        self.catalogue.construct(id).unwrap()
    }

    /// Log-ins of an hour with the activity behind them.
    pub(crate) fn logins(&self, transaction: Transaction, start: i64, attempts: u64, failed: u64) -> Transaction {
        let end = start + HOUR;
        transaction
            .measure(self.construct(LOGINS), "attempts", (start, end), &[], attempts)
            .measure(self.construct(LOGINS), "failed", (start, end), &[], failed)
            .activity("sshd", start, end - 1, attempts)
    }
}

/// Records of one transaction: keys and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction(Vec<(Vec<u8>, Vec<u8>)>);

impl Transaction {
    /// Every measure of every construct is whole from the beginning.
    pub(crate) fn units(catalogue: &Catalogue) -> Self {
        let of = |construct: &Construct| {
            let whole = |base: &BaseMeasure| unit(&construct.id, &base.name, &base.digest, Since::Beginning);
            construct.base.iter().map(whole).collect::<Vec<_>>()
        };
        Self(catalogue.constructs.iter().flat_map(of).collect())
    }

    /// From when on a measure of some definition is whole.
    pub(crate) fn unit(mut self, construct: &str, measure: &str, definition: &str, since: Since) -> Self {
        self.0.push(unit(construct, measure, definition, since));
        self
    }

    /// There is no state of a measure in some definition any more.
    pub(crate) fn gone(mut self, construct: &str, measure: &str, definition: &str) -> Self {
        let (key, _) = unit(construct, measure, definition, Since::Beginning);
        self.0.push((key, Vec::new()));
        self
    }

    pub(crate) fn measure(
        mut self,
        construct: &Construct,
        measure: &str,
        (start, end): (i64, i64),
        group: &[&str],
        count: u64,
    ) -> Self {
        let key = AggregateKey {
            construct: construct.id.clone(),
            definition: construct.base.iter().find(|base| base.name == measure).unwrap().digest.clone(),
            measure: measure.to_owned(),
            period_start: Timestamp(start),
            group: group.iter().map(|value| (*value).to_owned()).collect(),
        };
        let aggregate = Aggregate {
            version: VERSION,
            period_end: Timestamp(end),
            accumulator: Accumulator::counted(count),
            covered: 0,
        };
        self.0.push((encode(&key), encode(&aggregate)));
        self
    }

    /// Input of a source in an interval: elements read, and those of them that could not be used.
    pub(crate) fn input(mut self, source: &str, (start, end): (i64, i64), read: u64, refused: u64) -> Self {
        let key = ActivityKey { source: source.to_owned(), interval_start: Timestamp(start) };
        let activity = Activity {
            version: VERSION,
            first: Some(Timestamp(start)),
            last: Some(Timestamp(end - 1)),
            count: read - refused,
            read,
            refused,
            replaced: 0,
            mappings: BTreeSet::new(),
        };
        self.0.push((encode(&key), encode(&activity)));
        self
    }

    /// Events of a source in an interval, the last of which is at a time.
    pub(crate) fn activity(mut self, source: &str, start: i64, last: i64, count: u64) -> Self {
        let key = ActivityKey { source: source.to_owned(), interval_start: Timestamp(start) };
        let activity = Activity {
            version: VERSION,
            first: Some(Timestamp(start)),
            last: Some(Timestamp(last)),
            count,
            read: 0,
            refused: 0,
            replaced: 0,
            mappings: BTreeSet::new(),
        };
        self.0.push((encode(&key), encode(&activity)));
        self
    }

    /// The end of the transaction: log-ins and incidents are complete up to the watermark.
    pub(crate) fn frontier(mut self, watermark: i64, partitions: i32) -> Self {
        let watermarks = ["sshd", "itsm"].map(|source| (source.to_owned(), Timestamp(watermark)));
        let frontier = Frontier {
            version: VERSION,
            next_offset: 1,
            replay_from: 0,
            transaction: 1,
            partitions,
            catalogue: String::new(),
            sequence: 0,
            newest: None,
            builds: 0,
            watermarks: BTreeMap::from(watermarks),
            sources: BTreeMap::new(),
            uncomputed: BTreeMap::new(),
            accounting: BTreeMap::new(),
            digest: String::new(),
        };
        self.0.push((Frontier::KEY.to_vec(), encode(&frontier)));
        self
    }
}

fn unit(construct: &str, measure: &str, definition: &str, since: Since) -> (Vec<u8>, Vec<u8>) {
    let (construct, measure, definition) = (construct.to_owned(), measure.to_owned(), definition.to_owned());
    let unit = Unit { version: VERSION, definition: definition.clone(), since, ended: None };
    (encode(&UnitKey { construct, measure, definition }), encode(&unit))
}
