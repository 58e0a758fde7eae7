//! Reading the files of a catalogue.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_saphyr::Location;
use sha2::{Digest, Sha256};

use super::{Catalogue, check, spec};
use crate::{
    classes::Classes,
    diagnostic::{Diagnostic, Diagnostics},
    fields::Fields,
};

/// Largest file of a catalogue, in bytes.
const MAX_FILE: u64 = 1 << 20;

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

pub(super) fn load(folder: &Path) -> Result<Catalogue, Diagnostics> {
    let mut list = Vec::new();
    let mut digest = Sha256::new();
    let classes = Classes::known();
    let mut fields = Fields::new();

    let mut sources = BTreeMap::new();
    for (file, text) in read_folder(folder, "sources", &mut list, &mut digest) {
        let mut faults = Faults { list: &mut list, file, subject: String::new() };
        if let Some(spec) = parse::<spec::SourceSpec>(&text, &mut faults)
            && let Some(source) = check::source(spec, folder, &mut faults)
            && sources.insert(source.name.clone(), source).is_some()
        {
            faults.add_at(1, 1, "a source of this name is declared twice", "names are unique");
        }
    }
    let mut populations = BTreeMap::new();
    for (file, text) in read_folder(folder, "populations", &mut list, &mut digest) {
        let mut faults = Faults { list: &mut list, file, subject: String::new() };
        if let Some(spec) = parse::<spec::PopulationSpec>(&text, &mut faults)
            && let Some(population) = check::population(spec, &classes, &mut fields, &mut faults)
            && populations.insert(population.name.clone(), population).is_some()
        {
            faults.add_at(1, 1, "a population of this name is declared twice", "names are unique");
        }
    }
    let organisation = organisation(folder, &mut list, &mut digest);
    let shared = hex(&digest.clone().finalize());
    let mut constructs: Vec<super::Construct> = Vec::new();
    let mut known =
        check::Known { classes: &classes, populations: &populations, sources: &sources, fields: &mut fields };
    for (file, text) in read_folder(folder, "constructs", &mut list, &mut digest) {
        let mut faults = Faults { list: &mut list, file, subject: String::new() };
        let Some(spec) = parse::<spec::ConstructSpec>(&text, &mut faults) else { continue };
        let overlay = organisation.parameters.get(&spec.construct.value);
        let content = hex(&Sha256::new().chain_update(&shared).chain_update(&text).finalize());
        if let Some(construct) = check::construct(spec, overlay, content, &mut known, &mut faults) {
            if constructs.iter().any(|other| other.id == construct.id) {
                faults.add_at(1, 1, "a construct of this identifier is declared twice", "identifiers are unique");
            }
            constructs.push(construct);
        }
    }
    for id in organisation.parameters.keys().filter(|id| !constructs.iter().any(|construct| &construct.id == *id)) {
        let mut faults = Faults { list: &mut list, file: "organisation.yaml".to_owned(), subject: id.clone() };
        faults.add_at(1, 1, "no construct of this identifier", "check the spelling");
    }
    if constructs.is_empty() && list.is_empty() {
        let mut faults = Faults { list: &mut list, file: folder.display().to_string(), subject: String::new() };
        faults.add_at(
            1,
            1,
            "no constructs found",
            "a catalogue has the folders constructs, populations, sources and mappings",
        );
    }
    if !list.is_empty() {
        list.sort();
        return Err(Diagnostics(list));
    }
    constructs.sort_by(|left, right| left.id.cmp(&right.id));
    let digest = hex(&digest.finalize());
    Ok(Catalogue { constructs, populations, sources, classes, fields, digest, folder: folder.to_owned() })
}

fn organisation(folder: &Path, list: &mut Vec<Diagnostic>, digest: &mut Sha256) -> spec::OrganisationSpec {
    let path = folder.join("organisation.yaml");
    if !path.exists() {
        return spec::OrganisationSpec::default();
    }
    let mut faults = Faults { list, file: "organisation.yaml".to_owned(), subject: String::new() };
    let Some(text) = read_file(&path, &mut faults) else { return spec::OrganisationSpec::default() };
    digest.update(text.as_bytes());
    parse(&text, &mut faults).unwrap_or_default()
}

/// The YAML files of one folder by name, with their place relative to the catalogue.
fn read_folder(folder: &Path, name: &str, list: &mut Vec<Diagnostic>, digest: &mut Sha256) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder.join(name))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".test.yaml"))
        .collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let file = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        let mut faults = Faults { list: &mut *list, file: file.clone(), subject: String::new() };
        if let Some(text) = read_file(&path, &mut faults) {
            digest.update(file.as_bytes());
            digest.update(text.as_bytes());
            files.push((file, text));
        }
    }
    files
}

fn read_file(path: &Path, faults: &mut Faults<'_>) -> Option<String> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.file_type().is_symlink() => {
            faults.add_at(1, 1, "is a symbolic link", "put the file itself here");
            return None;
        }
        Ok(about) if about.len() > MAX_FILE => {
            faults.add_at(1, 1, format!("is larger than {MAX_FILE} bytes"), "split it");
            return None;
        }
        _ => {}
    }
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(fault) => {
            faults.add_at(1, 1, format!("cannot be read: {fault}"), "check its rights and that it is UTF-8");
            None
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str, faults: &mut Faults<'_>) -> Option<T> {
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
    (reason, "see docs/authors.md for the keys")
}

/// First 16 hexadecimal digits of a digest: enough to name a definition.
fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
