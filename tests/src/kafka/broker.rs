//! One broker: its files, and its process, which may end and begin again.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{CLUSTER, Version, free_ports};
use crate::{Folder, Process, until};

/// Ports of a broker. They stay the same when it starts again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    direct: u16,
    /// Where the broker listens for what comes through its proxy.
    proxied: u16,
    /// Where its proxy listens.
    pub(super) proxy: u16,
    controller: u16,
}

impl Ports {
    pub(super) fn free(brokers: usize) -> Vec<Self> {
        free_ports(brokers * 4)
            .chunks(4)
            .map(|ports| Self { direct: ports[0], proxied: ports[1], proxy: ports[2], controller: ports[3] })
            .collect()
    }

    pub(super) fn address(self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.direct))
    }

    pub(super) fn proxied_address(self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.proxied))
    }
}

#[derive(Debug)]
pub(super) struct Broker {
    name: String,
    pub(super) ports: Ports,
    data: PathBuf,
    log: PathBuf,
    command: Vec<String>,
    process: Mutex<Option<Process>>,
}

impl Broker {
    pub(super) fn format_and_start(folder: &Folder, version: Version, index: usize, ports: &[Ports]) -> Self {
        let name = format!("broker-{index}");
        let data = folder.join(&name);
        let file = folder.text(&format!("{name}.properties"));
        let logging = folder.text(&format!("{name}.logging.properties"));
        fs::write(&file, properties(index, ports, &data.display().to_string())).expect("write a broker's properties");
        let server_log = folder.text(&format!("{name}.server.log"));
        let (logging_text, logging_option) = match version {
            Version::Four => (log4j2(&server_log), format!("-Dlog4j2.configurationFile={logging}")),
            Version::Three => (log4j1(&server_log), format!("-Dlog4j.configuration=file:{logging}")),
        };
        fs::write(&logging, logging_text).expect("write a broker's logging");
        let class_path = version.class_path();
        let format = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", &logging_option, "-cp", &class_path])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", &file])
            .output()
            .expect("java runs: scripts/install-tools.sh installs it");
        assert!(format.status.success(), "format a broker: {}", String::from_utf8_lossy(&format.stderr));
        let command = ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
            .into_iter()
            .chain([logging_option.as_str(), "-cp", &class_path, "kafka.Kafka", &file])
            .map(str::to_owned)
            .collect();
        let log = folder.join(format!("{name}.log"));
        let broker = Self { name, ports: ports[index], data, log, command, process: Mutex::new(None) };
        broker.start();
        broker
    }

    pub(super) fn start(&self) {
        let mut process = self.process();
        assert!(process.is_none(), "{} runs already", self.name);
        let command: Vec<&OsStr> = self.command.iter().map(OsStr::new).collect();
        *process = Some(Process::start(&self.name, self.log.clone(), &command, &[]));
    }

    pub(super) fn wait_for_port(&self) {
        until(&format!("{}'s port", self.name), Duration::from_mins(1), || {
            let process = self.process();
            assert!(process.as_ref().is_some_and(Process::runs), "{} has ended: see its logs", self.name);
            TcpStream::connect(self.ports.address()).map_err(|fault| fault.to_string())
        });
    }

    pub(super) fn kill(&self) {
        self.take().kill();
    }

    pub(super) fn stop(&self) {
        let process = self.take();
        process.signal("TERM");
        // Java's exit code after SIGTERM.
        assert_eq!(process.wait(Duration::from_mins(1)), 143, "{}'s exit code", self.name);
    }

    pub(super) fn signal(&self, signal: &str) {
        self.process().as_ref().unwrap_or_else(|| panic!("{} does not run", self.name)).signal(signal);
    }

    /// From the files beside a partition's data.
    pub(super) fn topic_id(&self, topic: &str) -> Option<[u8; 16]> {
        let text = fs::read_to_string(self.data.join(format!("{topic}-0/partition.metadata"))).ok()?;
        let id = text.lines().find_map(|line| line.strip_prefix("topic_id: "))?;
        decode(id)
    }

    fn take(&self) -> Process {
        self.process().take().unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sixteen bytes in base 64 of the kind that is used in addresses, without padding.
fn decode(text: &str) -> Option<[u8; 16]> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = 0_u128;
    let mut digits = text.trim().chars().map(|digit| DIGITS.find(digit));
    for _ in 0..21 {
        bits = bits << 6 | u128::try_from(digits.next()??).ok()?;
    }
    // Of the last digit, the two high bits are left.
    let last = u128::try_from(digits.next()??).ok()?;
    Some((bits << 2 | last >> 4).to_be_bytes())
}

fn properties(index: usize, ports: &[Ports], data: &str) -> String {
    let brokers = ports.len();
    let voters: Vec<String> =
        ports.iter().enumerate().map(|(index, ports)| format!("{index}@127.0.0.1:{}", ports.controller)).collect();
    let Ports { direct, proxied, proxy, controller } = ports[index];
    let mut properties = format!(
        "process.roles=broker,controller\nnode.id={index}\ncontroller.quorum.voters={}\n\
         listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{proxied},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{proxy}\n\
         inter.broker.listener.name=DIRECT\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={data}\n",
        voters.join(","),
    );
    let in_sync = if brokers > 1 { 2 } else { 1 };
    // Few internal partitions make a first start quick; no delay takes seconds off every first join; dead owners'
    // transactions end soon after their time; a frozen broker is missed after six seconds.
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
        ("group.min.session.timeout.ms", "1000".to_owned()),
        ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000".to_owned()),
        ("broker.session.timeout.ms", "6000".to_owned()),
    ] {
        writeln!(properties, "{name}={value}").expect("writing to a String cannot fail");
    }
    properties
}

fn log4j2(file: &str) -> String {
    format!(
        "status=error\nappender.f.type=File\nappender.f.name=F\nappender.f.fileName={file}\n\
         appender.f.layout.type=PatternLayout\nappender.f.layout.pattern=%d %p %c{{1}} %m%n\n\
         rootLogger.level=info\nrootLogger.appenderRef.f.ref=F\n"
    )
}

fn log4j1(file: &str) -> String {
    format!(
        "log4j.rootLogger=INFO, F\nlog4j.appender.F=org.apache.log4j.FileAppender\nlog4j.appender.F.File={file}\n\
         log4j.appender.F.layout=org.apache.log4j.PatternLayout\n\
         log4j.appender.F.layout.ConversionPattern=%d %p %c{{1}} %m%n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn an_id_of_a_topic_is_sixteen_bytes() {
        assert_eq!(decode("AAAAAAAAAAAAAAAAAAAAAQ"), Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!(decode("_____________________w"), Some([0xff; 16]));
        assert_eq!((decode("too-short"), decode("AAAAAAAAAAAAAAAAAAAA?Q")), (None, None));
    }
}
