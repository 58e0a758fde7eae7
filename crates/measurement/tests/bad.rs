//! What is wrong with a catalogue is said with its place, its reason and a remedy: one golden file each.
//!
//! `tests/bad/NAME.yaml` names in its first line the file of the shipped catalogue that it takes the place of;
//! `tests/bad/NAME.txt` is what is said. `UPDATE_GOLDEN=1 cargo test -p measurement --test bad` writes the latter anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{fs, path::Path};

use measurement::catalogue::Catalogue;

#[test]
fn every_fault_has_its_place_and_its_remedy() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases: Vec<_> = fs::read_dir(here.join("tests/bad"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = fs::read_to_string(&case).unwrap();
        let place = text.lines().next().unwrap().trim_start_matches("# ");
        let folder = tempfile::tempdir().unwrap();
        copy(&here.join("../../schemas"), folder.path());
        assert!(folder.path().join(place).is_file(), "{}: no file {place}", case.display());
        fs::write(folder.path().join(place), &text).unwrap();
        let found = match Catalogue::load(folder.path()) {
            Ok(_) => "sound\n".to_owned(),
            Err(faults) => format!("{faults}\n"),
        };
        for line in found.lines() {
            let mut parts = line.splitn(3, ':');
            let position = (parts.next().unwrap(), parts.next().and_then(|line| line.parse::<u64>().ok()));
            assert!(position.1.is_some() || line.starts_with(' '), "{}: no place in `{line}`", case.display());
        }
        let golden = case.with_extension("txt");
        if update {
            fs::write(&golden, &found).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "not as the golden files say:\n{}", wrong.join("\n"));
}

#[test]
fn hostile_files_are_refused_and_not_followed() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    copy(&here.join("../../schemas"), folder.path());
    let at = |name: &str| folder.path().join("constructs").join(name);
    fs::write(at("a-large.yaml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::write(at("b-binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", at("c-link.yaml")).unwrap();
    fs::write(at("d-deep.yaml"), format!("construct: {}{}", "[".repeat(20_000), "]".repeat(20_000))).unwrap();
    fs::write(at("e-empty.yaml"), "").unwrap();
    let faults = Catalogue::load(folder.path()).unwrap_err().to_string();
    for (file, reason) in [
        ("constructs/a-large.yaml:1:1", "larger than"),
        ("constructs/b-binary.yaml:1:1", "cannot be read"),
        ("constructs/c-link.yaml:1:1", "symbolic link"),
        ("constructs/d-deep.yaml:1:", ""),
        ("constructs/e-empty.yaml:1:1", ""),
    ] {
        assert!(faults.lines().any(|line| line.starts_with(file) && line.contains(reason)), "{file}: {faults}");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
