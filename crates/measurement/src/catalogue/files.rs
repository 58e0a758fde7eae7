//! The files of a catalogue, as bytes that were read once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::diagnostic::Diagnostic;

/// Largest file of a catalogue, in bytes.
pub const MAX_FILE: u64 = 1 << 20;
/// Most files of a catalogue.
const MAX_FILES: usize = 10_000;
/// Deepest folder below the catalogue's.
const MAX_DEPTH: usize = 8;
/// Folders that are looked into.
const FOLDERS: [&str; 4] = ["constructs", "populations", "sources", "mappings"];

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
        for name in ["organisation.yaml", "rates.yaml"] {
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
            if is_folder && depth < MAX_DEPTH {
                self.folder(&path, depth + 1);
            } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "vrl") {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let relative = path.strip_prefix(self.folder).unwrap_or(path);
        let name = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
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
