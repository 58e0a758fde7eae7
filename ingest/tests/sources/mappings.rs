//! Golden test: what the shipped mappings make of their samples, one record a line.

use std::fs;

use ingest::{
    arrival::Arrival,
    config::{Classes, FedBy, Source},
    process::process,
};
use measurement::{time::Timestamp, value::Type};
use serde_json::{Value, json};

use crate::shipped;

/// Time of every sample record, and the clock: 2026-03-01T12:00:00Z.
const NOW: Timestamp = Timestamp(1_772_366_400_000);

#[test]
fn samples_become_what_is_expected() {
    let classes = Classes::new(
        &measurement::classes::Classes::known(),
        [FedBy { class: "vulnerability_finding", population: "assets", partition: "device.uid", to_all: false }],
    );
    for (name, decode) in shipped::SOURCES {
        let folder = shipped::mappings().join(name);
        let sample = ["sample.log", "sample.ndjson"].iter().find_map(|file| fs::read(folder.join(file)).ok()).unwrap();
        let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let mut source = shipped::source(name, decode);
        let lines = sample.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let found = lines.enumerate().map(|(offset, line)| outcome(&mut source, &classes, offset, line)).collect();
        let found = Value::Array(found);
        assert!(found == expected, "{name}: expected.json differs from what was found:\n{found}");
    }
}

fn outcome(source: &mut Source, classes: &Classes, offset: usize, line: &[u8]) -> Value {
    let offset = i64::try_from(offset).unwrap();
    let arrival = Arrival { topic: "raw", partition: 0, offset, timestamp: NOW, key: None, value: Some(line) };
    let processed = process(source, classes, &arrival);
    let mut outcome = json!({ "record": offset });
    if !processed.events.is_empty() {
        outcome["events"] = processed
            .events
            .iter()
            .map(|(event, route)| {
                let published: Value = serde_json::from_slice(&event.draft.bytes()).unwrap();
                let references: Vec<[&str; 2]> =
                    route.references.iter().map(|(population, key)| [&**population, key.as_str()]).collect();
                json!({ "key": route.primary, "references": references, "event": published })
            })
            .collect();
    }
    if let Some(refusal) = processed.refusal() {
        outcome["refused"] = format!("{}: {}", refusal.reason.name(), refusal.detail).into();
    }
    outcome
}

#[test]
fn the_extension_describes_the_classes_that_ingest_knows() {
    let known = measurement::classes::Classes::known();
    let folder = shipped::schemas().join("ocsf/isms");
    let mut described = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let Some(activities) = text["activities"].as_object() else {
            continue;
        };
        described += 1;
        let name = text["name"].as_str().unwrap();
        let class = known.by_name(name).unwrap_or_else(|| panic!("{name} is not in the table of classes"));
        assert_eq!(text["uid"], class.uid, "{name}");
        assert_eq!(text["primary_key"], class.key.as_str(), "{name}");
        // What an event must have is said by the table of classes; the extension repeats it for people.
        for (path, attribute) in text["attributes"].as_object().unwrap() {
            let required = class.required.contains(path) || class.key == *path;
            assert_eq!(attribute["requirement"] == "required", required, "{name}: {path}");
            let kind = known.attribute(class, path).unwrap_or_else(|| panic!("{name}: {path} is not in the table"));
            let typed = match attribute["type"].as_str().unwrap() {
                "boolean" => Type::Bool,
                "integer" | "long" | "float" => Type::Number,
                "timestamp" => Type::Time,
                _ => Type::Text,
            };
            assert!(kind.is_none_or(|kind| kind == typed), "{name}: {path} is {kind:?} in the table, here {typed:?}");
        }
        assert!(text["attributes"].get(&class.key).is_some(), "{name}: its key");
        assert!(!activities.is_empty(), "{name}");
    }
    assert_eq!(described, known.names().filter(|name| name.starts_with("isms_")).count());
}
