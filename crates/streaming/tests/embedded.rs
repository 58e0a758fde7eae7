//! The embedded log keeps what every log promises.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, time::Duration};

use streaming::{
    Cleanup, Log as _, LogError, OutRecord, TopicPartition, TopicSpec, conformance, embedded::EmbeddedLog,
    log::read_to_end, transact,
};

#[test]
fn conformance_suite() {
    for (promise, check) in conformance::CHECKS {
        if let Err(fault) = check(&EmbeddedLog::new(), "suite") {
            panic!("{promise}: {fault}");
        }
    }
}

fn spec() -> TopicSpec {
    TopicSpec {
        name: "kept".to_owned(),
        partitions: 1,
        replication_factor: 1,
        cleanup: Cleanup::Compact,
        configs: std::collections::BTreeMap::default(),
    }
}

fn values(log: &EmbeddedLog) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    read_to_end(log, &TopicPartition::new("kept", 0), Duration::from_secs(5), &mut |record| {
        values.push(record.value().unwrap().to_vec());
    })
    .unwrap();
    values
}

fn write(log: &EmbeddedLog, value: &[u8]) {
    let record =
        OutRecord { topic: "kept".into(), partition: Some(0), value: Some(value.to_vec()), ..OutRecord::default() };
    transact(log.producer("writer").unwrap().as_mut(), vec![record], None).unwrap();
}

#[test]
fn a_folder_keeps_whole_commits_and_drops_a_torn_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    log.create(&spec()).unwrap();
    write(&log, b"first");
    write(&log, b"second \x00\xff");
    drop(log);
    let path = folder.path().join("log");
    let whole = fs::read(&path).unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    assert_eq!(values(&log), [b"first".to_vec(), b"second \x00\xff".to_vec()]);
    assert_eq!(log.describe("kept").unwrap().unwrap().configs["cleanup.policy"], "compact");
    drop(log);
    // A file that ends anywhere holds whole commits only, and can be written on.
    for cut in [whole.len() - 1, whole.len() - 20, 40, 13, 5, 0] {
        fs::write(&path, &whole[..cut]).unwrap();
        let log = EmbeddedLog::open(folder.path()).unwrap();
        log.create(&spec()).unwrap();
        let before = values(&log);
        assert!([vec![], vec![b"first".to_vec()]].contains(&before), "{before:?}");
        write(&log, b"again");
        drop(log);
        let log = EmbeddedLog::open(folder.path()).unwrap();
        assert_eq!(values(&log).last().unwrap(), b"again");
    }
}

#[test]
fn every_flipped_byte_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    log.create(&spec()).unwrap();
    write(&log, b"first");
    write(&log, b"second");
    drop(log);
    let path = folder.path().join("log");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut flipped = whole.clone();
            flipped[at] ^= flip;
            fs::write(&path, &flipped).unwrap();
            let fault = EmbeddedLog::open(folder.path()).map(|log| values(&log)).unwrap_err().to_string();
            assert!(fault.contains("checksum") || fault.contains("format"), "byte {at}: {fault}");
            assert_eq!(fs::read(&path).unwrap(), flipped, "a damaged file is left as it is");
        }
    }
}

#[test]
fn what_is_forgotten_is_gone_and_nothing_else_moves() {
    let log = EmbeddedLog::new();
    log.create(&spec()).unwrap();
    let at = TopicPartition::new("kept", 0);
    let mut early = log.reader("kept", &[(0, 0)]).unwrap();
    let mut reading = log.reader("kept", &[(0, 0)]).unwrap();
    let read = |reader: &mut Box<dyn streaming::Reader>| {
        let mut found = Vec::new();
        reader
            .poll(Duration::ZERO, 100, &mut |record| found.push((record.offset(), record.value().unwrap().to_vec())))
            .map(|_| found)
    };
    write(&log, b"first");
    write(&log, b"second");
    assert_eq!(read(&mut reading).unwrap().len(), 2);
    let end = log.end_offset(&at).unwrap();
    log.forget_before(&at, end - 2).unwrap();
    assert_eq!((log.first_offset(&at).unwrap(), log.end_offset(&at).unwrap()), (end - 2, end));
    assert_eq!(values(&log), [b"second".to_vec()]);
    // No further than the end, and never back.
    log.forget_before(&at, end + 100).unwrap();
    log.forget_before(&at, 0).unwrap();
    assert_eq!((log.first_offset(&at).unwrap(), log.end_offset(&at).unwrap()), (end, end));
    write(&log, b"third");
    assert_eq!(read(&mut reading).unwrap(), [(end, b"third".to_vec())]);
    assert!(matches!(read(&mut early), Err(LogError::OutOfRange)), "records that were not read are missed");
    assert!(log.forget_before(&TopicPartition::new("other", 0), 1).is_err());
}

#[test]
fn a_group_goes_on_behind_what_was_forgotten_and_a_late_one_is_told() {
    let log = EmbeddedLog::new();
    log.create(&spec()).unwrap();
    let at = TopicPartition::new("kept", 0);
    let topics = ["kept".to_owned()];
    let mut member = log.member("group", "one", &topics).unwrap();
    member.poll(Duration::ZERO, 10, &mut |_| ()).unwrap();
    member.assign(&[(at.clone(), 0)]).unwrap();
    for round in 0..50_u8 {
        write(&log, &[round]);
        let mut found = Vec::new();
        member.poll(Duration::ZERO, 10, &mut |record| found.push(record.value().unwrap().to_vec())).unwrap();
        assert_eq!(found, [vec![round]]);
        log.forget_before(&at, log.end_offset(&at).unwrap()).unwrap();
        assert!(member.caught_up(&at, 0).unwrap());
    }
    let mut late = log.member("another", "two", &topics).unwrap();
    late.poll(Duration::ZERO, 10, &mut |_| ()).unwrap();
    late.assign(&[(at.clone(), 0)]).unwrap();
    assert!(matches!(late.poll(Duration::ZERO, 10, &mut |_| ()), Err(LogError::OutOfRange)));
}
