//! Real sshd logs give the counts of an independent count.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use measurement::{catalogue::Catalogue, time::Timestamp};
use pipeline_tests::deployment::schemas;
use vernier::{replay, results};

/// Counts attempts in log files: lines that say so, and "message repeated" lines as often as they say.
const COUNT: &str = r#"
/sshd(-session)?(\[[0-9]+\])?:?[ -].*(Failed|Accepted) [^ ]+ for / {
  times = 1
  if (match($0, /message repeated [0-9]+ times/)) {
    split(substr($0, RSTART, RLENGTH), words, " "); times = words[3]
  }
  attempts += times
  if ($0 ~ /Failed [^ ]+ for /) failed += times
}
END { print attempts + 0, failed + 0 }
"#;

fn counted(files: &[PathBuf]) -> (u64, u64) {
    let output = Command::new("awk").arg(COUNT).args(files).output().expect("awk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn measured(files: &[PathBuf]) -> (u64, u64) {
    let catalogue = Catalogue::load(&schemas()).unwrap();
    let topic = catalogue.sources["sshd"].topics[0].as_str().into();
    let inputs: Vec<_> = files.iter().map(|file| (std::sync::Arc::clone(&topic), file.clone())).collect();
    // The oldest stamps without a year are of the year before; hours up to now are closed.
    let received = Timestamp::parse("2026-11-02T00:00:00Z").unwrap();
    let chain = replay::replay(catalogue, &inputs, Some(received), received).unwrap();
    let entries = results::newest(results::entries(chain.log(), &chain.topics().results).unwrap(), false);
    let sum = |name: &str| {
        entries
            .iter()
            .filter(|entry| entry.construct == "vernier/failed-authentication-ratio")
            .filter_map(|entry| entry.base.get(name)?.value.as_ref())
            .map(|value| value.to_string().parse::<u64>().unwrap())
            .sum()
    };
    (sum("attempts"), sum("failed"))
}

fn logs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            logs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "log")
            && std::fs::read_to_string(&path).is_ok_and(|text| text.contains("sshd"))
        {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn real_logs_give_the_counts_of_awk() {
    let Some(folder) = std::env::var_os("VERNIER_SAMPLE_DATA") else {
        eprintln!("SKIPPED: real_logs_give_the_counts_of_awk: VERNIER_SAMPLE_DATA is not set");
        return;
    };
    let mut files = Vec::new();
    logs(&Path::new(&folder).join("f05-crowdsec"), &mut files);
    assert!(!files.is_empty(), "no sshd logs in {}", Path::new(&folder).display());
    let counted = counted(&files);
    assert!(counted.0 >= 5 && counted.1 >= 1, "{counted:?} attempts and failures prove little");
    assert_eq!(measured(&files), counted, "{files:?}");
}

#[test]
fn repeated_messages_count_as_often_as_they_say() {
    let folder = pipeline_tests::Folder::new();
    let file = folder.join("auth.log");
    let log = "\
Oct 31 10:00:01 web-1 sshd[1]: Failed password for root from 192.0.2.7 port 4711 ssh2
Oct 31 10:00:09 web-1 sshd[1]: message repeated 5 times: [ Failed password for root from 192.0.2.7 port 4711 ssh2]
Oct 31 10:01:00 web-1 sshd[2]: Accepted publickey for ann from 192.0.2.8 port 4712 ssh2
Oct 31 10:01:00 web-1 sshd[2]: pam_unix(sshd:session): session opened for user ann
Oct 31 11:01:00 web-1 cron[3]: Failed password for nobody, says cron
Oct 31 12:00:00 web-1 sshd-session[4]: Failed none for invalid user x from 192.0.2.9 port 1 ssh2
";
    std::fs::write(&file, log).unwrap();
    let files = [file];
    assert_eq!(counted(&files), (8, 7));
    assert_eq!(measured(&files), (8, 7));
}
