//! Files of many products with the answers that were computed from each of their records by a program that knows nothing of
//! Vernier: what is taken from a file is what is in it, and what is made of a record is what it says.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ingest::{
    arrival::Arrival,
    config::Plan,
    decode::{Form, Framing, Limits, Wrapper, decode},
    process::process,
};
use measurement::{
    catalogue::{Catalogue, Decode, Encoding, Unwrap},
    time::Timestamp,
};
use serde_json::Value;
use vernier::replay::split::{Shape, read_file};

/// A file and what is known of it.
struct File {
    /// `f13-linux/system-auth-test.log`.
    name: String,
    format: String,
    /// Year of stamps without one.
    year: Option<i64>,
    /// What it holds, in order.
    records: Vec<Value>,
    /// Where it lies: members of an archive in the order of their names.
    paths: Vec<PathBuf>,
}

/// All files; archives are unpacked into a folder.
fn files(data: &Path, unpacked: &Path) -> Vec<File> {
    let mut sets: Vec<PathBuf> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    sets.retain(|set| set.join("expected.json").exists());
    sets.sort();
    let mut files = Vec::new();
    for set in sets {
        let expected: Value = serde_json::from_slice(&fs::read(set.join("expected.json")).unwrap()).unwrap();
        let folder = set.file_name().unwrap().to_str().unwrap();
        for file in expected["files"].as_array().unwrap() {
            let own = file["file"].as_str().unwrap();
            let name = format!("{folder}/{own}");
            let mut paths = vec![set.join(own)];
            if Path::new(own).extension().is_some_and(|kind| kind == "zip") {
                let to = unpacked.join(&name);
                fs::create_dir_all(&to).unwrap();
                let python = ["-m", "zipfile", "-e"];
                let done = Command::new("python3").args(python).arg(set.join(own)).arg(&to).status().unwrap();
                assert!(done.success(), "{name}");
                paths = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().path()).collect();
                paths.sort();
            }
            // What an archive holds beside records is named without its ending.
            let skipped: Vec<&str> = file["assume"]["skip"].as_str().unwrap_or_default().split(',').collect();
            paths.retain(|path| !skipped.contains(&path.file_stem().unwrap().to_str().unwrap()));
            let records = file["events"].as_array().unwrap().clone();
            assert_eq!(u64::try_from(records.len()).unwrap(), file["records"].as_u64().unwrap(), "{name}");
            files.push(File {
                name,
                format: file["format"].as_str().unwrap().to_owned(),
                year: file["assume"]["year"].as_str().map(|year| year.parse().unwrap()),
                records,
                paths,
            });
        }
    }
    files
}

/// How a source would declare a format; `None` where there is no declaration.
fn framing(format: &str) -> Option<Framing> {
    let records = |path: &str| Unwrap::Records(path.to_owned());
    let text = |path: &str| Unwrap::Text(path.to_owned());
    let (decode, unwrap) = match format {
        "syslog" | "auditd" | "auditzip" | "bareauth" | "vsftpd" | "fast" | "zeekzip" | "alb" | "w3c" | "vpc"
        | "cef" | "iptables" | "pf" | "mikrotik" | "openvpn" | "access" | "apacheerr" | "haproxy" | "envoy"
        | "bind" | "exim" | "mail" | "winxml" | "honeyzip" | "adguard" => (Decode::Text, None),
        "winzip" | "cloudtrail" | "cloudtrailjsonl" | "r53" | "aadzip" | "authentik" | "azgw" | "k8s" | "gcpdoc"
        | "panjson" | "cpjson" | "caddy" => (Decode::Json, None),
        "pantherjsonl" => (Decode::Json, Some(vec![])),
        "chroneve" => (Decode::Json, Some(vec![records("raw_logs.entries"), text("data")])),
        "huawei" => (Decode::Text, Some(vec![records("raw_logs.entries"), text("data")])),
        "asff" => (Decode::Json, Some(vec![records("Findings")])),
        "inspector" => (Decode::Json, Some(vec![records("findings")])),
        "snyk" => (Decode::Json, Some(vec![records("vulnerabilities")])),
        "grype" => (Decode::Json, Some(vec![records("matches")])),
        "trivy" => (Decode::Json, Some(vec![records("Results"), records("Vulnerabilities")])),
        _ => return None,
    };
    let unwrap = unwrap.map(|steps: Vec<Unwrap>| steps.iter().map(|step| Wrapper::of(step).unwrap()).collect());
    Some(Framing { unwrap, ..Framing::plain(decode) })
}

/// Files whose records are no lines and no JSON.
const NOT_TO_BE_DECLARED: &[(&str, &str)] = &[
    ("f12-windows/application-windows-error-reporting.xml", "an event of XML over several lines"),
    (
        "f20-dns-mail/postgresql-log-postgresql-11-connection-disconnection.csv.log",
        "CSV with ends of lines in its fields",
    ),
    ("f21-vulnerabilities/defectdojo-openvas-many_vuln.xml", "a report of XML"),
    ("f21-vulnerabilities/defectdojo-qualys-Qualys_Sample_Report.csv", "CSV with ends of lines in its fields"),
    ("f21-vulnerabilities/defectdojo-tenable-nessus-nessus_many_vuln.csv", "CSV with ends of lines in its fields"),
    ("f21-vulnerabilities/defectdojo-tenable-nessus-nessus_many_vuln.xml", "a report of XML"),
];

/// What files hold beside their records, in elements: a mapping has to leave it out.
const BESIDE: &[(&str, usize, &str)] = &[
    ("f14-sensors/metasploit_logonpasswords_lsass_memory_dump_zeek_logs.zip", 99, "lines such as `#fields`"),
    ("f14-sensors/metasploit_nanodump_lsass_memory_dump_zeek_logs.zip", 99, "lines such as `#fields`"),
    ("f15-aws/aws_s3_honeybucketlogs.zip", 1, "the heading of CSV"),
    ("f18-firewall/plaso-windows_firewall.log", 4, "lines such as `#Fields`"),
    ("f19-web/iis-access-test.log", 12, "lines such as `#Fields`"),
    ("f19-web/plaso-iis10.log", 4, "lines such as `#Fields`"),
    ("f19-web/plaso-iis6.log", 4, "lines such as `#Fields`"),
    ("f21-vulnerabilities/defectdojo-trivy-scheme_2_many_vulns.json", 1, "a target without vulnerabilities"),
];

/// The elements of a file.
fn elements(file: &File, framing: &Framing) -> Vec<String> {
    let shape = Shape {
        source: "lab".into(),
        decode: framing.decode,
        wrapped: framing.unwrap.as_ref().is_some_and(|steps| !steps.is_empty()),
        encoding: Encoding::Utf8,
        limit: Limits::default().record_bytes,
    };
    let mut elements = Vec::new();
    for path in &file.paths {
        let fault = read_file(path, &shape, |piece| {
            for element in decode(framing, Some(&piece.bytes), Limits::default()).unwrap() {
                match element.form {
                    Form::Line(text) | Form::Json(text) => elements.push(text.into_owned()),
                    Form::Broken(refusal) => panic!("{}:{}: {refusal:?}", file.name, piece.line),
                }
            }
            Ok(())
        });
        assert_eq!(fault.unwrap(), None, "{}", file.name);
    }
    elements
}

#[test]
fn what_is_taken_from_a_file_is_what_is_in_it() {
    let Some(data) = std::env::var_os("VERNIER_SAMPLE_DATA") else {
        println!("SKIPPED: VERNIER_SAMPLE_DATA is not set");
        return;
    };
    let unpacked = tempfile::tempdir().unwrap();
    let mut left_out = Vec::new();
    let mut wrong = Vec::new();
    let mut counted = (0, 0);
    for file in files(Path::new(&data), unpacked.path()) {
        let framing = framing(&file.format).filter(|_| NOT_TO_BE_DECLARED.iter().all(|(name, _)| *name != file.name));
        let Some(framing) = framing else {
            left_out.push(file.name);
            continue;
        };
        let found = elements(&file, &framing);
        let beside = BESIDE.iter().find(|(name, ..)| *name == file.name).map_or(0, |(_, count, _)| *count);
        if found.len() != file.records.len() + beside {
            let records = file.records.len();
            wrong.push(format!("{}: {} elements, {records} records, {beside} beside", file.name, found.len()));
        }
        counted = (counted.0 + 1, counted.1 + file.records.len());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    left_out.sort();
    let known: Vec<&str> = NOT_TO_BE_DECLARED.iter().map(|(name, _)| *name).collect();
    assert_eq!(left_out, known);
    assert_eq!(counted, (106, 5596), "files and their records");
}

/// The source that speaks for a format: its catalogue and its topic.
fn speaker(format: &str) -> Option<(&'static str, &'static str)> {
    let samples = "tests/tests/samples/catalogue";
    Some(match format {
        "syslog" => ("schemas", "raw.sshd"),
        "cloudtrail" | "cloudtrailjsonl" => (samples, "raw.cloudtrail"),
        "chroneve" => (samples, "raw.eve"),
        _ => return None,
    })
}

/// Formats for which there is no mapping, with how many records there are of each.
const WITHOUT_A_MAPPING: &[(&str, usize)] = &[
    ("aadzip", 4),
    ("access", 48),
    ("adguard", 4),
    ("alb", 31),
    ("apacheerr", 4),
    ("asff", 6),
    ("auditd", 76),
    ("auditzip", 12),
    ("authentik", 3),
    ("azgw", 2),
    ("bareauth", 4),
    ("bind", 13),
    ("caddy", 11),
    ("cef", 4),
    ("cpjson", 1),
    ("envoy", 10),
    ("exim", 12),
    ("fast", 4),
    ("gcpdoc", 3),
    ("grype", 6),
    ("haproxy", 15),
    ("honeyzip", 301),
    ("huawei", 6),
    ("inspector", 8),
    ("iptables", 4),
    ("k8s", 1),
    ("mail", 2),
    ("mikrotik", 7),
    ("nessuscsv", 4),
    ("nessusxml", 7),
    ("openvasxml", 44),
    ("openvpn", 24),
    ("panjson", 50),
    ("pantherjsonl", 475),
    ("pf", 9),
    ("pgcsv", 20),
    ("qualyscsv", 6),
    ("r53", 2),
    ("snyk", 41),
    ("trivy", 5),
    ("vpc", 5),
    ("vsftpd", 25),
    ("w3c", 35),
    ("winxml", 5),
    ("winzip", 855),
    ("zeekzip", 2411),
];

/// What differs from the answers, how often, and why that is so.
const EXPLAINED: &[(&str, usize, &str)] = &[
    ("raw.sshd: actor not told", 365, "names are left behind on purpose"),
    ("raw.sshd: not published: groupadd", 1, "not of the server"),
    (
        "raw.sshd: not published: sshd",
        159,
        "what sshd says beside the line of the attempt: 152 of PAM, 4 of invalid users, 3 of sessions",
    ),
    ("raw.sshd: not published: sudo", 5, "not of the server"),
    ("raw.sshd: not published: useradd", 1, "not of the server"),
    ("raw.sshd: src_ip not told", 365, "addresses are left behind on purpose"),
];

/// What is said of a record by the event that was made of it.
fn told(event: &Value) -> BTreeMap<&'static str, Option<String>> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut told: BTreeMap<&'static str, Option<String>> = BTreeMap::new();
    told.insert("time", event["time"].as_i64().map(|time| Timestamp(time).to_string()));
    told.insert("src_ip", text("/src_endpoint/ip").map(|address| canonical(&address)));
    told.insert("actor", text("/actor/user/uid"));
    match event["class_uid"].as_i64() {
        Some(3002) => {
            let outcome =
                ["unknown", "success", "failure"].get(usize::try_from(event["status_id"].as_u64().unwrap()).unwrap());
            told.insert("outcome", outcome.map(|outcome| (*outcome).to_owned()));
            told.insert("target", text("/dst_endpoint/hostname"));
        }
        Some(6003) => {
            let failed = !event["api"]["response"]["error"].is_null();
            told.insert("outcome", Some(if failed { "failure" } else { "success" }.to_owned()));
            told.insert("target", text("/api/service/name"));
            told.insert("event_id", text("/api/operation"));
        }
        Some(2004) => {
            told.insert("target", text("/dst_endpoint/ip").map(|address| canonical(&address)));
            told.insert("uid", text("/finding_info/uid"));
        }
        other => panic!("class {other:?}"),
    }
    told
}

fn canonical(address: &str) -> String {
    address
        .parse::<std::net::IpAddr>()
        .map_or_else(|_| address.to_owned(), |address| address.to_canonical().to_string())
}

#[test]
fn what_is_made_of_a_record_is_what_it_says() {
    let Some(data) = std::env::var_os("VERNIER_SAMPLE_DATA") else {
        println!("SKIPPED: VERNIER_SAMPLE_DATA is not set");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let unpacked = tempfile::tempdir().unwrap();
    let mut without: BTreeMap<String, usize> = BTreeMap::new();
    let mut differences: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut compared = 0;
    for file in files(Path::new(&data), unpacked.path()) {
        let Some((folder, topic)) = speaker(&file.format) else {
            *without.entry(file.format).or_default() += file.records.len();
            continue;
        };
        let catalogue = Catalogue::load(&root.join(folder)).unwrap_or_else(|faults| panic!("{faults}"));
        let mut plan = Plan::new(&catalogue).unwrap_or_else(|faults| panic!("{faults}"));
        let (source, classes) = plan.of_topic(topic).unwrap();
        // The year of stamps without one is that of their record.
        let received = Timestamp::parse(&format!("{}-12-31T12:00:00Z", file.year.unwrap_or(2026))).unwrap();
        let texts = elements(&file, &framing(&file.format).unwrap());
        assert_eq!(texts.len(), file.records.len(), "{}", file.name);
        for (offset, (text, expected)) in (0..).zip(texts.iter().zip(&file.records)) {
            let value = Some(text.as_bytes());
            let arrival = Arrival { topic, partition: 0, offset, timestamp: received, key: None, value };
            let processed = process(source, classes, &arrival);
            let mut differs = |what: String| {
                differences.entry(what).or_insert_with(|| (0, format!("{} {offset}: {expected}", file.name))).0 += 1;
            };
            if let Some(refusal) = processed.refusal() {
                differs(format!("{topic}: refused: {}", refusal.detail));
            }
            let known = expected["outcome"] != "unknown";
            if processed.events.is_empty() && known {
                let of = expected["program"].as_str().or(expected["kind"].as_str()).unwrap_or_default();
                differs(format!("{topic}: not published: {of}"));
            }
            for (event, _) in &processed.events {
                compared += 1;
                let event: Value = serde_json::from_slice(&event.draft.bytes()).unwrap();
                for (what, found) in told(&event) {
                    let expected = expected[what].as_str().filter(|expected| *expected != "unknown");
                    if found.as_deref() != expected && (expected.is_some() || what != "outcome") {
                        let how = if found.is_none() { "not told" } else { "differs" };
                        differs(format!("{topic}: {what} {how}"));
                    }
                }
            }
        }
    }
    let found: Vec<(&str, usize)> = differences.iter().map(|(what, (count, _))| (what.as_str(), *count)).collect();
    let explained: Vec<(&str, usize)> = EXPLAINED.iter().map(|(what, count, _)| (*what, *count)).collect();
    assert_eq!(found, explained, "{differences:#?}");
    let without: Vec<(&str, usize)> = without.iter().map(|(format, count)| (format.as_str(), *count)).collect();
    assert_eq!(without, WITHOUT_A_MAPPING);
    // 365 attempts of sshd, 15 calls of CloudTrail, 3 alerts among 13 records of EVE.
    assert_eq!(compared, 383);
}
