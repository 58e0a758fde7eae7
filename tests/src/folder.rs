//! Temporary folders that stay where they are when a test fails.

use std::{
    fs, mem,
    path::{Path, PathBuf},
    thread,
};

use tempfile::TempDir;

/// Lines of each log that a failed test shows.
const SHOWN: usize = 25;

/// A folder.
#[derive(Debug)]
pub struct Folder(Option<TempDir>);

impl Folder {
    /// A new folder.
    pub fn new() -> Self {
        Self(Some(tempfile::Builder::new().prefix("vernier-").tempdir().expect("a temporary folder")))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("only a drop takes it").path()
    }

    /// Path of something in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Path of something in it, as text.
    pub fn text(&self, name: &str) -> String {
        self.join(name).display().to_string()
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Some(folder) = mem::take(&mut self.0) else { return };
        if thread::panicking() {
            let path = folder.keep();
            eprintln!("kept for inspection: {}", path.display());
            show_logs(&path);
        }
    }
}

fn show_logs(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- the end of {}", path.display());
            for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
                eprintln!("{line}");
            }
        }
    }
}
