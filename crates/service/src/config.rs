//! Configuration: defaults < one YAML file < environment `VERNIER__A__B` < flags. Unknown keys are errors.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use records::Topics;
use serde::Deserialize;
use streaming::{
    Log,
    embedded::EmbeddedLog,
    kafka::{KafkaConfig, KafkaLog},
};

/// Settings of all services.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the catalogue.
    pub catalogue: PathBuf,
    /// Where the topics are.
    pub log: LogConfig,
    /// Vernier's own topics.
    pub topics: TopicsConfig,
    /// Which of several instances of a service this is; no two may have the same.
    pub instance: u32,
    /// Time between commits, in milliseconds.
    pub commit_interval_ms: i64,
    /// Longest time between two progress records of a source partition, in milliseconds.
    pub progress_interval_ms: i64,
    /// How much of a source record is read.
    pub limits: LimitsConfig,
    /// How long a watermark may stand still before due periods close as `unvalidated`, in milliseconds.
    pub stall_limit_ms: i64,
    /// Hash of the last entry of a ledger that is lost for good: the evaluator begins it again. Its error names the hash.
    pub accept_lost_ledger: Option<String>,
    /// HTTP listener.
    pub http: HttpConfig,
    /// Format of logs.
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            catalogue: PathBuf::from("schemas"),
            log: LogConfig::default(),
            topics: TopicsConfig::default(),
            instance: 0,
            commit_interval_ms: 500,
            progress_interval_ms: 2000,
            limits: LimitsConfig::default(),
            stall_limit_ms: 6 * 3_600_000,
            accept_lost_ledger: None,
            http: HttpConfig::default(),
            log_format: LogFormat::Json,
        }
    }
}

/// Where the topics are: one of the two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Apache Kafka.
    pub kafka: Option<KafkaSection>,
    /// A log in the process's own memory.
    pub embedded: Option<EmbeddedSection>,
}

/// How to reach a Kafka cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSection {
    /// `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// Further librdkafka settings, such as `security.protocol`. Secrets are refused here.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// librdkafka settings whose value is read from a file.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretFile>,
}

impl KafkaSection {
    /// Brokers, and nothing else to say.
    pub fn new(bootstrap_servers: &str) -> Self {
        Self { bootstrap_servers: bootstrap_servers.to_owned(), properties: BTreeMap::new(), secrets: BTreeMap::new() }
    }
}

/// A file that holds a secret. What it holds is never printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFile {
    /// Path of the file; one line end at its end is not part of the secret.
    pub file: PathBuf,
}

/// An embedded log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddedSection {
    /// Folder that keeps it; in memory alone if absent.
    pub folder: Option<PathBuf>,
}

/// Vernier's own topics.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicsConfig {
    /// First part of their names.
    pub prefix: String,
    /// Partitions of events, measures and populations.
    pub partitions: i32,
    /// Copies of each partition; at least 3 where results must survive a broker.
    pub replication_factor: i32,
}

impl Default for TopicsConfig {
    fn default() -> Self {
        Self { prefix: "vernier".to_owned(), partitions: 6, replication_factor: 3 }
    }
}

/// How much of a source record is read. What the brokers accept is the other bound: `max.message.bytes` of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Longest record that is looked into, in bytes.
    pub record_bytes: usize,
    /// Longest element of a record (a line, a JSON value, an item of an array), in bytes; a longer one is refused alone.
    pub element_bytes: usize,
    /// Most elements of a record; those beyond are refused.
    pub elements: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { record_bytes: 16 << 20, element_bytes: 900_000, elements: 100_000 }
    }
}

/// HTTP listener for metrics and health.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9464".to_owned() }
    }
}

/// Format of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line
    Json,
    /// For people
    Text,
}

/// Settings that must come from a file.
const SECRETS: &[&str] =
    &["sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"];

impl Config {
    /// Reads the file, if one is given, and the environment.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            if !file.is_file() {
                bail!("configuration file {} does not exist", file.display());
            }
            builder = builder.add_source(config::File::from(file).format(config::FileFormat::Yaml));
        }
        let environment =
            config::Environment::with_prefix("VERNIER").prefix_separator("__").separator("__").try_parsing(true);
        let name = file.map_or_else(|| "configuration".to_owned(), |file| file.display().to_string());
        let config: Self = builder
            .add_source(environment)
            .build()
            .and_then(config::Config::try_deserialize)
            .with_context(|| format!("{name}: see deploy/vernier.yaml for the keys"))?;
        config.check().with_context(|| name)?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.commit_interval_ms < 50 {
            bail!(
                "commit_interval_ms is {}: less than 50 costs more markers than it is worth",
                self.commit_interval_ms
            );
        }
        let limits = self.limits;
        if limits.elements < 1 || limits.element_bytes < 1024 || limits.record_bytes < limits.element_bytes {
            bail!("limits: at least 1 element of at least 1024 bytes, and record_bytes not below element_bytes");
        }
        if self.topics.partitions < 1 || self.topics.replication_factor < 1 {
            bail!("topics: partitions and replication_factor are at least 1");
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.topics.prefix.is_empty() || !self.topics.prefix.chars().all(legal) {
            bail!(
                "topics.prefix `{}` is no name of a topic: use letters, digits, `.`, `_` and `-`",
                self.topics.prefix
            );
        }
        if let Some(kafka) = &self.log.kafka
            && let Some(secret) = SECRETS.iter().find(|name| kafka.properties.contains_key(**name))
        {
            bail!(
                "log.kafka.properties: {secret} is a secret; put it into a file and name that under log.kafka.secrets"
            );
        }
        Ok(())
    }

    /// Vernier's own topics.
    pub fn topics(&self) -> Topics {
        Topics::new(&self.topics.prefix)
    }

    /// The log.
    pub fn open_log(&self) -> anyhow::Result<Arc<dyn Log>> {
        match (&self.log.kafka, &self.log.embedded) {
            (Some(kafka), None) => {
                let mut properties = kafka.properties.clone();
                for (name, secret) in &kafka.secrets {
                    let text = fs::read_to_string(&secret.file)
                        .with_context(|| format!("log.kafka.secrets: read {} for {name}", secret.file.display()))?;
                    properties.insert(name.clone(), text.trim_end_matches(['\r', '\n']).to_owned());
                }
                let config = KafkaConfig { bootstrap_servers: kafka.bootstrap_servers.clone(), properties };
                Ok(Arc::new(KafkaLog::new(config)))
            }
            (None, Some(embedded)) => Ok(match &embedded.folder {
                Some(folder) => Arc::new(EmbeddedLog::open(folder)?),
                None => Arc::new(EmbeddedLog::new()),
            }),
            (None, None) => bail!(
                "log: name where the topics are: log.kafka.bootstrap_servers, or try `vernier demo` without a broker"
            ),
            (Some(_), Some(_)) => bail!("log: kafka and embedded are both given; choose one"),
        }
    }
}

/// What may be logged: no secret is part of the configuration itself.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vernier.yaml");
        fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let config =
            load("instance: 3\nlog: { kafka: { bootstrap_servers: 'a:1' } }\ntopics: { partitions: 2 }\n").unwrap();
        assert_eq!((config.instance, config.topics.partitions, config.topics.replication_factor), (3, 2, 3));
        assert_eq!(config.commit_interval_ms, 500);
    }

    #[test]
    fn mistakes_are_named_with_the_file() {
        for (text, part) in [
            ("instanze: 1", "instanze"),
            ("topics: { prefix: 'a b' }", "no name of a topic"),
            ("commit_interval_ms: 1", "commit_interval_ms"),
            ("limits: { record_bytes: 2000, element_bytes: 3000 }", "record_bytes not below"),
            ("limits: { elements: 0 }", "at least 1 element"),
            ("limits: { size: 1 }", "size"),
            ("log: { kafka: { bootstrap_servers: a, properties: { sasl.password: x } } }", "is a secret"),
        ] {
            let fault = format!("{:#}", load(text).unwrap_err());
            assert!(fault.contains(part) && fault.contains("vernier.yaml"), "{fault}");
        }
        assert!(Config::load(Some(Path::new("/nowhere.yaml"))).unwrap_err().to_string().contains("does not exist"));
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("password");
        fs::write(&secret, "canary-4711\n").unwrap();
        let text = format!(
            "log: {{ kafka: {{ bootstrap_servers: 'a:1', secrets: {{ sasl.password: {{ file: '{}' }} }} }} }}",
            secret.display()
        );
        let config = load(&text).unwrap();
        let log = config.open_log().unwrap();
        assert!(!format!("{config} {config:?} {log:?}").contains("canary"));
    }
}
