//! One or three Apache Kafka brokers (`KRaft`, broker and controller in one process) on free loopback ports.
//!
//! Each broker has two ways in: a port of its own, for the tests and the other brokers, and one behind a
//! [`Proxy`], which it tells to whoever comes that way. Services that are given [`Cluster::proxied_servers`] pass
//! through the proxies with every connection.

mod broker;

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use broker::Broker;
use streaming::{
    Log as _,
    conformance::CHECKS,
    kafka::{KafkaConfig, KafkaLog},
};

use crate::{Folder, Proxy, until};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    version: Version,
    brokers: Vec<Broker>,
    proxies: Vec<Proxy>,
    _folder: Folder,
}

/// Which Apache Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The newest one, which everything runs on.
    Four,
    /// The last one of the line before.
    Three,
}

/// Ports below those that Linux gives to who asks for any (32768 and up).
const FIRST_PORT: u32 = 12_000;
const PORTS: u32 = 20_000;

/// Identifier of every cluster: nothing of one outlives its test.
const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";

impl Version {
    /// As Maven Central names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Four => "4.3.1",
            Self::Three => "3.9.1",
        }
    }

    /// Its jars, as a class path.
    fn class_path(self) -> String {
        let cache = std::env::var_os("VERNIER_KAFKA").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/vernier"),
            PathBuf::from,
        );
        let folder = cache.join(format!("kafka-{}", self.name()));
        assert!(
            folder.join("complete").is_file(),
            "Apache Kafka is not in {}: run `scripts/fetch-kafka.sh {}`, or `make test`, which does",
            folder.display(),
            self.name()
        );
        format!("{}/*", folder.display())
    }
}

impl Cluster {
    /// One broker that scenarios share, each with topics of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(1))
    }

    /// Formats and starts brokers of the newest version, and waits until they answer.
    pub fn start(brokers: usize) -> Self {
        Self::of(Version::Four, brokers)
    }

    /// The same of any version.
    pub fn of(version: Version, brokers: usize) -> Self {
        let folder = Folder::new();
        let ports = broker::Ports::free(brokers);
        let proxies = ports.iter().map(|ports| Proxy::start(ports.proxy, ports.proxied_address())).collect();
        let brokers =
            (0..brokers).map(|index| Broker::format_and_start(&folder, version, index, &ports)).collect::<Vec<_>>();
        let cluster = Self { version, brokers, proxies, _folder: folder };
        for broker in &cluster.brokers {
            broker.wait_for_port();
        }
        cluster.wait_for_answer();
        cluster
    }

    /// `host:port`, separated by commas: the direct way.
    pub fn bootstrap_servers(&self) -> String {
        self.brokers.iter().map(|broker| broker.ports.address().to_string()).collect::<Vec<_>>().join(",")
    }

    /// `host:port`, separated by commas: the way through the proxies.
    pub fn proxied_servers(&self) -> String {
        self.proxies.iter().map(|proxy| proxy.address().to_string()).collect::<Vec<_>>().join(",")
    }

    /// The proxies, one a broker, in their order.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// Number of brokers.
    pub fn brokers(&self) -> i32 {
        i32::try_from(self.brokers.len()).expect("three at most")
    }

    /// Kills a broker, as a power cut would.
    pub fn kill_broker(&self, index: usize) {
        self.brokers[index].kill();
    }

    /// Asks a broker to end, and waits until it has.
    pub fn stop_broker(&self, index: usize) {
        self.brokers[index].stop();
    }

    /// Starts a broker that was killed or stopped, with its data and on its ports, and waits until it answers.
    pub fn start_broker(&self, index: usize) {
        self.brokers[index].start();
        self.brokers[index].wait_for_port();
        self.wait_for_answer();
    }

    /// Freezes a broker: its connections stay, and nothing is answered.
    pub fn freeze_broker(&self, index: usize) {
        self.brokers[index].signal("STOP");
    }

    /// Lets a frozen broker go on.
    pub fn thaw_broker(&self, index: usize) {
        self.brokers[index].signal("CONT");
    }

    /// As Vernier sees it, the direct way.
    pub fn log(&self) -> Arc<KafkaLog> {
        Arc::new(KafkaLog::new(KafkaConfig {
            bootstrap_servers: self.bootstrap_servers(),
            properties: std::collections::BTreeMap::new(),
        }))
    }

    /// What identifies a topic in requests that do not name it.
    pub fn topic_id(&self, topic: &str) -> [u8; 16] {
        until(&format!("the id of {topic}"), Duration::from_secs(20), || {
            self.brokers
                .iter()
                .find_map(|broker| broker.topic_id(topic))
                .ok_or_else(|| format!("no broker has a partition 0 of {topic}"))
        })
    }

    /// Runs one of Apache Kafka's own tools; two seconds each.
    pub fn tool(&self, class: &str, arguments: &[&str]) {
        let output = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-cp", &self.version.class_path(), class])
            .args(["--bootstrap-server", &self.bootstrap_servers()])
            .args(arguments)
            .output()
            .expect("java runs: scripts/install-tools.sh installs it");
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{class} {arguments:?}: {told}");
    }

    /// Promises of the log that the cluster breaks, a line each.
    pub fn broken_promises(&self) -> Vec<String> {
        let log = self.log();
        let broken = |(number, (promise, check)): (usize, &streaming::conformance::Check)| {
            let outcome = check(log.as_ref(), &format!("conformance-{number}"));
            outcome.err().map(|seen| format!("{promise}: {seen}"))
        };
        CHECKS.iter().enumerate().filter_map(broken).collect()
    }

    fn wait_for_answer(&self) {
        until("the brokers' answer", Duration::from_mins(1), || {
            self.log().describe("no-such-topic").map_err(|fault| fault.to_string())
        });
    }
}

/// Ports that nobody listens on and that the kernel gives to nobody who asks for any: what takes the port of a
/// dead broker is taken for a broker by the others, and one of them dies of its answer.
pub fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut listeners: Vec<TcpListener> = Vec::new();
    // Other test processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(61);
    while listeners.len() < count {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(step < PORTS, "no free port");
        let port = u16::try_from(FIRST_PORT + begin.wrapping_add(step) % PORTS).expect("below 2^16");
        // All are held until all are known, so that no two are the same.
        listeners.extend(TcpListener::bind(("127.0.0.1", port)));
    }
    listeners.iter().map(|listener| listener.local_addr().expect("it is bound").port()).collect()
}
