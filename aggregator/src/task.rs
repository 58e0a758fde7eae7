//! One partition of `vernier.events` and its state: a plain structure that is told the time.

mod change;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use measurement::{time::Timestamp, value::Value};
use records::{Accounting, DeadLetter, Frontier, Intake, Late, Progress, Stage, Topics, headers};
use streaming::{Outbox, RecordRef, StageError};

use crate::{
    accumulate::EventMeasures,
    flush::{self, Letter},
    in_force::InForce,
    measure,
    plan::{Plan, PopulationId, SourceId},
    schedule::Schedule,
    select::{Selected, select},
    stats::Examples,
    tables::{
        Horizons, Tables,
        rows::Fed,
        seen::{Sight, content, identity},
    },
};

/// Where a task stands in its partition.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// Offset from which the state was built: what was there from then on is in it. Rows of populations keep what was ever
    /// said of them, so that nothing that was read since can be left out when the state is built anew.
    replay_from: i64,
    /// Offset that the last frontier named.
    written: Option<i64>,
    /// Transactions written.
    transaction: u64,
    /// While the state is built anew: nothing is written before this offset is reached.
    rebuilding_until: Option<i64>,
    /// Latest event time among all events that were read.
    newest: Option<Timestamp>,
    /// How many times the state was built anew.
    builds: u32,
}

impl Standing {
    const fn at(replay_from: i64) -> Self {
        Self { replay_from, written: None, transaction: 0, rebuilding_until: None, newest: None, builds: 0 }
    }
}

/// A task.
#[derive(Debug)]
pub struct Task {
    /// That of what is in force, which is asked for with every record.
    plan: Arc<Plan>,
    in_force: InForce,
    build: change::Building,
    partition: i32,
    standing: Standing,
    schedule: Schedule,
    tables: Tables,
    event_measures: EventMeasures,
    accounting: BTreeMap<String, Accounting>,
    /// The first event of each fate since the start, by source.
    examples: BTreeMap<String, Examples>,
    late: Vec<Late>,
    /// Events that are in no figure because another one has their identity.
    letters: Vec<Letter>,
    slots: Vec<Value>,
}

impl Task {
    /// A task that has read nothing, of a partition that nothing was read of before: what is built is whole.
    pub fn new(plan: &Arc<Plan>, partition: i32) -> Self {
        Self::begin(InForce::given(plan), partition, 0)
    }

    /// A task that has read nothing, and begins at an offset: what was before it, if anything, is gone.
    pub(crate) fn begin(in_force: InForce, partition: i32, first: i64) -> Self {
        let plan = &in_force.plan;
        let (tables, schedule) = (Tables::new(plan).begun(plan, first), Schedule::new(plan));
        Self::with(in_force, partition, Standing::at(first), schedule, tables)
    }

    /// A task that reads everything again and writes nothing before it is at the offset where it was, if that is known.
    /// `tables` knows what lies in the changelogs; what nothing claims by then is removed.
    pub(crate) fn rebuild(
        in_force: InForce,
        partition: i32,
        frontier: Option<&Frontier>,
        (from, until): (i64, Option<i64>),
        tables: Tables,
    ) -> Self {
        let standing = Standing {
            transaction: frontier.map_or(0, |frontier| frontier.transaction),
            rebuilding_until: until,
            builds: frontier.map_or(0, |frontier| frontier.builds) + 1,
            ..Standing::at(from)
        };
        let (schedule, tables) = (Schedule::new(&in_force.plan), tables.begun(&in_force.plan, from));
        Self::with(in_force, partition, standing, schedule, tables)
    }

    fn with(in_force: InForce, partition: i32, standing: Standing, schedule: Schedule, tables: Tables) -> Self {
        let plan = Arc::clone(&in_force.plan);
        Self {
            event_measures: EventMeasures::new(&plan),
            plan,
            in_force,
            build: change::Building::Undecided,
            partition,
            standing,
            schedule,
            tables,
            accounting: BTreeMap::new(),
            examples: BTreeMap::new(),
            late: Vec::new(),
            letters: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Its partition.
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// Whether the state is being built anew.
    pub const fn is_rebuilding(&self) -> bool {
        self.standing.rebuilding_until.is_some()
    }

    /// Accounting by source.
    pub const fn accounting(&self) -> &BTreeMap<String, Accounting> {
        &self.accounting
    }

    /// The first event of each fate since the start, by source.
    pub const fn examples(&self) -> &BTreeMap<String, Examples> {
        &self.examples
    }

    /// Published watermarks by source.
    pub const fn watermarks(&self) -> &BTreeMap<String, Timestamp> {
        self.schedule.published()
    }

    /// Takes one record. A record that cannot be read is counted and left behind.
    ///
    /// # Errors
    /// When another catalogue is in force from here on that is not to be had: nothing is measured by a guess.
    pub fn record(&mut self, record: RecordRef<'_>) -> Result<(), StageError> {
        let source =
            record.header(headers::SOURCE).and_then(|source| std::str::from_utf8(source).ok()).unwrap_or("unknown");
        let value = record.value().unwrap_or_default();
        match record.header(headers::KIND) {
            Some(headers::PROGRESS) => self.progress(value),
            Some(headers::INTAKE) => self.intake(value),
            Some(headers::CATALOGUE) => return self.marker(value, record.offset()),
            Some(headers::REFERENCE) => {
                let population = record.header(headers::POPULATION).and_then(|name| std::str::from_utf8(name).ok());
                self.reference(source, population.unwrap_or_default(), value, record.offset());
            }
            _ => self.event(source, record),
        }
        Ok(())
    }

    /// Writes what has changed, by one transaction; nothing if nothing has. `partitions` is the number of partitions of
    /// `vernier.events`, `refresh` the least time between two computations of population measures, in milliseconds.
    pub fn flush(
        &mut self,
        topics: &Topics,
        (next_offset, partitions): (i64, i32),
        (now, refresh): (Timestamp, i64),
        out: &mut Outbox,
    ) -> Result<(), StageError> {
        if !self.is_up_to(next_offset) {
            return Ok(());
        }
        let (before, watermarks) = (out.len(), self.schedule.published().clone());
        self.retire()?;
        self.go_on_building(topics, next_offset, now)?;
        self.settle();
        let Self { plan, schedule, tables, .. } = self;
        measure::populations(plan, schedule, &tables.rows, &mut tables.aggregates, (now, refresh));
        let rows = |population| schedule.row_horizon(plan, population);
        let horizons = Horizons { rows: &rows, seen: schedule.of_all(plan) };
        tables.write(plan, topics, (self.partition, next_offset), &horizons, out);
        flush::late(topics, self.late.drain(..), out);
        flush::letters(topics, self.letters.drain(..), out);
        let moved = self.standing.written != Some(next_offset);
        if !moved && out.len() == before && watermarks == *self.schedule.published() {
            return Ok(());
        }
        self.standing.transaction += 1;
        self.standing.written = Some(next_offset);
        flush::frontier(topics, self.partition, &self.frontier(next_offset, partitions), out);
        Ok(())
    }

    /// Where it stands.
    fn frontier(&self, next_offset: i64, partitions: i32) -> Frontier {
        Frontier {
            version: records::VERSION,
            next_offset,
            replay_from: self.standing.replay_from,
            transaction: self.standing.transaction,
            partitions,
            catalogue: self.plan.digest.clone(),
            sequence: self.in_force.sequence,
            newest: self.standing.newest,
            builds: self.standing.builds,
            watermarks: self.schedule.published().clone(),
            sources: self.schedule.heard().clone(),
            uncomputed: self.schedule.uncomputed(&self.plan),
            accounting: self.accounting.clone(),
            digest: self.tables.digest().to_hex(),
        }
    }

    /// Its tables, population measures computed.
    pub(crate) fn into_tables(mut self, now: Timestamp) -> Tables {
        self.settle();
        let Self { plan, mut schedule, mut tables, .. } = self;
        measure::populations(&plan, &mut schedule, &tables.rows, &mut tables.aggregates, (now, 0));
        tables
    }

    /// Whether the state may be written: one that is built anew not before it is where it was.
    fn is_up_to(&mut self, next_offset: i64) -> bool {
        let Some(until) = self.standing.rebuilding_until else { return true };
        if next_offset < until {
            return false;
        }
        tracing::info!(partition = self.partition, "state is built anew up to where it was");
        self.standing.rebuilding_until = None;
        // What came late before that was told when it came.
        self.late.retain(|late| late.offset >= until);
        self.letters.retain(|letter| letter.about.offset >= until);
        self.tables.touch_all();
        true
    }

    fn progress(&mut self, value: &[u8]) {
        let Ok(progress) = records::decode::<Progress>("progress", value) else {
            tracing::warn!(partition = self.partition, "unreadable progress record");
            return;
        };
        let Some(source) = self.plan.source(&progress.source) else { return };
        self.schedule.hear(&self.plan, source, &progress);
        // Whoever has read without making the copies that rows rest on has left them out for good.
        let Some(copies) = progress.copies.as_ref().filter(|_| progress.next_offset > 0) else { return };
        for (population, copy) in &self.plan[source].copies {
            if !copies.contains(copy) {
                self.tables.units.lose(&self.plan, *population);
            }
        }
    }

    /// What became of source records is part of what is known of the source's life.
    fn intake(&mut self, value: &[u8]) {
        let Ok(intake) = records::decode::<Intake>("intake", value) else {
            tracing::warn!(partition = self.partition, "unreadable intake record");
            return;
        };
        let Some(source) = self.plan.source(&intake.source) else { return };
        let alive = self.plan[source].is_alive_by(None);
        for minute in &intake.minutes {
            self.tables.activity.note_intake(source, minute, alive);
        }
    }

    fn event(&mut self, name: &str, record: RecordRef<'_>) {
        let (value, offset) = (record.value().unwrap_or_default(), record.offset());
        let source = self.plan.source(name);
        let mut slots = std::mem::take(&mut self.slots);
        let fate = match select(&self.plan, value, &mut slots) {
            None => Fate::Rejected,
            Some(selected) => match self.sight(name, source, "", (&selected, value, offset)) {
                Sight::New => self.selected((name, source), &selected, &slots, record),
                Sight::Duplicate => Fate::Duplicate,
                Sight::Conflict => {
                    self.conflict(name, source, &selected, record);
                    Fate::Conflict
                }
            },
        };
        self.slots = slots;
        let counts = self.counts(name);
        counts.read += 1;
        match fate {
            Fate::Used => counts.used += 1,
            Fate::NotRelevant => counts.not_relevant += 1,
            Fate::Late => counts.late += 1,
            Fate::Duplicate => counts.duplicate += 1,
            Fate::Conflict => counts.conflict += 1,
            Fate::Rejected => counts.rejected += 1,
        }
        if !matches!(fate, Fate::Used | Fate::NotRelevant) {
            self.examples.entry(name.to_owned()).or_default().note(fate, offset);
        }
    }

    /// What another event of its identity has said first holds; this one is kept aside, and missing in the figures.
    fn conflict(&mut self, name: &str, source: Option<SourceId>, selected: &Selected, record: RecordRef<'_>) {
        if let Some(source) = source {
            self.tables.activity.note_conflict(source, selected.time);
        }
        let about = DeadLetter {
            source: name.to_owned(),
            topic: String::new(),
            partition: self.partition,
            offset: record.offset(),
            stage: Stage::Identity,
            reason: DeadLetter::IDENTITY_CONFLICT,
            detail: "an event of the same identity was read before and says something else".to_owned(),
        };
        let (key, value) = (record.key().map(<[u8]>::to_vec), record.value().unwrap_or_default().to_vec());
        self.letters.push(Letter { about, key, value });
    }

    fn selected(
        &mut self,
        (name, source): (&str, Option<SourceId>),
        selected: &Selected,
        slots: &[Value],
        record: RecordRef<'_>,
    ) -> Fate {
        // A source that the catalogue does not know is asked for by nobody.
        let Some(source) = source else { return Fate::NotRelevant };
        let Self { plan, schedule, tables, event_measures, .. } = self;
        let asking = &plan[source];
        let mapping = record.header(headers::MAPPING).and_then(|digest| std::str::from_utf8(digest).ok());
        tables.activity.note_event(source, selected.time, mapping, asking.is_alive_by(Some(selected.class)));
        let Some(class) = asking.asking.get(&selected.class) else { return Fate::NotRelevant };
        let measured = event_measures.event(plan, schedule, &mut tables.aggregates, class, (selected, slots));
        let mut used = measured.used;
        for feed in class.feeds.iter().filter(|feed| !feed.feed.by_reference) {
            let fed = tables.rows.update(plan, feed, selected, slots);
            used |= fed != Fed::NotWanted;
            if fed == Fed::Changed {
                schedule.row_changed(feed.population, selected.time);
            }
        }
        if !measured.late.is_empty() {
            self.late.push(Late {
                version: records::VERSION,
                source: name.to_owned(),
                constructs: measured.late,
                uid: selected.uid.to_string(),
                time: selected.time,
                watermark: self.schedule.of_source(name).unwrap_or(Timestamp::MIN),
                partition: self.partition,
                offset: record.offset(),
            });
            if !used {
                return Fate::Late;
            }
        }
        if used { Fate::Used } else { Fate::NotRelevant }
    }

    /// A reference copy changes rows of its population and nothing else.
    fn reference(&mut self, name: &str, population: &str, value: &[u8], offset: i64) {
        self.counts(name).references += 1;
        let source = self.plan.source(name);
        let mut slots = std::mem::take(&mut self.slots);
        if let Some(selected) = select(&self.plan, value, &mut slots)
            && self.sight(name, source, population, (&selected, value, offset)) == Sight::New
            && let Some(source) = source
        {
            let Self { plan, schedule, tables, .. } = self;
            let is_own = |id: PopulationId| plan[id].definition.plain_name() == population;
            let feeds = plan[source].asking.get(&selected.class).into_iter().flat_map(|class| &class.feeds);
            for feed in feeds.filter(|feed| feed.feed.by_reference && is_own(feed.population)) {
                if tables.rows.update(plan, feed, &selected, &slots) == Fed::Changed {
                    schedule.row_changed(feed.population, selected.time);
                }
            }
        }
        self.slots = slots;
    }

    /// Whether an event was seen before. Whatever is read counts: what is new later must not begin before it.
    fn sight(
        &mut self,
        name: &str,
        source: Option<SourceId>,
        scope: &str,
        (selected, value, offset): (&Selected, &[u8], i64),
    ) -> Sight {
        self.standing.newest = self.standing.newest.max(Some(selected.time));
        let window = source.map_or(0, |source| self.plan[source].source.deduplicate);
        let from = self.schedule.of_source(name).unwrap_or(Timestamp::MIN).max(selected.time);
        self.tables.seen.insert(identity(name, scope, &selected.uid), content(value), offset, from.plus(window))
    }

    fn counts(&mut self, source: &str) -> &mut Accounting {
        if !self.accounting.contains_key(source) {
            self.accounting.insert(source.to_owned(), Accounting::default());
        }
        self.accounting.entry(source.to_owned()).or_default()
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// In a figure or a row.
    Used,
    /// Nobody asks for it.
    NotRelevant,
    /// Beyond the horizon of a construct that asks for it.
    Late,
    /// Again.
    Duplicate,
    /// Another event has its identity.
    Conflict,
    /// Not readable.
    Rejected,
}
