//! Events per CPU-second of the aggregator on a real broker, with transactions and without, beside a bare consume
//! loop over the same topic in the same run. `make bench` starts the broker.
//!
//! CPU time is that of this process with all its threads, librdkafka's included; the broker's is not in it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::{Progress, Topics, headers};
use streaming::{
    Clock, Log, OutRecord, TopicPartition,
    kafka::{KafkaConfig, KafkaLog},
    transact,
};

const EVENTS: u64 = 300_000;
const ROUNDS: usize = 3;
const PARTITIONS: i32 = 4;
/// Clock ticks a second in /proc.
const TICKS: f64 = 100.0;

#[expect(clippy::disallowed_methods, reason = "scripts/bench.sh tells where the broker is")]
fn main() {
    // `cargo test --all-targets` runs benches, too: there is no broker then, and nothing to measure.
    let Ok(bootstrap_servers) = std::env::var("VERNIER_BENCH_BROKERS") else {
        println!("VERNIER_BENCH_BROKERS is not set: run `make bench`");
        return;
    };
    let log = KafkaLog::new(KafkaConfig { bootstrap_servers, properties: BTreeMap::new() });
    let plain: Arc<dyn Log> = Arc::new(log.clone().without_transactions());
    let shared: Arc<dyn Log> = Arc::new(log);
    let catalogue = Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")).unwrap();
    println!("{EVENTS} events a round, {PARTITIONS} partitions, {} constructs", catalogue.constructs.len());
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let prefix = |what: &str| format!("bench-{}-{round}-{what}", std::process::id());
        // The same events for each, so that none finds the other's state.
        let (with, without) = (prefix("with"), prefix("without"));
        let mut bytes = 0;
        for name in [&with, &without] {
            let topics = Topics::new(name);
            for spec in service::topics::ours(&topics, PARTITIONS, 1) {
                shared.create(&spec).unwrap();
            }
            bytes = write(shared.as_ref(), &topics);
        }
        let (bare, bare_wall) = measured(|| consume(shared.as_ref(), &Topics::new(&with)));
        let (full, full_wall) = measured(|| aggregate(&shared, &catalogue, &with));
        let (open, open_wall) = measured(|| aggregate(&plain, &catalogue, &without));
        let rate = |seconds: f64| EVENTS as f64 / seconds / 1000.0;
        ratios.push(bare / full);
        costs.push(open / full);
        println!(
            "round {round}: {} bytes an event; k events per CPU-second (wall seconds): bare consume {:.0} ({bare_wall:.1}), \
             aggregator with transactions {:.0} ({full_wall:.1}), without {:.0} ({open_wall:.1}); \
             ratio to bare {:.3}, to the aggregator without transactions {:.3}",
            bytes / EVENTS,
            rate(bare),
            rate(full),
            rate(open),
            bare / full,
            open / full
        );
    }
    for (what, values) in [("to bare consume", &mut ratios), ("to without transactions", &mut costs)] {
        values.sort_by(f64::total_cmp);
        println!("median ratio {what} {:.3}", values[ROUNDS / 2]);
    }
}

/// CPU seconds and wall seconds of a piece of work.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn measured(work: impl FnOnce()) -> (f64, f64) {
    let (cpu, wall) = (cpu_seconds(), std::time::Instant::now());
    work();
    (cpu_seconds() - cpu, wall.elapsed().as_secs_f64())
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program may hold anything, and ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

/// Log-ins of a month, one in five failed, as a source with much to say writes them.
fn event(number: u64) -> Vec<u8> {
    let time = 1_772_323_200_000 + number * 2_592_000_000 / EVENTS;
    let (status_id, status) = if number.is_multiple_of(5) { (2, "Failure") } else { (1, "Success") };
    let host = number % 300;
    format!(
        r#"{{"activity_id":1,"activity_name":"Logon","auth_protocol":"password","auth_protocol_id":99,"category_name":"Identity & Access Management","category_uid":3,"class_name":"Authentication","class_uid":3002,"cloud":{{"account":{{"name":"production","uid":"4711"}},"provider":"on-premises","region":"eu-central"}},"device":{{"hostname":"server-{host:03}.example.org","ip":"198.51.100.{}","os":{{"name":"Debian GNU/Linux","type":"Linux","type_id":200,"version":"12"}},"type":"Server","type_id":1,"uid":"asset-{host:04}"}},"is_cleartext":false,"is_mfa":false,"is_remote":true,"logon_type":"Network","logon_type_id":3,"message":"authentication attempt number {number} seen by the daemon of the host","metadata":{{"log_name":"auth.log","log_provider":"sshd","original_time":"Mar  1 00:00:00","product":{{"name":"OpenSSH","vendor_name":"OpenBSD","version":"9.2"}},"profiles":["host","cloud"],"uid":"bench-{number:09}","version":"1.8.0"}},"severity":"Informational","severity_id":1,"src_endpoint":{{"ip":"192.0.2.{}","port":{}}},"status":"{status}","status_id":{status_id},"time":{time},"timezone_offset":60,"type_name":"Authentication: Logon","type_uid":300201,"user":{{"name":"u{:05}","type":"User","type_id":1,"uid":"S-1-5-{}"}}}}"#,
        host % 250,
        number % 250,
        30_000 + number % 30_000,
        number % 5_000,
        number % 5_000,
    )
    .into_bytes()
}

/// Writes the events, and progress after every part of them; the bytes of the events.
fn write(log: &dyn Log, topics: &Topics) -> u64 {
    let topic: Arc<str> = Arc::from(topics.events.as_str());
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let mut producer = log.producer("bench-source").unwrap();
    let mut bytes = 0;
    for part in 0..EVENTS / 10_000 {
        let numbers = part * 10_000..(part + 1) * 10_000;
        let mut batch: Vec<OutRecord> = numbers
            .map(|number| {
                let value = event(number);
                bytes += u64::try_from(value.len()).unwrap();
                let mut record = OutRecord {
                    topic: Arc::clone(&topic),
                    key: Some(format!("asset-{:04}", number % 300).into_bytes()),
                    value: Some(value),
                    headers: vec![header(headers::KIND, headers::EVENT), header(headers::SOURCE, b"sshd")],
                    ..OutRecord::default()
                };
                streaming::log::place(&mut record, PARTITIONS);
                record
            })
            .collect();
        let newest = 1_772_323_200_000 + (part + 1) * 10_000 * 2_592_000_000 / EVENTS;
        let newest = Timestamp(i64::try_from(newest).unwrap());
        let progress = Progress { newest: Some(newest), ..Progress::new("sshd", "raw.sshd", 0, 1, newest) };
        batch.extend((0..PARTITIONS).map(|partition| OutRecord {
            topic: Arc::clone(&topic),
            partition: Some(partition),
            key: Some(b"raw.sshd/0".to_vec()),
            value: Some(records::encode(&progress)),
            headers: vec![header(headers::KIND, headers::PROGRESS), header(headers::SOURCE, b"sshd")],
            ..OutRecord::default()
        }));
        transact(producer.as_mut(), batch, None).unwrap();
    }
    bytes
}

/// All records that the round has written.
fn total() -> u64 {
    EVENTS + EVENTS / 10_000 * u64::try_from(PARTITIONS).unwrap()
}

fn consume(log: &dyn Log, topics: &Topics) {
    let from: Vec<(i32, i64)> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
    let mut reader = log.reader(&topics.events, &from).unwrap();
    let (mut seen, mut bytes) = (0_u64, 0);
    while seen < total() {
        reader
            .poll(Duration::from_millis(100), 10_000, &mut |record| {
                seen += 1;
                bytes += record.value().map_or(0, <[u8]>::len);
            })
            .unwrap();
    }
    assert!(bytes > 0, "nothing was read");
}

fn aggregate(log: &Arc<dyn Log>, catalogue: &Catalogue, prefix: &str) {
    let options = aggregator::Options { prefix: prefix.to_owned(), ..aggregator::Options::default() };
    let clock: Clock = service::clock::system();
    let (mut runner, _) = aggregator::start(Arc::clone(log), catalogue.clone(), &options, clock).unwrap();
    let stats = runner.stats();
    while stats.records() < total() {
        runner.step(Duration::from_millis(100)).unwrap();
    }
    runner.commit().unwrap();
    let at = TopicPartition::new(&Topics::new(prefix).measures, 0);
    assert!(log.end_offset(&at).unwrap() > 0, "nothing was published");
}
