//! The language page lists every key that a file of the catalogue may have.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

/// All names of members in a schema.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                found.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn every_key_stands_in_the_language_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/constructs/language.md");
    let page = std::fs::read_to_string(page).unwrap();
    // What stands in backticks.
    let code: String = page.split('`').skip(1).step_by(2).collect::<Vec<_>>().join("\n");
    let words: BTreeSet<&str> = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut missing = Vec::new();
    for kind in ["construct", "test", "population", "source", "organisation", "rates"] {
        let output = Command::new(env!("CARGO_BIN_EXE_vernier")).args(["schema", kind]).output().unwrap();
        let mut found = BTreeSet::new();
        keys(&serde_json::from_slice(&output.stdout).unwrap(), &mut found);
        assert!(!found.is_empty(), "{kind}");
        missing
            .extend(found.into_iter().filter(|key| !words.contains(key.as_str())).map(|key| format!("{kind}: {key}")));
    }
    assert!(missing.is_empty(), "not in the language page: {missing:?}");
}
