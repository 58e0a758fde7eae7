//! Any text in the place of any file of a catalogue: faults or a catalogue, never a panic.
//!
//! `cargo +nightly fuzz run catalogue crates/measurement/tests/corpus`

#![no_main]

use libfuzzer_sys::fuzz_target;
use measurement::catalogue::{Catalogue, Files};

const PLACES: [&str; 6] = [
    "constructs/a.yaml",
    "populations/a.yaml",
    "sources/a.yaml",
    "organisation.yaml",
    "rates.yaml",
    "mappings/a/map.vrl",
];

fuzz_target!(|text: &str| {
    for place in PLACES {
        let mut files = Files::default();
        files.0.insert(place.to_owned(), text.to_owned());
        if let Err(faults) = Catalogue::from_files(&files) {
            assert!(!faults.0.is_empty());
        }
    }
});
