//! The files of a catalogue, as bytes that were read once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::diagnostic::{Diagnostic, meant};

/// Largest file of a catalogue, in bytes.
pub const MAX_FILE: u64 = 1 << 20;
/// Most files of a catalogue.
const MAX_FILES: usize = 10_000;
/// Deepest folder below the catalogue's.
const MAX_DEPTH: usize = 8;
/// Folders that are looked into.
const FOLDERS: [&str; 4] = ["constructs", "populations", "sources", "mappings"];
/// Files that are read beside them.
const FILES: [&str; 2] = ["organisation.yaml", "rates.yaml"];
/// A folder that others read: the extension of OCSF, and the classes that are part of the program.
const OF_OTHERS: &str = "ocsf";

/// Texts by path, relative to the catalogue's folder and with `/` between its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, String>);

impl Files {
    /// Reads the files of a folder that belong to a catalogue. What cannot be read is a fault and left out.
    pub fn read(folder: &Path) -> (Self, Vec<Diagnostic>) {
        let mut reading = Reading { folder, files: Self::default(), faults: Vec::new() };
        for name in FOLDERS {
            reading.folder(&folder.join(name), 0);
        }
        reading.strays();
        for name in FILES {
            let path = folder.join(name);
            if path.exists() {
                reading.file(&path);
            }
        }
        (reading.files, reading.faults)
    }

    /// The files of one folder with one ending, by path.
    pub fn under<'a>(&'a self, folder: &'a str, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let inside = move |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.0
            .iter()
            .filter(move |(path, _)| inside(path) && path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

/// Folders of mappings that belong to no source. Where a source could not be read, nobody knows.
pub(super) fn mappings_of_nobody(folder: &Path, sources: &[String], faults: &mut Vec<Diagnostic>) {
    if folder.as_os_str().is_empty() || faults.iter().any(|fault| fault.file.starts_with("sources/")) {
        return;
    }
    let entries = fs::read_dir(folder.join("mappings")).into_iter().flatten().flatten().map(|entry| entry.path());
    for name in entries.filter(|path| path.is_dir()).map(|path| name_of(&path)) {
        if !name.starts_with('.') && !sources.contains(&name) {
            let hint = format!("no source is called `{name}`; {}", meant(&name, sources));
            faults.push(ignored(format!("mappings/{name}"), &hint));
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn ignored(file: String, hint: &str) -> Diagnostic {
    let reason = "it is not read".to_owned();
    Diagnostic { file, line: 1, column: 1, subject: String::new(), reason, hint: hint.to_owned() }
}

struct Reading<'a> {
    folder: &'a Path,
    files: Files,
    faults: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
            let hidden = name_of(&path).starts_with('.');
            if is_folder && depth < MAX_DEPTH {
                self.folder(&path, depth + 1);
            } else if is_folder {
                self.ignored(&path, "it lies too deep: eight folders are looked into");
            } else if self.belongs(&path) {
                self.file(&path);
            } else if !hidden && !self.is_beside(&path) {
                self.ignored(
                    &path,
                    "files of a catalogue end in .yaml, mappings are called map.vrl, texts for people end in .md",
                );
            }
        }
    }

    /// Whether the file is read: programs in the folder of mappings, descriptions everywhere else.
    fn belongs(&self, path: &Path) -> bool {
        let ending = if self.is_mapping(path) { "vrl" } else { "yaml" };
        path.extension().is_some_and(|found| found == ending) && (ending == "yaml" || name_of(path) == "map.vrl")
    }

    /// Whether the file is meant for others: texts for people, and what lies beside a mapping to try it with.
    fn is_beside(&self, path: &Path) -> bool {
        let ends = |ending: &str| path.extension().is_some_and(|found| found == ending);
        let within_a_mapping = self.is_mapping(path) && path.parent() != Some(&self.folder.join("mappings"));
        ends("md") || (within_a_mapping && !["vrl", "yaml", "yml"].into_iter().any(ends))
    }

    fn is_mapping(&self, path: &Path) -> bool {
        path.starts_with(self.folder.join("mappings"))
    }

    /// What lies beside the folders and looks as if it were read.
    fn strays(&mut self) {
        let entries = fs::read_dir(self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut entries: Vec<PathBuf> = entries.collect();
        entries.sort();
        for path in entries {
            let name = name_of(&path);
            if name.starts_with('.') || name == OF_OTHERS || FOLDERS.contains(&name.as_str()) {
                continue;
            }
            let looks_read =
                path.extension().is_some_and(|found| ["yaml", "yml", "vrl"].iter().any(|ending| found == *ending));
            if path.is_dir() {
                self.ignored(&path, &meant(&name, &FOLDERS.map(str::to_owned)));
            } else if looks_read && !FILES.contains(&name.as_str()) {
                self.ignored(&path, &meant(&name, &FILES.map(str::to_owned)));
            }
        }
    }

    /// Whoever wrote it thinks that it counts.
    fn ignored(&mut self, path: &Path, hint: &str) {
        let file = self.relative(path);
        self.faults.push(ignored(file, hint));
    }

    fn relative(&self, path: &Path) -> String {
        let relative = path.strip_prefix(self.folder).unwrap_or(path);
        relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    fn file(&mut self, path: &Path) {
        let name = self.relative(path);
        let about = fs::symlink_metadata(path);
        let read = match about {
            Ok(about) if about.file_type().is_symlink() => {
                Err(("is a symbolic link".to_owned(), "put the file itself here"))
            }
            Ok(about) if about.len() > MAX_FILE => Err((format!("is larger than {MAX_FILE} bytes"), "split it")),
            _ if self.files.0.len() >= MAX_FILES => {
                Err((format!("is one of more than {MAX_FILES} files"), "a catalogue is smaller"))
            }
            _ => fs::read_to_string(path)
                .map_err(|fault| (format!("cannot be read: {fault}"), "check its rights and that it is UTF-8")),
        };
        match read {
            Ok(text) => {
                self.files.0.insert(name, text);
            }
            Err((reason, hint)) => self.faults.push(Diagnostic {
                file: name,
                line: 1,
                column: 1,
                subject: String::new(),
                reason,
                hint: hint.to_owned(),
            }),
        }
    }
}
