//! The cases of the shipped constructs, as users run them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn vernier(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vernier")).args(arguments).current_dir(root()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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

#[test]
fn all_cases_of_all_constructs_hold() {
    let output = vernier(&["test", "schemas/constructs"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}");
    let last: Vec<&str> = told.lines().last().unwrap().split(' ').collect();
    let (constructs, cases): (u32, u32) = (last[0].parse().unwrap(), last[2].parse().unwrap());
    assert!(constructs >= 38 && cases >= 500, "{last:?}");
    // Each of the 36 example constructs has its own.
    let examples = fs::read_dir(root().join("schemas/constructs/iso27004")).unwrap();
    let names: Vec<String> = examples.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for number in 2..=37 {
        let prefix = format!("b-{number:02}-");
        let of: Vec<&String> = names.iter().filter(|name| name.starts_with(&prefix)).collect();
        assert_eq!(of.len(), 2, "{of:?}");
    }
}

#[test]
fn one_broken_threshold_makes_them_fail() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), folder.path());
    let path = folder.path().join("constructs/iso27004/b-12-information-security-training.yaml");
    let sound = fs::read_to_string(&path).unwrap();
    let broken = sound.replace("[0, 60)", "[0, 60]").replace("[60, 90)", "(60, 90)");
    assert_ne!(sound, broken);
    fs::write(&path, broken).unwrap();
    let output = vernier(&["test", folder.path().join("constructs").to_str().unwrap()]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("exactly 60 is yellow:\n      outcome: wanted yellow, found red"), "{told}");
}

#[test]
fn a_construct_is_explained_with_what_would_change_it() {
    let output = vernier(&["explain", "isms/policy-review", "--base", "in_place=10", "--base", "reviewed=8"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in [
        "coverage = 100 * reviewed / in_place [percent, from a denominator of 1 on]",
        "orange      [40, 80]",
        "Judged on these values, without history: orange",
        "green with 1 more of reviewed",
        "red with 5 less of reviewed",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(told.contains("unread      up to 1 % of the input, if it could not change the band"), "{told}");
    let logins = ["explain", "vernier/failed-authentication-ratio", "--base", "attempts=1000", "--base", "failed=199"];
    let unread = text(&vernier(&[logins.as_slice(), &["--unread", "3"]].concat()).stdout);
    assert!(
        unread.contains("without history: unvalidated\n  because     3 unread could change green to yellow"),
        "{unread}"
    );
    assert!(unread.contains("green with 3 less of failed"), "{unread}");
    let strict = text(&vernier(&["explain", "isms/total-availability"]).stdout);
    assert!(
        strict.contains(
            "of interrupted, windows, which it could move by any amount, nothing at all: the construct states no tolerance"
        ),
        "{strict}"
    );
    let unknown = vernier(&["explain", "isms/policy-revue"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("did you mean `isms/policy-review`?"));
}

/// Who states a tolerance has a band on a sum of which something is missing, and is told so.
#[test]
fn a_stated_tolerance_is_explained_and_its_cases_are_judged_by_it() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), folder.path());
    let construct = folder.path().join("constructs/iso27004/b-25-total-availability.yaml");
    let stated =
        fs::read_to_string(&construct).unwrap().replace("missing: no-data", "missing: no-data\ntolerance: 0.02");
    fs::write(&construct, stated).unwrap();
    let catalogue = folder.path().to_str().unwrap();
    let base = ["--base", "interrupted=1", "--base", "windows=0", "--unread", "3"];
    let explain = ["explain", "isms/total-availability", "--catalogue", catalogue];
    let told = text(&vernier(&[explain.as_slice(), &base].concat()).stdout);
    for part in [
        "unread      up to 2 % of the input, if it could not change the band; else unvalidated",
        "of interrupted, windows, which it could move by any amount, as much, and the band stands: the construct states",
        "without history: green\n  because     3 unread could have moved `interrupted` and `windows` by any amount, which its",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let cases = folder.path().join("constructs/iso27004/b-25-total-availability.test.yaml");
    let more = concat!(
        "  - { name: two in a hundred, base: { interrupted: 0, windows: 0 }, refused: { monitoring: { refused: 2, read: 100 } },",
        " expect: { outcome: green } }\n",
        "  - { name: more, base: { interrupted: 0, windows: 0 }, refused: { monitoring: { refused: 3, read: 100 } },",
        " expect: { outcome: unvalidated } }\n",
    );
    fs::write(&cases, fs::read_to_string(&cases).unwrap() + more).unwrap();
    let output = vernier(&["test", cases.to_str().unwrap(), "--catalogue", catalogue]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn catalogues_are_compared_in_words() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), folder.path());
    let edit = |name: &str, from: &str, to: &str| {
        let path = folder.path().join("constructs/iso27004").join(name);
        let sound = fs::read_to_string(&path).unwrap();
        assert!(sound.contains(from));
        fs::write(&path, sound.replace(from, to)).unwrap();
    };
    let new = folder.path().to_str().unwrap();
    let same = vernier(&["diff", "--exit-code", "schemas", new]);
    assert_eq!((same.status.code(), text(&same.stdout).as_str()), (Some(0), "0 differences, 0 series break\n"));
    edit("b-03-policy-review.yaml", "(80, 100]", "(90, 100]");
    edit("b-03-policy-review.yaml", "[40, 80]", "[40, 90]");
    let criteria = vernier(&["diff", "--exit-code", "schemas", new]);
    assert_eq!(criteria.status.code(), Some(0), "{}", text(&criteria.stdout));
    assert!(text(&criteria.stdout).contains("isms/policy-review: comparable\n  - decision criteria: "));
    edit("b-03-policy-review.yaml", "months_before(as_of, 12)", "months_before(as_of, 6)");
    let broken = vernier(&["diff", "--exit-code", "schemas", new]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stdout).contains("isms/policy-review: the series breaks"), "{}", text(&broken.stdout));
}

#[test]
fn editors_get_schemas_shells_get_completions_and_people_get_man_pages() {
    for kind in ["construct", "test", "population", "source", "organisation", "rates"] {
        let schema: serde_json::Value = serde_json::from_slice(&vernier(&["schema", kind]).stdout).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{kind}: unknown keys are errors");
        assert!(schema["properties"].as_object().is_some_and(|properties| !properties.is_empty()), "{kind}");
    }
    assert!(text(&vernier(&["completions", "bash"]).stdout).contains("_vernier"));
    let folder = tempfile::tempdir().unwrap();
    assert!(vernier(&["man", "--out", folder.path().to_str().unwrap()]).status.success());
    let page = fs::read_to_string(folder.path().join("vernier-replay.1")).unwrap();
    assert!(page.contains("Exit codes") || page.contains(".SH"), "{page}");
}
