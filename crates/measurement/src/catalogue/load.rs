//! From files to a catalogue.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde::de::DeserializeOwned;

use super::{
    Catalogue,
    check::{self, Known, construct::construct, population::partition_keys},
    construct::Construct,
    definition::{self, Ground},
    faults::{Faults, Named},
    files::{self, Files},
    notes::{self, Note, Places, Written},
    population::Population,
    source::Source,
    spec,
};
use crate::{
    classes::Classes,
    diagnostic::{Diagnostic, Diagnostics, meant},
    fields::Fields,
    rates::SharedRates,
};

impl Catalogue {
    /// Reads and checks all files under a folder. The error holds every fault that was found.
    pub fn load(folder: &Path) -> Result<Self, Diagnostics> {
        let (catalogue, faults) = Self::load_with_faults(folder);
        if faults.is_empty() { Ok(catalogue) } else { Err(Diagnostics(faults)) }
    }

    /// The same, with what is sound where something is not: sources and populations, so that whoever compiles the
    /// mappings can tell of their faults in the same run. Constructs only if nothing is at fault.
    pub fn load_with_faults(folder: &Path) -> (Self, Vec<Diagnostic>) {
        let (files, faults) = Files::read(folder);
        load(&files, faults, folder)
    }

    /// Checks files that were read already: the same as [`Catalogue::load`], without a file system.
    pub fn from_files(files: &Files) -> Result<Self, Diagnostics> {
        Self::with_fields(files, Fields::new())
    }

    /// The same, with fields that have their slots already: whoever reads events for several catalogues at once reads
    /// one row of slots for all of them.
    pub(super) fn with_fields(files: &Files, fields: Fields) -> Result<Self, Diagnostics> {
        let (catalogue, faults) = load_with(files, Vec::new(), Path::new(""), fields);
        if faults.is_empty() { Ok(catalogue) } else { Err(Diagnostics(faults)) }
    }
}

fn load(files: &Files, list: Vec<Diagnostic>, folder: &Path) -> (Catalogue, Vec<Diagnostic>) {
    load_with(files, list, folder, Fields::new())
}

fn load_with(
    files: &Files,
    mut list: Vec<Diagnostic>,
    folder: &Path,
    mut fields: Fields,
) -> (Catalogue, Vec<Diagnostic>) {
    let classes = Classes::known();
    let mut written = Written::default();
    let sources = sources(files, &classes, folder, &mut list);
    files::mappings_of_nobody(folder, &sources.names(), &mut list);
    let populations = populations(files, &sources, &classes, &mut fields, &mut written, &mut list);
    let organisation: spec::OrganisationSpec = single(files, "organisation.yaml", &mut list).unwrap_or_default();
    let rates = rates(files, &mut list);
    let mut known =
        Known { classes: &classes, populations: &populations, sources: &sources, rates, fields: &mut fields };
    let mut constructs: Vec<Construct> = Vec::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    for (file, text) in files.under("constructs", ".yaml").filter(|(file, _)| !file.ends_with(".test.yaml")) {
        let mut faults = Faults { list: &mut list, file: file.to_owned(), subject: String::new() };
        let Some(spec) = parse::<spec::ConstructSpec>(text, &mut faults) else { continue };
        let id = spec.construct.value.clone();
        let at = spec.construct.referenced;
        let overlay = organisation.parameters.get(&id);
        written.constructs.insert(id.clone(), (file.to_owned(), Places::of_construct(&spec)));
        constructs.extend(construct(spec, overlay, &mut known, &mut faults));
        if !named.insert(id) {
            faults.add(&at, "a construct of this identifier is declared twice", "identifiers are unique");
        }
    }
    for id in organisation.parameters.keys().filter(|id| !named.contains(*id)) {
        let mut faults = Faults { list: &mut list, file: "organisation.yaml".to_owned(), subject: id.clone() };
        let known: Vec<String> = named.iter().cloned().collect();
        faults.add_at(1, 1, "no construct of this identifier", meant(id, &known));
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
    let (mut populations, mut sources) = (populations.sound(), sources.sound());
    let fields = fields.typed(&classes);
    own_sources(&constructs, &mut populations);
    for source in sources.values_mut() {
        source.digest = definition::of_source(source, &fields);
    }
    for population in populations.values_mut() {
        population.digest = definition::of_population(population, &fields, &classes);
    }
    let ground = Ground { populations: &populations, sources: &sources, fields: &fields };
    for construct in &mut constructs {
        define(construct, ground, &classes);
    }
    let digest = definition::of_all(&constructs, ground, &classes);
    let folder = folder.to_owned();
    let mut notes = notes::notes(&constructs, &populations, &sources, &written);
    let unread = sources.values().filter(|source| source.program.is_none());
    for file in unread.map(|source| format!("mappings/{}/map.vrl", source.name)) {
        if files.0.contains_key(&file) {
            let text = "it is not run: its source declares `mapping: ocsf`".to_owned();
            notes.push(Note { file, line: 1, text });
        }
    }
    (Catalogue { constructs, populations, sources, classes, fields, digest, folder, notes }, list)
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

/// What a construct and its measures are, and the digests of that.
fn define(construct: &mut Construct, ground: Ground<'_>, classes: &Classes) {
    construct.definition = definition::lines(construct, ground);
    construct.digest = definition::digest(&construct.definition);
    let bases: Vec<String> =
        construct.base.iter().map(|base| definition::of_base(construct, base, ground, classes)).collect();
    for (base, digest) in construct.base.iter_mut().zip(bases) {
        base.digest = digest;
    }
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
        let source = check::source::source(spec, classes, files, folder, &mut faults);
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
    let keys = partition_keys(&specs);
    for (file, spec) in specs {
        let mut faults = Faults { list: &mut *list, file, subject: String::new() };
        let (name, at) = (spec.population.value.clone(), spec.population.referenced);
        written.populations.insert(name.clone(), (faults.file.clone(), Places::of_population(&spec)));
        let population = check::population::population(spec, &keys, sources, classes, fields, &mut faults);
        if !populations.insert(name, population) {
            faults.add(&at, "a population of this name is declared twice", "names are unique");
        }
    }
    populations
}

fn rates(files: &Files, list: &mut Vec<Diagnostic>) -> Option<SharedRates> {
    let spec: spec::RatesSpec = single(files, "rates.yaml", list)?;
    let mut faults = Faults { list, file: "rates.yaml".to_owned(), subject: String::new() };
    Some(Arc::new(check::source::rates(&spec, &mut faults)))
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
