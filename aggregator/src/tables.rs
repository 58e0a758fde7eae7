//! The state of a task, table by table. Each folds, writes, loads and forgets itself; what they have in common is
//! [`changelog`].

pub(crate) mod activity;
pub(crate) mod aggregates;
pub(crate) mod changelog;
pub(crate) mod rows;
pub(crate) mod seen;
pub(crate) mod units;

use measurement::time::Timestamp;
use records::{ActivityKey, AggregateKey, PopulationKey, RecordError, RowKey, SeenKey, Since, Topics, UnitKey, decode};
use streaming::{Outbox, Record};

use self::{
    activity::Activity,
    aggregates::Aggregates,
    changelog::{Changelog, Digest, Writer, Written},
    rows::Rows,
    seen::SeenSet,
    units::{Missing, Units},
};
use crate::{
    plan::{Plan, PopulationId},
    restore::is_state,
};

/// How the key of a seen chunk begins.
const SEEN: &[u8] = br#"["seen","#;
/// How the key of a measure's unit begins.
pub(crate) const UNIT: &[u8] = br#"["unit","#;
/// How the key of a population's unit begins.
const POPULATION: &[u8] = br#"["population","#;

fn is_unit(record: &Record) -> bool {
    let key = record.key.as_deref().unwrap_or_default();
    key.starts_with(UNIT) || key.starts_with(POPULATION)
}

/// What lies in a changelog and belongs to nothing in this state: to be removed.
#[derive(Clone, Debug)]
struct Orphan {
    changelog: Changelog,
    key: Vec<u8>,
    written: Written,
}

/// The tables of a task.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// Values of base measures.
    pub aggregates: Aggregates,
    /// What sources sent.
    pub activity: Activity,
    /// Rows of populations.
    pub rows: Rows,
    /// Identities.
    pub seen: SeenSet,
    /// From when on they are whole.
    pub units: Units,
    /// Over everything that lies in the changelogs.
    digest: Digest,
    orphans: Vec<Orphan>,
}

/// Until when what may be asked for, as far as is known: what lies before may be forgotten.
pub(crate) struct Horizons<'a> {
    /// Versions of the rows of a population.
    pub rows: &'a dyn Fn(PopulationId) -> Option<Timestamp>,
    /// Identities, by the slowest source.
    pub seen: Option<Timestamp>,
}

impl std::fmt::Debug for Horizons<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Horizons").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Tables {
    /// Empty tables.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            aggregates: Aggregates::new(),
            activity: Activity::new(plan),
            rows: Rows::new(plan),
            seen: SeenSet::default(),
            units: Units::new(),
            digest: Digest::default(),
            orphans: Vec::new(),
        }
    }

    /// Begins all units of a plan for a state that is built from an offset on: only from the first one on is it whole.
    pub(crate) fn begun(mut self, plan: &Plan, from: i64) -> Self {
        let (rows, missing) =
            if from == 0 { (Since::Beginning, Missing::Nothing) } else { (Since::Building, Missing::Unknown) };
        self.units.begin(plan, &|_| rows, missing, None);
        self
    }

    /// The digest over what lies in the changelogs.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes all records of the changelogs, each with its hash. What belongs to no unit of the plan is removed with the
    /// next transaction: state of another definition is never carried on.
    pub(crate) fn load<'a>(
        &mut self,
        plan: &Plan,
        topics: &Topics,
        records: impl Iterator<Item = (&'a Record, Written)> + Clone,
    ) -> Result<(), RecordError> {
        // Units first: they say what the rest belongs to.
        for (record, written) in records.clone().filter(|(record, _)| is_unit(record)) {
            self.load_one(plan, topics, record, written)?;
        }
        let rest = records.filter(|(record, _)| !is_unit(record) && record.key.as_deref().is_some_and(is_state));
        for (record, written) in rest {
            self.load_one(plan, topics, record, written)?;
        }
        Ok(())
    }

    fn load_one(&mut self, plan: &Plan, topics: &Topics, record: &Record, written: Written) -> Result<(), RecordError> {
        let key = record.key.as_deref().unwrap_or_default();
        let value = record.value.as_deref().unwrap_or_default();
        let changelog = Changelog::of(topics, record);
        let units = &self.units;
        let taken = match changelog {
            // A key of an earlier build names no definition: what lies under it is of no unit that is known.
            Changelog::Measures if key.starts_with(UNIT) => match decode::<UnitKey>("unit", key) {
                Ok(key) => self.units.load_measure(plan, &key, value, written)?,
                Err(_) => false,
            },
            Changelog::Populations if key.starts_with(POPULATION) => {
                self.units.load_population(plan, &decode::<PopulationKey>("unit", key)?, value, written)?
            }
            Changelog::Measures => match decode::<AggregateKey>("aggregate", key) {
                Ok(key) => self.aggregates.load(plan, units, &key, value, written)?,
                Err(_) => self.activity.load(plan, &decode::<ActivityKey>("activity", key)?, value, written)?,
            },
            // By far most are rows: a look at the kind is cheaper than an attempt to read it.
            Changelog::Populations if key.starts_with(SEEN) => {
                self.seen.load(decode::<SeenKey>("seen chunk", key)?, value, written)?;
                true
            }
            Changelog::Populations => self.rows.load(plan, units, decode::<RowKey>("row", key)?, value, written)?,
        };
        self.digest.replace(Written::NOTHING, written);
        if !taken {
            self.orphans.push(Orphan { changelog, key: key.to_vec(), written });
        }
        Ok(())
    }

    /// The same state under the numbers of another plan. What belongs to nothing in it is removed with the next
    /// transaction.
    pub(crate) fn carry(self, from: &Plan, to: &Plan) -> Self {
        let Self { aggregates, activity, rows, seen, units, digest, mut orphans } = self;
        let mut gone = |changelog, key, written| {
            if written != Written::NOTHING {
                orphans.push(Orphan { changelog, key, written });
            }
        };
        Self {
            aggregates: aggregates.carry(from, to, &mut gone),
            activity: activity.carry(from, to, &mut gone),
            rows: rows.carry(from, to, &mut gone),
            units: units.carry(from, to, &mut gone),
            seen,
            digest,
            orphans,
        }
    }

    /// Takes over what was built beside: the state of units that are being built here. Both have read up to the same
    /// offset.
    pub(crate) fn take_over(&mut self, built: Self, (from, to): (&Plan, &Plan)) {
        let Self { aggregates, rows, units, orphans, .. } = self;
        let mut gone = |changelog, key, written| {
            if written != Written::NOTHING {
                orphans.push(Orphan { changelog, key, written });
            }
        };
        aggregates.take_over(built.aggregates, (from, to), |id| units.is_building(id), &mut gone);
        rows.take_over(built.rows, (from, to), |id| units.is_population_building(id), &mut gone);
        units.take_over(&built.units, (from, to));
    }

    /// Notes what lies in the changelogs and is not loaded, because the state is built anew: what nothing has written
    /// again by then is removed.
    pub(crate) fn disown<'a>(&mut self, topics: &Topics, records: impl IntoIterator<Item = &'a Record>) {
        let all = records.into_iter().filter(|record| record.key.as_deref().is_some_and(is_state));
        self.orphans.extend(all.map(|record| Orphan {
            changelog: Changelog::of(topics, record),
            key: record.key.clone().unwrap_or_default(),
            written: Written::NOTHING,
        }));
    }

    /// Marks everything as changed: after a rebuild all of it is written again.
    pub(crate) fn touch_all(&mut self) {
        self.aggregates.touch_all();
        self.activity.touch_all();
        self.rows.touch_all();
        self.units.touch_all();
    }

    /// Writes what has changed.
    pub(crate) fn write(
        &mut self,
        plan: &Plan,
        topics: &Topics,
        (partition, covered): (i32, i64),
        horizons: &Horizons<'_>,
        out: &mut Outbox,
    ) {
        let Self { aggregates, activity, rows, seen, units, digest, orphans } = self;
        let mut writer = Writer { topics, partition, covered, digest, out };
        // First: what was written again stands after its tombstone.
        for Orphan { changelog, key, written } in orphans.drain(..) {
            writer.remove(changelog, key, written);
        }
        units.write(plan, &mut writer);
        aggregates.write(plan, &mut writer);
        activity.write(plan, &mut writer);
        rows.write(plan, horizons.rows, &mut writer);
        seen.write(horizons.seen, &mut writer);
    }
}
