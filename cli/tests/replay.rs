//! `vernier replay` as users call it: what it prints, byte by byte, from files of every kind.
//!
//! `UPDATE_GOLDEN=1 cargo test -p vernier --test replay` writes the golden files anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn vernier(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vernier"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap()
}

fn replay(arguments: &[&str]) -> Output {
    let fixed = ["replay", "--received", "2026-03-01T12:30:00Z"];
    vernier(&[fixed.as_slice(), arguments].concat())
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn results_are_printed_as_table_json_and_csv() {
    let source = format!("sshd={}", here("auth.log").display());
    let mut wrong = Vec::new();
    for format in ["table", "json", "csv"] {
        let until = "2026-03-01T12:20:00Z";
        let construct = "vernier/failed-authentication-ratio";
        let output = replay(&["--source", &source, "--until", until, "--construct", construct, "--format", format]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("  1 mapping-aborted, the first at ") && error.contains("auth.log:8: "), "{error}");
        let found = printed(&output);
        let golden = here(&format!("replay.{format}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "not as the golden files say:\n{}", wrong.join("\n"));
}

#[test]
fn compressed_files_and_several_sources_give_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    let organisation = ["--scale", "0.02", "--months", "3", "--end", "2026-03-01"];
    printed(&vernier(&[["generate", "--out", plain.to_str().unwrap()].as_slice(), &organisation].concat()));
    let packed = folder.path().join("packed");
    fs::create_dir(&packed).unwrap();
    let mut sources = Vec::new();
    for (number, entry) in fs::read_dir(&plain).unwrap().enumerate() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(source) = name.strip_prefix("raw.").and_then(|rest| rest.split('.').next()) else { continue };
        let bytes = fs::read(&path).unwrap();
        let to = packed.join(format!("{name}.{}", if number % 2 == 0 { "gz" } else { "zst" }));
        if number % 2 == 0 {
            let mut file = flate2::write::GzEncoder::new(File::create(&to).unwrap(), flate2::Compression::fast());
            file.write_all(&bytes).unwrap();
            file.finish().unwrap();
        } else {
            zstd::stream::copy_encode(bytes.as_slice(), File::create(&to).unwrap(), 1).unwrap();
        }
        sources.push(format!("{source}={}", to.display()));
    }
    assert_eq!(sources.len(), 16, "{sources:?}");
    let csv = |arguments: &[&str]| {
        printed(&replay(&[arguments, ["--until", "2026-03-01", "--format", "csv"].as_slice()].concat()))
    };
    let from_folder = csv(&["--input", plain.to_str().unwrap()]);
    assert!(from_folder.lines().count() > 1000, "{}", from_folder.lines().count());
    assert_eq!(csv(&["--input", packed.to_str().unwrap()]), from_folder);
    let named: Vec<&str> = sources.iter().flat_map(|source| ["--source", source.as_str()]).collect();
    assert_eq!(csv(&named), from_folder);
}

#[test]
fn mistakes_are_named_with_what_to_do() {
    let missing = here("missing.log");
    for (arguments, told) in [
        (
            vec!["--source".to_owned(), "vpn=x.log".to_owned()],
            "unknown source `vpn`; the catalogue has awareness, cmdb",
        ),
        (vec!["--source".to_owned(), "x.log".to_owned()], "write SOURCE=FILE"),
        (vec!["--source".to_owned(), format!("sshd={}", missing.display())], "missing.log: No such file"),
        (vec!["--catalogue".to_owned(), "nowhere".to_owned()], "no constructs found"),
        (vec!["--until".to_owned(), "tomorrow".to_owned()], "write a time like 2026-03-01T12:00:00Z"),
        (Vec::new(), "give --source SOURCE=FILE or --input FOLDER"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = replay(&arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(told), "{arguments:?}: {error}");
    }
}
