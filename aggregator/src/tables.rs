//! The state of a task, table by table. Each folds, writes, loads and forgets itself; what they have in common is
//! [`changelog`].

pub(crate) mod activity;
pub(crate) mod aggregates;
pub(crate) mod changelog;
pub(crate) mod rows;
pub(crate) mod seen;

use measurement::time::Timestamp;
use records::{ActivityKey, AggregateKey, Frontier, RecordError, RowKey, SeenKey, Topics, decode};
use streaming::{Outbox, Record};

use self::{
    activity::Activity,
    aggregates::Aggregates,
    changelog::{Changelog, Digest, Writer, Written},
    rows::Rows,
    seen::SeenSet,
};
use crate::plan::{Plan, PopulationId};

/// How the key of a seen chunk begins.
const SEEN: &[u8] = br#"["seen","#;

/// What lies in a changelog and belongs to nothing in this state: to be removed.
#[derive(Clone, Debug)]
struct Orphan {
    changelog: Changelog,
    key: Vec<u8>,
    written: Written,
}

/// The tables of a task.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Values of base measures.
    pub aggregates: Aggregates,
    /// What sources sent.
    pub activity: Activity,
    /// Rows of populations.
    pub rows: Rows,
    /// Identities.
    pub seen: SeenSet,
    /// Over everything that lies in the changelogs.
    digest: Digest,
    orphans: Vec<Orphan>,
}

/// Until when what may be asked for, as far as is known: what lies before may be forgotten.
pub struct Horizons<'a> {
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
    pub fn new(plan: &Plan) -> Self {
        Self {
            aggregates: Aggregates::new(),
            activity: Activity::new(plan),
            rows: Rows::new(plan),
            seen: SeenSet::default(),
            digest: Digest::default(),
            orphans: Vec::new(),
        }
    }

    /// The digest over what lies in the changelogs.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes a record from a changelog. What belongs to nothing in the plan is removed with the next transaction.
    pub fn load(&mut self, plan: &Plan, topics: &Topics, record: &Record, written: Written) -> Result<(), RecordError> {
        let key = record.key.as_deref().unwrap_or_default();
        let value = record.value.as_deref().unwrap_or_default();
        if key == Frontier::KEY {
            return Ok(());
        }
        let changelog = Changelog::of(topics, record);
        let taken = match changelog {
            Changelog::Measures => match decode::<AggregateKey>("aggregate", key) {
                Ok(key) => self.aggregates.load(plan, &key, value, written)?,
                Err(_) => self.activity.load(plan, &decode::<ActivityKey>("activity", key)?, value, written)?,
            },
            // By far most are rows: a look at the kind is cheaper than an attempt to read it.
            Changelog::Populations if key.starts_with(SEEN) => {
                self.seen.load(decode::<SeenKey>("seen chunk", key)?, value, written)?;
                true
            }
            Changelog::Populations => self.rows.load(plan, decode::<RowKey>("row", key)?, value, written)?,
        };
        self.digest.replace(Written::NOTHING, written);
        if !taken {
            self.orphans.push(Orphan { changelog, key: key.to_vec(), written });
        }
        Ok(())
    }

    /// Notes what lies in the changelogs and is not loaded, because the state is built anew: what nothing has written
    /// again by then is removed.
    pub fn disown<'a>(&mut self, topics: &Topics, records: impl IntoIterator<Item = &'a Record>) {
        let all = records.into_iter().filter(|record| record.key.as_deref() != Some(Frontier::KEY));
        self.orphans.extend(all.map(|record| Orphan {
            changelog: Changelog::of(topics, record),
            key: record.key.clone().unwrap_or_default(),
            written: Written::NOTHING,
        }));
    }

    /// Marks everything as changed: after a rebuild all of it is written again.
    pub fn touch_all(&mut self) {
        self.aggregates.touch_all();
        self.activity.touch_all();
        self.rows.touch_all();
    }

    /// Writes what has changed.
    pub fn write(
        &mut self,
        plan: &Plan,
        topics: &Topics,
        (partition, covered): (i32, i64),
        horizons: &Horizons<'_>,
        out: &mut Outbox,
    ) {
        let Self { aggregates, activity, rows, seen, digest, orphans } = self;
        let mut writer = Writer { topics, partition, covered, digest, out };
        // First: what was written again stands after its tombstone.
        for Orphan { changelog, key, written } in orphans.drain(..) {
            writer.remove(changelog, key, written);
        }
        aggregates.write(plan, &mut writer);
        activity.write(plan, &mut writer);
        rows.write(plan, horizons.rows, &mut writer);
        seen.write(horizons.seen, &mut writer);
    }
}
