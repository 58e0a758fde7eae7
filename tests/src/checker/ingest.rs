//! What ingest has written, beside what was sent: each event as often as it was sent, with its reference copies, one
//! dead letter for each record of poison, every element of a source record once in the intake records, and times that
//! no wrong clock has moved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use measurement::catalogue::Catalogue;
use records::{DeadLetter, Intake, Progress, decode, headers};
use streaming::Record;

use super::{
    anomaly::Anomaly,
    clock::Clock,
    event::Event,
    input::{Recount, references},
    prefix::header,
    scan::Topic,
};

/// How often something must stand and how often it stands.
type Counts = BTreeMap<String, (usize, usize)>;

/// Compares both topics that ingest writes.
pub(super) fn check(
    catalogue: &Catalogue,
    recount: &Recount,
    events: &Topic,
    dead_letters: &Topic,
    conflicts: &[String],
) -> Vec<Anomaly> {
    let mut counts = wanted(catalogue, recount);
    for place in conflicts {
        counts.entry(format!("dead letter {place}")).or_default().0 += 1;
    }
    for record in events.values().flatten() {
        let Some(what) = what(recount, record) else { continue };
        counts.entry(what).or_default().1 += 1;
    }
    for record in dead_letters.values().flatten() {
        let what = dead_letter(recount, record);
        counts.entry(what).or_default().1 += 1;
    }
    let mut anomalies: Vec<Anomaly> =
        counts.into_iter().filter_map(|(what, (expected, found))| Anomaly::of_record(what, expected, found)).collect();
    anomalies.extend(behind(recount, events));
    anomalies.extend(taken_in(recount, events));
    anomalies.extend(misled(recount, events));
    anomalies
}

fn wanted(catalogue: &Catalogue, recount: &Recount) -> Counts {
    let references = references(catalogue);
    let mut counts = Counts::new();
    for ((source, uid), sent) in &recount.events {
        counts.entry(format!("event {source}/{uid}")).or_default().0 += sent.copies;
        for (population, path) in references.get(&sent.event.class).into_iter().flatten() {
            if sent.event.key(path).is_some() {
                counts.entry(format!("copy for {population} of {source}/{uid}")).or_default().0 += sent.copies;
            }
        }
    }
    for (topic, partition, offset) in recount.poison.keys() {
        counts.entry(format!("dead letter {topic}/{partition}@{offset}")).or_default().0 += 1;
    }
    counts
}

/// Source partitions of which other numbers of elements were told than were sent.
fn taken_in(recount: &Recount, events: &Topic) -> Vec<Anomaly> {
    let mut told: BTreeMap<(String, i32), u64> = BTreeMap::new();
    for record in events.values().flatten().filter(|record| header(record, headers::KIND) == Some(headers::INTAKE)) {
        if let Ok(intake) = decode::<Intake>("intake", record.value.as_deref().unwrap_or_default()) {
            let read = intake.minutes.iter().fold(0, |read, minute| read + minute.read);
            *told.entry((intake.topic, intake.partition)).or_default() += read;
        }
    }
    let places: BTreeSet<_> = told.keys().chain(recount.elements.keys()).collect();
    let number = |count: Option<&u64>| usize::try_from(count.copied().unwrap_or_default()).expect("it is small");
    places
        .into_iter()
        .filter_map(|place| {
            let what = format!("elements of {}/{}", place.0, place.1);
            Anomaly::of_record(what, number(recount.elements.get(place)), number(told.get(place)))
        })
        .collect()
}

/// Progress records whose time one wrong clock has moved: neither do others agree, nor was the end reached when it was
/// that time.
fn misled(recount: &Recount, events: &Topic) -> Vec<Anomaly> {
    let mut clocks: BTreeMap<(String, i32), (Clock, usize)> = BTreeMap::new();
    let mut anomalies = Vec::new();
    // Each partition holds the same progress records.
    let records = events.values().next().into_iter().flatten();
    for record in records.filter(|record| header(record, headers::KIND) == Some(headers::PROGRESS)) {
        let Ok(progress) = decode::<Progress>("progress", record.value.as_deref().unwrap_or_default()) else {
            continue;
        };
        let place = (progress.topic.clone(), progress.partition);
        let times = recount.times.get(&place).map_or(&[][..], Vec::as_slice);
        let (clock, taken) = clocks.entry(place).or_default();
        let read = times.partition_point(|(offset, _)| *offset < progress.next_offset);
        times.get(*taken..read).into_iter().flatten().for_each(|(_, time)| clock.record(*time));
        *taken = (*taken).max(read);
        if progress.caught_up {
            clock.passed(progress.at);
        }
        if let Some(believed) = progress.newest.filter(|newest| Some(*newest) > clock.newest()) {
            anomalies.push(Anomaly::WrongClockBelieved {
                partition: progress.source_partition(),
                next_offset: progress.next_offset,
                believed,
                allowed: clock.newest(),
            });
        }
    }
    anomalies
}

/// What a record of the events is; `None` for a progress or intake record.
fn what(recount: &Recount, record: &Record) -> Option<String> {
    let text = |name| header(record, name).map(|value| String::from_utf8_lossy(value).into_owned());
    let source = text(headers::SOURCE).unwrap_or_default();
    let kind = match header(record, headers::KIND) {
        Some(headers::PROGRESS | headers::INTAKE | headers::CATALOGUE) => return None,
        Some(headers::REFERENCE) => format!("copy for {} of", text(headers::POPULATION).unwrap_or_default()),
        _ => "event".to_owned(),
    };
    let Some(event) = Event::read(record.value.as_deref().unwrap_or_default()) else {
        return Some(format!("unreadable {kind} at {}@{}", record.partition, record.offset));
    };
    let uid = event.uid.clone();
    let sent = recount.events.get(&(source.clone(), uid.clone()));
    let altered = if sent.is_some_and(|sent| sent.event != event) { "altered " } else { "" };
    Some(format!("{altered}{kind} {source}/{uid}"))
}

fn dead_letter(recount: &Recount, record: &Record) -> String {
    let text = |name| header(record, name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
    let (topic, partition, offset) = (text(DeadLetter::TOPIC), text(DeadLetter::PARTITION), text(DeadLetter::OFFSET));
    let origin = partition.parse().ok().zip(offset.parse().ok());
    let sent = origin.and_then(|(partition, offset)| recount.poison.get(&(topic.clone(), partition, offset)));
    let altered = if sent.is_some_and(|value| *value != record.value) { "altered " } else { "" };
    format!("{altered}dead letter {topic}/{partition}@{offset}")
}

/// Source partitions that ingest does not say to have read to their end.
fn behind(recount: &Recount, events: &Topic) -> Vec<Anomaly> {
    let mut told: HashMap<(String, i32), i64> = HashMap::new();
    let progress = events.values().flatten().filter(|record| header(record, headers::KIND) == Some(headers::PROGRESS));
    for record in progress {
        let Ok(progress) = decode::<Progress>("progress", record.value.as_deref().unwrap_or_default()) else {
            continue;
        };
        let newest = told.entry((progress.topic, progress.partition)).or_default();
        *newest = (*newest).max(progress.next_offset);
    }
    let all: BTreeSet<_> = recount.ends.iter().collect();
    all.into_iter()
        .filter_map(|(place, end)| {
            let told = told.get(place).copied().unwrap_or_default();
            let (topic, partition) = place.clone();
            let detail = format!("ingest has read up to {told}, the last record is before {end}");
            (told < *end).then_some(Anomaly::NotQuiet { topic, partition, detail })
        })
        .collect()
}
