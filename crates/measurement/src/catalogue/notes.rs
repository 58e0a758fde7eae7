//! What is no fault and may surprise: who counts what where several sources send one class, sources that are waited for
//! and not read, values that no band is for.

mod reach;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    construct::Construct,
    measure::BaseOf,
    population::{FeedOf, Population},
    source::Source,
    spec,
};

/// One remark on a catalogue that is sound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// File, relative to the catalogue's folder.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// The remark.
    pub text: String,
}

/// Lines of what notes are about, by what it is called: kept from before specs become constructs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(BTreeMap<String, u64>);

impl Places {
    pub(super) fn of_construct(spec: &spec::ConstructSpec) -> Self {
        let mut places = Self::default();
        for source in &spec.sources {
            places.put(format!("source {}", source.value), source);
        }
        for (name, base) in &spec.base {
            for text in base.event.iter().chain(&base.population) {
                places.put(format!("base {name}"), text);
            }
        }
        places.put("indicator".to_owned(), &spec.indicator.of);
        places
    }

    pub(super) fn of_population(spec: &spec::PopulationSpec) -> Self {
        let mut places = Self::default();
        for (index, feed) in spec.feeds.iter().enumerate() {
            places.put(format!("feed {index}"), &feed.class);
        }
        places
    }

    fn put(&mut self, what: String, text: &spec::Text) {
        self.0.insert(what, text.referenced.line().max(1));
    }

    fn line(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(1)
    }
}

/// Files and places, by construct and by population.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) constructs: BTreeMap<String, (String, Places)>,
    pub(super) populations: BTreeMap<String, (String, Places)>,
}

/// All notes, by file and line.
pub(super) fn notes(
    constructs: &[Construct],
    populations: &BTreeMap<String, Population>,
    sources: &BTreeMap<String, Source>,
    written: &Written,
) -> Vec<Note> {
    let sends = sources.iter().map(|(name, source)| (name.as_str(), source.sends())).collect();
    let notes = Notes { populations, sends };
    let mut all = Vec::new();
    for construct in constructs {
        let Some((file, places)) = written.constructs.get(&construct.id) else { continue };
        let mut add = |what: &str, text| all.push(Note { file: file.clone(), line: places.line(what), text });
        for source in &construct.sources {
            if notes.reads_nothing(construct, source) {
                let text = format!("nothing that {} measures comes from its source `{source}`", construct.id);
                add(&format!("source {source}"), text);
            }
        }
        for base in &construct.base {
            if let BaseOf::Event { class, uid } = &base.of
                && let Some(text) = notes.shared(class, *uid, &construct.sources.iter().cloned().collect())
            {
                add(
                    &format!("base {}", base.name),
                    format!("{text}; `{}` counts {}", base.name, construct.sources.join(", ")),
                );
            }
        }
        for text in reach::beyond(construct) {
            add("indicator", text);
        }
    }
    for population in populations.values() {
        let Some((file, places)) = written.populations.get(&population.name) else { continue };
        for (index, feed) in population.feeds.iter().enumerate() {
            if let Some(text) = notes.shared(&feed.class, feed.uid, &feed.sources) {
                let taken: Vec<&str> = feed.sources.iter().map(String::as_str).collect();
                let text = format!("{text}; `{}` takes those of {}", population.name, taken.join(", "));
                all.push(Note { file: file.clone(), line: places.line(&format!("feed {index}")), text });
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

struct Notes<'a> {
    populations: &'a BTreeMap<String, Population>,
    /// Classes of the events that each source sends, where its mapping tells.
    sends: BTreeMap<&'a str, Option<BTreeSet<u32>>>,
}

impl Notes<'_> {
    /// Who sends events of a class, where it is known that several do.
    fn shared(&self, class: &str, uid: u32, taken: &BTreeSet<String>) -> Option<String> {
        if taken.is_empty() {
            return None;
        }
        let sends = |(name, classes): (&&str, &Option<BTreeSet<u32>>)| {
            classes.as_ref().is_some_and(|classes| classes.contains(&uid)).then(|| (*name).to_owned())
        };
        let senders: Vec<String> = self.sends.iter().filter_map(sends).collect();
        (senders.len() > 1).then(|| format!("events of `{class}` come from {}", senders.join(", ")))
    }

    /// Whether it is known that nothing that a construct measures comes from one of its sources.
    fn reads_nothing(&self, construct: &Construct, source: &str) -> bool {
        let known = self.sends.get(source).and_then(Option::as_ref);
        let sends = |uid: u32| known.is_none_or(|classes| classes.contains(&uid));
        let events = construct.base.iter().any(|base| match &base.of {
            BaseOf::Event { uid, .. } => sends(*uid),
            BaseOf::Population(_) => false,
        });
        let fed = |population: &Population| {
            population.feeds.iter().any(|feed| {
                feed.sources.contains(source) && (sends(feed.uid) || matches!(feed.of, FeedOf::Snapshot(_)))
            })
        };
        let populations = self.populations;
        !events && !construct.populations(populations).iter().filter_map(|name| populations.get(name)).any(fed)
    }
}
