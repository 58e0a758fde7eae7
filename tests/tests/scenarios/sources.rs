//! Sources whose topics come, grow and go under two instances of ingest: what the catalogue names is what is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use pipeline_tests::{Cluster, Deployment, Service, until};
use records::{Progress, headers};
use streaming::{Cleanup, OutRecord, TopicPartition, TopicSpec, log::read_to_end, transact};

/// Within which time a change is taken up.
const SOON: Duration = Duration::from_secs(10);
/// For whatever a test has to wait for before.
const LONG: Duration = Duration::from_mins(1);
/// Longest time for which nothing is said of a partition that did not change, in milliseconds.
const GAP: i64 = 12_000;
const LINE: &str = "2026-11-02T10:00:00Z web-1 sshd[1]: Accepted publickey for ann from 192.0.2.7 port 22 ssh2";
/// The source that comes and goes. Its topic is `raw.extra`.
const EXTRA: &str = "extra";

/// Adds a source to the catalogue: a second one like sshd.
fn add_source(deployment: &Deployment) {
    let schemas = deployment.folder().join("schemas");
    let text = fs::read_to_string(schemas.join("sources/sshd.yaml")).unwrap();
    let text = text.replace("source: sshd", "source: extra").replace("raw.sshd", "raw.extra");
    let mapping = schemas.join("mappings").join(EXTRA);
    fs::create_dir_all(&mapping).unwrap();
    fs::copy(schemas.join("mappings/sshd/map.vrl"), mapping.join("map.vrl")).unwrap();
    fs::write(schemas.join("sources/extra.yaml"), text).unwrap();
}

fn remove_source(deployment: &Deployment) {
    let schemas = deployment.folder().join("schemas");
    fs::remove_file(schemas.join("sources/extra.yaml")).unwrap();
    fs::remove_dir_all(schemas.join("mappings").join(EXTRA)).unwrap();
}

fn create_topic(deployment: &Deployment, partitions: i32) {
    let spec = TopicSpec {
        name: deployment.source_topic("raw.extra"),
        partitions,
        replication_factor: 1,
        cleanup: Cleanup::Delete,
        configs: BTreeMap::new(),
    };
    deployment.log().create(&spec).unwrap();
}

fn topic_tool(arguments: &[&str]) {
    Cluster::shared().tool("org.apache.kafka.tools.TopicCommand", arguments);
}

/// Deletes the topic, and waits until it is gone.
fn delete_topic(deployment: &Deployment) {
    let topic = deployment.source_topic("raw.extra");
    topic_tool(&["--delete", "--topic", &topic]);
    until("the topic to be gone", LONG, || match deployment.log().describe(&topic) {
        Ok(None) => Ok(()),
        seen => Err(format!("{seen:?}")),
    });
}

/// Writes a line to each of some partitions.
fn write_to(deployment: &Deployment, topic: &str, partitions: std::ops::Range<i32>) {
    let record = |partition| OutRecord {
        topic: deployment.source_topic(topic).into(),
        partition: Some(partition),
        value: Some(LINE.replace("sshd[1]", &format!("sshd[{partition}]")).into_bytes()),
        ..OutRecord::default()
    };
    let mut producer = deployment.log().producer(&format!("{topic}-by-hand")).unwrap();
    transact(producer.as_mut(), partitions.map(record).collect(), None).unwrap();
}

/// A series of the services' pages, added up.
fn sum(services: &[&Service], series: &str) -> Result<u64, String> {
    let mut total = 0;
    for service in services {
        let (_, page) = service.get("/metrics")?;
        let values = page.lines().filter(|line| line.starts_with(series));
        total += values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(total)
}

fn wait_for(what: &str, deadline: Duration, services: &[&Service], series: &str, wanted: u64) {
    until(what, deadline, || match sum(services, series)? {
        found if found == wanted => Ok(()),
        found => Err(format!("{series} {found}, not {wanted}; {}", tails(services))),
    });
}

/// The last lines of the services' logs.
fn tails(services: &[&Service]) -> String {
    let tail = |service: &&Service| {
        let output = service.process.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    };
    services.iter().map(tail).collect::<Vec<_>>().join("\n----\n")
}

fn read_of(source: &str) -> String {
    format!("vernier_ingest_read_total{{source=\"{source}\"}}")
}

fn wait_until_ready(services: &[&Service]) {
    for service in services {
        until("both to read", LONG, || {
            let (status, body) = service.get("/readyz")?;
            if status == 200 { Ok(()) } else { Err(format!("{body}; {}", tails(services))) }
        });
    }
}

/// What ingest has said of how far it has read, in order, with the time of writing.
fn progress(deployment: &Deployment) -> Vec<(i64, Progress)> {
    let mut all = Vec::new();
    let at = TopicPartition::new(&deployment.topics().events, 0);
    read_to_end(deployment.log(), &at, LONG, &mut |record| {
        if record.header(headers::KIND) == Some(headers::PROGRESS) {
            let progress = records::decode("progress", record.value().unwrap_or_default()).unwrap();
            all.push((record.timestamp().unwrap_or(0), progress));
        }
    })
    .unwrap();
    all
}

/// The longest time without a word of a partition of any source but the extra one.
fn longest_gap(progress: &[(i64, Progress)]) -> (i64, String) {
    let mut last = BTreeMap::new();
    let mut longest = (0, String::new());
    for (time, said) in progress.iter().filter(|(_, said)| said.source != EXTRA) {
        let place = format!("{}-{}", said.topic, said.partition);
        if let Some(before) = last.insert(place.clone(), *time) {
            longest = longest.max((time - before, place));
        }
    }
    longest
}

#[expect(clippy::disallowed_methods, reason = "how long a change takes")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_source_that_is_added_or_removed_is_taken_up_after_a_restart_and_the_others_go_on() {
    let deployment = Deployment::new(Cluster::shared(), "sources");
    let one = deployment.start_instance("ingest", 0);
    let two = deployment.start_instance("ingest", 1);
    wait_until_ready(&[&one, &two]);
    let assigned = "vernier_partitions_assigned";
    let before = sum(&[&one, &two], assigned).unwrap();

    add_source(&deployment);
    create_topic(&deployment, 2);
    write_to(&deployment, "raw.extra", 0..2);
    one.stop();
    two.stop();
    deployment.apply("a source that comes");
    let one = deployment.start_instance("ingest", 0);
    let two = deployment.start_instance("ingest", 1);
    let begin = now();
    wait_for("the new source to be read", SOON, &[&one, &two], &read_of(EXTRA), 2);
    eprintln!("an added source is read after {:?}", begin.elapsed());
    wait_for("all to be owned", LONG, &[&one, &two], assigned, before + 2);
    wait_until_ready(&[&one, &two]);

    remove_source(&deployment);
    one.stop();
    two.stop();
    deployment.apply("and goes");
    let one = deployment.start_instance("ingest", 0);
    let two = deployment.start_instance("ingest", 1);
    let begin = now();
    write_to(&deployment, "raw.extra", 0..2);
    write_to(&deployment, "raw.sshd", 0..2);
    wait_for("the others to be read", SOON, &[&one, &two], &read_of("sshd"), 2);
    wait_for("the old one to be given up", SOON, &[&one, &two], assigned, before);
    until("nothing to be assigned that is not read", LONG, || {
        let output = tails(&[&one, &two]);
        if output.contains("partitions revoked") { Ok(()) } else { Err(output) }
    });
    eprintln!("a removed source is given up after {:?}", begin.elapsed());
    wait_until_ready(&[&one, &two]);
    let (gap, place) = longest_gap(&progress(&deployment));
    eprintln!("longest gap {gap} ms, of {place}");
    assert!(gap <= GAP, "nothing was said of {place} for {gap} ms");
    one.stop();
    two.stop();
}

#[test]
fn new_partitions_are_read_and_all_instances_tell_of_them() {
    let deployment = Deployment::new(Cluster::shared(), "grown");
    let one = deployment.start_instance("ingest", 0);
    let two = deployment.start_instance("ingest", 1);
    wait_until_ready(&[&one, &two]);
    let topic = deployment.source_topic("raw.sshd");
    topic_tool(&["--alter", "--topic", &topic, "--partitions", "4"]);
    let begin = now();
    // The producer's client may be told of the old number still: what it writes to must be there.
    until("the partitions to be there", LONG, || {
        let ends = deployment.log().end_offset(&TopicPartition::new(&topic, 3));
        ends.map_err(|fault| fault.to_string())
    });
    write_to(&deployment, "raw.sshd", 0..4);
    wait_for("the new partitions to be read", SOON, &[&one, &two], &read_of("sshd"), 4);
    eprintln!("new partitions are read after {:?}", begin.elapsed());
    until("all to tell of four", SOON, || {
        let progress = progress(&deployment);
        let said = progress.iter().map(|(_, said)| said).filter(|said| said.topic == topic);
        let newest: BTreeMap<i32, u32> = said.map(|said| (said.partition, said.partitions)).collect();
        let wanted = (0..4).map(|partition| (partition, 4)).collect();
        if newest == wanted { Ok(()) } else { Err(format!("{newest:?}")) }
    });
    eprintln!("all tell of them after {:?}", begin.elapsed());
    one.stop();
    two.stop();
}

#[test]
fn a_source_without_its_topic_waits_by_name_and_is_read_from_the_beginning_once_it_comes() {
    let deployment = Deployment::new(Cluster::shared(), "missing");
    add_source(&deployment);
    let topic = deployment.source_topic("raw.extra");
    let ingest = deployment.start("ingest");
    let waiting = format!("vernier_ingest_waiting{{source=\"extra\",topic=\"{topic}\"}}");
    let waits = |deadline, wanted| wait_for("the source to wait, or not", deadline, &[&ingest], &waiting, wanted);
    waits(LONG, 1);
    wait_until_ready(&[&ingest]);
    deployment.write([("raw.sshd", LINE.as_bytes().to_vec())]);
    wait_for("the others to be read", LONG, &[&ingest], &read_of("sshd"), 1);
    assert!(ingest.process.output().contains("the topic does not exist"), "{}", tails(&[&ingest]));
    let said: BTreeSet<String> = progress(&deployment).into_iter().map(|(_, said)| said.source).collect();
    assert!(said.contains("sshd") && !said.contains(EXTRA), "{said:?}");

    let mut read = 0;
    for _ in 0..2 {
        create_topic(&deployment, 2);
        let begin = now();
        write_to(&deployment, "raw.extra", 0..2);
        read += 2;
        wait_for("the source to be read", SOON, &[&ingest], &read_of(EXTRA), read);
        eprintln!("a new topic is read after {:?}", begin.elapsed());
        waits(SOON, 0);
        delete_topic(&deployment);
        waits(SOON, 1);
        deployment.write([("raw.sshd", LINE.as_bytes().to_vec())]);
        wait_for("the others to be read", SOON, &[&ingest], &read_of("sshd"), 1 + read / 2);
    }
    let (gap, place) = longest_gap(&progress(&deployment));
    eprintln!("longest gap {gap} ms, of {place}");
    assert!(gap <= GAP, "nothing was said of {place} for {gap} ms");
    ingest.stop();

    // Created anew while nobody looked: the brokers have forgotten the offsets with the topic.
    create_topic(&deployment, 2);
    let ingest = deployment.start("ingest");
    until("both partitions to be found empty", LONG, || {
        let output = ingest.process.output();
        let found = output.matches("created anew: it is read from its beginning").count();
        if found == 2 { Ok(()) } else { Err(tails(&[&ingest])) }
    });
    write_to(&deployment, "raw.extra", 0..2);
    wait_for("the source to be read", LONG, &[&ingest], &read_of(EXTRA), 2);
    ingest.stop();
}
