//! `vernier check`: all faults in one run, and what is no fault and may surprise.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// The shipped catalogue, changed: `check` says whether it is sound, and what it tells.
fn check(change: impl Fn(&Path)) -> (bool, String) {
    let folder: TempDir = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), folder.path());
    change(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_vernier"));
    let output = command.args(["check", "--catalogue"]).arg(folder.path()).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{}: {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn faults_of_constructs_and_of_mappings_come_in_one_run() {
    let (sound, told) = check(|folder| {
        edit(&folder.join("constructs/iso27004/b-06-audit-programme.yaml"), "sources: [grc]", "sources: [nobody]");
        edit(&folder.join("populations/audits.yaml"), "merge: last", "merge: lately");
        fs::write(folder.join("mappings/sshd/map.vrl"), ".class_uid = nonsense(.message)\n").unwrap();
        fs::write(folder.join("mappings/itsm/map.vrl"), "this is no program (\n").unwrap();
    });
    assert!(!sound);
    for part in
        ["b-06-audit-programme.yaml", "populations/audits.yaml", "mappings/sshd/map.vrl", "mappings/itsm/map.vrl"]
    {
        assert!(told.contains(part), "{part} is not told:\n{told}");
    }
}

#[test]
fn files_that_are_not_read_are_faults() {
    let strays = [
        "constructs/mine.yml",
        "constructs/iso27004/b-40.yaml~",
        "populations/more.json",
        "sources/vpn.yml",
        "rates.yml",
        "organization.yaml",
        "mappings/nobody/map.vrl",
        "mappings/sshd/other.vrl",
        "measures/mine.yaml",
    ];
    for stray in strays {
        let (sound, told) = check(|folder| {
            fs::create_dir_all(folder.join(stray).parent().unwrap()).unwrap();
            fs::write(folder.join(stray), "").unwrap();
        });
        let place = stray.split('/').next().unwrap();
        assert!(!sound && told.contains(place) && told.contains("is not read"), "{stray}: {told}");
    }
    let (sound, told) = check(|folder| {
        for beside in ["README.md", "constructs/notes.md", ".gitignore", ".git/config", "mappings/sshd/more.log"] {
            fs::create_dir_all(folder.join(beside).parent().unwrap()).unwrap();
            fs::write(folder.join(beside), "").unwrap();
        }
    });
    assert!(sound, "{told}");
}

#[test]
fn who_counts_what_is_told_where_a_class_comes_from_several_sources() {
    let (sound, told) = check(|folder| {
        let text = fs::read_to_string(folder.join("sources/itsm.yaml")).unwrap();
        let desk = text.replace("source: itsm", "source: desk").replace("raw.itsm", "raw.desk");
        fs::write(folder.join("sources/desk.yaml"), desk).unwrap();
        fs::create_dir(folder.join("mappings/desk")).unwrap();
        fs::copy(folder.join("mappings/itsm/map.vrl"), folder.join("mappings/desk/map.vrl")).unwrap();
    });
    assert!(sound, "{told}");
    let line = told.lines().find(|line| line.contains("b-34-security-incidents-trend.yaml")).unwrap();
    assert!(line.contains("`incident_finding` come from desk, itsm") && line.contains("counts itsm"), "{line}");
    assert!(
        told.lines().any(|line| line.contains("populations/incidents.yaml") && line.contains("desk, itsm")),
        "{told}"
    );
}

#[test]
fn a_source_that_nothing_is_read_from_is_told() {
    let (sound, told) = check(|folder| {
        edit(
            &folder.join("constructs/iso27004/b-34-security-incidents-trend.yaml"),
            "sources: [itsm]",
            "sources: [itsm, sshd]",
        );
    });
    assert!(sound, "{told}");
    let told: Vec<&str> = told.lines().filter(|line| line.contains("comes from its source")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("b-34-security-incidents-trend.yaml:") && told[0].contains("`sshd`"), "{told:?}");
}

#[test]
fn values_beyond_all_bands_are_foreseen() {
    let note = |formula: &str, bands: &str| -> Option<String> {
        let (sound, told) = check(|folder| {
            let file = folder.join("constructs/iso27004/b-03-policy-review.yaml");
            edit(&file, "100 * reviewed / in_place", formula);
            edit(&file, "green: \"(80, 100]\", orange: \"[40, 80]\", red: \"[0, 40)\"", bands);
        });
        assert!(sound, "{told}");
        told.lines().find(|line| line.contains("b-03-policy-review")).map(str::to_owned)
    };
    let shipped = "green: \"(80, 100]\", orange: \"[40, 80]\", red: \"[0, 40)\"";
    assert_eq!(note("100 * reviewed / in_place", shipped), None, "it counts a part of what is below");
    assert_eq!(note("100 * (in_place - reviewed) / in_place", shipped), None);
    assert_eq!(note("100 * (1 - reviewed / in_place)", shipped), None);
    assert_eq!(note("\"least(100 * in_place / reviewed, 100)\"", shipped), None);
    assert_eq!(note("100 * in_place / reviewed", "green: \"(80, inf)\", red: \"[0, 80]\""), None);
    let above = note("100 * in_place / reviewed", shipped).unwrap();
    assert!(above.contains("above 100") && above.contains("out-of-bands"), "{above}");
    let open_end = note("100 * reviewed / in_place", "green: \"(80, 100)\", red: \"[0, 80]\"").unwrap();
    assert!(open_end.contains("above 100"), "100 itself lies in no band: {open_end}");
    let below = note("100 * (reviewed - in_place) / in_place", shipped).unwrap();
    assert!(below.contains("below 0"), "{below}");
}
