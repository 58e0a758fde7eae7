//! The ledger beside the events: what an entry says it covers, and what the newest revisions say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use measurement::{
    calendar::Period,
    catalogue::{BaseOf, Construct, Fold},
    time::Timestamp,
};
use records::{AggregateKey, Reason, ResultRecord, check_version, decode};

use super::{
    anomaly::{Anomaly, Tally},
    cases::{Cases, POPULATION},
    input::Recount,
    monotony::Chain,
    plan::Plan,
    scan::Topic,
    tasks::Walked,
};

/// Construct, start of the period, values of the dimensions (none for the total).
type Place = (String, Timestamp, Vec<String>);
type Bases = BTreeMap<Place, BTreeMap<String, Tally>>;

/// Reads the ledger and checks that it follows from itself.
pub(super) fn read(topic: &Topic, anomalies: &mut Vec<Anomaly>) -> Vec<ResultRecord> {
    let mut chain = Chain::default();
    let mut entries = Vec::new();
    for record in topic.values().flatten() {
        let bytes = record.value.as_deref().unwrap_or_default();
        let entry = decode::<ResultRecord>("result", bytes)
            .and_then(|entry| check_version("result", entry.version).map(|()| entry));
        match entry {
            Ok(entry) => {
                chain.see(record.offset, bytes, &entry, anomalies);
                entries.push(entry);
            }
            Err(fault) => anomalies.push(Anomaly::Unreadable {
                topic: record.partition.topic.to_string(),
                partition: record.partition.partition,
                offset: record.offset,
                reason: fault.to_string(),
            }),
        }
    }
    entries
}

/// Whether each entry holds what it covers, and was not written before its time: true at any moment.
pub(super) fn check_entries(plan: &Plan<'_>, entries: &[ResultRecord], walked: &[Walked<'_>]) -> Vec<Anomaly> {
    let mut shares: HashMap<Place, Vec<(i32, i64, &str, Tally)>> = HashMap::new();
    for (partition, walked) in (0..).zip(walked) {
        for (offset, place, adds) in &walked.prefix.shares {
            for group in both(&place.group) {
                let key = (place.construct.clone(), place.period_start, group);
                shares.entry(key).or_default().push((partition, *offset, &place.measure, *adds));
            }
        }
    }
    let mut anomalies = Vec::new();
    for entry in entries {
        let Some(construct) = construct_of(plan, entry) else { continue };
        let early = |what: &str, reason: String| Anomaly::ClosedTooEarly {
            place: format!("{} {what}", describe(&place_of(construct, entry))),
            revision: entry.revision,
            reason,
        };
        anomalies.extend(watermark_is_ahead(construct, entry, walked).map(|reason| early("", reason)));
        if entry.base.is_empty() {
            continue;
        }
        let shares = shares.get(&place_of(construct, entry)).map_or(&[][..], Vec::as_slice);
        for base in construct.base.iter().filter(|base| matches!(base.of, BaseOf::Event { .. })) {
            let of_measure = || shares.iter().filter(|(_, _, measure, _)| *measure == base.name);
            let is_covered =
                |partition: i32, offset: i64| entry.covered.get(&partition).is_some_and(|covered| offset < *covered);
            let covered = of_measure()
                .filter(|(partition, offset, ..)| is_covered(*partition, *offset))
                .fold(0, |events, (.., adds)| events + adds.events);
            let all = of_measure().fold(0, |events, (.., adds)| events + adds.events);
            let found = entry.base.get(&base.name).map_or(0, |value| value.n);
            if found < covered {
                anomalies.push(early(&base.name, format!("it covers {covered} events and holds {found}")));
            } else if found > all {
                anomalies.push(Anomaly::LedgerDiffers {
                    place: format!(
                        "{} {} revision {}",
                        describe(&place_of(construct, entry)),
                        base.name,
                        entry.revision
                    ),
                    expected: Tally { events: all, sum: 0 },
                    found: Some(Tally { events: found, sum: 0 }),
                });
            }
        }
    }
    anomalies
}

/// Why an entry's watermark is not what its frontiers allow, or does not close its period.
fn watermark_is_ahead(construct: &Construct, entry: &ResultRecord, walked: &[Walked<'_>]) -> Option<String> {
    let closes = construct.calendar.add(entry.period.end, construct.close_after);
    // What time standing still has closed is said to be so.
    if matches!(entry.reason, Reason::PeriodClosed | Reason::Silence) && closes > entry.watermark {
        return Some(format!("it closes at {closes}, the watermark was {}", entry.watermark));
    }
    for (partition, walked) in (0..).zip(walked) {
        let Some(covered) = entry.covered.get(&partition) else {
            return Some(format!("it covers nothing of partition {partition}"));
        };
        let Some(published) = walked.published.get(covered) else {
            return Some(format!("it covers partition {partition} up to {covered}, where no frontier was"));
        };
        let least: Option<Vec<Timestamp>> =
            construct.sources.iter().map(|source| published.get(source).copied()).collect();
        let least = least.and_then(|marks| marks.into_iter().min());
        if least.is_none_or(|least| least < entry.watermark) {
            return Some(format!("its watermark is {}, partition {partition} was at {least:?}", entry.watermark));
        }
    }
    None
}

/// What the newest revisions must say.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) recount: &'a Recount,
    /// Event measures.
    pub(super) cells: &'a BTreeMap<AggregateKey, Tally>,
    /// Up to where all sources are complete.
    pub(super) closed_to: Timestamp,
    /// Sources that a clock has moved.
    pub(super) idle: BTreeSet<String>,
}

impl Wanted<'_> {
    /// Compares entries with the recount; to be asked when nothing moves any more.
    pub(super) fn check(&self, entries: &[ResultRecord]) -> Vec<Anomaly> {
        let (mut newest, mut first) = (BTreeMap::new(), BTreeMap::new());
        for entry in entries {
            let Some(construct) = construct_of(self.plan, entry) else { continue };
            let place = place_of(construct, entry);
            first.entry(place.clone()).or_insert(entry);
            newest.insert(place, entry);
        }
        let wanted = self.bases();
        let mut anomalies = self.not_closed(&newest, &wanted);
        let cases = Cases::new(self.recount);
        for (place, entry) in &newest {
            let Some(construct) = self.plan.catalogue.construct(&place.0) else { continue };
            let nothing = BTreeMap::new();
            anomalies.extend(self.differs(construct, place, entry, wanted.get(place).unwrap_or(&nothing), &cases));
        }
        anomalies.extend(self.missing_at_first(&first));
        anomalies
    }

    /// Event measures by place, the totals among them.
    fn bases(&self) -> Bases {
        let mut bases = Bases::new();
        for (place, tally) in self.cells {
            for group in both(&place.group) {
                let key = (place.construct.clone(), place.period_start, group);
                bases.entry(key).or_default().entry(place.measure.clone()).or_default().add(*tally);
            }
        }
        bases
    }

    fn differs(
        &self,
        construct: &Construct,
        place: &Place,
        entry: &ResultRecord,
        wanted: &BTreeMap<String, Tally>,
        cases: &Cases,
    ) -> Vec<Anomaly> {
        let begun = |source: &String| self.recount.first.get(source).is_some_and(|first| *first < entry.period.end);
        if entry.base.is_empty() && !construct.sources.iter().all(begun) {
            // A source that has never told anything by then is silent, and the entry says so.
            return Vec::new();
        }
        let period = construct.calendar.period_at(construct.period, entry.period.start);
        if period.end < entry.period.end {
            return self.is_no_silence(construct, place, entry).into_iter().collect();
        }
        let rows = cases.as_of(entry.period.end);
        let mut anomalies = Vec::new();
        for base in &construct.base {
            let expected = match &base.of {
                BaseOf::Event { .. } => wanted.get(&base.name).copied().unwrap_or_default(),
                BaseOf::Population(name) if name == POPULATION => {
                    rows.get(base.name.as_str()).copied().unwrap_or_default()
                }
                BaseOf::Population(name) => panic!("{}: the recount knows no population {name}", base.name),
            };
            let found = entry.base.get(&base.name).map(|value| Tally {
                events: value.n,
                sum: match (&base.fold, &value.value) {
                    (Fold::Sum(_), Some(sum)) => sum.to_string().parse().unwrap_or_default(),
                    _ => 0,
                },
            });
            if found != Some(expected) {
                let place = format!("{} {} revision {}", describe(place), base.name, entry.revision);
                anomalies.push(Anomaly::LedgerDiffers { place, expected, found });
            }
        }
        anomalies
    }

    /// Whether a source told something in what is said to be a silence of many periods.
    fn is_no_silence(&self, construct: &Construct, place: &Place, entry: &ResultRecord) -> Option<Anomaly> {
        let is_within = |time: Timestamp| entry.period.start <= time && time < entry.period.end;
        let mut events = self.recount.events.iter();
        let told = events.any(|((source, _), sent)| construct.sources.contains(source) && is_within(sent.event.time));
        let place = || format!("{} silence revision {}", describe(place), entry.revision);
        let found = Some(Tally::default());
        (told || !entry.base.is_empty()).then(|| Anomaly::LedgerDiffers {
            place: place(),
            expected: Tally { events: 1, sum: 0 },
            found,
        })
    }

    /// Periods that are over and have no entry: the total of each, and every group in which something happened.
    fn not_closed(&self, newest: &BTreeMap<Place, &ResultRecord>, wanted: &Bases) -> Vec<Anomaly> {
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for construct in &self.plan.catalogue.constructs {
            let first = construct.sources.iter().filter_map(|source| self.recount.first.get(source)).min();
            let Some(first) = first else { continue };
            let mut period = construct.calendar.period_at(construct.period, *first);
            while self.is_closed(construct, &period) {
                places.insert((construct.id.clone(), period.start, Vec::new()));
                period = construct.calendar.next(construct.period, &period);
            }
        }
        let happened = wanted.iter().filter(|(_, bases)| bases.values().any(|tally| tally.events > 0));
        for (place, _) in happened {
            let Some(construct) = self.plan.catalogue.construct(&place.0) else { continue };
            if self.is_closed(construct, &construct.calendar.period_at(construct.period, place.1)) {
                places.insert(place.clone());
            }
        }
        // A long silence is one entry, which stands for all of its periods.
        let is_told = |(construct, start, group): &Place| {
            let before = newest.range(..=(construct.clone(), *start, group.clone())).rev();
            let mut same = before.filter(|((other, _, of), _)| other == construct && of == group);
            same.next().is_some_and(|(_, entry)| *start < entry.period.end)
        };
        let missing = places.iter().filter(|place| !is_told(place));
        missing.map(|place| Anomaly::NotClosed { place: describe(place) }).collect()
    }

    fn is_closed(&self, construct: &Construct, period: &Period) -> bool {
        construct.calendar.add(period.end, construct.close_after) <= self.closed_to
    }

    /// What came within its source's lateness is in the first revision: the watermark cannot have passed it. That holds
    /// where events alone have moved the watermark.
    fn missing_at_first(&self, first: &BTreeMap<Place, &ResultRecord>) -> Vec<Anomaly> {
        let mut in_time: BTreeMap<(Place, String), u64> = BTreeMap::new();
        for ((source, _), sent) in self.recount.events.iter().filter(|(_, sent)| sent.in_time) {
            for share in self.plan.shares(&sent.event) {
                let construct = &self.plan.catalogue.constructs[share.construct];
                let idle = construct.sources.iter().any(|source| self.idle.contains(source));
                if idle || !construct.sources.contains(source) {
                    continue;
                }
                for group in both(&share.place.group) {
                    let place = (construct.id.clone(), share.place.period_start, group);
                    *in_time.entry((place, share.place.measure.clone())).or_default() += share.adds.events;
                }
            }
        }
        let mut anomalies = Vec::new();
        for ((place, measure), events) in in_time {
            let entry =
                first.get(&place).filter(|entry| entry.reason == Reason::PeriodClosed && !entry.base.is_empty());
            let found = entry.map(|entry| (entry.revision, entry.base.get(&measure).map_or(0, |value| value.n)));
            if let Some((revision, found)) = found.filter(|(_, found)| *found < events) {
                let reason = format!("{events} events came in time, it holds {found}");
                anomalies.push(Anomaly::ClosedTooEarly {
                    place: format!("{} {measure}", describe(&place)),
                    revision,
                    reason,
                });
            }
        }
        anomalies
    }
}

/// A group and the total, which are one where there are no dimensions.
fn both(group: &[String]) -> Vec<Vec<String>> {
    if group.is_empty() { vec![Vec::new()] } else { vec![group.to_vec(), Vec::new()] }
}

/// The construct of an entry, if it is of the definition that is being looked at.
fn construct_of<'a>(plan: &Plan<'a>, entry: &ResultRecord) -> Option<&'a Construct> {
    plan.catalogue.construct(&entry.construct).filter(|construct| construct.digest == entry.definition)
}

fn place_of(construct: &Construct, entry: &ResultRecord) -> Place {
    let group = construct.dimensions.iter().filter_map(|dimension| entry.group.get(&dimension.name).cloned());
    (entry.construct.clone(), entry.period.start, group.collect())
}

fn describe((construct, start, group): &Place) -> String {
    let group = if group.is_empty() { "all".to_owned() } else { group.join("/") };
    format!("{construct} {start} {group}")
}
