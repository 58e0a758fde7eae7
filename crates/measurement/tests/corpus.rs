//! Hostile files in the place of every file of a catalogue yield faults, never a panic; and so do shipped files in which
//! bytes were changed at random. `fuzz/` goes on from the same corpus.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{fs, path::Path};

use measurement::catalogue::{Catalogue, Files};
use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};

const PLACES: [&str; 5] =
    ["constructs/corpus.yaml", "populations/corpus.yaml", "sources/corpus.yaml", "organisation.yaml", "rates.yaml"];

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_file_of_the_corpus_yields_faults() {
    let (shipped, _) = Files::read(&here("../../schemas"));
    let mut seen = 0;
    for entry in fs::read_dir(here("tests/corpus")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let mut faulty = 0;
        for place in PLACES {
            let mut files = shipped.clone();
            files.0.insert(place.to_owned(), text.clone());
            if let Err(faults) = Catalogue::from_files(&files) {
                assert!(!faults.0.is_empty(), "{name} as {place}");
                for fault in &faults.0 {
                    assert!(
                        fault.line > 0 && fault.column > 0 && !fault.reason.is_empty(),
                        "{name} as {place}: {fault}"
                    );
                }
                faulty += 1;
            }
        }
        // An empty file is a sound organisation.yaml; nothing here is a sound construct, population or source.
        assert!(faulty >= 3, "{name} passes in {} places", PLACES.len() - faulty);
        seen += 1;
    }
    assert!(seen >= 50, "only {seen} files");
}

#[test]
fn changed_bytes_never_make_it_panic() {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut below = |bound: usize| usize::try_from(random.next_u64() % u64::try_from(bound).unwrap()).unwrap();
    let (shipped, _) = Files::read(&here("../../schemas"));
    let texts: Vec<(&String, &String)> = shipped.0.iter().filter(|(path, _)| !path.starts_with("mappings/")).collect();
    let (mut sound, mut faulty) = (0, 0);
    for _ in 0..3000 {
        let (path, text) = texts[below(texts.len())];
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = b"{}[]:,'\"&*#|>%!-?\n 0(\\"[below(22)],
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, u8::try_from(below(128)).unwrap()),
                _ => {
                    let end = (at + below(40)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        // Alone, so that a run is quick: what it refers to is unknown, which is one more fault.
        let mut files = Files::default();
        files.0.insert(path.clone(), text);
        match Catalogue::from_files(&files) {
            Ok(_) => sound += 1,
            Err(faults) => {
                assert!(!faults.0.is_empty());
                faulty += 1;
            }
        }
    }
    assert!(faulty > 2000, "{faulty} faulty, {sound} sound");
}

/// The texts that the fuzz target of expressions begins with are sound or refused in a base measure.
#[test]
fn every_expression_of_the_corpus_is_read_or_refused() {
    let (shipped, _) = Files::read(&here("../../schemas"));
    let path = "constructs/vernier/failed-authentication-ratio.yaml";
    let mut seen = 0;
    for entry in fs::read_dir(here("tests/corpus-expressions")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut files = shipped.clone();
        let quoted = format!("count: {}", serde_json::to_string(&text).unwrap());
        let changed = files.0[path].replacen("count: activity_id == 1 }", &format!("{quoted} }}"), 1);
        assert_ne!(changed, files.0[path]);
        files.0.insert(path.to_owned(), changed);
        if let Err(faults) = Catalogue::from_files(&files) {
            assert!(faults.0.iter().all(|fault| fault.file == path), "{faults}");
        }
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} texts");
}
