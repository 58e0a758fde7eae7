//! Partials of all partitions, merged; watermarks; activity of sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use measurement::{accumulate::Accumulator, calendar::Period, time::Timestamp};
use records::{Activity, ActivityKey, Aggregate, AggregateKey, Frontier, Published, Since, Unit, UnitKey, decode};
use streaming::RecordRef;

/// Values of one group of one base measure, by partition.
type Partials = BTreeMap<i32, Accumulator>;
/// Groups of one base measure in one period.
type Groups = HashMap<Vec<String>, Partials>;

/// What a record changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A base measure, in the period that begins then.
    Measure(BaseId, Timestamp),
    /// Activity of a source.
    Activity {
        /// The source.
        source: String,
        /// When it began to tell something in the interval; the start of the interval where nothing of that is life.
        time: Timestamp,
        /// Whether there is something of which the period must tell: life, or input that could not be read.
        opens: bool,
        /// Whether it says how much input was read.
        intake: bool,
    },
    /// A task's transaction is complete.
    Frontier,
    /// Nothing that concerns this catalogue.
    Nothing,
}

/// A base measure in one definition, as [`Collected::base`] numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseId(usize);

/// What a base measure is: identifier of its construct, its name, its digest. As units name it.
pub type BaseName = UnitKey;

/// Everything that was read from `vernier.measures`, whatever catalogue asks for it.
#[derive(Debug)]
pub struct Collected {
    partitions: i32,
    bases: HashMap<BaseName, BaseId>,
    /// What each partition says of a base measure.
    units: HashMap<BaseId, BTreeMap<i32, Unit>>,
    /// How many times a unit came or went: what can be stated of which definition is another matter then.
    units_changed: u64,
    measures: HashMap<(BaseId, Timestamp), Groups>,
    activity: HashMap<String, BTreeMap<Timestamp, BTreeMap<i32, Activity>>>,
    /// Starts of the intervals in which a source gave a sign of life.
    alive: HashMap<String, BTreeSet<Timestamp>>,
    frontiers: BTreeMap<i32, Frontier>,
    /// How far the ledger was written.
    published: Option<Published>,
}

impl Collected {
    /// Nothing read yet, of so many partitions.
    pub fn new(partitions: i32) -> Self {
        Self {
            partitions,
            bases: HashMap::new(),
            units: HashMap::new(),
            units_changed: 0,
            measures: HashMap::new(),
            activity: HashMap::new(),
            alive: HashMap::new(),
            frontiers: BTreeMap::new(),
            published: None,
        }
    }

    /// How far the ledger was written, as was noted beside the measures.
    pub const fn published(&self) -> Option<&Published> {
        self.published.as_ref()
    }

    /// The number of a base measure.
    pub fn base(&mut self, name: BaseName) -> BaseId {
        let next = BaseId(self.bases.len());
        *self.bases.entry(name).or_insert(next)
    }

    /// Takes one record. What cannot be read is logged and left: the rest must go on.
    pub fn record(&mut self, record: RecordRef<'_>) -> Change {
        let key = record.key().unwrap_or_default();
        if key == Frontier::KEY {
            return self.frontier(&record);
        }
        if key == Published::KEY {
            match record.value().map(|value| decode::<Published>("published", value)) {
                Some(Ok(published)) => self.published = Some(published),
                Some(Err(fault)) => tracing::warn!(offset = record.offset(), %fault, "what was published is not known"),
                None => self.published = None,
            }
            return Change::Nothing;
        }
        if let Ok(key) = decode::<AggregateKey>("aggregate", key) {
            return self.aggregate(key, &record);
        }
        if let Ok(key) = decode::<ActivityKey>("activity", key) {
            return self.activity(key, &record);
        }
        if let Ok(key) = decode::<UnitKey>("unit", key) {
            return self.unit(key, &record);
        }
        Change::Nothing
    }

    fn aggregate(&mut self, key: AggregateKey, record: &RecordRef<'_>) -> Change {
        let partition = record.partition();
        let AggregateKey { construct, definition, measure, period_start, group } = key;
        let base = self.base(BaseName { construct, measure, definition });
        let groups = self.measures.entry((base, period_start)).or_default();
        match record.value().map(|value| decode::<Aggregate>("aggregate", value)) {
            Some(Ok(aggregate)) => {
                groups.entry(group).or_default().insert(partition, aggregate.accumulator);
            }
            Some(Err(fault)) => tracing::warn!(partition, offset = record.offset(), %fault, "aggregate left out"),
            None => {
                if let Some(partials) = groups.get_mut(&group) {
                    partials.remove(&partition);
                }
            }
        }
        Change::Measure(base, period_start)
    }

    fn unit(&mut self, key: UnitKey, record: &RecordRef<'_>) -> Change {
        let partition = record.partition();
        let base = self.base(key);
        let units = self.units.entry(base).or_default();
        let known = units.len();
        match record.value().map(|value| decode::<Unit>("unit", value)) {
            Some(Ok(unit)) => drop(units.insert(partition, unit)),
            Some(Err(fault)) => {
                // What is not known to be whole is not.
                units.remove(&partition);
                tracing::warn!(partition, offset = record.offset(), %fault, "unit left out");
            }
            None => drop(units.remove(&partition)),
        }
        if units.len() != known {
            self.units_changed += 1;
        }
        Change::Nothing
    }

    /// From when on a base measure is whole in all partitions.
    pub fn whole(&self, base: BaseId) -> Whole {
        let units = self.units.get(&base);
        let mut since = Since::Beginning;
        for partition in 0..self.partitions {
            match units.and_then(|units| units.get(&partition)) {
                None => return self.other(base, partition).unwrap_or(Whole::Absent { partition }),
                Some(Unit { since: Since::Building, .. }) => return Whole::Building { partition },
                Some(Unit { since: Since::Lost, .. }) => return Whole::Lost { partition },
                Some(unit) => since = since.max(unit.since),
            }
        }
        Whole::Since(match since {
            Since::From(since) => since,
            Since::Beginning | Since::Building | Since::Lost => Timestamp::MIN,
        })
    }

    /// Whether a partition has state of another definition of a measure instead.
    fn other(&self, base: BaseId, partition: i32) -> Option<Whole> {
        let (name, _) = self.bases.iter().find(|(_, known)| **known == base)?;
        let same = |other: &BaseName| other.construct == name.construct && other.measure == name.measure;
        let others = self.bases.iter().filter(|(other, id)| same(other) && **id != base);
        let in_force = |id: &BaseId| self.units.get(id)?.get(&partition).filter(|unit| unit.ended.is_none());
        let mut found = others.filter(|(_, id)| in_force(id).is_some()).map(|(other, _)| other.definition.clone());
        Some(Whole::Other { partition, definition: found.next()? })
    }

    /// The definitions of base measures of which a partition has state, and how often there was another one.
    pub fn defined(&self) -> (impl Iterator<Item = &BaseName>, u64) {
        let defined = self.bases.iter().filter(|(_, id)| self.units.get(id).is_some_and(|units| !units.is_empty()));
        (defined.map(|(name, _)| name), self.units_changed)
    }

    /// How often there was another unit.
    pub const fn units_changed(&self) -> u64 {
        self.units_changed
    }

    /// The latest time that an event may have that was read while a base measure was in force; `None` while it is.
    pub fn ended(&self, base: BaseId) -> Option<Timestamp> {
        let units = self.units.get(&base)?;
        units.values().filter_map(|unit| unit.ended).map(|ended| ended.until).max()
    }

    /// The first partition whose aggregator has not met the marker of a catalogue.
    pub fn behind(&self, sequence: u64) -> Option<i32> {
        let met = |partition: &i32| self.frontiers.get(partition).is_some_and(|frontier| frontier.sequence >= sequence);
        (0..self.partitions).find(|partition| !met(partition))
    }

    /// What was told of sources, as [`Change::Activity`] says it: source, time, whether a period must tell of it.
    pub fn told(&self) -> impl Iterator<Item = (&str, Timestamp, bool)> {
        self.activity.iter().flat_map(|(source, intervals)| {
            let each = intervals.iter().flat_map(|(start, partials)| partials.values().map(move |told| (*start, told)));
            each.map(move |(start, told)| {
                (source.as_str(), told.first.unwrap_or(start), told.first.is_some() || told.refused > 0)
            })
        })
    }

    /// How many times each partition's state was built anew, where it was.
    pub fn builds(&self) -> BTreeMap<i32, u32> {
        let builds = self.frontiers.iter().map(|(partition, frontier)| (*partition, frontier.builds));
        builds.filter(|(_, builds)| *builds > 0).collect()
    }

    /// The catalogue that each partition's aggregator was run with last, by its digest.
    pub fn catalogues(&self) -> BTreeSet<&str> {
        self.frontiers.values().map(|frontier| frontier.catalogue.as_str()).collect()
    }

    fn activity(&mut self, key: ActivityKey, record: &RecordRef<'_>) -> Change {
        let partition = record.partition();
        let intervals = self.activity.entry(key.source.clone()).or_default();
        match record.value().map(|value| decode::<Activity>("activity", value)) {
            Some(Ok(activity)) => {
                let time = activity.first.unwrap_or(key.interval_start);
                let opens = activity.first.is_some() || activity.refused > 0;
                let intake = activity.read > 0 || activity.refused > 0;
                if activity.last.is_some() {
                    self.alive.entry(key.source.clone()).or_default().insert(key.interval_start);
                }
                intervals.entry(key.interval_start).or_default().insert(partition, activity);
                Change::Activity { source: key.source, time, opens, intake }
            }
            Some(Err(fault)) => {
                tracing::warn!(partition, offset = record.offset(), %fault, "activity left out");
                Change::Nothing
            }
            None => {
                if let Some(partials) = intervals.get_mut(&key.interval_start) {
                    partials.remove(&partition);
                }
                Change::Activity { source: key.source, time: key.interval_start, opens: false, intake: true }
            }
        }
    }

    fn frontier(&mut self, record: &RecordRef<'_>) -> Change {
        match record.value().map(|value| decode::<Frontier>("frontier", value)) {
            Some(Ok(frontier)) => {
                self.frontiers.insert(record.partition(), frontier);
                Change::Frontier
            }
            Some(Err(fault)) => {
                tracing::warn!(partition = record.partition(), offset = record.offset(), %fault, "frontier left out");
                Change::Nothing
            }
            None => Change::Nothing,
        }
    }

    /// The watermark of a set of sources: least over them and over all partitions; `None` while one is unknown.
    pub fn watermark(&self, sources: &[String]) -> Option<Timestamp> {
        if i32::try_from(self.frontiers.len()).ok()? < self.partitions {
            return None;
        }
        let each = self
            .frontiers
            .values()
            .flat_map(|frontier| sources.iter().map(|source| frontier.watermarks.get(source).copied()));
        each.reduce(Option::min).flatten()
    }

    /// Watermark of one source.
    pub fn source_watermark(&self, source: &str) -> Option<Timestamp> {
        self.watermark(std::slice::from_ref(&source.to_owned()))
    }

    /// Offsets covered, by partition.
    pub fn covered(&self) -> BTreeMap<i32, i64> {
        self.frontiers.iter().map(|(partition, frontier)| (*partition, frontier.next_offset)).collect()
    }

    /// The merged value of a base measure over all groups that `wanted` names; `None` if there is none.
    pub fn merged(&self, base: BaseId, start: Timestamp, wanted: impl Fn(&[String]) -> bool) -> Option<Accumulator> {
        let groups = self.measures.get(&(base, start))?;
        let mut merged: Option<Accumulator> = None;
        for (_, partials) in groups.iter().filter(|(group, _)| wanted(group)) {
            for partial in partials.values() {
                match &mut merged {
                    Some(merged) => merged.merge(partial),
                    None => merged = Some(partial.clone()),
                }
            }
        }
        merged
    }

    /// Start of the newest interval of which a source has told anything.
    pub fn newest_interval(&self, source: &str) -> Option<Timestamp> {
        self.activity.get(source)?.last_key_value().map(|(start, _)| *start)
    }

    /// Time of the last sign of life of a source before an instant that is a boundary of periods.
    pub fn last_activity(&self, source: &str, before: Timestamp) -> Option<Timestamp> {
        let intervals = self.activity.get(source)?;
        let alive = self.alive.get(source)?.range(..before);
        alive.rev().find_map(|start| intervals.get(start)?.values().filter_map(|activity| activity.last).max())
    }

    /// Events of a source with a time in a period.
    pub fn events(&self, source: &str, period: &Period) -> u64 {
        let Some(intervals) = self.activity.get(source) else { return 0 };
        intervals
            .range(period.start..period.end)
            .flat_map(|(_, partials)| partials.values())
            .fold(0, |sum, activity| sum.saturating_add(activity.count))
    }

    /// Digests of the mappings that made a source's events with a time in a period.
    pub fn mappings(&self, source: &str, period: &Period) -> BTreeSet<String> {
        let Some(intervals) = self.activity.get(source) else { return BTreeSet::new() };
        let told = intervals.range(period.start..period.end).flat_map(|(_, partials)| partials.values());
        told.flat_map(|activity| activity.mappings.iter().cloned()).collect()
    }

    /// What of a source's input with a time from one instant up to another was read, and what could not be used.
    /// Both are boundaries of periods.
    pub fn intake(&self, source: &str, from: Timestamp, until: Timestamp) -> IntakeCounts {
        let mut counts = IntakeCounts::default();
        let Some(intervals) = self.activity.get(source).filter(|_| from < until) else { return counts };
        for activity in intervals.range(from..until).flat_map(|(_, partials)| partials.values()) {
            counts.read = counts.read.saturating_add(activity.read);
            counts.refused = counts.refused.saturating_add(activity.refused);
            counts.replaced = counts.replaced.saturating_add(activity.replaced);
        }
        counts
    }
}

/// From when on a base measure is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// In periods from then on nothing is missing in any partition.
    Since(Timestamp),
    /// A partition has no state of it: its aggregator has not begun, or runs a catalogue without it.
    Absent {
        /// The first such partition.
        partition: i32,
    },
    /// A partition has state of another definition.
    Other {
        /// The first such partition.
        partition: i32,
        /// Digest of that definition.
        definition: String,
    },
    /// In a partition something is missing, and it is not told from when on nothing is.
    Building {
        /// The first such partition.
        partition: i32,
    },
    /// In a partition something is missing for good.
    Lost {
        /// The first such partition.
        partition: i32,
    },
}

/// What became of a source's input over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounts {
    /// Elements read.
    pub read: u64,
    /// Elements that are in no figure because they could not be read.
    pub refused: u64,
    /// Elements of which it is not certain what their mapping made of them: something in them had to be replaced.
    pub replaced: u64,
}
