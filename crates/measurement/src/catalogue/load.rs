//! From files to a catalogue.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde::de::DeserializeOwned;
use serde_saphyr::Location;

use super::{
    Catalogue, Construct, Files, Population, Source, check,
    definition::{self, Ground},
    notes::{Places, Written},
    spec,
};
use crate::{
    classes::Classes,
    diagnostic::{Diagnostic, Diagnostics},
    fields::Fields,
    rates::SharedRates,
};

/// Faults while they are being collected, for one file.
pub(super) struct Faults<'a> {
    pub(super) list: &'a mut Vec<Diagnostic>,
    pub(super) file: String,
    pub(super) subject: String,
}

impl Faults<'_> {
    pub(super) fn add(&mut self, at: &Location, reason: impl Into<String>, hint: impl Into<String>) {
        self.add_at(at.line(), at.column(), reason, hint);
    }

    pub(super) fn add_at(&mut self, line: u64, column: u64, reason: impl Into<String>, hint: impl Into<String>) {
        self.list.push(Diagnostic {
            file: self.file.clone(),
            line: line.max(1),
            column: column.max(1),
            subject: self.subject.clone(),
            reason: reason.into(),
            hint: hint.into(),
        });
    }
}

/// Everything under one name, what is faulty included: who refers to it is not at fault.
#[derive(Debug)]
pub(super) struct Named<T>(BTreeMap<String, Option<T>>);

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Found<'a, T> {
    /// Nothing.
    Unknown,
    /// Something that is faulty itself, which is said elsewhere.
    Faulty,
    Sound(&'a T),
}

impl<'a, T> Found<'a, T> {
    pub(super) const fn sound(self) -> Option<&'a T> {
        match self {
            Self::Sound(value) => Some(value),
            Self::Unknown | Self::Faulty => None,
        }
    }
}

impl<T> Named<T> {
    const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// False if the name was taken.
    fn insert(&mut self, name: String, value: Option<T>) -> bool {
        self.0.insert(name, value).is_none()
    }

    /// A file that cannot be read stands for what it is named by: who refers to that is not at fault.
    fn faulty(&mut self, file: &str) {
        let name = file.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or(file);
        self.0.entry(name.to_owned()).or_insert(None);
    }

    pub(super) fn get(&self, name: &str) -> Found<'_, T> {
        match self.0.get(name) {
            None => Found::Unknown,
            Some(None) => Found::Faulty,
            Some(Some(value)) => Found::Sound(value),
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn sound(self) -> BTreeMap<String, T> {
        self.0.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(super) fn load(files: &Files, mut list: Vec<Diagnostic>, folder: &Path) -> (Catalogue, Vec<Diagnostic>) {
    let classes = Classes::known();
    let mut fields = Fields::new();
    let mut written = Written::default();
    let sources = sources(files, &classes, folder, &mut list);
    super::files::mappings_of_nobody(folder, &sources.names(), &mut list);
    let populations = populations(files, &sources, &classes, &mut fields, &mut written, &mut list);
    let organisation: spec::OrganisationSpec = single(files, "organisation.yaml", &mut list).unwrap_or_default();
    let rates = rates(files, &mut list);
    let mut known =
        check::Known { classes: &classes, populations: &populations, sources: &sources, rates, fields: &mut fields };
    let mut constructs: Vec<Construct> = Vec::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    for (file, text) in files.under("constructs", ".yaml").filter(|(file, _)| !file.ends_with(".test.yaml")) {
        let mut faults = Faults { list: &mut list, file: file.to_owned(), subject: String::new() };
        let Some(spec) = parse::<spec::ConstructSpec>(text, &mut faults) else { continue };
        let id = spec.construct.value.clone();
        let at = spec.construct.referenced;
        let overlay = organisation.parameters.get(&id);
        written.constructs.insert(id.clone(), (file.to_owned(), Places::of_construct(&spec)));
        constructs.extend(check::construct(spec, overlay, &mut known, &mut faults));
        if !named.insert(id) {
            faults.add(&at, "a construct of this identifier is declared twice", "identifiers are unique");
        }
    }
    for id in organisation.parameters.keys().filter(|id| !named.contains(*id)) {
        let mut faults = Faults { list: &mut list, file: "organisation.yaml".to_owned(), subject: id.clone() };
        let known: Vec<String> = named.iter().cloned().collect();
        faults.add_at(1, 1, "no construct of this identifier", crate::diagnostic::meant(id, &known));
    }
    if named.is_empty() && list.is_empty() {
        let mut faults = Faults { list: &mut list, file: folder.display().to_string(), subject: String::new() };
        let hint = "a catalogue has the folders constructs, populations, sources and mappings";
        faults.add_at(1, 1, "no constructs found", hint);
    }
    list.sort();
    list.dedup();
    if !list.is_empty() {
        // A construct may refer to what is faulty itself: none is to be taken for whole.
        constructs.clear();
    }
    constructs.sort_by(|left, right| left.id.cmp(&right.id));
    let (mut populations, sources) = (populations.sound(), sources.sound());
    let fields = fields.typed(&classes);
    own_sources(&constructs, &mut populations);
    let ground = Ground { populations: &populations, sources: &sources, fields: &fields };
    for construct in &mut constructs {
        define(construct, ground);
    }
    let digest = definition::of_all(&constructs, ground, &classes);
    let folder = folder.to_owned();
    let mut catalogue =
        Catalogue { constructs, populations, sources, classes, fields, digest, folder, notes: Vec::new() };
    catalogue.notes = super::notes::notes(&catalogue, &written);
    let unread = catalogue.sources.values().filter(|source| source.program.is_none());
    for file in unread.map(|source| format!("mappings/{}/map.vrl", source.name)) {
        if files.0.contains_key(&file) {
            let text = "it is not run: its source declares `mapping: ocsf`".to_owned();
            catalogue.notes.push(super::Note { file, line: 1, text });
        }
    }
    (catalogue, list)
}

/// A population takes events of the sources that it names, or else of those of the constructs that use it.
fn own_sources(constructs: &[Construct], populations: &mut BTreeMap<String, Population>) {
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for construct in constructs {
        for name in construct.populations(populations) {
            of.entry(name).or_default().extend(construct.sources.iter().cloned());
        }
    }
    for (name, population) in populations {
        population.default_sources(&of.remove(name).unwrap_or_default());
    }
}

/// What a construct is, and the digest of that.
fn define(construct: &mut Construct, ground: Ground<'_>) {
    construct.definition = definition::lines(construct, ground);
    construct.digest = definition::digest(&construct.definition);
    for criteria in &mut construct.indicator.criteria {
        criteria.digest = definition::of_criteria(criteria, &construct.parameters);
    }
}

fn sources(files: &Files, classes: &Classes, folder: &Path, list: &mut Vec<Diagnostic>) -> Named<Source> {
    let mut sources = Named::new();
    for (file, text) in files.under("sources", ".yaml") {
        let mut faults = Faults { list: &mut *list, file: file.to_owned(), subject: String::new() };
        let Some(spec) = parse::<spec::SourceSpec>(text, &mut faults) else {
            sources.faulty(file);
            continue;
        };
        let (name, at) = (spec.source.value.clone(), spec.source.referenced);
        let source = check::source(spec, classes, files, folder, &mut faults);
        if !sources.insert(name, source) {
            faults.add(&at, "a source of this name is declared twice", "names are unique");
        }
    }
    sources
}

fn populations(
    files: &Files,
    sources: &Named<Source>,
    classes: &Classes,
    fields: &mut Fields,
    written: &mut Written,
    list: &mut Vec<Diagnostic>,
) -> Named<Population> {
    let mut specs = Vec::new();
    let mut populations = Named::new();
    for (file, text) in files.under("populations", ".yaml") {
        let mut faults = Faults { list: &mut *list, file: file.to_owned(), subject: String::new() };
        match parse::<spec::PopulationSpec>(text, &mut faults) {
            Some(spec) => specs.push((file.to_owned(), spec)),
            None => populations.faulty(file),
        }
    }
    let keys = check::partition_keys(&specs);
    for (file, spec) in specs {
        let mut faults = Faults { list: &mut *list, file, subject: String::new() };
        let (name, at) = (spec.population.value.clone(), spec.population.referenced);
        written.populations.insert(name.clone(), (faults.file.clone(), Places::of_population(&spec)));
        let population = check::population(spec, &keys, sources, classes, fields, &mut faults);
        if !populations.insert(name, population) {
            faults.add(&at, "a population of this name is declared twice", "names are unique");
        }
    }
    populations
}

fn rates(files: &Files, list: &mut Vec<Diagnostic>) -> Option<SharedRates> {
    let spec: spec::RatesSpec = single(files, "rates.yaml", list)?;
    let mut faults = Faults { list, file: "rates.yaml".to_owned(), subject: String::new() };
    Some(Arc::new(check::rates(&spec, &mut faults)))
}

fn single<T: DeserializeOwned>(files: &Files, name: &str, list: &mut Vec<Diagnostic>) -> Option<T> {
    let text = files.0.get(name)?;
    parse(text, &mut Faults { list, file: name.to_owned(), subject: String::new() })
}

/// Reads any other file that authors write, under the same limits and with the same words for its faults.
pub fn read_file<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Diagnostics> {
    let mut list = Vec::new();
    let read = parse(text, &mut Faults { list: &mut list, file: name.to_owned(), subject: String::new() });
    read.ok_or(Diagnostics(list))
}

pub(super) fn parse<T: DeserializeOwned>(text: &str, faults: &mut Faults<'_>) -> Option<T> {
    // What a file says must be readable where it stands, and cheap to read: no anchors, one document.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0, max_merge_keys: 0, max_documents: 1, max_nodes: 50_000 },
    };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(spec) => Some(spec),
        Err(fault) => {
            let (line, column) = fault.location().map_or((1, 1), |at| (at.line(), at.column()));
            let message = fault.without_snippet().to_string();
            let (reason, hint) = in_words(&message);
            faults.add_at(line, column, reason, hint);
            None
        }
    }
}

/// What the YAML reader says, for people who did not write the reader; the place stands before it already.
fn in_words(message: &str) -> (&str, &'static str) {
    if let Some(limit) = message.strip_prefix("budget breached: ") {
        let shared = ["Anchors", "Aliases", "MergeKeys"].iter().any(|kind| limit.starts_with(kind));
        return if shared {
            ("anchors, aliases and merge keys are not read", "write the value out wherever it holds")
        } else {
            (message, "a file describes one thing, and is short")
        };
    }
    let reason = message.lines().next().unwrap_or("not readable");
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    // Advice for programmers follows.
    let reason = reason.split(", set DuplicateKeyPolicy").next().unwrap_or(reason);
    (reason, "see docs/constructs for the keys")
}
