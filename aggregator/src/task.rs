//! One partition of `vernier.events` and its state: a plain structure that is told the time.

use std::{collections::BTreeMap, sync::Arc};

use measurement::{grain::Grain, time::Timestamp, value::Value};
use records::{Accounting, Intake, Late, Progress, headers};
use streaming::RecordRef;

use crate::{
    accumulate::{self, PeriodCache},
    config::Plan,
    rows,
    seen::{SeenSet, identity},
    select::{Selected, asking, select},
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
            _ => self.event(source, value, record.offset()),
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
        for minute in &intake.minutes {
            if let Some(grain) = self.source_grains.get_mut(&intake.source) {
                let interval = grain.interval_at(minute.first).start;
                self.store.note_intake(&intake.source, interval, minute);
            }
        }
    }

    fn event(&mut self, source: &str, value: &[u8], offset: i64) {
        let mut slots = std::mem::take(&mut self.slots);
        let plan = Arc::clone(&self.plan);
        let outcome = match select(&plan, value, &mut slots) {
            None => Outcome::Rejected,
            Some(selected) => self.selected(source, &selected, &slots, offset),
        };
        self.slots = slots;
        let counts = self.counts(source);
        counts.read += 1;
        match outcome {
            Outcome::Used => counts.used += 1,
            Outcome::NotRelevant => counts.not_relevant += 1,
            Outcome::Late => counts.late += 1,
            Outcome::Duplicate => counts.duplicate += 1,
            Outcome::Rejected => counts.rejected += 1,
        }
    }

    fn selected(&mut self, source: &str, selected: &Selected, slots: &[Value], offset: i64) -> Outcome {
        if !self.is_new(source, "", selected, offset) {
            return Outcome::Duplicate;
        }
        if let Some(grain) = self.source_grains.get_mut(source) {
            let interval = grain.interval_at(selected.time).start;
            self.store.note_activity(source, interval, selected.time);
        }
        let plan = Arc::clone(&self.plan);
        let Some(class) = asking(&plan, source, selected.class) else { return Outcome::NotRelevant };
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
                return Outcome::Late;
            }
        }
        if used { Outcome::Used } else { Outcome::NotRelevant }
    }

    /// A reference copy changes rows of its population and nothing else.
    fn reference(&mut self, source: &str, population: &str, value: &[u8], offset: i64) {
        self.counts(source).references += 1;
        let mut slots = std::mem::take(&mut self.slots);
        let plan = Arc::clone(&self.plan);
        if let Some(selected) = select(&plan, value, &mut slots)
            && self.is_new(source, population, &selected, offset)
            && let Some(class) = asking(&plan, source, selected.class)
        {
            for feed in class.feeds.iter().filter(|feed| feed.by_reference && feed.population == population) {
                rows::update(self, feed, &selected, &slots);
            }
        }
        self.slots = slots;
    }

    fn is_new(&mut self, source: &str, scope: &str, selected: &Selected, offset: i64) -> bool {
        let window = self.plan.catalogue.sources.get(source).map_or(0, |source| source.deduplicate);
        let from = self.watermarks.of_source(source).unwrap_or(Timestamp::MIN).max(selected.time);
        self.seen.insert(identity(source, scope, &selected.uid), offset, from.plus(window))
    }

    fn counts(&mut self, source: &str) -> &mut Accounting {
        if !self.accounting.contains_key(source) {
            self.accounting.insert(source.to_owned(), Accounting::default());
        }
        self.accounting.entry(source.to_owned()).or_default()
    }
}

/// What became of an event.
enum Outcome {
    Used,
    NotRelevant,
    Late,
    Duplicate,
    Rejected,
}
