//! Populations: tables kept from events.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{expression::Expression, value::Type};

/// A population: a table kept from events.
#[derive(Clone, Debug)]
pub struct Population {
    /// Name.
    pub name: String,
    /// Digest of all that decides its rows: columns, feeds and their sources.
    pub digest: String,
    /// Title for people.
    pub title: String,
    /// Sources whose events change rows: those that it names, or those of the constructs that use it.
    pub sources: BTreeSet<String>,
    /// Columns; their order fixes the slots of expressions on rows. Those that the engine keeps for itself come last,
    /// and no expression can name them.
    pub columns: Vec<Column>,
    /// Events that change rows.
    pub feeds: Vec<Feed>,
    /// Populations whose rows lie in the same partition, with the column that holds their key.
    pub joins: BTreeMap<String, usize>,
    /// Index of the column that says whether an entity was removed; `None` where no feed removes.
    pub removed: Option<usize>,
    /// Index of the column that says when an entity was last listed; `None` where there are no full snapshots.
    pub listed: Option<usize>,
}

impl Population {
    /// Key of the row that knows of full snapshots. No entity can have it.
    pub const SNAPSHOT: &'static str = "\u{0}snapshot";

    /// What its rows lie under: its name and what it is. Two definitions of one population may be kept side by side while
    /// one follows the other, and rows of one are never taken for rows of the other.
    pub fn state_name(&self) -> String {
        format!("{}@{}", self.plain_name(), self.digest)
    }

    /// The name that its file gives it, which two definitions of it share: see
    /// [`Catalogue::layered`](super::Catalogue::layered).
    pub fn plain_name(&self) -> &str {
        self.name.split_once('@').map_or(&*self.name, |(name, _)| name)
    }

    /// Gives the sources to whatever names none of its own: those of the constructs that use the population.
    pub(super) fn default_sources(&mut self, sources: &BTreeSet<String>) {
        if self.sources.is_empty() {
            self.sources.clone_from(sources);
        }
        for feed in self.feeds.iter_mut().filter(|feed| feed.sources.is_empty()) {
            feed.sources.clone_from(&self.sources);
        }
    }

    /// The reference copies of events that its rows rest on, each with its class and key.
    pub fn copies(&self) -> impl Iterator<Item = (&Feed, String)> {
        let by_reference = self.feeds.iter().filter(|feed| feed.by_reference);
        by_reference.map(|feed| (feed, format!("{} to {} by {}", feed.class, self.plain_name(), feed.partition)))
    }

    /// Slot of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name && !column.name.starts_with('@'))
    }
}

/// A column of a population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type.
    pub kind: Type,
    /// How updates are merged.
    pub merge: Merge,
    /// What may be done with its values.
    pub scale: Scale,
    /// Unit of its numbers.
    pub unit: Option<String>,
}

/// Scale of measurement: which operations mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Ordered levels: they can be compared and counted, not added.
    Ordinal,
    /// Quantities with a zero.
    #[default]
    Ratio,
}

/// How the updates of a column become one value. None depends on the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// The value of the earliest event.
    First,
    /// The value of the latest event.
    Last,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Exact sum.
    Sum,
    /// Number of events.
    Count,
    /// All texts, each once.
    Set,
    /// Readings of a counter that now and then begins anew at zero: how far it has counted since the first.
    Counter,
}

/// Events of one class that change rows.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Name of the class.
    pub class: String,
    /// OCSF `class_uid`.
    pub uid: u32,
    /// Path of the row's key.
    pub key: String,
    /// Slot of the key.
    pub key_slot: usize,
    /// Path of the key that decides the partition: that of the row unless said otherwise.
    pub partition: String,
    /// Slot of that key, where it is another one: a row is then known by both, so that it never lies in two partitions.
    pub partition_slot: Option<usize>,
    /// Sources whose events it takes.
    pub sources: BTreeSet<String>,
    /// What an event of the feed is about.
    pub of: FeedOf,
    /// Whether the events are not routed by the class's primary key, so that the population is fed by reference copies.
    pub by_reference: bool,
    /// What counts.
    pub when: Option<Expression>,
    /// What removes the entity; any other event of the feed brings it back.
    pub remove: Option<Expression>,
    /// Whether an event of the feed says that the register lists the entity at its time.
    pub lists: bool,
    /// Columns that it sets: column, value, condition.
    pub set: Vec<SetColumn>,
}

/// What an event of a feed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOf {
    /// One entity.
    Entity,
    /// The register as a whole: a full snapshot was taken at the instant of a slot. Entities that were not listed
    /// since then are gone. Every partition is told.
    Snapshot(usize),
}

/// A column set by a feed.
#[derive(Clone, Debug)]
pub struct SetColumn {
    /// Index of the column.
    pub column: usize,
    /// The value, an expression on the event.
    pub value: Expression,
    /// What counts, an expression on the event.
    pub when: Option<Expression>,
}

/// What a population measure asks for beside the columns of its rows. The slots of expressions on rows are the
/// columns and then these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extra {
    /// A column as of the start of the period.
    AtStart(usize),
    /// A column of a population that shares the partition, as of the same moment.
    Joined {
        /// The population.
        population: String,
        /// The column that holds its key.
        by: usize,
        /// The column that is asked for.
        column: usize,
    },
}
