//! What became of the records, counted when their transaction stands. For each source, of records:
//! read = published + not relevant + rejected; and of the elements that they hold: the same.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::{arrival::Arrival, process::Processed, reject::Reason, types::Mistyped, waiting::Waiting};

/// Most attributes of a source that are counted by name; the others are counted together.
const ATTRIBUTES: usize = 200;
/// The name of the others.
const OTHER: &str = "other";

/// What was read and what became of it, in whole records or in their elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// Read.
    pub read: u64,
    /// Of which everything of interest was published.
    pub published: u64,
    /// Sound, but of no interest.
    pub not_relevant: u64,
    /// Refused; a record counts here even if some of its elements were published.
    pub refused: u64,
}

impl Fate {
    fn add(&mut self, other: Self) {
        self.read += other.read;
        self.published += other.published;
        self.not_relevant += other.not_relevant;
        self.refused += other.refused;
    }
}

/// The first case of something that people should look at. It says where, never what stood there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What happened: a reason of [`Reason`], `mistyped`, or `replaced`.
    pub what: String,
    /// Topic of the record.
    pub topic: String,
    /// Partition of the record.
    pub partition: i32,
    /// Offset of the record.
    pub offset: i64,
    /// Which element of the record, from 1, where it is known.
    pub element: Option<u64>,
    /// What exactly.
    pub detail: String,
}

/// Counts of one transaction, or of one source so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records read.
    pub read: u64,
    /// Records of which all relevant elements were published.
    pub published: u64,
    /// Sound records that hold nothing of interest.
    pub not_relevant: u64,
    /// Records that went to the dead letters, even if some of their elements were published.
    pub rejected: u64,
    /// Events published; a record can hold several.
    pub events: u64,
    /// Reference copies published.
    pub references: u64,
    /// Reference copies that were not made, because the event does not name the entity.
    pub unnamed: u64,
    /// Rejected records by the reason of their first refused element.
    pub reasons: BTreeMap<Reason, u64>,
    /// The elements of the records.
    pub elements: Fate,
    /// Refused elements by reason.
    pub refused: BTreeMap<Reason, u64>,
    /// Elements in which bytes or characters had to be replaced.
    pub replaced: u64,
    /// Attributes that could not be read as their type, by class and path.
    pub mistyped: Mistyped,
    /// The first example of each thing that went wrong.
    pub examples: BTreeMap<String, Example>,
}

impl Tally {
    /// Counts a record.
    pub fn count(&mut self, processed: &Processed<'_>, arrival: &Arrival<'_>) {
        self.read += 1;
        match processed.refused.first() {
            Some((_, refusal)) => {
                self.rejected += 1;
                *self.reasons.entry(refusal.reason).or_default() += 1;
            }
            None if processed.events.is_empty() => self.not_relevant += 1,
            None => self.published += 1,
        }
        for (_, route) in &processed.events {
            self.events += 1;
            self.references += whole(route.references.len());
            self.unnamed += whole(route.unnamed);
        }
        self.elements.add(Fate {
            read: processed.elements,
            published: processed.published,
            not_relevant: processed.not_relevant(),
            refused: processed.refused_elements(),
        });
        self.replaced += processed.replaced;
        for (position, refusal) in &processed.refused {
            *self.refused.entry(refusal.reason).or_default() += refusal.elements;
            let element = (refusal.elements == 1).then_some(whole(*position) + 1);
            self.example(refusal.reason.name(), arrival, element, || refusal.detail.clone());
        }
        for (attribute, count) in &processed.mistyped {
            add_mistyped(&mut self.mistyped, attribute.clone(), *count);
            let (class, path) = attribute;
            self.example(&format!("mistyped {class} {path}"), arrival, None, || {
                format!("{path} of {class} is not of its type")
            });
        }
        if processed.replaced > 0 {
            let position = processed.signs.iter().position(|sign| sign.replaced > 0);
            let element = position.map(|position| whole(position) + 1);
            self.example("replaced", arrival, element, || "bytes or characters had to be replaced".to_owned());
        }
    }

    fn example(&mut self, key: &str, arrival: &Arrival<'_>, element: Option<u64>, detail: impl FnOnce() -> String) {
        if self.examples.contains_key(key) || self.examples.len() >= ATTRIBUTES {
            return;
        }
        let example = Example {
            what: key.split(' ').next().unwrap_or(key).to_owned(),
            topic: arrival.topic.to_owned(),
            partition: arrival.partition,
            offset: arrival.offset,
            element,
            detail: detail(),
        };
        self.examples.insert(key.to_owned(), example);
    }

    /// Adds what another one counted; examples that came first stay.
    fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.published += other.published;
        self.not_relevant += other.not_relevant;
        self.rejected += other.rejected;
        self.events += other.events;
        self.references += other.references;
        self.unnamed += other.unnamed;
        self.replaced += other.replaced;
        self.elements.add(other.elements);
        for (reason, count) in &other.reasons {
            *self.reasons.entry(*reason).or_default() += count;
        }
        for (reason, count) in &other.refused {
            *self.refused.entry(*reason).or_default() += count;
        }
        for (attribute, count) in &other.mistyped {
            add_mistyped(&mut self.mistyped, attribute.clone(), *count);
        }
        for (key, example) in &other.examples {
            if self.examples.len() < ATTRIBUTES {
                self.examples.entry(key.clone()).or_insert_with(|| example.clone());
            }
        }
    }
}

/// Attributes beyond the limit are counted under one name: a series each would be without bound.
fn add_mistyped(counts: &mut Mistyped, attribute: (Arc<str>, String), count: u64) {
    if counts.len() >= ATTRIBUTES && !counts.contains_key(&attribute) {
        *counts.entry((OTHER.into(), OTHER.to_owned())).or_default() += count;
    } else {
        *counts.entry(attribute).or_default() += count;
    }
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What `GET /api/accounting` says of a source.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// Name of the source.
    pub source: String,
    /// Whole records.
    pub records: Fate,
    /// Their elements: lines, JSON values, items of arrays.
    pub elements: Fate,
    /// Events published.
    pub events: u64,
    /// Reference copies published.
    pub references: u64,
    /// Reference copies that were not made, because the event does not name the entity.
    pub unnamed: u64,
    /// Refused elements by reason; those that never occurred are left out.
    pub refused: BTreeMap<&'static str, u64>,
    /// Elements in which bytes or characters had to be replaced.
    pub replaced: u64,
    /// Attributes that could not be read as their type.
    pub mistyped: Vec<MistypedCount>,
    /// The first example of each thing that went wrong.
    pub examples: Vec<Example>,
}

/// How often an attribute could not be read as its type.
#[derive(Clone, Debug, Serialize)]
pub struct MistypedCount {
    /// Class of the events.
    pub class: String,
    /// Path of the attribute.
    pub attribute: String,
    /// How often.
    pub count: u64,
}

/// The counters of all sources, written by the loop and read by the exporter.
#[derive(Debug)]
pub struct Stats {
    sources: Mutex<BTreeMap<Arc<str>, Tally>>,
    waiting: Waiting,
}

impl Stats {
    /// Counters for these sources, at zero.
    pub fn new(sources: impl IntoIterator<Item = Arc<str>>) -> Self {
        let sources = sources.into_iter().map(|source| (source, zero())).collect();
        Self { sources: Mutex::new(sources), waiting: Waiting::default() }
    }

    /// A source that there was not before.
    pub fn know(&self, source: &Arc<str>) {
        self.held().entry(Arc::clone(source)).or_insert_with(zero);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Tally>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which topics are not read.
    pub const fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Adds what a transaction brought.
    pub fn add(&self, source: &str, tally: &Tally) {
        if let Some(counters) = self.held().get_mut(source) {
            counters.add(tally);
        }
    }

    /// The counts so far, by source.
    pub fn counts(&self) -> impl Iterator<Item = (Arc<str>, Tally)> + use<> {
        self.held().clone().into_iter()
    }

    /// The first example of each thing that went wrong, by source.
    pub fn examples(&self) -> impl Iterator<Item = (Arc<str>, Example)> + use<> {
        let of = |(source, tally): (Arc<str>, Tally)| {
            tally.examples.into_values().map(move |example| (Arc::clone(&source), example))
        };
        self.counts().flat_map(of)
    }

    /// What the interface says of each source.
    pub fn accounts(&self) -> Vec<Account> {
        self.counts().map(|(source, tally)| account(&source, tally)).collect()
    }
}

/// Reasons that never occurred are there with zero, so that a series exists before its first fault.
fn zero() -> Tally {
    let zeros: BTreeMap<Reason, u64> = Reason::ALL.iter().map(|reason| (*reason, 0)).collect();
    Tally { reasons: zeros.clone(), refused: zeros, ..Tally::default() }
}

fn account(source: &str, tally: Tally) -> Account {
    let Tally { read, published, not_relevant, rejected, elements, .. } = tally;
    let occurred = |(reason, count): (Reason, u64)| (count > 0).then_some((reason.name(), count));
    let mistyped = tally.mistyped.into_iter().map(|((class, attribute), count)| MistypedCount {
        class: class.to_string(),
        attribute,
        count,
    });
    Account {
        source: source.to_owned(),
        records: Fate { read, published, not_relevant, refused: rejected },
        elements,
        events: tally.events,
        references: tally.references,
        unnamed: tally.unnamed,
        refused: tally.refused.into_iter().filter_map(occurred).collect(),
        replaced: tally.replaced,
        mistyped: mistyped.collect(),
        examples: tally.examples.into_values().collect(),
    }
}

#[cfg(test)]
mod tests {
    use measurement::time::Timestamp;

    use super::*;
    use crate::{intake::Sign, reject::Refusal};

    fn arrival(offset: i64) -> Arrival<'static> {
        Arrival { topic: "raw.lab", partition: 2, offset, timestamp: Timestamp(0), key: None, value: None }
    }

    #[test]
    fn elements_are_accounted_for_beside_records_with_the_first_example_of_each() {
        let refusal = || Refusal::new(Reason::BadTime, "time is no time");
        let mistyped: Mistyped = [(("door".into(), "door.open".to_owned()), 2)].into();
        let processed = Processed {
            elements: 5,
            published: 2,
            refused: vec![(1, refusal()), (3, refusal())],
            replaced: 1,
            signs: vec![Sign::default(), Sign { replaced: 1, ..Sign::default() }],
            mistyped,
            ..Processed::default()
        };
        let stats = Stats::new(["lab".into()]);
        for offset in [7, 8] {
            let mut tally = Tally::default();
            tally.count(&processed, &arrival(offset));
            stats.add("lab", &tally);
        }
        let account = stats.accounts().remove(0);
        assert_eq!(account.records, Fate { read: 2, published: 0, not_relevant: 0, refused: 2 });
        assert_eq!(account.elements, Fate { read: 10, published: 4, not_relevant: 2, refused: 4 });
        assert_eq!(account.refused, [("bad-time", 4)].into());
        assert_eq!((account.replaced, account.mistyped[0].count), (2, 4));
        let places: Vec<_> = account.examples.iter().map(|e| (e.what.as_str(), e.offset, e.element)).collect();
        assert_eq!(places, [("bad-time", 7, Some(2)), ("mistyped", 7, None), ("replaced", 7, Some(2))]);
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let mut counts = Mistyped::new();
        for number in 0..1000 {
            add_mistyped(&mut counts, ("door".into(), format!("a{number}")), 1);
        }
        assert_eq!(counts.len(), ATTRIBUTES + 1);
        assert_eq!(counts.values().sum::<u64>(), 1000);
    }
}
