//! Files as they come, through `vernier replay`: packed, cut off, in any order, with marks, JSON in every shape.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::format_collect,
    reason = "tests fail by panicking, and need not be fast"
)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

const RATIO: &str = "vernier/failed-authentication-ratio";
const NOW: &str = "2026-03-11T12:00:00Z";

fn vernier(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vernier"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a replay printed of closed periods: period, value, n, outcome.
fn rows(output: &Output) -> Vec<[String; 4]> {
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let rows = reader.records().map(Result::unwrap).filter(|row| &row[11] != "open" && &row[11] != "closing");
    rows.map(|row| [1, 5, 9, 10].map(|index| row[index].to_owned())).collect()
}

/// What it printed of noon on 10 March: value, n, outcome.
fn noon(output: &Output) -> Option<Vec<String>> {
    let found = rows(output).into_iter().find(|row| row[0].starts_with("2026-03-10T12:00"));
    found.map(|row| row[1..].to_vec())
}

/// Log-ins on 10 March at noon, half of them failed.
fn log(lines: usize) -> String {
    let line = |number: usize| {
        let what = if number.is_multiple_of(2) { "Failed" } else { "Accepted" };
        format!(
            "2026-03-10T11:{:02}:00Z web-1 sshd[{number}]: {what} password for ann from 192.0.2.1 port 1 ssh2\n",
            number % 60
        )
    };
    (0..lines).map(line).collect()
}

fn replay_sshd(files: &[&str], more: &[&str]) -> Output {
    let sources: Vec<String> = files.iter().map(|file| format!("sshd={file}")).collect();
    let mut arguments = vec!["replay", "--received", NOW, "--until", NOW, "--construct", RATIO, "--format", "csv"];
    arguments.extend(sources.iter().flat_map(|source| ["--source", source]));
    arguments.extend(more);
    vernier(&arguments)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

#[test]
fn packed_files_are_seen_by_how_they_begin() {
    let folder = Folder::new();
    let text = log(40);
    let (first, second) = text.split_at(text.match_indices('\n').nth(19).unwrap().0 + 1);
    let members = [gzip(first.as_bytes()), gzip(second.as_bytes())];
    let zeros = vec![0; 700];
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let plain = rows(&replay_sshd(&[&folder.write("plain.log", &text)], &[]));
    assert_eq!(noon(&replay_sshd(&[&folder.path("plain.log")], &[])).unwrap(), ["50", "40", "red"]);
    for (name, bytes) in [
        ("whole.log.gz", gzip(text.as_bytes())),
        ("members.log.gz", members.concat()),
        ("padded.log.gz", [gzip(text.as_bytes()), zeros.clone()].concat()),
        ("between.log.gz", [members[0].clone(), zeros.clone(), members[1].clone(), zeros].concat()),
        ("not-packed.log.gz", text.clone().into_bytes()),
        ("packed.log", gzip(text.as_bytes())),
        ("packed.log.zst", zstd.clone()),
        (
            "frames.log",
            [zstd::encode_all(first.as_bytes(), 1).unwrap(), zstd::encode_all(second.as_bytes(), 1).unwrap()].concat(),
        ),
        ("named-otherwise.gz", zstd),
    ] {
        let output = replay_sshd(&[&folder.write(name, bytes)], &["--strict"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", told(&output));
        assert_eq!(rows(&output), plain, "{name}");
    }
}

#[test]
fn of_a_file_that_is_cut_off_is_used_what_can_be_read() {
    let folder = Folder::new();
    let text = log(5000);
    let (gz, zst) = (gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 1).unwrap());
    for (name, bytes, why) in [
        ("half.log.gz", gz[..gz.len() / 2].to_vec(), "the file is cut off"),
        ("tail.log.gz", gz[..gz.len() - 3].to_vec(), "the file is cut off"),
        ("other.log.gz", [gz.clone(), b"no gzip".to_vec()].concat(), "what follows the last member is no gzip"),
        ("half.log.zst", zst[..zst.len() / 2].to_vec(), "after"),
    ] {
        let output = replay_sshd(&[&folder.write(name, bytes)], &[]);
        assert_eq!(output.status.code(), Some(3), "{name}: {}", told(&output));
        assert!(
            told(&output).contains(why) && told(&output).contains("what comes before is used"),
            "{}",
            told(&output)
        );
        // Half a line is no record.
        assert!(!told(&output).contains("the first at"), "{name}: {}", told(&output));
        let read: u64 = noon(&output).map_or(0, |row| row[1].parse().unwrap());
        assert!(read <= 5000 && (read > 0 || name.starts_with("half")), "{name}: {read}");
        // What is missing may have been anything.
        assert!(noon(&output).is_none_or(|row| row[2] == "unvalidated"), "{name}: {:?}", noon(&output));
    }
}

#[test]
fn no_file_counts_twice_and_none_is_passed_over_in_silence() {
    let folder = Folder::new();
    let (log_file, empty) = (folder.write("auth.log", log(40)), folder.write("auth.log.1", ""));
    std::os::unix::fs::symlink(&log_file, folder.path("current")).unwrap();
    let pattern = folder.path("auth*");
    for files in [vec![log_file.as_str(), &log_file], vec![&log_file, &pattern], vec![&folder.path("")]] {
        let output = replay_sshd(&files, &[]);
        assert!(output.status.code() == Some(1) && told(&output).contains("is given twice"), "{}", told(&output));
    }
    let output = replay_sshd(&[&pattern], &[]);
    assert!(told(&output).contains(&format!("{empty}: there is no record in it")), "{}", told(&output));
    assert_eq!((output.status.code(), noon(&output).unwrap()[1].as_str()), (Some(0), "40"));
}

#[test]
fn that_nothing_is_shown_has_a_reason() {
    let folder = Folder::new();
    let file = folder.write("auth.log", log(40));
    for (more, code, why) in [
        (
            &["--from", "2026-03-11", "--to", "2026-03-10"][..],
            1,
            "no time lies from 2026-03-11T00:00:00.000Z on and before",
        ),
        (&["--from", "2026-03-10", "--to", "2026-03-10"], 1, "--to is the first instant that is left out"),
        (&["--to", "2026-03-09"], 0, "no period is shown: those that there are lie from 2026-03-10T11:00:00.000Z to"),
    ] {
        let output = replay_sshd(&[&file], more);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}", told(&output));
        assert!(told(&output).contains(why), "{more:?}: {}", told(&output));
    }
    let output = replay_sshd(&[&file], &["--from", "2026-03-10", "--to", "2026-03-11"]);
    assert!(!told(&output).contains("no period is shown") && noon(&output).is_some(), "{}", told(&output));
}

#[test]
fn everything_has_come_in_time_in_whatever_order_it_lies() {
    let folder = Folder::new();
    let old: String = (0..30)
        .map(|number| {
            format!("2026-02-10T11:00:{number:02}Z web-1 sshd[1]: Failed password for ann from 192.0.2.1 port 1 ssh2\n")
        })
        .collect();
    let february = |output: &Output| {
        rows(output).into_iter().find(|row| row[0].starts_with("2026-02-10T12:00")).map(|row| row[1..].to_vec())
    };
    for lines in [60, 600, 900, 12_000] {
        let path = folder.write("rotated.log", log(lines) + &old);
        let output = replay_sshd(&[&path], &["--strict"]);
        assert_eq!(february(&output).unwrap(), ["100", "30", "red"], "{lines}: {}", told(&output));
        assert_eq!(noon(&output).unwrap()[1], lines.to_string());
    }
    let (new, old) = (folder.write("auth.log", log(900)), folder.write("auth.log.2.gz", gzip(old.as_bytes())));
    let pattern = folder.path("auth.log*");
    for files in [vec![new.as_str(), old.as_str()], vec![old.as_str(), new.as_str()], vec![pattern.as_str()]] {
        assert_eq!(february(&replay_sshd(&files, &[])).unwrap(), ["100", "30", "red"], "{files:?}");
    }
    // In a running system they would have been too late: beyond what the construct corrects.
    let ancient: String = (0..30)
        .map(|number| {
            format!("2025-02-10T11:00:{number:02}Z web-1 sshd[1]: Failed password for ann from 192.0.2.1 port 1 ssh2\n")
        })
        .collect();
    for lines in [200, 900] {
        let path = folder.write("rotated.log", log(lines) + &ancient);
        let account = folder.path("account.json");
        let output = replay_sshd(&[&path], &["--as-it-came", "--accounting", &account]);
        let account: Value = serde_json::from_slice(&fs::read(account).unwrap()).unwrap();
        assert_eq!(account["sources"]["sshd"]["late"], 30, "{lines}: {}", told(&output));
        assert!(
            told(&output).contains("30 late, the first at an event of 2025-02-10T11:00:00.000Z"),
            "{}",
            told(&output)
        );
        let in_time = replay_sshd(&[&path], &[]);
        assert!(rows(&in_time).iter().any(|row| row[0].starts_with("2025-02-10") && row[2] == "30"));
    }
}

#[test]
fn marks_at_the_beginning_are_no_part_of_the_first_line() {
    let folder = Folder::new();
    let text = log(40);
    let plain = rows(&replay_sshd(&[&folder.write("plain.log", &text)], &[]));
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    for (name, bytes) in [
        ("marked.log", marked.clone()),
        ("marked.log.gz", gzip(&marked)),
        ("again.zst", zstd::encode_all(marked.as_slice(), 1).unwrap()),
    ] {
        let output = replay_sshd(&[&folder.write(name, bytes)], &["--strict"]);
        assert_eq!(rows(&output), plain, "{name}: {}", told(&output));
    }
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for (name, bytes, key) in [
        ("little.log", utf16(&format!("\u{feff}{text}"), false), "encoding: utf-16` into sources/sshd.yaml"),
        ("big.log", utf16(&format!("\u{feff}{text}"), true), "encoding: utf-16` into sources/sshd.yaml"),
        ("no-mark.log", utf16(&text, false), "encoding: utf-16le` into sources/sshd.yaml"),
    ] {
        let path = folder.write(name, bytes);
        let output = replay_sshd(&[&path], &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(told(&output).contains(key) && told(&output).contains(&path), "{}", told(&output));
    }
}

/// A catalogue with one source of OCSF events and one construct that counts them.
fn catalogue(folder: &Folder, source: &str) -> String {
    folder.write(
        "catalogue/sources/app.yaml",
        format!(
            "source: app\ntitle: app\nowner: A\ntopics: [raw.app]\ndecode: json\nmapping: ocsf\nlateness: PT1H\nidle: PT30S\n\
             max_future: PT5M\nrhythm: P1D\ndeduplicate: P7D\n{source}"
        ),
    );
    let construct = "construct: t/found\ntitle: Findings\nversion: 1.0.0\nreference: { iso27001: [A.8.15], verified: false }\n\
        kind: effectiveness\nneed: { question: Is it counted?, objective: Right figures, risk: Wrong figures, decision: Do something }\n\
        parties: { owner: A, collector: B, client: C, reviewer: D }\n\
        cadence: { period: P1D, report: P1M, revise: P1Y, close_after: PT2H, restate_for: P90D }\n\
        calendar: { zone: UTC, fiscal_year_start: 01-01 }\nsources: [app]\n\
        base:\n  n: { event: detection_finding, count: activity_id == 1 }\n\
        indicator: { of: n, bands: { green: \"[0, 10)\", red: \"[10, inf)\" } }\n\
        target: { value: 5, from: 2020-01-01, approved_by: C }\nmissing: no-data\nevidence: Test\nreport: { chart: line }\n";
    folder.write("catalogue/constructs/t-found.yaml", construct);
    folder.path("catalogue")
}

fn finding(number: usize) -> Value {
    json!({
        "class_uid": 2004, "category_uid": 2, "activity_id": 1, "type_uid": 200_401, "severity_id": 1,
        "time": 1_773_129_600_000_u64 + 1000 * u64::try_from(number).unwrap(),
        "metadata": {"uid": format!("d{number}"), "version": "1.8.0"}, "finding_info": {"uid": format!("F {{[{number}")}
    })
}

fn replay_json(catalogue: &str, file: &str, more: &[&str]) -> Output {
    let source = format!("app={file}");
    let fixed =
        ["replay", "--catalogue", catalogue, "--received", NOW, "--until", NOW, "--format", "csv", "--source", &source];
    vernier(&[fixed.as_slice(), more].concat())
}

#[test]
fn json_is_read_in_every_shape() {
    let folder = Folder::new();
    let catalogue = catalogue(&folder, "");
    let findings: Vec<Value> = (0..12).map(finding).collect();
    let lines: Vec<String> = findings.iter().map(Value::to_string).collect();
    let pretty: Vec<String> = findings.iter().map(|value| serde_json::to_string_pretty(value).unwrap()).collect();
    let many: Vec<Value> = (0..5000).map(finding).collect();
    for (name, text, count) in [
        ("lines", lines.join("\n"), "12"),
        ("lines-crlf", lines.join("\r\n") + "\r\n\r\n", "12"),
        ("mark", format!("\u{feff}{}", lines.join("\n")), "12"),
        ("in-one-line", lines.join(" "), "12"),
        ("pretty", pretty.join("\n"), "12"),
        ("pretty-crlf", pretty.join("\n").replace('\n', "\r\n"), "12"),
        ("array", Value::from(findings.clone()).to_string(), "12"),
        ("array-mark", format!("\u{feff}{}", Value::from(findings.clone())), "12"),
        ("array-over-lines", format!("[\n{}\n]\n", lines.join(",\n")), "12"),
        ("array-pretty", serde_json::to_string_pretty(&findings).unwrap(), "12"),
        ("records-pretty", serde_json::to_string_pretty(&json!({ "Records": findings })).unwrap(), "12"),
        ("long-array", Value::from(many.clone()).to_string(), "5000"),
        ("long-array-pretty", serde_json::to_string_pretty(&many).unwrap(), "5000"),
    ] {
        let output = replay_json(&catalogue, &folder.write(&format!("{name}.json"), text), &["--strict"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", told(&output));
        assert_eq!(rows(&output)[0][1], count, "{name}: {}", told(&output));
    }
}

#[test]
fn broken_json_takes_no_other_value_with_it_and_is_placed() {
    let folder = Folder::new();
    let catalogue = catalogue(&folder, "");
    let findings: Vec<Value> = (0..6).map(finding).collect();
    let mut lines: Vec<String> = findings.iter().map(Value::to_string).collect();
    let mut pretty: Vec<String> = findings.iter().map(|value| serde_json::to_string_pretty(value).unwrap()).collect();
    let half = lines[2].len() / 2;
    lines[2].truncate(half);
    pretty[2] = pretty[2].replace("1.8.0\"", "1.8.0");
    let place = |lines: usize| format!(":{}: ", lines + 1);
    for (name, text, line) in [
        ("lines", lines.join("\n"), place(2)),
        ("array", format!("[\n{}\n]\n", lines.join(",\n")), place(3)),
        ("pretty", pretty.join("\n"), place(2 * findings[0].as_object().unwrap().len() + 2 * 8)),
    ] {
        let output = replay_json(&catalogue, &folder.write(&format!("{name}.json"), text), &["--strict"]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", told(&output));
        assert_eq!(rows(&output)[0][1], "5", "{name}: {}", told(&output));
        assert!(told(&output).contains("  1 invalid-json, the first at"), "{name}: {}", told(&output));
        if name != "pretty" {
            assert!(told(&output).contains(&line), "{name}, {line}: {}", told(&output));
        }
    }
    let cut = Value::from((0..5000).map(finding).collect::<Vec<_>>()).to_string();
    let output = replay_json(&catalogue, &folder.write("cut.json", &cut[..cut.len() - 1]), &[]);
    assert_eq!((output.status.code(), rows(&output)[0][1].as_str()), (Some(3), "5000"), "{}", told(&output));
    assert!(told(&output).contains("the array that begins in line 1 has no end"), "{}", told(&output));
}

#[test]
fn what_became_of_everything_is_told_and_strict_means_it() {
    let folder = Folder::new();
    let text = log(30) + "no syslog\n\n" + "2026-03-10T11:00:00Z web-1 cron[1]: (root) CMD (true)\n";
    let (file, account) = (folder.write("auth.log", text), folder.path("account.json"));
    let output = replay_sshd(&[&file], &["--accounting", &account]);
    assert_eq!(output.status.code(), Some(0));
    let error = told(&output);
    assert!(error.starts_with("source  read  published  not relevant  refused"), "{error}");
    assert!(error.contains(&format!("the first at {file}:31: ")), "{error}");
    let account: Value = serde_json::from_slice(&fs::read(account).unwrap()).unwrap();
    let of = |name: &str| account["sources"]["sshd"][name].as_u64().unwrap();
    assert_eq!((of("read"), of("published"), of("not_relevant"), of("refused")), (32, 30, 1, 1));
    assert_eq!(account["files"][0]["records"], 32, "blank lines are none");
    assert_eq!(replay_sshd(&[&file], &["--strict"]).status.code(), Some(2));
    let printed = replay_sshd(&[&file], &["--accounting", "-"]);
    assert!(String::from_utf8_lossy(&printed.stdout).contains("\"not_relevant\": 1"));
    for (name, text) in [("empty.log", ""), ("blank.log", "\n\n"), ("nonsense.log", "a\nb\n")] {
        let output = replay_sshd(&[&folder.write(name, text)], &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(told(&output).contains("could be read"), "{}", told(&output));
    }
}

#[test]
fn periods_are_chosen_and_open_ones_shown_with_what_closes_them() {
    let folder = Folder::new();
    let catalogue = catalogue(&folder, "");
    let lines: Vec<String> = (0..3)
        .map(|day| {
            let mut finding = finding(day);
            finding["time"] = json!(1_773_129_600_000_u64 + 86_400_000 * u64::try_from(day).unwrap());
            finding.to_string()
        })
        .collect();
    let source = format!("app={}", folder.write("app.ndjson", lines.join("\n")));
    let run = |more: &[&str]| {
        let fixed = ["replay", "--catalogue", &catalogue, "--received", "2026-03-20", "--source", &source];
        let output = vernier(&[fixed.as_slice(), more].concat());
        (String::from_utf8_lossy(&output.stdout).into_owned(), told(&output))
    };
    let periods = |table: &str| -> Vec<(String, String)> {
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        table.lines().skip(1).map(|line| (cells(line)[1].clone(), cells(line)[cells(line).len() - 2].clone())).collect()
    };
    let (table, error) = run(&[]);
    let state = |day: &str, state: &str| (day.to_owned(), state.to_owned());
    assert_eq!(
        periods(&table),
        [state("2026-03-10", "final"), state("2026-03-11", "final"), state("2026-03-12", "open")]
    );
    assert!(error.contains("1 period is open: it closes with --until 2026-03-13T02:00:00.000Z"), "{error}");
    let early = ["--until", "2026-03-12T01:00:00Z"];
    let (table, error) = run(&early);
    assert_eq!(
        periods(&table),
        [state("2026-03-10", "final"), state("2026-03-11", "closing"), state("2026-03-12", "open")]
    );
    assert!(error.contains("2 periods are open: the first closes with --until 2026-03-12T02:00:00.000Z, all with --until 2026-03-13T02:00:00.000Z"), "{error}");
    let (table, error) = run(&["--until", "2026-03-13T02:00:00Z", "--to", "2026-03-13"]);
    assert!(periods(&table).iter().all(|(_, state)| state == "final"), "{table}");
    assert!(!error.contains("open"), "of what is shown, nothing is: {error}");
    let (table, _) = run(&["--from", "2026-03-11", "--to", "2026-03-12"]);
    assert_eq!(periods(&table), [state("2026-03-11", "final")]);
    let (table, _) = run(&["--from", "2026-03-10T12:00:00Z", "--to", "2026-03-11T00:00:00.001Z"]);
    assert_eq!(periods(&table).len(), 2, "periods that overlap: {table}");
    let (table, error) = run(&["--construct", "t/fuond"]);
    assert!(table.is_empty() && error.contains("unknown construct `t/fuond`: did you mean `t/found`?"), "{error}");
}

#[test]
fn what_stands_for_nothing_is_a_fault() {
    let folder = Folder::new();
    let good = log(10);
    folder.write("input/raw.sshd.log", &good);
    folder.write("input/raw.sshd/more.log", &good);
    folder.write("input/.hidden", "x");
    let input = folder.path("input");
    let run = |more: &[&str]| vernier(&[["replay", "--received", NOW, "--until", NOW].as_slice(), more].concat());
    assert_eq!(run(&["--input", &input, "--strict"]).status.code(), Some(0));
    for (name, told_of) in [("raw.sshdd.log", "raw.sshdd.log"), ("notes.txt", "notes.txt"), ("other/x.log", "other")] {
        let path = folder.write(&format!("input/{name}"), &good);
        let output = run(&["--input", &input]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(told(&output).contains(told_of) && told(&output).contains("raw.sshd"), "{}", told(&output));
        fs::remove_file(&path).unwrap();
        fs::remove_dir(Path::new(&path).parent().unwrap()).ok();
    }
    let output = run(&["--source", &format!("sshd={}", folder.path("nothing*.log"))]);
    assert!(told(&output).contains("no file is there"), "{}", told(&output));
    let output = run(&["--source", "sshdd=x.log"]);
    assert!(told(&output).contains("unknown source `sshdd`: did you mean `sshd`?"), "{}", told(&output));
}
