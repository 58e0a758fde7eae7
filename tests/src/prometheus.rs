//! A Prometheus that scrapes a deployment and watches the generated rules.

use std::{ffi::OsStr, fmt::Write as _, fs, path::Path, time::Duration};

use serde_json::Value;

use crate::{Folder, Process, deployment::get, kafka::free_ports, until};

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    address: String,
}

impl Prometheus {
    /// Starts one with its data in a folder, that scrapes jobs (name and address) every second.
    pub fn start(folder: &Folder, rules: &Path, jobs: &[(&str, &str)]) -> Self {
        let mut config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\nscrape_configs:\n",
            rules.display()
        );
        for (job, address) in jobs {
            writeln!(config, "- {{ job_name: {job}, static_configs: [{{ targets: ['{address}'] }}] }}")
                .expect("writing to a String cannot fail");
        }
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).expect("write Prometheus' configuration");
        let address = format!("127.0.0.1:{}", free_ports(1)[0]);
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.text("prometheus")),
            format!("--web.listen-address={address}"),
        ];
        let mut command = vec![OsStr::new("prometheus")];
        command.extend(arguments.iter().map(OsStr::new));
        let process = Process::start("prometheus", folder.join("prometheus.log"), &command, &[]);
        let prometheus = Self { _process: process, address };
        until("Prometheus to be ready", Duration::from_mins(1), || match get(&prometheus.address, "/-/ready")? {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        prometheus
    }

    /// The series that a query gives: labels and value.
    pub fn query(&self, query: &str) -> Result<Vec<(Value, String)>, String> {
        let (status, body) = get(&self.address, &format!("/api/v1/query?query={}", encoded(query)))?;
        let answer = unchunked(&body);
        let answer: Value = serde_json::from_str(&answer).map_err(|fault| format!("{status} {fault}: {body}"))?;
        if answer["status"] != "success" {
            return Err(answer.to_string());
        }
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |series: &Value| series["value"][1].as_str().unwrap_or_default().to_owned();
        Ok(series.iter().map(|series| (series["metric"].clone(), value(series))).collect())
    }
}

/// Percent-encoding of everything that is no letter or digit.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
        encoded
    })
}

/// The content of a body in chunks; other bodies as they are.
fn unchunked(body: &str) -> String {
    let mut content = String::new();
    let mut rest = body;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else { return body.to_owned() };
        if size == 0 {
            break;
        }
        let Some((chunk, after)) = after.split_at_checked(size) else { return body.to_owned() };
        content.push_str(chunk);
        rest = after.trim_start_matches("\r\n");
    }
    if content.is_empty() { body.to_owned() } else { content }
}
