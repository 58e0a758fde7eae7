//! What ingest takes from a catalogue, and what it says of a faulty one.

use std::{fs, path::Path};

use ingest::config::Plan;
use measurement::catalogue::Catalogue;

use crate::shipped;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

#[test]
fn the_shipped_catalogue_is_a_plan() {
    let mut plan = Plan::new(&Catalogue::load(&shipped::schemas()).unwrap()).unwrap();
    let names: Vec<&str> = plan.sources.iter().map(|source| &*source.name).collect();
    assert!(names.len() >= 16 && names.is_sorted(), "{names:?}");
    assert_eq!(plan.topics().count(), names.len());
    assert!(plan.source_of("raw.cmdb").unwrap().mapping.is_none());
    let (source, classes) = plan.of_topic("raw.sshd").unwrap();
    assert!(source.mapping.is_some());
    let finding = classes.get(2002).unwrap();
    assert_eq!(finding.primary.to_string(), "finding_info.uid");
    let references: Vec<_> = finding.references.iter().map(|r| (&*r.population, r.key.to_string())).collect();
    assert_eq!(references, [("assets", "device.uid".to_owned())]);
    assert!(plan.of_topic("raw.unknown").is_none());
}

#[test]
fn faults_of_mappings_are_told_all_at_once_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    copy(&shipped::schemas(), folder.path());
    fs::write(folder.path().join("mappings/hr/map.vrl"), "x = 1\nx = now()\n{}\n").unwrap();
    fs::write(folder.path().join("mappings/lms/map.vrl"), "{\n  \"time\": to_int(.at)\n}\n").unwrap();
    let faults = Plan::new(&Catalogue::load(folder.path()).unwrap()).unwrap_err().to_string();
    let lines: Vec<&str> = faults.lines().collect();
    assert_eq!(lines.len(), 2, "{faults}");
    assert!(lines[0].starts_with("mappings/hr/map.vrl:2:5: hr: call to undefined function"), "{faults}");
    assert!(lines[0].contains("`now`") && lines[0].ends_with("no clock, network or chance)"), "{faults}");
    assert!(lines[1].starts_with("mappings/lms/map.vrl:2:11: lms: "), "{faults}");
}
