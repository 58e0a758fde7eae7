//! Which files stand for which topics: names, patterns and folders. What is named and stands for nothing is a fault.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use measurement::{catalogue::Catalogue, diagnostic::meant};

/// What `vernier generate` writes beside the records.
const COMPANIONS: [&str; 2] = ["manifest.json", "truth.ndjson"];

/// The files with the topics they stand for.
pub fn files(
    sources: &[(String, PathBuf)],
    input: Option<&Path>,
    catalogue: &Catalogue,
) -> anyhow::Result<Vec<(Arc<str>, PathBuf)>> {
    let mut files = Vec::new();
    for (name, path) in sources {
        let Some(source) = catalogue.sources.get(name) else {
            let known: Vec<String> = catalogue.sources.keys().cloned().collect();
            let hint = Some(meant(name, &known)).filter(|hint| hint.starts_with("did you mean"));
            let hint = hint.map_or_else(String::new, |hint| format!(": {hint}"));
            bail!("unknown source `{name}`{hint}; the catalogue has {}", known.join(", "));
        };
        let Some(topic) = source.topics.first() else { bail!("the source `{name}` has no topic") };
        let topic: Arc<str> = Arc::from(topic.as_str());
        files.extend(named(path)?.into_iter().map(|path| (Arc::clone(&topic), path)));
    }
    if let Some(folder) = input {
        files.extend(topic_files(folder, catalogue)?);
    }
    // What counts without an identity of its own would count twice.
    let mut known = BTreeSet::new();
    let place = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    match files.iter().find(|(topic, path)| !known.insert((Arc::clone(topic), place(path)))) {
        Some((_, path)) => bail!("{} is given twice: name each file once", path.display()),
        None => Ok(files),
    }
}

/// A file, all files of a folder, or those that a pattern with `*` and `?` names: rotated ones oldest first.
fn named(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = path.to_string_lossy();
    let mut found = if path.is_dir() {
        let (files, folders): (Vec<_>, Vec<_>) = listed(path)?.into_iter().partition(|path| !path.is_dir());
        if let Some(inner) = folders.first() {
            bail!("{} is a folder in a folder: name it by itself", inner.display());
        }
        files
    } else if !path.exists() && text.contains(['*', '?']) {
        let mut found = Vec::new();
        matching(path, &mut found)?;
        found
    } else {
        return Ok(vec![path.to_owned()]);
    };
    if found.is_empty() {
        bail!("{text}: no file is there");
    }
    found.sort_by_cached_key(|path| age(path));
    Ok(found)
}

/// Files of a folder, hidden ones left out, by name.
fn listed(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("read the folder {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Files whose path a pattern matches, part by part.
fn matching(pattern: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut places = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str().to_string_lossy();
        let mut next = Vec::new();
        for place in places {
            if !part.contains(['*', '?']) {
                next.push(place.join(part.as_ref()));
                continue;
            }
            let folder = if place.as_os_str().is_empty() { Path::new(".") } else { place.as_path() };
            if !folder.is_dir() {
                continue;
            }
            let inside = listed(folder)?.into_iter().map(|path| name(&path));
            next.extend(inside.filter(|name| fits(&part, name)).map(|name| place.join(name)));
        }
        places = next;
    }
    found.extend(places.into_iter().filter(|path| path.is_file()));
    Ok(())
}

/// Whether a name fits a pattern in which `*` stands for any characters and `?` for one.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where the last star may still take more.
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || Some(wanted) == name.get(place) => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((from, taken)) = star else { return false };
                star = Some((from, taken + 1));
                at = from + 1;
                place = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|left| *left == '*')
}

/// Order of rotated files: `auth.log-20260301` before `auth.log.2.gz` before `auth.log.1` before `auth.log`.
fn age(path: &Path) -> (String, u8, String, Reverse<u64>) {
    let name = path.to_string_lossy().into_owned();
    let bare = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((base, number)) = bare.rsplit_once('.')
        && digits(number)
    {
        return (base.to_owned(), 1, String::new(), Reverse(number.parse().unwrap_or(u64::MAX)));
    }
    if let Some((base, day)) = bare.rsplit_once('-')
        && digits(day)
        && day.len() >= 8
    {
        return (base.to_owned(), 0, day.to_owned(), Reverse(0));
    }
    (bare.to_owned(), 2, name, Reverse(0))
}

/// Files of a folder, each named by the source topic that it stands for; a folder named by one holds its files. Whatever else is
/// there is a fault: nobody must believe that it was read.
pub fn topic_files(folder: &Path, catalogue: &Catalogue) -> anyhow::Result<Vec<(Arc<str>, PathBuf)>> {
    let topics: BTreeSet<&str> =
        catalogue.sources.values().flat_map(|source| &source.topics).map(String::as_str).collect();
    let (mut files, mut unknown) = (Vec::new(), Vec::new());
    for path in listed(folder)? {
        let name = name(&path);
        let fits =
            |topic: &&&str| name.strip_prefix(**topic).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        // The longest: `raw.a.b.log` is of `raw.a.b` where there is a `raw.a`, too.
        match topics.iter().filter(fits).max_by_key(|topic| topic.len()) {
            Some(topic) => files.extend(named(&path)?.into_iter().map(|path| (Arc::from(*topic), path))),
            None if COMPANIONS.contains(&name.as_str()) => {}
            None => unknown.push(path.display().to_string()),
        }
    }
    if !unknown.is_empty() {
        let known: Vec<&str> = topics.into_iter().collect();
        bail!(
            "{}: no source topic's name begins the name; the catalogue has {}. Rename or move the file, or give it with --source",
            unknown.join(", "),
            known.join(", ")
        );
    }
    files.sort_by_cached_key(|(topic, path): &(Arc<str>, PathBuf)| (Arc::clone(topic), age(path)));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, fit) in [
            ("auth.log*", "auth.log", true),
            ("auth.log*", "auth.log.2.gz", true),
            ("auth.log*", "xauth.log", false),
            ("*.log", "a.log.log", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("?", "ü", true),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn rotated_files_come_oldest_first() {
        let wanted = [
            "auth.log-20260201",
            "auth.log-20260301.gz",
            "auth.log.10.gz",
            "auth.log.2.gz",
            "auth.log.1",
            "auth.log",
            "b.log",
        ];
        let mut found: Vec<PathBuf> = wanted.iter().rev().map(PathBuf::from).collect();
        found.sort_by_cached_key(|path| age(path));
        assert_eq!(found, wanted.map(PathBuf::from));
    }

    #[test]
    fn folders_and_patterns_name_their_files_and_nothing_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["log/auth.log", "log/auth.log.1", "log/.hidden", "other/auth.log", "other/x.txt"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let named = |text: &str| {
            let found = named(&folder.path().join(text)).map_err(|fault| fault.to_string())?;
            Ok(found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect())
        };
        let found: Result<Vec<String>, String> = named("log");
        assert_eq!(found.unwrap(), ["log/auth.log.1", "log/auth.log"]);
        assert_eq!(named("*/auth.log*").unwrap(), ["log/auth.log.1", "log/auth.log", "other/auth.log"]);
        assert_eq!(named("missing.log").unwrap(), ["missing.log"], "told when it is opened");
        assert!(named("*.gz").unwrap_err().contains("no file is there"));
        assert!(named("").unwrap_err().contains("a folder in a folder"));
    }
}
