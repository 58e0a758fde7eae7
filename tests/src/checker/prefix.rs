//! One partition of the events, counted record by record: what a task that has read a prefix of it must hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use records::{Accounting, AggregateKey, Intake, Progress, decode, headers};
use streaming::Record;

use super::{
    anomaly::{Anomaly, Tally},
    event::Event,
    plan::{Plan, Share},
    watermarks::Watermarks,
};

/// An event that a construct could no longer count.
#[derive(Clone, Debug)]
pub(super) struct LateEvent {
    pub(super) offset: i64,
    pub(super) constructs: Vec<String>,
}

/// How many elements of source records were read, refused and replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Elements {
    pub(super) read: u64,
    pub(super) refused: u64,
    pub(super) replaced: u64,
}

/// The recount over a prefix.
#[derive(Debug)]
pub(super) struct Prefix<'a> {
    plan: &'a Plan<'a>,
    rest: std::slice::Iter<'a, Record>,
    /// Offset after the last record that was taken in.
    pub(super) reached: i64,
    /// What was said, by source and identity.
    seen: HashMap<(String, String), String>,
    pub(super) cells: BTreeMap<AggregateKey, Tally>,
    /// Cells that have changed since somebody asked.
    pub(super) touched: BTreeSet<AggregateKey>,
    pub(super) accounting: BTreeMap<String, Accounting>,
    pub(super) watermarks: Watermarks,
    /// By source. What is in conflict counts as refused.
    pub(super) intake: BTreeMap<String, Elements>,
    /// Offsets of events whose identity another one had.
    pub(super) conflicts: Vec<i64>,
    pub(super) late: Vec<LateEvent>,
    /// What each event added, by offset.
    pub(super) shares: Vec<(i64, AggregateKey, Tally)>,
}

impl<'a> Prefix<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, events: &'a [Record]) -> Self {
        Self {
            plan,
            rest: events.iter(),
            reached: 0,
            seen: HashMap::new(),
            cells: BTreeMap::new(),
            touched: BTreeSet::new(),
            accounting: BTreeMap::new(),
            watermarks: Watermarks::default(),
            intake: BTreeMap::new(),
            conflicts: Vec::new(),
            late: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// Takes in all records before an offset.
    pub(super) fn advance(&mut self, next_offset: i64, anomalies: &mut Vec<Anomaly>) {
        while let Some(record) = self.rest.as_slice().first().filter(|record| record.offset < next_offset) {
            self.rest.next();
            self.take(record, anomalies);
        }
        self.reached = self.reached.max(next_offset);
    }

    /// Events, reference copies and intake records that were not taken in.
    pub(super) fn left(&self) -> usize {
        let counts =
            |record: &&Record| !matches!(header(record, headers::KIND), Some(headers::PROGRESS | headers::CATALOGUE));
        self.rest.as_slice().iter().filter(counts).count()
    }

    fn take(&mut self, record: &Record, anomalies: &mut Vec<Anomaly>) {
        let value = record.value.as_deref().unwrap_or_default();
        let text = |name| header(record, name).and_then(|value| std::str::from_utf8(value).ok());
        let source = text(headers::SOURCE).unwrap_or("unknown").to_owned();
        match header(record, headers::KIND) {
            Some(headers::PROGRESS) => match decode::<Progress>("progress", value) {
                Ok(progress) => self.watermarks.take(self.plan.catalogue, &progress),
                Err(fault) => anomalies.push(unreadable(record, fault.to_string())),
            },
            Some(headers::INTAKE) => match decode::<Intake>("intake", value) {
                Ok(intake) => self.intake(&intake),
                Err(fault) => anomalies.push(unreadable(record, fault.to_string())),
            },
            // Who checks has one catalogue.
            Some(headers::CATALOGUE) => {}
            Some(headers::REFERENCE) => self.accounting.entry(source).or_default().references += 1,
            _ => self.event(source, value, record.offset),
        }
    }

    fn intake(&mut self, intake: &Intake) {
        let elements = self.intake.entry(intake.source.clone()).or_default();
        for minute in &intake.minutes {
            elements.read += minute.read;
            elements.refused += minute.refused;
            elements.replaced += minute.replaced;
        }
    }

    fn event(&mut self, source: String, value: &[u8], offset: i64) {
        let counts = self.accounting.entry(source.clone()).or_default();
        counts.read += 1;
        let Some(event) = Event::read(value) else {
            counts.rejected += 1;
            return;
        };
        match self.seen.entry((source.clone(), event.uid.clone())) {
            Entry::Vacant(place) => {
                place.insert(records::result::hash(value));
            }
            Entry::Occupied(said) if *said.get() == records::result::hash(value) => {
                counts.duplicate += 1;
                return;
            }
            Entry::Occupied(_) => {
                counts.conflict += 1;
                self.conflicts.push(offset);
                self.intake.entry(source).or_default().refused += 1;
                return;
            }
        }
        let (late, timely): (Vec<Share>, Vec<Share>) =
            self.plan.shares(&event).into_iter().partition(|share| self.is_late(share));
        let mut constructs: Vec<String> = late.into_iter().map(|share| share.place.construct).collect();
        constructs.dedup();
        let counts = self.accounting.entry(source).or_default();
        if !timely.is_empty() || self.plan.is_fed(event.class) {
            counts.used += 1;
        } else if constructs.is_empty() {
            counts.not_relevant += 1;
        } else {
            counts.late += 1;
        }
        if !constructs.is_empty() {
            self.late.push(LateEvent { offset, constructs });
        }
        for share in timely {
            self.cells.entry(share.place.clone()).or_default().add(share.adds);
            self.touched.insert(share.place.clone());
            self.shares.push((offset, share.place, share.adds));
        }
    }

    fn is_late(&self, share: &Share) -> bool {
        let construct = &self.plan.catalogue.constructs[share.construct];
        let watermark = self.watermarks.least(&construct.sources);
        watermark.is_some_and(|watermark| self.plan.is_over(share.construct, share.period_end, watermark))
    }
}

fn unreadable(record: &Record, reason: String) -> Anomaly {
    Anomaly::Unreadable {
        topic: record.partition.topic.to_string(),
        partition: record.partition.partition,
        offset: record.offset,
        reason,
    }
}

/// The first header of a name.
pub(super) fn header<'a>(record: &'a Record, name: &str) -> Option<&'a [u8]> {
    record.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
}
