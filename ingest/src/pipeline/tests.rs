use std::{
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
};

use measurement::catalogue::Catalogue;
use records::{Intake, IntakeMinute, Progress, headers};
use streaming::Record;

use super::*;

const NOON: i64 = 1_772_366_400_000;

struct Bench {
    ingest: Ingest,
    now: Arc<AtomicI64>,
    offset: i64,
}

impl Bench {
    fn new() -> Self {
        let catalogue = Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")).unwrap();
        let plan = Plan::new(&catalogue).unwrap();
        let settings = Settings {
            topics: Topics::default(),
            event_partitions: 2,
            source_partitions: plan.topics().map(|topic| (topic.to_owned(), 3)).collect(),
            progress_interval: 2000,
            as_it_came: true,
        };
        let now = Arc::new(AtomicI64::new(NOON));
        let hands = Arc::clone(&now);
        let clock: Clock = Arc::new(move || Timestamp(hands.load(Ordering::Relaxed)));
        Self { ingest: Ingest::new(plan, settings, clock), now, offset: 0 }
    }

    fn take_over(&mut self, topic: &str) -> TopicPartition {
        let partition = TopicPartition::new(topic, 1);
        assert_eq!(self.ingest.restore(&partition, Found::default()).unwrap(), Resume::Committed);
        partition
    }

    fn read(&mut self, partition: &TopicPartition, value: &str) {
        let record = Record {
            partition: partition.clone(),
            offset: self.offset,
            timestamp: Some(NOON - 5),
            key: Some(b"k".to_vec()),
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
        };
        self.offset += 1;
        self.ingest.record(RecordRef::from(&record)).unwrap();
    }

    fn flush(&mut self, partition: &TopicPartition) -> Vec<OutRecord> {
        let position = Position {
            partition: partition.clone(),
            next_offset: self.offset,
            caught_up: Some(Timestamp(i64::MAX)),
            partitions: 3,
        };
        let mut out = Outbox::default();
        self.ingest.flush(Timestamp(self.now.load(Ordering::Relaxed)), &[position], &mut out).unwrap();
        out.into_records()
    }

    fn tally(&self, source: &str) -> Tally {
        self.ingest.stats().counts().find(|(name, _)| &**name == source).unwrap().1
    }
}

fn header<'r>(record: &'r OutRecord, name: &str) -> &'r str {
    let (_, value) = record.headers.iter().find(|(found, _)| found == name).unwrap();
    std::str::from_utf8(value).unwrap()
}

fn kinds(records: &[OutRecord]) -> Vec<&str> {
    records.iter().map(|record| header(record, headers::KIND)).collect()
}

const FINDING: &str = r#"{"id":"tx-1","type":"finding","finding":"VF-1","asset":"A-1","asset_class":"server","cve":"CVE-2026-1","score":9.8,"state":"open","at":"2026-03-01T11:00:00Z"}"#;

#[test]
fn an_event_its_copy_and_then_the_progress_go_out() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.scanner");
    bench.read(&partition, FINDING);
    let records = bench.flush(&partition);
    assert_eq!(kinds(&records), ["reference", "event", "intake", "progress", "progress"]);
    assert_eq!(header(&records[0], headers::POPULATION), "assets");
    assert_eq!(records[0].key.as_deref(), Some(b"A-1".as_slice()));
    assert_eq!(records[1].key.as_deref(), Some(b"VF-1".as_slice()));
    assert_eq!(records[0].value, records[1].value);
    assert_eq!(records[1].timestamp, None, "the time of publishing: retention must not drop a history just read in");
    assert_eq!((records[3].partition, records[4].partition), (Some(0), Some(1)));
    let progress: Progress = records::decode("progress", records[3].value.as_deref().unwrap()).unwrap();
    assert_eq!((progress.source.as_str(), progress.topic.as_str(), progress.partition), ("scanner", "raw.scanner", 1));
    assert_eq!((progress.newest, progress.next_offset, progress.partitions), (Some(Timestamp(NOON - 3_600_000)), 1, 3));
}

#[test]
fn a_dead_letter_is_the_record_as_it_came() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.scanner");
    let poison = r#"[{"id":"tx-1","type":"scan","asset":"A-1","at":"2026-03-01T11:00:00Z"}, {"type":"?"}]"#;
    bench.read(&partition, poison);
    let records = bench.flush(&partition);
    assert_eq!(header(&records[0], headers::KIND), "event", "the good element is published");
    let letter = &records[1];
    assert_eq!(&*letter.topic, "vernier.dead-letter");
    assert_eq!((letter.key.as_deref(), letter.value.as_deref()), (Some(b"k".as_slice()), Some(poison.as_bytes())));
    assert_eq!(header(letter, "vernier-origin-topic"), "raw.scanner");
    assert_eq!(header(letter, "vernier-stage"), "map");
    assert_eq!(header(letter, "vernier-reason"), "mapping-aborted");
    assert!(header(letter, "vernier-detail").starts_with("element 2 of 2: "));
}

#[test]
fn time_is_told_also_when_nothing_arrives() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.hr");
    assert_eq!(kinds(&bench.flush(&partition)), ["progress", "progress"]);
    assert!(bench.flush(&partition).is_empty(), "nothing new within the interval");
    bench.now.fetch_add(2000, Ordering::Relaxed);
    assert_eq!(kinds(&bench.flush(&partition)), ["progress", "progress"]);
}

#[test]
fn records_are_counted_once_and_only_if_they_stand() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.sshd");
    let read = |bench: &mut Bench| {
        bench.read(&partition, "2026-03-01T11:00:00Z web-01 sshd[1]: message repeated 3 times: [ Failed password for root from 192.0.2.1 port 1 ssh2]");
        bench.read(&partition, "2026-03-01T11:00:00Z web-01 sshd[1]: Connection closed");
        bench.read(&partition, "nonsense");
    };
    read(&mut bench);
    bench.flush(&partition);
    bench.ingest.forget(&partition);
    assert_eq!(bench.tally("sshd").read, 0, "the transaction did not commit");
    bench.take_over("raw.sshd");
    read(&mut bench);
    bench.flush(&partition);
    bench.ingest.committed();
    bench.ingest.committed();
    let tally = bench.tally("sshd");
    assert_eq!((tally.read, tally.published, tally.not_relevant, tally.rejected), (3, 1, 1, 1));
    assert_eq!((tally.events, tally.references, tally.reasons[&crate::reject::Reason::MappingAborted]), (3, 0, 1));
    assert_eq!(tally.reasons.values().sum::<u64>(), tally.rejected);
}

#[test]
fn native_events_are_copied_byte_for_byte() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.cmdb");
    let text = r#"{ "time":1772362800000, "metadata":{"uid":"c-1"}, "class_uid":5001,"activity_id":2, "device":{"uid":"A-1","hostname":"web-01","type":"server"},  "unmapped":{"in_scope":true,"logging_required":false} }"#;
    bench.read(&partition, text);
    let records = bench.flush(&partition);
    assert_eq!(kinds(&records), ["reference", "event", "intake", "progress", "progress"]);
    assert_eq!(records[1].value.as_deref(), Some(text.as_bytes()));
    assert_eq!(header(&records[0], headers::POPULATION), "log_sources");
    assert_eq!(records[0].key.as_deref(), Some(b"web-01".as_slice()));
}

#[test]
fn a_forgotten_partition_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.scanner");
    bench.read(&partition, FINDING);
    bench.ingest.forget(&partition);
    assert!(bench.flush(&partition).is_empty());
}

fn of_kind<'r>(records: &'r [OutRecord], kind: &'r [u8]) -> impl DoubleEndedIterator<Item = &'r OutRecord> {
    records.iter().filter(move |record| {
        record.headers.iter().any(|(name, value)| name == headers::KIND && value.as_slice() == kind)
    })
}

fn minutes(records: &[OutRecord]) -> Vec<IntakeMinute> {
    let intakes = of_kind(records, headers::INTAKE);
    intakes
        .flat_map(|record| {
            assert_eq!((record.partition, record.key.as_deref()), (None, Some(b"raw.sshd/1".as_slice())));
            records::decode::<Intake>("intake", record.value.as_deref().unwrap()).unwrap().minutes
        })
        .collect()
}

fn newest(records: &[OutRecord]) -> Option<Timestamp> {
    let progress = of_kind(records, headers::PROGRESS).next_back().unwrap();
    records::decode::<Progress>("progress", progress.value.as_deref().unwrap()).unwrap().newest
}

#[test]
fn what_was_read_is_told_minute_by_minute() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.sshd");
    bench.read(&partition, "2026-03-01T11:57:10Z web-01 sshd[1]: Connection closed\nnonsense");
    bench.read(&partition, "2026-03-01T11:57:20Z web-01 sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2");
    bench.read(&partition, "2026-03-01T11:58:20Z web-01 CRON[1]: session opened");
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let minute =
        |first, last, read, refused| IntakeMinute { first: at(first), last: at(last), read, refused, replaced: 0 };
    let records = bench.flush(&partition);
    let expected = [
        minute("2026-03-01T11:57:10Z", "2026-03-01T11:57:20Z", 3, 1),
        minute("2026-03-01T11:58:20Z", "2026-03-01T11:58:20Z", 1, 0),
    ];
    assert_eq!(minutes(&records), expected);
    let last = &records[records.len() - 3..];
    assert_eq!((kinds(last)[0], kinds(last)[1]), ("intake", "progress"), "before progress");
    assert_eq!(minutes(&bench.flush(&partition)), []);
}

#[test]
fn one_wrong_clock_in_a_history_moves_no_time_before_its_end() {
    let mut bench = Bench::new();
    let partition = bench.take_over("raw.sshd");
    let line = |stamp: &str| format!("{stamp} web-01 sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2");
    for number in 0..60 {
        bench.read(&partition, &line(&format!("2026-01-10T08:{number:02}:00Z")));
        if number == 30 {
            bench.read(&partition, &line("2026-02-20T08:00:00Z"));
        }
    }
    let flush = |bench: &mut Bench, caught_up| {
        bench.now.fetch_add(5000, Ordering::Relaxed);
        let position = Position { partition: partition.clone(), next_offset: bench.offset, caught_up, partitions: 3 };
        let mut out = Outbox::default();
        bench.ingest.flush(Timestamp(bench.now.load(Ordering::Relaxed)), &[position], &mut out).unwrap();
        newest(&out.into_records())
    };
    assert_eq!(flush(&mut bench, None), Timestamp::parse("2026-01-10T08:59:00Z"));
    assert_eq!(
        flush(&mut bench, Some(Timestamp(NOON))),
        Timestamp::parse("2026-02-20T08:00:00Z"),
        "nothing is left to be late"
    );
}

#[test]
fn a_history_read_as_having_come_in_time_tells_no_time() {
    let mut bench = Bench::new();
    bench.ingest.settings.as_it_came = false;
    let partition = bench.take_over("raw.sshd");
    bench.read(&partition, "nonsense");
    bench.read(&partition, "2025-03-01T11:57:10Z web-01 sshd[1]: Connection closed");
    bench.read(&partition, "nonsense");
    let records = bench.flush(&partition);
    assert_eq!(of_kind(&records, headers::PROGRESS).count(), 0);
    let found = minutes(&records);
    assert_eq!(found.len(), 1, "what tells no time has that of its neighbours, a year back");
    assert_eq!(
        (found[0].read, found[0].refused, found[0].last),
        (3, 2, Timestamp::parse("2025-03-01T11:57:10Z").unwrap())
    );
}
