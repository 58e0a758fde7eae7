//! Catalogue, topics and services of one test on a cluster.

use std::{
    ffi::OsStr,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use records::{ResultRecord, Topics};
use streaming::{Log, TopicPartition, kafka::KafkaLog};
use vernier::{produce::Writer, results};

use crate::{Cluster, Folder, Process, until};

/// One deployment: its own topics, groups and identifiers on a cluster that others may share.
#[derive(Debug)]
pub struct Deployment {
    name: String,
    folder: Folder,
    log: Arc<KafkaLog>,
}

/// How a deployment differs from the usual one.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Folder of the catalogue.
    pub catalogue: PathBuf,
    /// After which time (ISO 8601) a source counts as idle that counts as idle after thirty seconds there.
    pub idle: &'static str,
    /// Whether services and the tool reach the brokers through the proxies. The test itself goes the direct way.
    pub proxied: bool,
    /// Further lines of the configuration.
    pub config: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self { catalogue: schemas(), idle: "PT2S", proxied: false, config: String::new() }
    }
}

/// Partitions of Vernier's topics in tests: more than one, so that merging is part of every figure.
pub const PARTITIONS: i32 = 3;

impl Deployment {
    /// A deployment with the shipped catalogue, whose sources count as idle after two seconds.
    pub fn new(cluster: &Cluster, name: &str) -> Self {
        Self::of(cluster, name, &Setup::default())
    }

    /// The same, with sources that count as idle after another time (ISO 8601).
    pub fn idle_after(cluster: &Cluster, name: &str, idle: &'static str) -> Self {
        Self::of(cluster, name, &Setup { idle, ..Setup::default() })
    }

    /// A deployment that differs from the usual one.
    pub fn of(cluster: &Cluster, name: &str, setup: &Setup) -> Self {
        let deployment = Self::prepare(cluster, name, setup);
        let output = deployment.vernier(&["topics", "apply", "--sources", "2"]);
        assert!(output.status.success(), "topics apply: {}", String::from_utf8_lossy(&output.stderr));
        deployment
    }

    /// A deployment whose topics are yet to be created.
    pub fn without_topics(cluster: &Cluster, name: &str) -> Self {
        Self::prepare(cluster, name, &Setup::default())
    }

    fn prepare(cluster: &Cluster, name: &str, setup: &Setup) -> Self {
        let folder = Folder::new();
        copy_catalogue(&setup.catalogue, &folder.join("schemas"), name, setup.idle);
        let brokers = if setup.proxied { cluster.proxied_servers() } else { cluster.bootstrap_servers() };
        let config = format!(
            "catalogue: {}\nlog:\n  kafka: {{ bootstrap_servers: '{brokers}' }}\n\
             topics: {{ prefix: {name}.vernier, partitions: {PARTITIONS}, replication_factor: {} }}\n\
             commit_interval_ms: 200\nprogress_interval_ms: 500\nlog_format: text\nhttp: {{ listen: '127.0.0.1:0' }}\n{}\n",
            folder.text("schemas"),
            cluster.brokers(),
            setup.config
        );
        fs::write(folder.join("vernier.yaml"), config).expect("write the configuration");
        Self { name: name.to_owned(), folder, log: cluster.log() }
    }

    /// Its folder.
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The log.
    pub fn log(&self) -> &dyn Log {
        self.log.as_ref()
    }

    /// Names of its topics.
    pub fn topics(&self) -> Topics {
        Topics::new(&format!("{}.vernier", self.name))
    }

    /// Name of a source topic, given as the shipped catalogue names it.
    pub fn source_topic(&self, shipped: &str) -> String {
        format!("{}.{shipped}", self.name)
    }

    /// Runs the tool with the deployment's configuration.
    pub fn vernier(&self, arguments: &[&str]) -> Output {
        Command::new(program("vernier"))
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("vernier.yaml"))
            .output()
            .expect("vernier runs")
    }

    /// Plans what its files are now, and puts them into force. What the plan says.
    pub fn apply(&self, reason: &str) -> String {
        let plan = self.vernier(&["plan"]);
        let said = String::from_utf8_lossy(&plan.stdout).into_owned();
        let digest = said.lines().find_map(|line| line.strip_prefix("Plan "));
        let digest = digest.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&plan.stderr)));
        let applied = self.vernier(&["apply", "--plan", digest, "--approver", "A. Tester", "--reason", reason]);
        assert!(applied.status.success(), "apply: {}", String::from_utf8_lossy(&applied.stderr));
        said
    }

    /// Starts a service and waits until it listens.
    pub fn start(&self, service: &str) -> Service {
        self.start_instance(service, 0)
    }

    /// Starts one of several instances, and waits until it listens.
    pub fn start_instance(&self, service: &str, instance: u32) -> Service {
        let (process, before) = self.launch(service, instance);
        let address = until(&format!("{service} to listen"), Duration::from_secs(30), || {
            let output = process.output();
            assert!(process.runs(), "{service} ended: {output}");
            let new = output.get(before..).unwrap_or_default();
            let line = new.lines().find(|line| line.contains("listening")).ok_or("it does not listen yet")?;
            let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
            address.map(str::to_owned).ok_or_else(|| line.to_owned())
        });
        Service { process, address }
    }

    /// Starts one of several instances, of which nothing is expected.
    pub fn spawn(&self, service: &str, instance: u32) -> Process {
        self.launch(service, instance).0
    }

    /// The process, and how much other processes have written to its log before.
    fn launch(&self, service: &str, instance: u32) -> (Process, usize) {
        let config = self.folder.join("vernier.yaml");
        let number = instance.to_string();
        let program = program(&format!("vernier-{service}"));
        let command = [
            program.as_os_str(),
            OsStr::new("--config"),
            config.as_os_str(),
            OsStr::new("--instance"),
            OsStr::new(&number),
        ];
        let log = self.folder.join(format!("{service}-{instance}.log"));
        let before = fs::read_to_string(&log).unwrap_or_default().len();
        (Process::start(service, log, &command, &[]), before)
    }

    /// Writes source records; topics are named as in the shipped catalogue.
    pub fn write<'a>(&self, records: impl IntoIterator<Item = (&'a str, Vec<u8>)>) {
        let mut writer = Writer::new(self.log(), None).expect("a producer");
        for (topic, value) in records {
            writer.write(&Arc::from(self.source_topic(topic)), value).expect("write source records");
        }
        writer.finish().expect("write source records");
    }

    /// Every entry of the ledger, its chain of hashes checked on the way.
    pub fn ledger(&self) -> Vec<ResultRecord> {
        results::entries(self.log(), &self.topics().results).expect("read the ledger")
    }

    /// Newest revisions.
    pub fn results(&self) -> Vec<ResultRecord> {
        results::newest(self.ledger(), false)
    }

    /// Newest revisions, or why the brokers do not tell.
    pub fn try_results(&self) -> Result<Vec<ResultRecord>, String> {
        let ledger = results::entries(self.log(), &self.topics().results).map_err(|fault| format!("{fault:#}"))?;
        Ok(results::newest(ledger, false))
    }

    /// Values of all records of a topic.
    pub fn values(&self, topic: &str) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        for partition in 0..self.log.partitions(topic).expect("the topic exists") {
            let at = TopicPartition::new(topic, partition);
            streaming::log::read_to_end(self.log(), &at, Duration::from_secs(30), &mut |record| {
                values.push(record.value().unwrap_or_default().to_vec());
            })
            .expect("read a topic");
        }
        values
    }

    /// Sum of the high watermarks of a topic: how far it has grown, markers included.
    pub fn growth(&self, topic: &str) -> i64 {
        self.try_growth(topic).expect("ask for offsets")
    }

    /// The same, or why the brokers do not tell.
    pub fn try_growth(&self, topic: &str) -> Result<i64, String> {
        let partitions = self.log.partitions(topic).map_err(|fault| fault.to_string())?;
        (0..partitions)
            .map(|p| self.log.end_offset(&TopicPartition::new(topic, p)).map_err(|fault| fault.to_string()))
            .sum()
    }
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: String,
}

impl Service {
    /// Status and body of an answer to GET.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        get(&self.address, path)
    }

    /// Kills it, as a power cut would.
    pub fn kill(self) {
        self.process.kill();
    }

    /// Asks it to end and expects that it does, in good order.
    pub fn stop(self) {
        self.process.stop();
    }
}

/// Status and body of an answer to GET.
pub fn get(address: &str, path: &str) -> Result<(u16, String), String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|fault| format!("GET {path}: {fault}"))?;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status line")?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the project").to_owned()
}

/// The shipped catalogue.
pub fn schemas() -> PathBuf {
    project().join("schemas")
}

/// A program of this workspace, built beside the test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test.parent().and_then(Path::parent).expect("target/PROFILE/deps").join(name);
    assert!(path.is_file(), "{} is missing: build with `cargo build --workspace --all-targets`", path.display());
    path
}

/// Copies a catalogue with source topics of a deployment's own, and sources that are idle after another time.
pub fn copy_catalogue(from: &Path, to: &Path, name: &str, idle: &str) {
    fs::create_dir_all(to).expect("create a folder");
    for entry in fs::read_dir(from).expect("read the catalogue") {
        let path = entry.expect("read the catalogue").path();
        let copy = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy_catalogue(&path, &copy, name, idle);
            continue;
        }
        let mut text = fs::read_to_string(&path).expect("read the catalogue");
        if from.ends_with("sources") {
            text = text
                .replace("topics: [raw.", &format!("topics: [{name}.raw."))
                .replace("idle: PT30S", &format!("idle: {idle}"));
        }
        fs::write(copy, text).expect("copy the catalogue");
    }
}
