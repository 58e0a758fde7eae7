//! What ingest knows before the first record: sources with their programs, classes, and the
//! further entities that an event can be about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use measurement::{
    catalogue::{Catalogue, FeedOf},
    diagnostic::{Diagnostic, Diagnostics},
    forms::Reading,
};

use crate::{
    decode::{Framing, Limits},
    json::{Path, Wanted},
    map::Mapping,
    types::Types,
};

/// Everything that ingest takes from the catalogue.
#[derive(Debug)]
pub struct Plan {
    /// The sources.
    pub sources: Vec<Source>,
    /// The classes.
    pub classes: Classes,
    /// The reference copies that are made of events.
    pub copies: BTreeSet<String>,
    /// Which source a topic belongs to.
    by_topic: BTreeMap<String, usize>,
}

impl Plan {
    /// Compiles what the catalogue says of sources; all faults of all programs at once.
    pub fn new(catalogue: &Catalogue) -> Result<Self, Diagnostics> {
        let mut faults = Vec::new();
        let feeds = catalogue.populations.values().flat_map(|population| {
            population.feeds.iter().filter(|feed| feed.by_reference).map(|feed| {
                let to_all = matches!(feed.of, FeedOf::Snapshot(_));
                FedBy { class: &feed.class, population: &population.name, partition: &feed.partition, to_all }
            })
        });
        let mut classes = Classes::new(&catalogue.classes, feeds);
        classes.also(catalogue.fields.iter().map(|(path, _)| path));
        let (mut sources, mut by_topic) = (Vec::new(), BTreeMap::new());
        for source in catalogue.sources.values() {
            for topic in &source.topics {
                if by_topic.insert(topic.clone(), sources.len()).is_some() {
                    let file = format!("sources/{}.yaml", source.name);
                    let reason = format!("the topic {topic} belongs to two sources");
                    faults.push(fault(file, (1, 1), &source.name, reason, "a topic has one source"));
                }
            }
            match Source::new(source, catalogue) {
                Ok(source) => sources.push(source),
                Err(more) => faults.extend(more),
            }
        }
        let copies = catalogue.populations.values().flat_map(|population| population.copies().map(|(_, copy)| copy));
        let copies = copies.collect();
        if faults.is_empty() { Ok(Self { sources, classes, copies, by_topic }) } else { Err(Diagnostics(faults)) }
    }

    /// Goes on reading sources of another plan, those of some topics, where this one has no source for them: what was
    /// begun is read until somebody takes the partitions away.
    pub fn keep(&mut self, other: Self, is_read: impl Fn(&str) -> bool) {
        for source in other.sources {
            let kept = |topic: &&String| is_read(topic) && !self.by_topic.contains_key(*topic);
            let topics: Vec<String> = source.topics.iter().filter(kept).cloned().collect();
            if topics.is_empty() {
                continue;
            }
            for topic in topics {
                self.by_topic.insert(topic, self.sources.len());
            }
            self.sources.push(source);
        }
    }

    /// The source that a topic belongs to.
    pub fn source_of(&self, topic: &str) -> Option<&Source> {
        self.sources.get(*self.by_topic.get(topic)?)
    }

    /// The source that a topic belongs to, to be used, and the classes beside it.
    pub fn of_topic(&mut self, topic: &str) -> Option<(&mut Source, &Classes)> {
        Some((self.sources.get_mut(*self.by_topic.get(topic)?)?, &self.classes))
    }

    /// All topics that are read.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.by_topic.keys().map(String::as_str)
    }
}

fn fault(file: String, place: (u64, u64), subject: &str, reason: String, hint: &str) -> Diagnostic {
    let (line, column) = place;
    Diagnostic { file, line, column, subject: subject.to_owned(), reason, hint: hint.to_owned() }
}

/// A source, ready to be read.
#[derive(Debug)]
pub struct Source {
    /// Name.
    pub name: Arc<str>,
    /// Topics that its records come from.
    pub topics: Vec<String>,
    /// How its bytes are taken apart.
    pub framing: Framing,
    /// Its program; none for a source that sends OCSF.
    pub mapping: Option<Mapping>,
    /// How its instants are written.
    pub reading: Reading,
    /// How far, in milliseconds, an event may lie ahead of its record.
    pub max_future: i64,
    /// How long after its time an event may come without being late, in milliseconds.
    pub lateness: i64,
    /// How much of a record is read.
    pub limits: Limits,
}

impl Source {
    fn new(source: &measurement::catalogue::Source, catalogue: &Catalogue) -> Result<Self, Vec<Diagnostic>> {
        let mapping = match (&source.mapping, &source.program) {
            (None, _) | (_, None) => None,
            (Some(path), Some(program)) => {
                let file = path.strip_prefix(&catalogue.folder).unwrap_or(path).display().to_string();
                let compiled = Mapping::compile(program, source.zone).map_err(|faults| {
                    let place = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
                    let hint = "mappings may call functions of their arguments alone: no clock, network or chance";
                    let diagnostic = |found: crate::map::ProgramFault| {
                        let at = (place(found.line), place(found.column));
                        let hint = if found.message.contains("undefined function") { hint } else { "" };
                        fault(file.clone(), at, &source.name, found.message, hint)
                    };
                    faults.into_iter().map(diagnostic).collect::<Vec<_>>()
                })?;
                Some(compiled)
            }
        };
        Ok(Self {
            name: source.name.as_str().into(),
            topics: source.topics.clone(),
            framing: Framing::of(source),
            mapping,
            reading: Reading { unit: source.time_unit, zone: source.zone },
            max_future: source.max_future,
            lateness: source.lateness,
            limits: Limits::default(),
        })
    }
}

/// What ingest must know about a class of events.
#[derive(Clone, Debug)]
pub struct Class {
    /// Name, as constructs use it.
    pub name: String,
    /// The same, for counters.
    pub label: Arc<str>,
    /// The types of its attributes.
    pub types: Types,
    /// `class_uid`.
    pub uid: i64,
    /// `category_uid`.
    pub category: i64,
    /// The entity that the event is about.
    pub primary: Path,
    /// Attributes without which an event of this class says nothing.
    pub required: Vec<Path>,
    /// Populations that the class feeds under another key.
    pub references: Vec<Reference>,
}

/// A population that a class feeds under a key other than its primary one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Name of the population.
    pub population: Arc<str>,
    /// Where the event names the population's entity.
    pub key: Path,
    /// Whether every partition is told: the event is about the population as a whole.
    pub to_all: bool,
}

/// A class that feeds a population under a key other than its primary one.
#[derive(Clone, Copy, Debug)]
pub struct FedBy<'a> {
    /// Name of the class.
    pub class: &'a str,
    /// Name of the population.
    pub population: &'a str,
    /// Path of the key that decides the partition.
    pub partition: &'a str,
    /// Whether every partition is told.
    pub to_all: bool,
}

/// The classes, and what is read of a native event.
#[derive(Clone, Debug, Default)]
pub struct Classes {
    by_uid: BTreeMap<i64, Arc<Class>>,
    paths: BTreeSet<Path>,
    wanted: Wanted,
}

/// Attributes that ingest itself reads of every event.
const OWN_ATTRIBUTES: [&str; 7] =
    ["activity_id", "category_uid", "class_uid", "count", "metadata.uid", "time", "type_uid"];

impl Classes {
    /// The known classes, with the references that feeds of populations ask for. Paths were checked when the
    /// catalogue was loaded.
    pub fn new<'f>(known: &measurement::classes::Classes, feeds: impl IntoIterator<Item = FedBy<'f>>) -> Self {
        let mut by_name = BTreeMap::new();
        for (name, class) in known.names().filter_map(|name| Some((name, known.by_name(name)?))) {
            let Some(primary) = Path::parse(&class.key) else {
                continue;
            };
            let required = class.required.iter().filter_map(|path| Path::parse(path)).collect();
            let (uid, category) = (i64::from(class.uid), i64::from(class.category));
            let references = Vec::new();
            let typed = known.attributes(class).filter_map(|path| Some((path, known.attribute(class, path)??)));
            let (label, types) = (Arc::from(name), Types::new(typed));
            let class = Class { name: name.to_owned(), label, types, uid, category, primary, required, references };
            by_name.insert(name, class);
        }
        for FedBy { class, population, partition, to_all } in feeds {
            let (Some(class), Some(key)) = (by_name.get_mut(class), Path::parse(partition)) else {
                continue;
            };
            let reference = Reference { population: population.into(), key, to_all };
            if !class.references.contains(&reference) {
                class.references.push(reference);
            }
        }
        Self::of(by_name.into_values())
    }

    pub(crate) fn of(classes: impl IntoIterator<Item = Class>) -> Self {
        let by_uid: BTreeMap<_, _> = classes.into_iter().map(|class| (class.uid, Arc::new(class))).collect();
        let own = OWN_ATTRIBUTES.iter().filter_map(|text| Path::parse(text));
        let of_classes = by_uid.values().flat_map(|class| {
            let keys = class.references.iter().map(|reference| &reference.key);
            std::iter::once(&class.primary).chain(&class.required).chain(keys)
        });
        let paths: BTreeSet<Path> = own.chain(of_classes.cloned()).collect();
        let wanted = Wanted::paths(&paths);
        Self { by_uid, paths, wanted }
    }

    /// Reads these paths of native events, too: somebody behind asks for them, and their types are held.
    pub fn also<'p>(&mut self, paths: impl IntoIterator<Item = &'p str>) {
        self.paths.extend(paths.into_iter().filter_map(Path::parse));
        self.wanted = Wanted::paths(&self.paths);
    }

    /// The class with this `class_uid`.
    pub fn get(&self, uid: i64) -> Option<&Arc<Class>> {
        self.by_uid.get(&uid)
    }

    /// The parts of a native event that ingest reads.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}
