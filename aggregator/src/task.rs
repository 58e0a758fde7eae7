//! One partition of `vernier.events` and its state: a plain structure that is told the time.

use std::{collections::BTreeMap, sync::Arc};

use measurement::{grain::Grain, time::Timestamp, value::Value};
use records::{Accounting, DeadLetter, Intake, Late, Progress, Stage, headers};
use streaming::RecordRef;

use crate::{
    accumulate::{self, PeriodCache},
    config::Plan,
    rows,
    seen::{SeenSet, Sight, content, identity},
    select::{Selected, asking, select},
    stats::Examples,
    store::Store,
    window::Watermarks,
};

/// A task.
#[derive(Debug)]
pub struct Task {
    pub(crate) plan: Arc<Plan>,
    pub(crate) partition: i32,
    pub(crate) store: Store,
    pub(crate) watermarks: Watermarks,
    pub(crate) seen: SeenSet,
    pub(crate) accounting: BTreeMap<String, Accounting>,
    pub(crate) late: Vec<Late>,
    /// Events that are in no figure because another one has their identity.
    pub(crate) letters: Vec<Letter>,
    /// The first event of each fate since the start, by source.
    pub(crate) examples: BTreeMap<String, Examples>,
    /// Offset of the first record that the state was built from. Rows of populations keep what was ever said of
    /// them, so that nothing that was read since can be left out when the state is built anew.
    pub(crate) replay_from: Option<i64>,
    /// Offset of the next record.
    pub(crate) next_offset: i64,
    /// Offset that the last frontier named.
    written_offset: i64,
    /// Transactions written.
    pub(crate) transaction: u64,
    /// Watermarks as published: everything before them is in the aggregates.
    pub(crate) published: BTreeMap<String, Timestamp>,
    /// Earliest event time since the last computation of population measures, by population.
    pub(crate) uncomputed_from: Vec<Option<Timestamp>>,
    /// Watermark of each construct at its last computation of population measures.
    pub(crate) computed_to: Vec<Option<Timestamp>>,
    /// When population measures were computed last, by the clock that was told.
    pub(crate) computed_at: Option<Timestamp>,
    /// While the state is built anew: nothing is written before this offset is reached.
    pub(crate) rebuilding_until: Option<i64>,
    pub(crate) population_grains: Vec<Grain>,
    pub(crate) source_grains: BTreeMap<String, Grain>,
    pub(crate) period_caches: Vec<PeriodCache>,
    slots: Vec<Value>,
}

impl Task {
    /// A task with nothing read yet.
    pub fn new(plan: &Arc<Plan>, partition: i32) -> Self {
        let populations = plan.populations.len();
        Self {
            plan: Arc::clone(plan),
            partition,
            store: Store::new(populations),
            watermarks: Watermarks::default(),
            seen: SeenSet::default(),
            accounting: BTreeMap::new(),
            late: Vec::new(),
            letters: Vec::new(),
            examples: BTreeMap::new(),
            replay_from: None,
            next_offset: 0,
            written_offset: -1,
            transaction: 0,
            published: BTreeMap::new(),
            uncomputed_from: vec![None; populations],
            computed_to: vec![None; plan.catalogue.constructs.len()],
            computed_at: None,
            rebuilding_until: None,
            population_grains: plan.population_grains.clone(),
            source_grains: plan.source_grains.clone(),
            period_caches: vec![PeriodCache::default(); plan.periods.len()],
            slots: Vec::new(),
        }
    }

    /// Accounting by source.
    pub const fn accounting(&self) -> &BTreeMap<String, Accounting> {
        &self.accounting
    }

    /// Published watermarks by source.
    pub const fn watermarks(&self) -> &BTreeMap<String, Timestamp> {
        &self.published
    }

    pub(crate) const fn written_offset(&self) -> i64 {
        self.written_offset
    }

    pub(crate) const fn set_written_offset(&mut self, offset: i64) {
        self.written_offset = offset;
    }

    /// Takes one record. A record that cannot be read is counted and left behind.
    pub fn record(&mut self, record: RecordRef<'_>) {
        self.replay_from.get_or_insert(record.offset());
        self.next_offset = record.offset() + 1;
        let source =
            record.header(headers::SOURCE).and_then(|source| std::str::from_utf8(source).ok()).unwrap_or("unknown");
        let value = record.value().unwrap_or_default();
        match record.header(headers::KIND) {
            Some(headers::PROGRESS) => self.progress(value),
            Some(headers::INTAKE) => self.intake(value),
            Some(headers::REFERENCE) => {
                let population = record.header(headers::POPULATION).and_then(|name| std::str::from_utf8(name).ok());
                self.reference(source, population.unwrap_or_default(), value, record.offset());
            }
            _ => self.event(source, record),
        }
    }

    fn progress(&mut self, value: &[u8]) {
        let Ok(progress) = records::decode::<Progress>("progress", value) else {
            tracing::warn!(partition = self.partition, "unreadable progress record");
            return;
        };
        if let Some(source) = self.plan.catalogue.sources.get(&progress.source) {
            self.watermarks.update(source, &progress);
        }
    }

    /// What became of source records is part of what is known of the source's life.
    fn intake(&mut self, value: &[u8]) {
        let Ok(intake) = records::decode::<Intake>("intake", value) else {
            tracing::warn!(partition = self.partition, "unreadable intake record");
            return;
        };
        let alive = self.is_alive_by(&intake.source, None);
        let Some(grain) = self.source_grains.get_mut(&intake.source) else { return };
        for minute in &intake.minutes {
            let interval = grain.interval_at(minute.first).start;
            self.store.note_intake(&intake.source, interval, minute, alive);
        }
    }

    /// Whether a source is alive by an event of a class, or by a record that gave none.
    fn is_alive_by(&self, source: &str, class: Option<i64>) -> bool {
        let asked = self.plan.catalogue.sources.get(source).and_then(|source| source.alive_by);
        asked.is_none_or(|asked| class == Some(i64::from(asked)))
    }

    fn event(&mut self, source: &str, record: RecordRef<'_>) {
        let (value, offset) = (record.value().unwrap_or_default(), record.offset());
        let mut slots = std::mem::take(&mut self.slots);
        let plan = Arc::clone(&self.plan);
        let fate = match select(&plan, value, &mut slots) {
            None => Fate::Rejected,
            Some(selected) => match self.sight(source, "", &selected, value, offset) {
                Sight::New => self.selected(source, &selected, &slots, offset),
                Sight::Duplicate => Fate::Duplicate,
                Sight::Conflict => {
                    self.conflict(source, &selected, record);
                    Fate::Conflict
                }
            },
        };
        self.slots = slots;
        let counts = self.counts(source);
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
            self.examples.entry(source.to_owned()).or_default().note(fate, offset);
        }
    }

    /// What another event of its identity has said first holds; this one is kept aside, and missing in the figures.
    fn conflict(&mut self, source: &str, selected: &Selected, record: RecordRef<'_>) {
        if let Some(grain) = self.source_grains.get_mut(source) {
            let interval = grain.interval_at(selected.time).start;
            self.store.note_conflict(source, interval);
        }
        let about = DeadLetter {
            source: source.to_owned(),
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

    fn selected(&mut self, source: &str, selected: &Selected, slots: &[Value], offset: i64) -> Fate {
        let alive = self.is_alive_by(source, Some(selected.class));
        if let Some(grain) = self.source_grains.get_mut(source) {
            let interval = grain.interval_at(selected.time).start;
            self.store.note_activity(source, interval, selected.time, alive);
        }
        let plan = Arc::clone(&self.plan);
        let Some(class) = asking(&plan, source, selected.class) else { return Fate::NotRelevant };
        let measured = accumulate::event(self, class, selected, slots);
        let mut used = measured.used;
        for feed in class.feeds.iter().filter(|feed| !feed.by_reference) {
            used |= rows::update(self, feed, selected, slots);
        }
        if !measured.late.is_empty() {
            self.late.push(Late {
                version: records::VERSION,
                source: source.to_owned(),
                constructs: measured.late,
                uid: selected.uid.to_string(),
                time: selected.time,
                watermark: self.watermarks.of_source(source).unwrap_or(Timestamp::MIN),
                partition: self.partition,
                offset,
            });
            if !used {
                return Fate::Late;
            }
        }
        if used { Fate::Used } else { Fate::NotRelevant }
    }

    /// A reference copy changes rows of its population and nothing else.
    fn reference(&mut self, source: &str, population: &str, value: &[u8], offset: i64) {
        self.counts(source).references += 1;
        let mut slots = std::mem::take(&mut self.slots);
        let plan = Arc::clone(&self.plan);
        if let Some(selected) = select(&plan, value, &mut slots)
            && self.sight(source, population, &selected, value, offset) == Sight::New
            && let Some(class) = asking(&plan, source, selected.class)
        {
            for feed in class.feeds.iter().filter(|feed| feed.by_reference && feed.population == population) {
                rows::update(self, feed, &selected, &slots);
            }
        }
        self.slots = slots;
    }

    fn sight(&mut self, source: &str, scope: &str, selected: &Selected, value: &[u8], offset: i64) -> Sight {
        let window = self.plan.catalogue.sources.get(source).map_or(0, |source| source.deduplicate);
        let from = self.watermarks.of_source(source).unwrap_or(Timestamp::MIN).max(selected.time);
        self.seen.insert(identity(source, scope, &selected.uid), content(value), offset, from.plus(window))
    }

    fn counts(&mut self, source: &str) -> &mut Accounting {
        if !self.accounting.contains_key(source) {
            self.accounting.insert(source.to_owned(), Accounting::default());
        }
        self.accounting.entry(source.to_owned()).or_default()
    }
}

/// An event for the dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// Where it lies and why it is one; whoever writes it fills in the name of the topic.
    pub(crate) about: DeadLetter,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Used,
    NotRelevant,
    Late,
    Duplicate,
    Conflict,
    Rejected,
}
