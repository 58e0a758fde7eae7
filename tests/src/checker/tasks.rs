//! What each task of the aggregator has written, beside the events that it says it has read.

use std::collections::{BTreeMap, BTreeSet};

use measurement::time::Timestamp;
use records::{
    Activity, ActivityKey, Aggregate, AggregateKey, Frontier, Late, Published, RowState, Topics, Unit, UnitKey,
    check_version, decode,
};
use serde_json::Value;
use streaming::Record;

use super::{
    anomaly::{Anomaly, Tally},
    digest::{Digest, MEASURES, POPULATIONS},
    monotony::Frontiers,
    plan::Plan,
    prefix::{Elements, Prefix},
    scan::Topic,
};

/// One partition: its topics walked to their end.
#[derive(Debug)]
pub(super) struct Walked<'a> {
    /// The recount over the prefix that the last frontier names.
    pub(super) prefix: Prefix<'a>,
    /// Measures of events as they stand.
    pub(super) found: BTreeMap<AggregateKey, Tally>,
    /// Watermarks at each offset that a frontier named: the newest of those that named it.
    pub(super) published: BTreeMap<i64, BTreeMap<String, Timestamp>>,
    pub(super) anomalies: Vec<Anomaly>,
}

/// The records of our own topics that a walk needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tops<'a> {
    pub(super) names: &'a Topics,
    pub(super) events: &'a Topic,
    pub(super) measures: &'a Topic,
    pub(super) populations: &'a Topic,
    pub(super) late: &'a Topic,
}

/// Walks one partition. `whole` where nothing is being written any more: then no state may lie after the frontier.
pub(super) fn walk<'a>(plan: &'a Plan<'a>, topics: Tops<'a>, partition: i32, whole: bool) -> Walked<'a> {
    let of = |topic: &'a Topic| topic.get(&partition).map_or(&[][..], Vec::as_slice);
    let events = of(topics.events);
    let mut walk = Walk {
        partition,
        end: events.last().map_or(0, |record| record.offset + 1),
        populations: of(topics.populations),
        measures: Digest::new(MEASURES),
        rows: Digest::new(POPULATIONS),
        digest_is_known: true,
        frontiers: Frontiers::default(),
        written: BTreeSet::new(),
        covered: 0,
        pending: 0,
        activity: BTreeMap::new(),
        walked: Walked {
            prefix: Prefix::new(plan, events),
            found: BTreeMap::new(),
            published: BTreeMap::new(),
            anomalies: Vec::new(),
        },
        plan,
    };
    for record in of(topics.measures) {
        walk.take(record);
    }
    if whole {
        walk.finish(topics.names);
    }
    walk.late(topics.late);
    walk.walked
}

struct Walk<'a> {
    plan: &'a Plan<'a>,
    partition: i32,
    /// Offset after the last event.
    end: i64,
    /// Records of the populations that no frontier needed yet.
    populations: &'a [Record],
    measures: Digest,
    rows: Digest,
    /// Once it differs it differs for good: said once.
    digest_is_known: bool,
    frontiers: Frontiers,
    /// Aggregates since the last frontier.
    written: BTreeSet<AggregateKey>,
    /// Farthest offset that an aggregate since the last frontier says it covers.
    covered: i64,
    /// Records since the last frontier.
    pending: usize,
    activity: BTreeMap<ActivityKey, Activity>,
    walked: Walked<'a>,
}

impl Walk<'_> {
    fn take(&mut self, record: &Record) {
        let key = record.key.as_deref().unwrap_or_default();
        if key == Frontier::KEY {
            let frontier = decode::<Frontier>("frontier", record.value.as_deref().unwrap_or_default())
                .and_then(|frontier| check_version("frontier", frontier.version).map(|()| frontier));
            match frontier {
                Ok(frontier) => self.frontier(record.offset, frontier),
                Err(fault) => self.unreadable(record, fault.to_string()),
            }
            return;
        }
        if key == Published::KEY {
            // The evaluator's own note.
            return;
        }
        self.pending += 1;
        self.measures.take(record);
        if let Ok(place) = decode::<AggregateKey>("aggregate", key) {
            self.aggregate(record, place);
        } else if let Ok(place) = decode::<ActivityKey>("activity", key) {
            self.activity(record, place);
        } else if decode::<UnitKey>("unit", key).is_ok() {
            self.unit(record);
        } else {
            self.unreadable(record, "the key is of no kind that is known".to_owned());
        }
    }

    fn unreadable(&mut self, record: &Record, reason: String) {
        self.walked.anomalies.push(Anomaly::Unreadable {
            topic: record.partition.topic.to_string(),
            partition: self.partition,
            offset: record.offset,
            reason,
        });
    }

    /// From when on state is whole: what it says is tried elsewhere, that it can be read is looked at here.
    fn unit(&mut self, record: &Record) {
        let unit = record.value.as_deref().map(|value| decode::<Unit>("unit", value));
        if let Some(Err(fault)) = unit {
            self.unreadable(record, fault.to_string());
        }
    }

    fn aggregate(&mut self, record: &Record, place: AggregateKey) {
        let is_of_events = self.plan.is_event_measure(&place);
        let Some(value) = &record.value else {
            self.walked.found.remove(&place);
            self.written.insert(place);
            return;
        };
        match decode::<Aggregate>("aggregate", value).map(|aggregate| (aggregate.covered, tally(value))) {
            Ok((covered, tally)) => {
                self.covered = self.covered.max(covered);
                if is_of_events {
                    self.walked.found.insert(place.clone(), tally);
                    self.written.insert(place);
                }
            }
            Err(fault) => self.unreadable(record, fault.to_string()),
        }
    }

    fn activity(&mut self, record: &Record, place: ActivityKey) {
        match record.value.as_deref().map(|value| decode::<Activity>("activity", value)) {
            Some(Ok(activity)) => {
                self.activity.insert(place, activity);
            }
            Some(Err(fault)) => self.unreadable(record, fault.to_string()),
            None => {
                self.activity.remove(&place);
            }
        }
    }

    /// Events and elements by activity, by source.
    fn active(&self) -> BTreeMap<&str, (u64, Elements)> {
        let mut sums: BTreeMap<&str, (u64, Elements)> = BTreeMap::new();
        for (place, activity) in &self.activity {
            let (events, elements) = sums.entry(&place.source).or_default();
            *events += activity.count;
            elements.read += activity.read;
            elements.refused += activity.refused;
            elements.replaced += activity.replaced;
        }
        sums
    }

    fn frontier(&mut self, offset: i64, frontier: Frontier) {
        let partition = self.partition;
        let next_offset = frontier.next_offset;
        self.pending = 0;
        for (covered, allowed) in [(std::mem::take(&mut self.covered), next_offset), (next_offset, self.end)] {
            if covered > allowed {
                self.walked.anomalies.push(Anomaly::CoveredBeyondFrontier { partition, covered, allowed });
            }
        }
        let went_back = next_offset < self.walked.prefix.reached;
        self.walked.prefix.advance(next_offset, &mut self.walked.anomalies);
        if went_back {
            self.written.clear();
        } else {
            self.compare_cells(next_offset);
            self.compare_accounting(&frontier);
            self.compare_watermarks(&frontier);
        }
        self.compare_digest(offset, &frontier);
        self.walked.published.insert(next_offset, frontier.watermarks.clone());
        self.frontiers.see((partition, offset), frontier, &mut self.walked.anomalies);
    }

    /// What neither side has touched since the last frontier was compared there.
    fn compare_cells(&mut self, next_offset: i64) {
        let mut places = std::mem::take(&mut self.written);
        places.append(&mut self.walked.prefix.touched);
        for place in places {
            let expected = self.walked.prefix.cells.get(&place).copied().unwrap_or_default();
            let found = self.walked.found.get(&place).copied().unwrap_or_default();
            if expected != found {
                let partition = self.partition;
                self.walked.anomalies.push(Anomaly::PrefixDiffers { partition, next_offset, place, expected, found });
            }
        }
    }

    fn compare_accounting(&mut self, frontier: &Frontier) {
        let (partition, next_offset) = (self.partition, frontier.next_offset);
        let (expected, intake) = (&self.walked.prefix.accounting, &self.walked.prefix.intake);
        let active = self.active();
        let sources: BTreeSet<&String> =
            expected.keys().chain(frontier.accounting.keys()).chain(intake.keys()).collect();
        let mut differences = Vec::new();
        for source in sources {
            let expected = expected.get(source).copied().unwrap_or_default();
            let found = frontier.accounting.get(source).copied().unwrap_or_default();
            let (events, elements) = active.get(source.as_str()).copied().unwrap_or_default();
            let counted = found.used + found.not_relevant + found.late;
            let sum = counted + found.duplicate + found.conflict + found.rejected;
            if found != expected || sum != found.read {
                differences.push(format!("{source}: wanted {expected:?}, found {found:?}"));
            }
            let distinct = expected.read - expected.duplicate - expected.conflict - expected.rejected;
            if events != distinct {
                differences.push(format!("{source}: {distinct} distinct events, {events} by activity"));
            }
            let told = intake.get(source).copied().unwrap_or_default();
            if elements != told {
                differences.push(format!("{source}: {told:?} by intake records, {elements:?} by activity"));
            }
        }
        let conservation = |detail| Anomaly::Conservation { partition, next_offset, detail };
        self.walked.anomalies.extend(differences.into_iter().map(conservation));
    }

    fn compare_watermarks(&mut self, frontier: &Frontier) {
        for (source, published) in &frontier.watermarks {
            let allowed = self.walked.prefix.watermarks.of(source);
            if allowed.is_none_or(|allowed| *published > allowed) {
                self.walked.anomalies.push(Anomaly::WatermarkAhead {
                    partition: self.partition,
                    next_offset: frontier.next_offset,
                    source: source.clone(),
                    published: *published,
                    allowed,
                });
            }
        }
    }

    /// The records of a transaction on the other changelog are those that make the digest right: they follow those of
    /// the transaction before.
    fn compare_digest(&mut self, offset: i64, frontier: &Frontier) {
        if !self.digest_is_known {
            return;
        }
        let Ok(whole) = u128::from_str_radix(&frontier.digest, 16) else {
            self.walked.anomalies.push(Anomaly::DigestDiffers { partition: self.partition, offset });
            return;
        };
        let wanted = whole.wrapping_sub(self.measures.sum);
        while self.rows.sum != wanted {
            let Some((record, rest)) = self.populations.split_first() else {
                self.digest_is_known = false;
                self.walked.anomalies.push(Anomaly::DigestDiffers { partition: self.partition, offset });
                return;
            };
            let state = record.value.as_deref().and_then(|value| decode::<RowState>("row", value).ok());
            if let Some(covered) = state.map(|state| state.covered).filter(|covered| *covered > frontier.next_offset) {
                let (partition, allowed) = (self.partition, frontier.next_offset);
                self.walked.anomalies.push(Anomaly::CoveredBeyondFrontier { partition, covered, allowed });
            }
            self.rows.take(record);
            self.populations = rest;
        }
    }

    fn finish(&mut self, names: &Topics) {
        let after = [(&names.measures, self.pending), (&names.populations, self.populations.len())];
        for (topic, records) in after {
            // Once the digest differs nobody knows which records belong to which frontier.
            if records > 0 && self.digest_is_known {
                let (topic, partition) = (topic.clone(), self.partition);
                self.walked.anomalies.push(Anomaly::StateWithoutFrontier { topic, partition, records });
            }
        }
        let left = self.walked.prefix.left();
        if left > 0 {
            let next = self.frontiers.last().map_or(0, |frontier| frontier.next_offset);
            self.walked.anomalies.push(Anomaly::NotQuiet {
                topic: names.events.clone(),
                partition: self.partition,
                detail: format!("{left} events are not in the state, whose frontier is at {next}"),
            });
        }
    }

    /// Late events of this partition up to the last frontier, as reported.
    fn late(&mut self, topic: &Topic) {
        let reached = self.frontiers.last().map_or(0, |frontier| frontier.next_offset);
        let mut reported: BTreeMap<i64, Vec<Vec<String>>> = BTreeMap::new();
        for record in topic.values().flatten() {
            match decode::<Late>("late", record.value.as_deref().unwrap_or_default()) {
                Ok(late) if late.partition == self.partition && late.offset < reached => {
                    reported.entry(late.offset).or_default().push(late.constructs);
                }
                // Said once, not by every partition.
                Err(fault) if self.partition == 0 => self.unreadable(record, fault.to_string()),
                Ok(_) | Err(_) => {}
            }
        }
        let expected: BTreeMap<i64, Vec<String>> =
            self.walked.prefix.late.iter().map(|late| (late.offset, late.constructs.clone())).collect();
        let offsets: BTreeSet<i64> = reported.keys().chain(expected.keys()).copied().collect();
        for offset in offsets {
            let partition = self.partition;
            let reports = reported.remove(&offset).unwrap_or_default();
            let expected = expected.get(&offset).cloned().unwrap_or_default();
            let found = reports.first().cloned().unwrap_or_default();
            if reports.iter().any(|found| *found != expected) || found != expected {
                self.walked.anomalies.push(Anomaly::LateDiffers { partition, offset, expected, found });
            } else if reports.len() > 1 {
                self.walked.anomalies.push(Anomaly::LateTwice { partition, offset, found: reports.len() });
            }
        }
    }
}

/// Count and sum of an aggregate, from its text.
fn tally(value: &[u8]) -> Tally {
    let json: Value = serde_json::from_slice(value).unwrap_or_default();
    let sum = json.pointer("/accumulator/state/sum").and_then(Value::as_str);
    Tally {
        events: json.pointer("/accumulator/n").and_then(Value::as_u64).unwrap_or_default(),
        sum: sum.and_then(|sum| sum.parse().ok()).unwrap_or_default(),
    }
}
