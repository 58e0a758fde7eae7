//! The ground itself: brokers that stop, start, freeze and go on, and the way through the proxies.

use std::{collections::BTreeMap, time::Duration};

use pipeline_tests::{
    Cluster,
    proxy::{Moment, Point, point::Call, stop_at, watch},
    until,
};
use streaming::{
    Cleanup, Log as _, OutRecord, TopicPartition, TopicSpec,
    kafka::{KafkaConfig, KafkaLog},
    transact,
};

const SOON: Duration = Duration::from_secs(20);

fn record(topic: &str, value: &str) -> OutRecord {
    OutRecord { topic: topic.into(), partition: Some(0), value: Some(value.into()), ..OutRecord::default() }
}

#[test]
fn a_broker_keeps_its_data_and_ports_and_the_proxy_sees_what_goes_to_it() {
    let cluster = Cluster::start(1);
    let topic = "ground";
    let spec = TopicSpec {
        name: topic.to_owned(),
        partitions: 1,
        replication_factor: 1,
        cleanup: Cleanup::Delete,
        configs: BTreeMap::new(),
    };
    cluster.log().create(&spec).unwrap();
    let through =
        KafkaLog::new(KafkaConfig { bootstrap_servers: cluster.proxied_servers(), properties: BTreeMap::new() });
    let write = |value: &str| {
        let mut producer = through.producer("ground-1").unwrap();
        transact(producer.as_mut(), vec![record(topic, value)], None).unwrap();
    };
    let produced = watch(cluster.proxies(), Point::at(Call::Produce, Moment::Forwarded).of("ground-1"));
    let committed = watch(cluster.proxies(), Point::after(Call::EndTxn).of("ground-1"));
    let read = watch(cluster.proxies(), Point::before(Call::Fetch).of(cluster.topic_id(topic)));
    write("a");
    produced.wait(SOON);
    committed.wait(SOON);
    let at = TopicPartition::new(topic, 0);
    let values = |log: &KafkaLog| {
        let mut values = Vec::new();
        let read = streaming::log::read_to_end(log, &at, SOON, &mut |record| {
            values.push(String::from_utf8_lossy(record.value().unwrap_or_default()).into_owned());
        });
        read.map(|_| values).map_err(|fault| fault.to_string())
    };
    assert_eq!(values(&through), Ok(vec!["a".to_owned()]));
    read.wait(SOON);

    cluster.kill_broker(0);
    cluster.start_broker(0);
    write("b");
    cluster.stop_broker(0);
    cluster.start_broker(0);
    write("c");
    let all = ["a", "b", "c"].map(str::to_owned);
    until("everything written", SOON, || {
        values(&through).and_then(|found| (found == all).then_some(()).ok_or(format!("{found:?}")))
    });

    cluster.freeze_broker(0);
    let frozen = cluster.log().end_offset(&at);
    assert!(frozen.is_err(), "{frozen:?} from a frozen broker");
    cluster.thaw_broker(0);
    until("everything again", SOON, || values(&cluster.log()).map(|found| assert_eq!(found, all)));

    let stop = stop_at(cluster.proxies(), Point::before(Call::EndTxn).of("ground-1"));
    let mut producer = through.producer("ground-1").unwrap();
    producer.begin().unwrap();
    producer.send(record(topic, "d")).unwrap();
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| producer.commit());
        stop.wait(SOON);
        assert!(!commit.is_finished());
        stop.pass();
        commit.join().unwrap().unwrap();
    });
    assert_eq!(values(&through).map(|found| found.len()), Ok(4));
}
