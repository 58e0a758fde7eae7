//! One or three Apache Kafka brokers (`KRaft`, broker and controller in one process) on free loopback ports.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use streaming::{
    Log as _,
    kafka::{KafkaConfig, KafkaLog},
};

use crate::{Folder, Process, until};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    bootstrap_servers: String,
    brokers: Vec<Process>,
    _folder: Folder,
}

/// Ports below those that Linux gives to who asks for any (32768 and up).
const FIRST_PORT: u32 = 12_000;
const PORTS: u32 = 20_000;

/// Identifier of every cluster: nothing of one outlives its test.
const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";

impl Cluster {
    /// One broker that scenarios share, each with topics of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(1))
    }

    /// Formats and starts brokers, and waits until they answer.
    pub fn start(brokers: usize) -> Self {
        let libraries = libraries();
        let folder = Folder::new();
        let ports = free_ports(brokers * 2);
        let (outside, inside) = ports.split_at(brokers);
        let voters: Vec<String> =
            inside.iter().enumerate().map(|(index, port)| format!("{index}@127.0.0.1:{port}")).collect();
        let processes = (0..brokers)
            .map(|index| broker(&folder, &libraries, index, (outside[index], inside[index]), &voters))
            .collect();
        let bootstrap_servers = outside.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
        for port in outside {
            until("a broker's port", Duration::from_mins(1), || {
                TcpStream::connect(("127.0.0.1", *port)).map_err(|fault| fault.to_string())
            });
        }
        let cluster = Self { bootstrap_servers, brokers: processes, _folder: folder };
        until("the brokers' answer", Duration::from_mins(1), || {
            cluster.log().describe("no-such-topic").map_err(|fault| fault.to_string())
        });
        cluster
    }

    /// `host:port`, separated by commas.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Number of brokers.
    pub fn brokers(&self) -> i32 {
        i32::try_from(self.brokers.len()).expect("three at most")
    }

    /// Kills one broker for good.
    pub fn kill_broker(&mut self) {
        self.brokers.pop().expect("a broker is left").kill();
    }

    /// As Vernier sees it.
    pub fn log(&self) -> Arc<KafkaLog> {
        Arc::new(KafkaLog::new(KafkaConfig {
            bootstrap_servers: self.bootstrap_servers.clone(),
            properties: std::collections::BTreeMap::new(),
        }))
    }
}

fn broker(folder: &Folder, libraries: &Path, index: usize, ports: (u16, u16), voters: &[String]) -> Process {
    let brokers = voters.len();
    let data = folder.join(format!("broker-{index}"));
    let mut properties = format!(
        "process.roles=broker,controller\nnode.id={index}\ncontroller.quorum.voters={}\n\
         listeners=PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={}\n",
        voters.join(","),
        ports.0,
        ports.1,
        data.display()
    );
    let in_sync = if brokers > 1 { 2 } else { 1 };
    // Few internal partitions make a first start quick; no delay takes seconds off every first join.
    for (name, value) in [
        ("auto.create.topics.enable", "false".to_owned()),
        ("default.replication.factor", brokers.to_string()),
        ("min.insync.replicas", in_sync.to_string()),
        ("offsets.topic.replication.factor", brokers.to_string()),
        ("offsets.topic.num.partitions", "4".to_owned()),
        ("transaction.state.log.replication.factor", brokers.to_string()),
        ("transaction.state.log.min.isr", in_sync.to_string()),
        ("transaction.state.log.num.partitions", "4".to_owned()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
    ] {
        writeln!(properties, "{name}={value}").expect("writing to a String cannot fail");
    }
    let file = folder.join(format!("broker-{index}.properties"));
    fs::write(&file, properties).expect("write the broker's properties");
    let logging = folder.join(format!("broker-{index}.log4j2.properties"));
    let logging_text = format!(
        "status=error\nappender.f.type=File\nappender.f.name=F\nappender.f.fileName={}\n\
         appender.f.layout.type=PatternLayout\nappender.f.layout.pattern=%d %p %c{{1}} %m%n\n\
         rootLogger.level=info\nrootLogger.appenderRef.f.ref=F\n",
        folder.text(&format!("broker-{index}.server.log"))
    );
    fs::write(&logging, logging_text).expect("write the broker's logging");
    let class_path = format!("{}/*", libraries.display());
    let format = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &class_path, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
        .arg(&file)
        .output()
        .expect("java runs: scripts/install-tools.sh installs it");
    assert!(format.status.success(), "format a broker: {}", String::from_utf8_lossy(&format.stderr));
    let logging = format!("-Dlog4j2.configurationFile={}", logging.display());
    let command: Vec<&OsStr> =
        ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", &logging, "-cp", &class_path]
            .into_iter()
            .chain(["kafka.Kafka"])
            .map(OsStr::new)
            .chain([file.as_os_str()])
            .collect();
    Process::start(&format!("broker {index}"), folder.join(format!("broker-{index}.log")), &command, &[])
}

/// Folder of Kafka's jars.
fn libraries() -> PathBuf {
    let folder = std::env::var_os("VERNIER_KAFKA_LIBS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/vernier/kafka-4.3.1"),
        PathBuf::from,
    );
    assert!(
        folder.join("kafka_2.13-4.3.1.jar").is_file(),
        "Apache Kafka is not in {}: run scripts/fetch-kafka.sh, or `make test`, which does",
        folder.display()
    );
    folder
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
