//! Catalogues that are put into force while everything runs: live figures never pause, and no entry is ever published that a
//! fresh deployment of its definition would contradict.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use measurement::{
    catalogue::{Catalogue, Files},
    time::Timestamp,
};
use pipeline_tests::{Cluster, Deployment, Service, deployment::Setup, until};
use programme::Programme;
use records::ResultRecord;
use serde_json::json;
use streaming::{Cleanup, TopicPartition, TopicSpec, log::read_to_end};
use vernier::{
    chain::{Chain, Timing},
    results,
};

/// Longest time for which a live figure may stand still.
const PAUSE: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_mins(3);
const ATTEMPTS: &str = "live/attempts";

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/live")
}

/// File, what stands there, what stands there afterwards; what the plan says of it.
type Edit<'a> = (&'a str, &'a str, &'a str, &'a str);

const EDITS: [Edit<'_>; 9] = [
    ("constructs/logins.yaml", "title: Failed", "title: All failed", "nothing that is measured does"),
    ("constructs/logins.yaml", "[0, 50)\", red: \"[50,", "[0, 40)\", red: \"[40,", "judged"),
    ("sources/idp.yaml", "rhythm: PT1H", "rhythm: PT2H", "forward"),
    ("sources/idp.yaml", "lateness: PT1S", "lateness: PT2S", "forward"),
    ("mappings/idp/map.vrl", "# Events", ".severity_id = 1\n# Events", "forward"),
    ("constructs/logins.yaml", "minimum_denominator: 1", "minimum_denominator: 2", "derived"),
    ("constructs/more.yaml", "", "NEW", "events"),
    ("constructs/logins.yaml", "values: [h1, h2]", "values: [h1, h2, h3]", "events"),
    ("constructs/accounts.yaml", "count: enabled }", "count: enabled == false }", "rows"),
];

/// What is written all the time, and what is seen of it.
struct Watch {
    over: Arc<AtomicBool>,
    /// The longest time for which the figure stood still.
    longest: Arc<Mutex<Duration>>,
}

#[expect(clippy::disallowed_methods, reason = "how long a figure stands still")]
fn now() -> Instant {
    Instant::now()
}

pub(crate) fn event(number: usize, time: Timestamp) -> Vec<u8> {
    let host = format!("h{}", 1 + number % 4);
    let event = if number % 5 == 4 {
        json!({"class_uid": 27_001_023, "activity_id": 1, "type_uid": 2_700_102_301_i64, "time": time.0, "severity_id": 1,
            "metadata": {"uid": format!("a-{number}"), "version": "1.8.0"}, "account": {"uid": format!("a{}", number % 7), "enabled": number.is_multiple_of(3)}})
    } else {
        json!({"class_uid": 3002, "activity_id": 1, "type_uid": 300_201, "time": time.0, "severity_id": 1,
            "status_id": 1 + number % 2, "metadata": {"uid": format!("l-{number}"), "version": "1.8.0"}, "dst_endpoint": {"hostname": host},
            "user": {"uid": "u"}})
    };
    event.to_string().into_bytes()
}

/// The live figure: start of its period, and how much there is.
pub(crate) fn live(evaluator: &str) -> Result<(i64, String), String> {
    let (_, body) = pipeline_tests::deployment::get(evaluator, "/api/results")?;
    let rows: serde_json::Value = serde_json::from_str(&body).map_err(|fault| fault.to_string())?;
    let row = rows.as_array().into_iter().flatten().find(|row| row["construct"] == ATTEMPTS && row["group"] == "all");
    let row = row.ok_or("it is not shown")?;
    Ok((row["period_start"].as_i64().unwrap_or(0), row["exact"].to_string()))
}

fn in_force(services: &[&Service], sequence: u64) {
    for service in services {
        until("the catalogue to be taken up", Duration::from_secs(20), || {
            let output = service.process.output();
            let taken = ["judging by", "another catalogue is in force", "reading by another catalogue"];
            let said = |line: &str| {
                taken.iter().any(|said| line.contains(said))
                    && (line.contains(&format!("sequence={sequence}"))
                        || line.contains(&format!("catalogue={sequence} ")))
            };
            if output.lines().any(said) {
                Ok(())
            } else {
                Err(output.lines().rev().take(5).collect::<Vec<_>>().join("\n"))
            }
        });
    }
}

fn edit(deployment: &Deployment, (file, from, to, class): Edit<'_>) {
    let path = deployment.folder().join("schemas").join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    assert!(text.contains(from), "{file}: {from}");
    let attempts = fs::read_to_string(folder().join("constructs/attempts.yaml")).unwrap();
    let to = if to == "NEW" { attempts.replace(ATTEMPTS, "live/more") } else { to.to_owned() };
    fs::write(&path, text.replacen(from, &to, 1)).unwrap();
    let said = deployment.apply(&format!("{file} is changed"));
    assert!(said.contains(class), "{class}: {said}");
}

/// Every definition that was in force says the same of what was published by it, where it reads everything afresh.
fn contradictions(deployment: &Deployment, entries: Vec<ResultRecord>) -> Vec<String> {
    let log: Arc<dyn streaming::Log> = Cluster::shared().log();
    let programme = Programme::open(log, &deployment.topics()).unwrap();
    let mut told: Vec<(String, i64, Vec<u8>)> = Vec::new();
    for topic in ["raw.idp", "raw.vpn"].map(|topic| deployment.source_topic(topic)) {
        if deployment.log().describe(&topic).unwrap().is_none() {
            continue;
        }
        for partition in 0..deployment.log().partitions(&topic).unwrap() {
            let at = TopicPartition::new(&topic, partition);
            read_to_end(deployment.log(), &at, LONG, &mut |record| {
                let value = record.value().unwrap_or_default().to_vec();
                told.push((topic.clone(), record.timestamp().unwrap_or(0), value));
            })
            .unwrap();
        }
    }
    told.sort_by_key(|(_, time, _)| *time);
    let mut wrong = Vec::new();
    let mut left = results::newest(entries, false);
    let end = left.iter().map(|entry| entry.period.end).max().unwrap();
    for record in programme.records().iter().rev() {
        let catalogue = programme.catalogue(record.sequence, &programme::Earlier::new()).unwrap();
        let is_of = |entry: &ResultRecord| {
            let construct = catalogue.construct(&entry.construct);
            construct.is_some_and(|construct| {
                construct.digest == entry.definition
                    && construct.indicator.criteria.iter().any(|criteria| criteria.digest == entry.criteria)
            })
        };
        let (own, others): (Vec<ResultRecord>, Vec<ResultRecord>) = left.into_iter().partition(is_of);
        left = others;
        if own.is_empty() {
            continue;
        }
        let mut chain = Chain::with(Catalogue::clone(&catalogue), 2, Timestamp(0), Timing::InTime).unwrap();
        let topics: BTreeSet<String> =
            catalogue.sources.values().flat_map(|source| source.topics.iter().cloned()).collect();
        for (topic, time, value) in told.iter().filter(|(topic, ..)| topics.contains(topic)) {
            chain.write([(Arc::from(topic.as_str()), value.clone())], Timestamp(*time)).unwrap();
        }
        chain.settle(|_| ()).unwrap();
        chain.pass_time(end.plus(60_000)).unwrap();
        let fresh = results::newest(results::entries(chain.log(), &chain.topics().results).unwrap(), false);
        let key = |entry: &ResultRecord| (entry.construct.clone(), entry.period.start, entry.group_label());
        let fresh: BTreeMap<_, _> = fresh.iter().map(|entry| (key(entry), entry)).collect();
        for entry in own {
            let other = fresh.get(&key(&entry));
            if other.map(|other| (&other.base, &other.value)) != Some((&entry.base, &entry.value)) {
                wrong.push(format!(
                    "{:?} rev {} {:?}: {:?} {:?}, fresh {:?}",
                    key(&entry),
                    entry.revision,
                    entry.reason,
                    entry.value,
                    entry.base,
                    other.map(|other| (&other.value, &other.base))
                ));
            }
        }
    }
    wrong.extend(left.iter().map(|entry| format!("{} {}: of no definition", entry.construct, entry.period.start)));
    wrong
}

#[test]
fn everything_is_changed_under_live_figures() {
    let setup = Setup { catalogue: folder(), ..Setup::default() };
    let deployment = Deployment::of(Cluster::shared(), "live", &setup);
    let services = [
        deployment.start_instance("ingest", 0),
        deployment.start_instance("aggregator", 0),
        deployment.start_instance("aggregator", 1),
        deployment.start_instance("evaluator", 0),
    ];
    let evaluator = services[3].address.clone();
    let watch = Watch { over: Arc::default(), longest: Arc::default() };
    std::thread::scope(|scope| {
        let end_watch = EndWatch(Arc::clone(&watch.over));
        let (deployment, over) = (&deployment, Arc::clone(&watch.over));
        scope.spawn(move || {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                let batch = (0..4).map(|_| {
                    number += 1;
                    ("raw.idp", event(number, service::clock::now()))
                });
                deployment.write(batch.collect::<Vec<_>>());
                std::thread::park_timeout(Duration::from_millis(300));
            }
        });
        until("a figure to be shown", Duration::from_secs(40), || live(&evaluator).map(|_| ()));
        let (over, longest, address) = (Arc::clone(&watch.over), Arc::clone(&watch.longest), evaluator.clone());
        scope.spawn(move || {
            let (mut last, mut since) = (None, now());
            while !over.load(Ordering::Relaxed) {
                let seen = live(&address).ok();
                if seen.is_some() && seen != last {
                    (last, since) = (seen, now());
                }
                let mut longest = longest.lock().unwrap();
                *longest = since.elapsed().max(*longest);
                drop(longest);
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        change_everything(deployment, &services);
        drop(end_watch);
    });
    let longest = *watch.longest.lock().unwrap();
    eprintln!("the live figure stood still for {longest:?} at most");
    let ledger = deployment.ledger();
    for service in services {
        service.stop();
    }
    let wrong = contradictions(&deployment, ledger.clone());
    assert!(wrong.is_empty(), "{} of {} entries:\n{}", wrong.len(), ledger.len(), wrong.join("\n"));
    assert!(longest <= PAUSE, "{longest:?}");
    assert!(ledger.iter().all(|entry| entry.revision == 1), "nothing came late");
    assert!(ledger.iter().any(|entry| entry.breaks.is_some()), "breaks are told");
}

/// Ends the threads, also where a check has failed.
struct EndWatch(Arc<AtomicBool>);

impl Drop for EndWatch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn change_everything(deployment: &Deployment, services: &[Service; 4]) {
    let [ingest, one, two, evaluator] = services;
    let all = [ingest, one, two, evaluator];
    let mut sequence = 1;
    let mut next = |edit_it: &dyn Fn()| {
        edit_it();
        sequence += 1;
        in_force(&all, sequence);
        sequence
    };
    for one in EDITS {
        next(&|| edit(deployment, one));
    }
    // A source that comes with what is measured of it.
    let schemas = deployment.folder().join("schemas");
    let topic = deployment.source_topic("raw.vpn");
    let spec = TopicSpec {
        name: topic.clone(),
        partitions: 2,
        replication_factor: 1,
        cleanup: Cleanup::Delete,
        configs: BTreeMap::new(),
    };
    deployment.log().create(&spec).unwrap();
    let copy = |from: &str, to: &str, changes: &[(&str, &str)]| {
        let text = fs::read_to_string(schemas.join(from)).unwrap();
        let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
        fs::create_dir_all(schemas.join(to).parent().unwrap()).unwrap();
        fs::write(schemas.join(to), text).unwrap();
    };
    next(&|| {
        copy("sources/idp.yaml", "sources/vpn.yaml", &[("source: idp", "source: vpn"), ("raw.idp", "raw.vpn")]);
        copy("mappings/idp/map.vrl", "mappings/vpn/map.vrl", &[]);
        let of = [(ATTEMPTS, "live/vpn"), ("sources: [idp]", "sources: [vpn]")];
        copy("constructs/attempts.yaml", "constructs/vpn.yaml", &of);
        deployment.apply("a source comes");
    });
    deployment.write([("raw.vpn", event(1, service::clock::now()))]);
    until("the new source to be read", Duration::from_secs(10), || {
        let (_, page) = ingest.get("/metrics")?;
        let read = page.lines().find(|line| line.starts_with("vernier_ingest_read_total{source=\"vpn\"}"));
        if read.is_some_and(|line| line.ends_with(" 1")) { Ok(()) } else { Err(format!("{read:?}")) }
    });
    // Long enough for all that is new to begin, and for a period of it to be closed.
    let closed = |construct: &str, after: Timestamp| {
        until("a period to be closed", LONG, || {
            let entries = deployment.try_results()?;
            let found = entries.iter().any(|entry| entry.construct == construct && entry.period.start >= after);
            if found { Ok(()) } else { Err(format!("{} entries", entries.len())) }
        });
    };
    let after = service::clock::now();
    closed("live/more", after);
    next(&|| {
        for path in ["sources/vpn.yaml", "constructs/vpn.yaml", "mappings/vpn/map.vrl"] {
            fs::remove_file(schemas.join(path)).unwrap();
        }
        fs::remove_dir(schemas.join("mappings/vpn")).unwrap();
        deployment.apply("a source goes");
    });
    // And back: a dimension loses the value that it has got.
    let path = "constructs/logins.yaml";
    next(&|| edit(deployment, (path, "values: [h1, h2, h3]", "values: [h1, h2]", "events")));
    // The first events go: what needs none of them goes on, and what does is said to be impossible.
    let offset = deployment.log().stable_offset(&TopicPartition::new(&deployment.topics().events, 0)).unwrap() / 2;
    let partitions: Vec<_> = (0..3)
        .map(|partition| json!({"topic": deployment.topics().events, "partition": partition, "offset": offset.min(50)}))
        .collect();
    let list = deployment.folder().join("delete.json");
    fs::write(&list, json!({"partitions": partitions, "version": 1}).to_string()).unwrap();
    let list = list.to_string_lossy().into_owned();
    Cluster::shared().tool("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &list]);
    next(&|| edit(deployment, ("constructs/attempts.yaml", "title: Attempts", "title: All attempts", "measured does")));
    next(&|| edit(deployment, (path, "count: status_id == 2", "count: status_id != 1", "counts from")));
    next(&|| {
        let population = ("populations/accounts.yaml", "merge: last", "merge: first", "IMPOSSIBLE");
        edit(deployment, population);
    });
    closed(ATTEMPTS, service::clock::now());
    let files = Files::read(&schemas).0;
    assert!(Catalogue::from_files(&files).is_ok());
}
