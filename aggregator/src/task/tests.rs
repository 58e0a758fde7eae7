//! What a task writes is what it comes back from, table by table.

use std::{collections::BTreeMap, path::Path};

use measurement::catalogue::Catalogue;
use proptest::prelude::*;
use records::{IntakeMinute, RecordError};
use streaming::{Record, TopicPartition};

use super::*;
use crate::{digest_of, restore::restore};

/// 2026-03-01T00:00:00Z.
const START: i64 = 1_772_323_200_000;
const MINUTE: i64 = 60_000;

/// Something that a task reads.
#[derive(Clone, Debug)]
enum Told {
    /// A log-in: number, minute, whether it failed.
    Login(u8, u16, bool),
    /// A step in the life of an incident: number of the event, minute, incident, step.
    Incident(u8, u16, u8, u8),
    /// So many elements were read in a minute, some of them refused.
    Intake(u16, u8, u8),
    /// All sources are read up to a minute.
    Progress(u16),
    /// A transaction ends.
    Flush,
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        4 => (any::<u8>(), 0..5000_u16, any::<bool>()).prop_map(|(uid, at, failed)| Told::Login(uid, at, failed)),
        4 => (any::<u8>(), 0..5000_u16, 0..9_u8, 1..4_u8)
            .prop_map(|(uid, at, incident, step)| Told::Incident(uid, at, incident, step)),
        2 => (0..5000_u16, 1..9_u8, 0..2_u8).prop_map(|(at, read, refused)| Told::Intake(at, read, refused)),
        1 => (0..6000_u16).prop_map(Told::Progress),
        1 => Just(Told::Flush),
    ]
}

/// A task, and what lies in its changelogs.
struct Kept {
    task: Task,
    topics: Topics,
    next_offset: i64,
    changelogs: BTreeMap<(String, Vec<u8>), Record>,
}

impl Kept {
    fn new(plan: &Arc<Plan>) -> Self {
        let task = Task::new(plan, 0);
        Self { task, topics: Topics::default(), next_offset: 0, changelogs: BTreeMap::new() }
    }

    fn tell(&mut self, told: &Told) {
        let time = |minute: u16| START + i64::from(minute) * MINUTE;
        match *told {
            Told::Login(uid, at, failed) => {
                let (status, time) = (if failed { 2 } else { 1 }, time(at));
                let text = format!(
                    r#"{{"activity_id":1,"class_uid":3002,"metadata":{{"uid":"login-{uid}","version":"1.8.0"}},"status_id":{status},"time":{time},"type_uid":300201}}"#
                );
                self.hand("sshd", headers::EVENT, text.into_bytes());
            }
            Told::Incident(uid, at, incident, step) => {
                let (status, time) = ([1, 2, 4][usize::from(step) - 1], time(at));
                let text = format!(
                    r#"{{"activity_id":{step},"class_uid":2005,"finding_info_list":[{{"types":["malware"],"uid":"INC-{incident}"}}],"metadata":{{"uid":"incident-{uid}","version":"1.8.0"}},"status_id":{status},"time":{time},"type_uid":20050{step}}}"#
                );
                self.hand("itsm", headers::EVENT, text.into_bytes());
            }
            Told::Intake(at, read, refused) => {
                let (first, last) = (Timestamp(time(at)), Timestamp(time(at) + 1));
                let (read, refused) = (u64::from(read), u64::from(refused));
                let minutes = vec![IntakeMinute { first, last, read, refused, replaced: 0 }];
                let intake = Intake::new("sshd", "raw", 0, minutes);
                self.hand("sshd", headers::INTAKE, records::encode(&intake));
            }
            Told::Progress(at) => {
                for source in ["sshd", "itsm"] {
                    let now = Timestamp(time(at));
                    let progress = Progress { newest: Some(now), ..Progress::new(source, "raw", 0, 1, now) };
                    self.hand(source, headers::PROGRESS, records::encode(&progress));
                }
            }
            Told::Flush => self.flush(),
        }
    }

    fn hand(&mut self, source: &str, kind: &[u8], value: Vec<u8>) {
        let record = Record {
            partition: TopicPartition::new(&self.topics.events, 0),
            offset: self.next_offset,
            timestamp: None,
            key: None,
            value: Some(value),
            headers: vec![
                (headers::KIND.to_owned(), kind.to_vec()),
                (headers::SOURCE.to_owned(), source.as_bytes().to_vec()),
            ],
        };
        self.next_offset += 1;
        self.task.record(RecordRef::from(&record)).unwrap();
    }

    fn flush(&mut self) {
        let mut out = Outbox::default();
        self.task.flush(&self.topics, (self.next_offset, 1), (Timestamp(self.next_offset), 0), &mut out).unwrap();
        for record in out.into_records() {
            let is_changelog = [&self.topics.measures, &self.topics.populations].contains(&&record.topic.to_string());
            let Some(key) = record.key.filter(|_| is_changelog) else { continue };
            let place = (record.topic.to_string(), key.clone());
            match record.value {
                None => drop(self.changelogs.remove(&place)),
                Some(value) => {
                    let record = Record {
                        partition: TopicPartition::new(&record.topic, 0),
                        offset: 0,
                        timestamp: None,
                        key: Some(key),
                        value: Some(value),
                        headers: Vec::new(),
                    };
                    self.changelogs.insert(place, record);
                }
            }
        }
    }

    fn records(&self) -> Vec<Record> {
        self.changelogs.values().cloned().collect()
    }
}

fn plan() -> Arc<Plan> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    Arc::new(Plan::new(Catalogue::load(&folder).unwrap_or_else(|faults| panic!("{faults}"))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_table_comes_back_as_it_was_written(story in prop::collection::vec(told(), 1..80)) {
        let plan = plan();
        let mut kept = Kept::new(&plan);
        for told in &story {
            kept.tell(told);
        }
        kept.flush();
        let found = streaming::Found { changelog: kept.records(), first: 0, known: Some(kept.next_offset) };
        let (task, resume) = restore(&Arc::clone(&plan).into(), &kept.topics, 0, 1, &found).unwrap();
        prop_assert_eq!(resume, streaming::Resume::At(kept.next_offset));
        prop_assert_eq!(&task.tables.aggregates, &kept.task.tables.aggregates);
        prop_assert_eq!(&task.tables.activity, &kept.task.tables.activity);
        prop_assert_eq!(&task.tables.rows, &kept.task.tables.rows);
        prop_assert_eq!(&task.tables.seen, &kept.task.tables.seen);
        prop_assert_eq!(&task.tables.units, &kept.task.tables.units);
        prop_assert_eq!(task.tables.digest(), kept.task.tables.digest());
        prop_assert_eq!(task.tables.digest().to_hex(), digest_of(&kept.topics, &kept.records()));
    }
}

/// State that nothing in the catalogue asks for is no part of any figure, and no part of what is kept.
#[test]
fn what_belongs_to_nothing_is_removed() -> Result<(), RecordError> {
    let plan = plan();
    let mut kept = Kept::new(&plan);
    kept.tell(&Told::Login(1, 5, true));
    kept.flush();
    let digest = kept.task.tables.digest();
    let place = (kept.topics.populations.clone(), br#"["row","nowhere","X"]"#.to_vec());
    let state = records::RowState { version: 1, row: measurement::population::Row::default(), covered: 0 };
    let stray = Record {
        partition: TopicPartition::new(&kept.topics.populations, 0),
        offset: 0,
        timestamp: None,
        key: Some(place.1.clone()),
        value: Some(records::encode(&state)),
        headers: Vec::new(),
    };
    let mut tables = Tables::new(&plan);
    kept.changelogs.insert(place.clone(), stray);
    let records = kept.records();
    let hashed = records.iter().map(|record| (record, crate::restore::hash_of(&kept.topics, record)));
    tables.load(&plan, &kept.topics, hashed)?;
    assert_ne!(tables.digest(), digest);
    kept.task.tables = tables;
    kept.flush();
    assert_eq!(kept.task.tables.digest(), digest);
    assert!(!kept.changelogs.contains_key(&place), "a tombstone was written");
    Ok(())
}

/// What a transaction that did not stand has left at the beginning of a partition is no gap before what was read: a state
/// that is built anew from there is whole.
#[test]
fn the_state_begins_where_reading_began() {
    let plan = plan();
    let mut kept = Kept::new(&plan);
    kept.next_offset = 12;
    kept.tell(&Told::Login(1, 5, true));
    kept.flush();
    let frontier = kept.records().into_iter().find(|record| record.key.as_deref() == Some(Frontier::KEY)).unwrap();
    let frontier: Frontier = records::decode("frontier", &frontier.value.unwrap()).unwrap();
    assert_eq!((frontier.replay_from, frontier.next_offset), (0, 13));
}
