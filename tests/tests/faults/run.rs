//! A load that is written without a pause, services that work on it, somebody who reads along; and at the end the
//! recount, which must find nothing wrong.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use measurement::catalogue::Catalogue;
use pipeline_tests::{Anomaly, Checker, Cluster, Deployment, Input, Load, Observer, Process, Setup, load, until};
use streaming::{Log, OutRecord, Producer, kafka::KafkaLog, transact};

/// The services, in the order of the stream.
pub(crate) const SERVICES: [&str; 3] = ["ingest", "aggregator", "evaluator"];

/// How long anything may take to go on after a fault: a session, a transaction and a rebalance, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Records of one transaction of the load, and the pause after it: some 150 records a second.
const BATCH: usize = 15;
const PAUSE: Duration = Duration::from_millis(100);
/// Event time between two records, in milliseconds: at 150 a second, some 50 minutes a second.
const PACE: i64 = 20_000;
/// How far back the load begins, so that it does not overtake the clock: 100 days are 45 minutes of load.
const BEGIN: i64 = 100 * 24 * 3_600_000;

/// One run.
pub(crate) struct Run<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) deployment: Arc<Deployment>,
    name: String,
    catalogue: Catalogue,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    writer: JoinHandle<(Load, Writer)>,
    reader: JoinHandle<Observer>,
}

impl<'a> Run<'a> {
    /// Topics and the load, whose services reach the brokers through the proxies; no service runs yet.
    pub(crate) fn new(cluster: &'a Cluster, name: &str, seed: u64) -> Self {
        let setup = Setup {
            catalogue: load::catalogue_folder(),
            // While a service is down, no source is to count as idle.
            idle: "PT30M",
            proxied: true,
            ..Setup::default()
        };
        let deployment = Arc::new(Deployment::of(cluster, name, &setup));
        let catalogue = Catalogue::load(&deployment.folder().join("schemas")).expect("the catalogue is sound");
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicU64::new(0));
        let load = Load::new(seed, service::clock::now().minus(BEGIN)).pace(PACE);
        let writer = Writer { log: cluster.log(), name: name.to_owned(), producer: None };
        let prefix = format!("{name}.vernier");
        let observer = Observer::new(&prefix);
        Self {
            cluster,
            name: name.to_owned(),
            catalogue,
            writer: start_writer(writer, load, &stop, &written),
            reader: start_reader(cluster.log(), observer, &stop),
            stop,
            written,
            deployment,
        }
    }

    /// What names a service's group; its transactional ids begin with it.
    pub(crate) fn id(&self, service: &str) -> String {
        format!("{}.vernier-{service}", self.name)
    }

    /// Starts all services.
    pub(crate) fn start_all(&self) -> Vec<Instance> {
        SERVICES.iter().map(|service| self.start(service, 0)).collect()
    }

    /// Starts one instance and waits until it listens.
    pub(crate) fn start(&self, service: &'static str, number: u32) -> Instance {
        self.start_at(service, number).0
    }

    /// The same, and where it listens.
    pub(crate) fn start_at(&self, service: &'static str, number: u32) -> (Instance, String) {
        let started = self.deployment.start_instance(service, number);
        let process = Some(started.process);
        (Instance { deployment: Arc::clone(&self.deployment), service, number, process }, started.address)
    }

    /// An instance that does not run yet.
    pub(crate) fn instance(&self, service: &'static str, number: u32) -> Instance {
        Instance { deployment: Arc::clone(&self.deployment), service, number, process: None }
    }

    /// How far each service has come: growth of what it writes.
    fn progress(&self) -> Result<[i64; 3], String> {
        let topics = self.deployment.topics();
        let of = |topic: &str| self.deployment.try_growth(topic);
        Ok([of(&topics.events)?, of(&topics.measures)?, of(&topics.results)?])
    }

    /// Waits until every service has written something that it had not written at the call.
    pub(crate) fn wait_for_progress(&self) {
        let mut before = None;
        until("every service to go on", PATIENCE, || {
            let now = self.progress()?;
            let before = *before.get_or_insert(now);
            let all = now.iter().zip(before).all(|(now, before)| *now > before);
            if all { Ok(()) } else { Err(format!("{before:?}, then {now:?}")) }
        });
    }

    /// Ends the load. What must hold at any moment holds now, but for what the test itself has brought about.
    pub(crate) fn abandon(self, own: impl Fn(&Anomaly) -> bool) {
        self.stop.store(true, Ordering::Release);
        drop(self.writer.join().expect("the load was written"));
        let observer = self.reader.join().expect("somebody read along");
        let prefix = format!("{}.vernier", self.name);
        let log = self.cluster.log();
        let mut anomalies =
            Checker::new(&self.catalogue, &prefix).check_topics(log.as_ref()).expect("the brokers answer");
        anomalies.retain(|anomaly| !own(anomaly));
        told(&anomalies).expect("nothing is wrong");
        told(observer.anomalies()).expect("nothing was wrong on the way");
    }

    /// Ends the load, lets everything run quiet, ends the services, and counts again.
    pub(crate) fn finish(self, instances: Vec<Instance>) {
        self.stop.store(true, Ordering::Release);
        let (mut load, mut writer) = self.writer.join().expect("the load was written");
        // A day and more: every period of what was written is over.
        let closing = load.closing(26 * 3_600_000);
        until("the end of the load to be written", PATIENCE, || writer.write(&closing));
        let written = self.written.load(Ordering::Acquire);
        assert!(written > 100, "{written} records prove little");
        let closed_to = load.closed_to().expect("it was closed");
        let log = self.cluster.log();
        let input = Input::read(log.as_ref(), &self.catalogue).expect("read the source topics");
        let prefix = format!("{}.vernier", self.name);
        let checker = Checker::new(&self.catalogue, &prefix);
        let check = || checker.check_final(log.as_ref(), &input, closed_to).map_err(|fault| fault.to_string());
        until("everything to be counted", PATIENCE, || {
            let moving =
                |anomaly: &Anomaly| matches!(anomaly, Anomaly::NotQuiet { .. } | Anomaly::OpenTransaction { .. });
            told(&check()?.into_iter().filter(|anomaly| !moving(anomaly)).collect::<Vec<_>>())
        });
        for mut instance in instances {
            instance.stop();
        }
        told(&check().expect("the brokers answer")).expect("nothing is wrong once everything has ended");
        let observer = self.reader.join().expect("somebody read along");
        told(observer.anomalies()).expect("nothing was wrong on the way");
        assert!(observer.seen() > 100, "who has seen {} records proves little", observer.seen());
        eprintln!("{}: {written} records written, {} read along, nothing wrong", self.name, observer.seen());
    }
}

/// Lets time pass: how long a fault lasts.
pub(crate) fn lasts(time: Duration) {
    thread::sleep(time);
}

/// The first few of what is wrong.
fn told(anomalies: &[Anomaly]) -> Result<(), String> {
    if anomalies.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = anomalies.iter().take(5).map(ToString::to_string).collect();
    Err(format!("{} anomalies: {}", anomalies.len(), lines.join("\n")))
}

/// One instance of a service, which may run or not.
pub(crate) struct Instance {
    deployment: Arc<Deployment>,
    pub(crate) service: &'static str,
    pub(crate) number: u32,
    process: Option<Process>,
}

impl Instance {
    /// Starts it and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.service);
        self.process = Some(self.deployment.spawn(self.service, self.number));
    }

    /// How much it has written to its log in all its lives.
    pub(crate) fn output_so_far(&self) -> usize {
        let log = self.deployment.folder().join(format!("{}-{}.log", self.service, self.number));
        std::fs::read_to_string(log).unwrap_or_default().len()
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("{} does not run", self.service))
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.take().kill();
    }

    /// Asks it to end and expects that it does, in good order.
    pub(crate) fn stop(&mut self) {
        let process = self.take();
        assert!(process.runs(), "{} has ended by itself: {}", self.service, process.output());
        process.stop();
    }

    pub(crate) fn take(&mut self) -> Process {
        self.process.take().unwrap_or_else(|| panic!("{} does not run", self.service))
    }
}

/// Writes source records. A transaction that does not stand is not written again: what stands is the truth.
struct Writer {
    log: Arc<KafkaLog>,
    name: String,
    producer: Option<Box<dyn Producer>>,
}

impl Writer {
    fn write(&mut self, sent: &[load::Sent]) -> Result<(), String> {
        let records: Vec<OutRecord> =
            sent.iter().map(|sent| sent.to_record(&format!("{}.{}", self.name, sent.topic))).collect();
        let mut producer = match self.producer.take() {
            Some(producer) => producer,
            None => self.log.producer(&format!("{}-load", self.name)).map_err(|fault| fault.to_string())?,
        };
        transact(producer.as_mut(), records, None).map_err(|fault| fault.to_string())?;
        self.producer = Some(producer);
        Ok(())
    }
}

fn start_writer(
    mut writer: Writer,
    mut load: Load,
    stop: &Arc<AtomicBool>,
    written: &Arc<AtomicU64>,
) -> JoinHandle<(Load, Writer)> {
    let (stop, written) = (Arc::clone(stop), Arc::clone(written));
    thread::spawn(move || {
        while !stop.load(Ordering::Acquire) {
            let batch = load.batch(BATCH);
            match writer.write(&batch) {
                Ok(()) => {
                    written.fetch_add(BATCH as u64, Ordering::AcqRel);
                }
                // The brokers may be what fails in this run.
                Err(fault) => eprintln!("{}: the load: {fault}", writer.name),
            }
            thread::sleep(PAUSE);
        }
        (load, writer)
    })
}

fn start_reader(log: Arc<KafkaLog>, mut observer: Observer, stop: &Arc<AtomicBool>) -> JoinHandle<Observer> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        while !stop.load(Ordering::Acquire) {
            if let Err(fault) = observer.poll(log.as_ref(), Duration::from_millis(200)) {
                eprintln!("reading along: {fault}");
            }
        }
        observer
    })
}
