//! A small catalogue of its own, and one replay of an input.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

/// The failed share of log-ins, judged red from 20 percent on.
pub(crate) const FAILED_SHARE: &str = r#"base:
  all: { event: authentication, count: activity_id == 1 }
  failed: { event: authentication, count: status_id == 2 }
derived:
  v: { formula: 100 * failed / all, unit: percent, minimum_denominator: 1 }
indicator:
  of: v
  bands: { green: "[0, 20)", red: "[20, 100]" }
"#;

/// An application's log-ins as JSON lines: `at`, `host`, `result`.
pub(crate) const APP: &str = r#"at = parse_timestamp!(.at, "%+")
status_id = if .result == "failure" { 2 } else { 1 }
{
  "category_uid": 3, "class_uid": 3002, "activity_id": 1, "type_uid": 300201, "severity_id": 1,
  "time": to_unix_timestamp(at, unit: "milliseconds"), "status_id": status_id, "metadata": { "version": "1.8.0" },
  "dst_endpoint": { "hostname": string!(.host) }
}
"#;

/// Of how many log-ins one counts.
pub(crate) const COUNT: &str = r#"base:
  n: { event: authentication, count: activity_id == 1 }
indicator:
  of: n
  bands: { green: "[0, 100)", red: "[100, inf)" }
"#;

/// A folder with a catalogue and inputs.
pub(crate) struct Bench {
    folder: TempDir,
    received: String,
    until: String,
    arguments: Vec<String>,
}

/// What a replay said.
#[derive(Debug)]
pub(crate) struct Said {
    entries: Vec<Value>,
    pub(crate) errors: String,
    pub(crate) code: i32,
}

/// One result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) value: Option<String>,
    pub(crate) outcome: String,
    pub(crate) because: String,
}

impl Bench {
    /// An empty catalogue; everything was received on 11 March 2026 at noon.
    pub(crate) fn new() -> Self {
        let (noon, arguments) = ("2026-03-11T12:00:00Z".to_owned(), Vec::new());
        Self { folder: tempfile::tempdir().unwrap(), received: noon.clone(), until: noon, arguments }
    }

    /// The failed share of the application's log-ins.
    pub(crate) fn app() -> Self {
        Self::new().source("app", "decode: json\nmapping: vrl").mapping("app", APP).daily(
            "t/failed",
            "app",
            FAILED_SHARE,
        )
    }

    /// Log-ins that come as OCSF events.
    pub(crate) fn ocsf(body: &str) -> Self {
        Self::new().source("app", "decode: json\nmapping: ocsf").daily("t/n", "app", body)
    }

    /// When the records were received, and up to when time passes.
    pub(crate) fn at(mut self, received: &str, until: &str) -> Self {
        (self.received, self.until) = (received.to_owned(), until.to_owned());
        self
    }

    /// A further argument.
    pub(crate) fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A source; `keys` are lines of its file.
    pub(crate) fn source(self, name: &str, keys: &str) -> Self {
        let rest = "lateness: PT1H\nidle: PT30S\nmax_future: PT5M\nrhythm: P1D\ndeduplicate: P7D\n";
        let text = format!("source: {name}\ntitle: {name}\nowner: Tester\ntopics: [raw.{name}]\n{rest}{keys}\n");
        self.write(&format!("catalogue/sources/{name}.yaml"), text);
        self
    }

    /// The mapping of a source.
    pub(crate) fn mapping(self, source: &str, program: &str) -> Self {
        self.write(&format!("catalogue/mappings/{source}/map.vrl"), program);
        self
    }

    /// A construct with days of UTC.
    pub(crate) fn daily(self, id: &str, source: &str, body: &str) -> Self {
        self.construct(id, source, ("P1D", "UTC"), body)
    }

    /// A construct; `body` has its measures and its indicator.
    pub(crate) fn construct(self, id: &str, source: &str, (period, zone): (&str, &str), body: &str) -> Self {
        let text = format!(
            "construct: {id}\ntitle: A test\nversion: 1.0.0\nreference: {{ iso27001: [A.8.15], verified: false }}\n\
             kind: effectiveness\nneed: {{ question: Is it counted?, objective: Right figures, risk: Wrong ones, decision: Mend it }}\n\
             parties: {{ owner: A, collector: B, client: C, reviewer: D }}\n\
             cadence: {{ period: {period}, report: P1M, revise: P1Y, close_after: PT2H, restate_for: P20Y }}\n\
             calendar: {{ zone: {zone}, fiscal_year_start: 01-01 }}\nsources: [{source}]\n{body}\
             target: {{ value: 5, from: 2010-01-01, approved_by: C }}\nmissing: no-data\nevidence: A test\nreport: {{ chart: line }}\n"
        );
        self.write(&format!("catalogue/constructs/{}.yaml", id.replace('/', "-")), text);
        self
    }

    /// Replays one input of the source `app`.
    pub(crate) fn replay(&self, bytes: impl AsRef<[u8]>) -> Said {
        self.replay_file("app", "input.log", bytes)
    }

    /// Replays one input.
    pub(crate) fn replay_file(&self, source: &str, name: &str, bytes: impl AsRef<[u8]>) -> Said {
        let path = self.write(name, bytes);
        let folder = self.folder.path().join("catalogue");
        self.run(&folder, &format!("{source}={}", path.display()))
    }

    /// Replays lines of an OpenSSH server with the shipped catalogue.
    pub(crate) fn sshd(&self, bytes: impl AsRef<[u8]>) -> Said {
        let path = self.write("input.log", bytes);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        self.run(&folder, &format!("sshd={}", path.display()))
    }

    fn run(&self, catalogue: &Path, input: &str) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_vernier"))
            .args(["replay", "--format", "json", "--received", &self.received, "--until", &self.until])
            .args(["--catalogue", &catalogue.display().to_string(), "--source", input])
            .args(&self.arguments)
            .output()
            .unwrap();
        let entries = String::from_utf8(output.stdout).unwrap();
        Said {
            entries: entries.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }
}

impl Said {
    /// The result of a construct's period that begins then, for the total.
    pub(crate) fn figure(&self, construct: &str, start: &str) -> Figure {
        self.group(construct, start, "")
    }

    /// The result of a group, by the value of its one dimension.
    pub(crate) fn group(&self, construct: &str, start: &str, group: &str) -> Figure {
        let entry = self.entry(construct, start, group);
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        Figure { value: text("value"), outcome: text("outcome").unwrap(), because: text("because").unwrap_or_default() }
    }

    /// How many there are behind the ratio.
    pub(crate) fn n(&self, construct: &str, start: &str) -> String {
        self.entry(construct, start, "")["denominator"].as_str().unwrap_or("none").to_owned()
    }

    fn entry(&self, construct: &str, start: &str, group: &str) -> &Value {
        let start = chrono::DateTime::parse_from_rfc3339(start).unwrap().timestamp_millis();
        let found = self.entries.iter().rfind(|entry| {
            let of_group = entry["group"].as_object().unwrap().values().next().and_then(Value::as_str).unwrap_or("");
            entry["construct"] == construct && entry["period"]["start"] == start && of_group == group
        });
        found.unwrap_or_else(|| panic!("no result of {construct} from {start} of `{group}`: {self:#?}"))
    }

    /// Starts and ends of a construct's periods, in order.
    pub(crate) fn periods(&self, construct: &str) -> Vec<(i64, i64)> {
        let of = |entry: &&Value| entry["construct"] == construct;
        let bounds =
            |entry: &Value| (entry["period"]["start"].as_i64().unwrap(), entry["period"]["end"].as_i64().unwrap());
        self.entries.iter().filter(of).map(bounds).collect()
    }

    /// The result of the failed share of the day, which must be there.
    pub(crate) fn failed(&self) -> Figure {
        self.figure("t/failed", "2026-03-10T00:00:00Z")
    }

    /// A red figure of this value.
    #[track_caller]
    pub(crate) fn is_red(&self, construct: &str, start: &str, value: &str, n: &str) {
        let figure = self.figure(construct, start);
        assert_eq!((figure.value.as_deref(), &*figure.outcome), (Some(value), "red"), "{self:#?}");
        assert_eq!(self.n(construct, start), n, "{self:#?}");
    }

    /// A value, whatever it comes to.
    #[track_caller]
    pub(crate) fn counts(&self, construct: &str, start: &str, value: &str) {
        assert_eq!(self.figure(construct, start).value.as_deref(), Some(value), "{self:#?}");
    }
}

/// The day that most inputs are of.
pub(crate) const DAY: &str = "2026-03-10T00:00:00Z";
/// The failed authentications of an OpenSSH server in the shipped catalogue.
pub(crate) const SSHD: &str = "vernier/failed-authentication-ratio";
/// The hour that most of its inputs are of.
pub(crate) const HOUR: &str = "2026-03-10T08:00:00Z";

/// Ten good and ten failed log-ins; `change` makes the lines of the failed ones.
pub(crate) fn log_ins(change: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for minute in 0..20 {
        let result = if minute < 10 { "success" } else { "failure" };
        let line = format!(r#"{{"at":"2026-03-10T08:{minute:02}:00Z","host":"idp-1","result":"{result}"}}"#);
        text += &if minute < 10 { line } else { change(&line) };
        text += "\n";
    }
    text
}

/// Lines of sshd: 15 accepted, 15 failed; `change` makes the failed ones.
pub(crate) fn ssh_lines(change: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for minute in 0..30 {
        let what = if minute < 15 { "Accepted publickey" } else { "Failed password" };
        let line = format!("2026-03-10T08:{minute:02}:00Z web-1 sshd[7]: {what} for root from 192.0.2.1 port 400 ssh2");
        text += &if minute < 15 { line } else { change(&line) };
        text += "\n";
    }
    text
}

/// An OCSF log-in, with further members.
pub(crate) fn ocsf(minute: u32, further: &str) -> String {
    let time = 1_773_129_600_000_u64 + u64::from(minute) * 60_000;
    format!(
        r#"{{"class_uid":3002,"category_uid":3,"activity_id":1,"type_uid":300201,"severity_id":1,"status_id":1,"time":{time},"metadata":{{"uid":"u{minute}","version":"1.8.0"}},"dst_endpoint":{{"hostname":"h"}}{further}}}"#
    )
}
