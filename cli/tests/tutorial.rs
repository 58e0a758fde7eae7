//! The tutorial does what it says: its files are written, its commands run, and what they print is compared.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Fenced blocks: what stands behind the fence, and the text.
fn blocks(document: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(about)) => open = Some((about.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn run(command: &str, folder: &Path) -> Output {
    let vernier = Path::new(env!("CARGO_BIN_EXE_vernier")).canonicalize().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", vernier.parent().unwrap().display(), path.to_string_lossy());
    Command::new("sh").args(["-c", command]).env("PATH", path).current_dir(folder).output().unwrap()
}

/// Digests change with the definition: what stands for one is not compared.
fn without_digests(text: &str) -> String {
    let is_digest = |word: &str| {
        let word = word.trim_end_matches(')');
        word == "…" || (word.len() == 16 && word.chars().all(|letter| letter.is_ascii_hexdigit()))
    };
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').map(|word| if is_digest(word) { "…" } else { word }).collect();
        words.join(" ") + "\n"
    });
    lines.collect()
}

#[test]
fn every_block_of_the_tutorial_is_as_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = fs::read_to_string(root.join("docs/constructs/tutorial.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut commands) = (0, 0);
    for (about, text) in blocks(&document) {
        if let Some((_, file)) = about.split_once("file=") {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            files += 1;
            continue;
        }
        assert_eq!(about, "console", "a block that nothing runs:\n{text}");
        for part in text.split("$ ").skip(1) {
            let (command, wanted) = part.split_once('\n').unwrap();
            let output = run(command, folder.path());
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            let found = String::from_utf8(output.stdout).unwrap();
            assert_eq!(without_digests(&found), without_digests(wanted), "{command}");
            commands += 1;
        }
    }
    assert!(files >= 7 && commands >= 7, "{files} files, {commands} commands");
}
