//! What a changed catalogue will do: of what kind each edit is, what has to be read for it, from when on there will be
//! figures, and what is impossible. Pure: everything it rests on is handed over.

use std::collections::BTreeMap;

use measurement::{
    catalogue::{self, BaseMeasure, BaseOf, Basis, Catalogue, Construct, Files},
    digest,
    time::Timestamp,
};
use records::{TextKey, encode};
use serde::Serialize;

/// So many records a second are read again by a build in one partition, at most: it gives way to what comes in.
const BUILT_A_SECOND: u64 = 40_000;

/// Of what kind an edit is. Later ones need more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Words for people.
    None,
    /// Settings of a source, or its mapping: they hold from now on.
    Forward,
    /// Criteria or targets: figures stay, and periods that are not closed are judged by the new ones.
    Judged,
    /// Formulas on the same base measures.
    Derived,
    /// Base measures on rows that are kept already.
    Rows,
    /// Base measures of events, or populations.
    Events,
    /// It is no longer measured.
    Gone,
}

impl Class {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Forward => "forward",
            Self::Judged => "judged",
            Self::Derived => "derived",
            Self::Rows => "rows",
            Self::Events => "events",
            Self::Gone => "gone",
        }
    }
}

/// What one edit comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// Identifier of a construct, or `source` and its name.
    pub about: String,
    /// Its kind.
    pub class: Class,
    /// What has changed, in words.
    pub what: Vec<String>,
    /// Records of the events that are read again.
    pub reads: u64,
    /// Start of the first period that is stated by it; absent where nothing changes in what is stated, or where it is not
    /// known yet.
    pub from: Option<Timestamp>,
    /// What cannot be had, and why.
    pub impossible: Option<String>,
}

/// What is known of the log.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// First and next offset of each partition of the events.
    pub events: Vec<(i64, i64)>,
    /// Latest event time that was read.
    pub newest: Option<Timestamp>,
    /// Number of the newest catalogue by which a partition was measured.
    pub measured_by: u64,
    /// Sources of which something was read.
    pub read: std::collections::BTreeSet<String>,
}

impl Facts {
    /// How many offsets of the events there are.
    pub fn records(&self) -> u64 {
        self.events.iter().map(|(first, next)| u64::try_from(next - first).unwrap_or(0)).sum()
    }

    /// How long reading them takes at least, in seconds: partitions are read beside each other.
    pub fn seconds(&self) -> u64 {
        let longest = self.events.iter().map(|(first, next)| u64::try_from(next - first).unwrap_or(0)).max();
        longest.unwrap_or(0) / BUILT_A_SECOND + 1
    }

    /// Whether the first event is still there in every partition.
    pub fn all_there(&self) -> bool {
        self.events.iter().all(|(first, _)| *first == 0)
    }
}

/// What is entered in the ledger beside the results of the definition whose a period is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// What is new, from then on.
    pub backcast_from: Option<Timestamp>,
    /// What is left, for so many periods.
    pub overlap: u32,
}

/// What is asked for beside the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// What is entered beside.
    pub beside: Beside,
    /// From when on what is new counts, at the earliest.
    pub effective_from: Option<Timestamp>,
    /// Whether what is new is built from the events that were there before.
    pub history: bool,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Number of the catalogue that is in force; 0 where there is none.
    pub follows: u64,
    /// Number of the last catalogue that was in force, where the topic has lost it; else 0.
    pub lost: u64,
    /// Digest of what is planned: `vernier apply` refuses another one.
    pub digest: String,
    /// The edits.
    pub edits: Vec<Edit>,
    /// Whether the files are those that are in force.
    pub same_files: bool,
    /// How long the builds take at least, in seconds.
    pub seconds: u64,
}

impl Plan {
    /// Whether something of it cannot be had.
    pub fn is_impossible(&self) -> bool {
        self.edits.iter().any(|edit| edit.impossible.is_some())
    }
}

/// What is in force.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// Its number.
    pub sequence: u64,
    /// Its files.
    pub files: &'a Files,
    /// What they are.
    pub catalogue: &'a Catalogue,
}

/// Plans to put files into force.
pub fn plan(before: Option<InForce<'_>>, (files, new): (&Files, &Catalogue), wanted: Wanted, facts: &Facts) -> Plan {
    let same_files = before.is_some_and(|before| before.files == files);
    let edits = match before {
        None => new.constructs.iter().map(|construct| fresh(construct, (None, new), wanted, facts)).collect(),
        Some(before) => edits(before.catalogue, new, wanted, facts),
    };
    let builds = edits.iter().any(|edit: &Edit| edit.reads > 0);
    let follows = before.map_or(0, |before| before.sequence);
    let texts: BTreeMap<&String, String> = files.0.iter().map(|(path, text)| (path, TextKey::of(text).hash)).collect();
    // What was there when it was planned must be there when it is done.
    let floor: Vec<i64> = if builds { facts.events.iter().map(|(first, _)| *first).collect() } else { Vec::new() };
    let said = encode(&(follows, texts, wanted, floor));
    Plan {
        follows,
        lost: if follows == 0 { facts.measured_by } else { 0 },
        digest: digest::short(&said),
        edits,
        same_files,
        seconds: if builds { facts.seconds() } else { 0 },
    }
}

fn edits(old: &Catalogue, new: &Catalogue, wanted: Wanted, facts: &Facts) -> Vec<Edit> {
    let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in catalogue::diff(old, new) {
        words.entry(change.construct).or_default().push(change.what);
    }
    let mut edits = Vec::new();
    for construct in &new.constructs {
        let Some(known) = old.construct(&construct.id) else {
            edits.push(fresh(construct, (Some(old), new), wanted, facts));
            continue;
        };
        let what = words.remove(&construct.id).unwrap_or_default();
        let class = class_of(known, construct, old, new);
        if class == Class::None && what.is_empty() {
            continue;
        }
        let mut edit = Edit { about: construct.id.clone(), class, what, reads: 0, from: None, impossible: None };
        if class >= Class::Rows {
            needs(&mut edit, construct, (Some(old), new), wanted, facts);
        }
        edits.push(edit);
    }
    for construct in old.constructs.iter().filter(|construct| new.construct(&construct.id).is_none()) {
        let what = words.remove(&construct.id).unwrap_or_default();
        let about = construct.id.clone();
        edits.push(Edit { about, class: Class::Gone, what, reads: 0, from: None, impossible: None });
    }
    edits.extend(sources(old, new));
    edits
}

fn class_of(old: &Construct, new: &Construct, before: &Catalogue, after: &Catalogue) -> Class {
    let is_known = |base: &&BaseMeasure| old.base.iter().any(|other| same(other, base));
    if let Some(class) = new.base.iter().filter(|base| !is_known(base)).map(|base| of_base(base, before, after)).max() {
        return class;
    }
    let criteria = |construct: &Construct| {
        construct.indicator.criteria.iter().map(|criteria| criteria.digest.clone()).collect::<Vec<_>>()
    };
    if old.digest != new.digest {
        Class::Derived
    } else if criteria(old) != criteria(new) || old.targets != new.targets {
        Class::Judged
    } else {
        Class::None
    }
}

fn same(one: &BaseMeasure, other: &BaseMeasure) -> bool {
    one.name == other.name && one.digest == other.digest
}

/// What a base measure needs that was not kept before.
fn of_base(base: &BaseMeasure, before: &Catalogue, after: &Catalogue) -> Class {
    match &base.of {
        BaseOf::Population(name) if changed_populations(name, Some(before), after).is_empty() => Class::Rows,
        BaseOf::Event { .. } | BaseOf::Population(_) => Class::Events,
    }
}

/// The populations that a measure on one looks at and of which there are no rows in this definition.
fn changed_populations<'a>(name: &'a str, before: Option<&Catalogue>, after: &'a Catalogue) -> Vec<&'a str> {
    let joined = after.populations.get(name).into_iter().flat_map(|population| population.joins.keys());
    let digest = |catalogue: &Catalogue, name: &str| catalogue.populations.get(name).map(|known| known.digest.clone());
    let is_known = |name: &str| before.is_some_and(|before| digest(before, name) == digest(after, name));
    joined.map(String::as_str).chain([name]).filter(|name| !is_known(name)).collect()
}

fn fresh(construct: &Construct, both: (Option<&Catalogue>, &Catalogue), wanted: Wanted, facts: &Facts) -> Edit {
    let (about, what) = (construct.id.clone(), vec!["is new".to_owned()]);
    let mut edit = Edit { about, class: Class::Rows, what, reads: 0, from: None, impossible: None };
    needs(&mut edit, construct, both, wanted, facts);
    let rows = |base: &BaseMeasure| both.0.map_or(Class::Events, |before| of_base(base, before, both.1));
    edit.class = construct.base.iter().map(rows).max().unwrap_or(Class::Rows);
    edit
}

/// What has to be read for what is new in a construct, and from when on there are figures.
fn needs(
    edit: &mut Edit,
    construct: &Construct,
    (before, after): (Option<&Catalogue>, &Catalogue),
    wanted: Wanted,
    facts: &Facts,
) {
    let known = before.and_then(|before| before.construct(&construct.id));
    let is_known = |base: &&BaseMeasure| known.is_some_and(|known| known.base.iter().any(|other| same(other, base)));
    let Some(newest) = facts.newest else { return };
    let mut from = Timestamp::MIN;
    let mut needs_events = false;
    for base in construct.base.iter().filter(|base| !is_known(base)) {
        let period = construct.calendar.period_at(construct.period, newest);
        let mut first = construct.calendar.next(construct.period, &period).start;
        match &base.of {
            BaseOf::Event { .. } => {
                needs_events |= wanted.history;
                for _ in 1..construct.rolling {
                    let whole = construct.calendar.period_at(construct.period, first);
                    first = construct.calendar.next(construct.period, &whole).start;
                }
            }
            BaseOf::Population(name) => {
                if base.basis == Basis::End {
                    first = period.start;
                }
                for name in changed_populations(name, before, after) {
                    let Some(population) = after.populations.get(name) else { continue };
                    let is_read = |sources: &std::collections::BTreeSet<String>| {
                        sources.iter().any(|source| facts.read.contains(source))
                    };
                    needs_events |= population.feeds.iter().any(|feed| is_read(&feed.sources));
                    let made = |copy: &String| {
                        before.is_some_and(|before| {
                            before.populations.values().any(|known| known.copies().any(|(_, other)| other == *copy))
                        })
                    };
                    let missing = population.copies().find(|(feed, copy)| is_read(&feed.sources) && !made(copy));
                    if let Some((_, copy)) = missing {
                        edit.impossible = Some(format!(
                            "events were read of which no copies `{copy}` were made: rows of `{name}` are never whole, and nothing is stated that looks at them; feed it from a source of its own, or begin under a fresh prefix"
                        ));
                    }
                }
            }
        }
        from = from.max(first);
    }
    edit.from = Some(from.max(wanted.effective_from.unwrap_or(Timestamp::MIN)));
    if !needs_events {
        return;
    }
    edit.reads = facts.records();
    edit.from = None;
    if !facts.all_there() && edit.impossible.is_none() {
        edit.reads = 0;
        let (first, _) = facts.events.iter().max().copied().unwrap_or_default();
        let only_events = construct.base.iter().all(|base| matches!(base.of, BaseOf::Event { .. }));
        edit.impossible = Some(if only_events {
            edit.from = Some(from);
            format!(
                "the events before offset {first} are gone: nothing of the past is built, and it begins with the period that is named"
            )
        } else {
            format!(
                "the events before offset {first} are gone: rows are never whole, and nothing is stated that looks at them"
            )
        });
    }
}

/// Sources that come, go, or are read in another way.
fn sources(old: &Catalogue, new: &Catalogue) -> Vec<Edit> {
    let edit = |name: &String, what: &str| Edit {
        about: format!("source {name}"),
        class: Class::Forward,
        what: vec![what.to_owned()],
        reads: 0,
        from: None,
        impossible: None,
    };
    let mut edits = Vec::new();
    for (name, source) in &new.sources {
        match old.sources.get(name) {
            None => edits.push(edit(name, "is new: read from the beginning of its topics")),
            Some(known) if known.digest != source.digest => {
                edits.push(edit(name, "settings or mapping are others: they hold for what is read from now on"));
            }
            Some(_) => {}
        }
    }
    let gone = old.sources.keys().filter(|name| !new.sources.contains_key(*name));
    edits.extend(gone.map(|name| edit(name, "is gone: read no more")));
    edits
}
