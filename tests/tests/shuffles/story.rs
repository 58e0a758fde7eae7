//! What happened, and in which ways it may arrive.

use measurement::time::Timestamp;
use proptest::{prelude::Rng as _, test_runner::TestRng};
use serde_json::{Value, json};

/// 2026-03-25T00:00:00Z: the change to summer time and the end of a month lie within.
pub(crate) const START: i64 = 1_774_396_800_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 1440 * MINUTE;
/// How long the story is.
const LENGTH: i64 = 12 * DAY;

/// A record of the events topic: the event under its own key, or a copy for a population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) key: String,
    pub(crate) population: Option<&'static str>,
    /// A copy for every partition.
    pub(crate) to_all: bool,
    pub(crate) value: String,
}

/// The records in the order in which they arrive.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) partitions: i32,
    /// Records of one transaction.
    pub(crate) cut: usize,
    /// After how many records time has begun to pass.
    pub(crate) progress_at: usize,
    pub(crate) records: Vec<Sent>,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) struct Story(Vec<Sent>);

fn below(random: &mut TestRng, bound: u64) -> i64 {
    i64::try_from(random.next_u64() % bound).unwrap()
}

/// A number with a few decimal places.
fn parts(random: &mut TestRng, bound: u64, of: f64) -> f64 {
    f64::from(i32::try_from(below(random, bound)).unwrap()) / of
}

impl Story {
    /// When everything is over and final.
    pub(crate) const END: Timestamp = Timestamp(START + LENGTH + 28 * DAY);

    pub(crate) fn tell(random: &mut TestRng) -> Self {
        let mut sent = Vec::new();
        for number in 0..24 {
            let time = START + below(random, 12 * 1440) * MINUTE;
            sent.extend(event(random, number, time));
        }
        // Signs of life, so that silence decides nothing.
        for (number, day) in [0, 12, 35].into_iter().enumerate() {
            let about = json!({"metadata": {"uid": format!("life-{number}"), "product": {"name": "any"}}});
            sent.push(primary("any", 27_001_099, 1, START + day * DAY, about));
        }
        Self(sent)
    }

    pub(crate) fn in_order(&self) -> Arrival {
        Arrival { partitions: 1, cut: usize::MAX, progress_at: 0, records: self.0.clone() }
    }
}

/// One way in which it may arrive: any order, some records twice, any number of partitions and transactions.
pub(crate) fn arrival(story: &Story, random: &mut TestRng) -> Arrival {
    let mut records = story.0.clone();
    for _ in 0..below(random, 12) {
        let again = usize::try_from(random.next_u64() % story.0.len() as u64).unwrap();
        records.push(story.0[again].clone());
    }
    for index in (1..records.len()).rev() {
        let other = usize::try_from(random.next_u64() % (index as u64 + 1)).unwrap();
        records.swap(index, other);
    }
    let progress_at = usize::try_from(random.next_u64() % records.len() as u64).unwrap();
    Arrival {
        partitions: i32::try_from(1 + below(random, 4)).unwrap(),
        cut: usize::try_from(8 + below(random, 50)).unwrap(),
        progress_at,
        records,
    }
}

fn primary(key: &str, class: i64, activity: i64, time: i64, about: Value) -> Sent {
    let mut event = json!({"class_uid": class, "activity_id": activity, "time": time, "severity_id": 1});
    if let (Value::Object(event), Value::Object(about)) = (&mut event, about) {
        event.extend(about);
    }
    Sent { key: key.to_owned(), population: None, to_all: false, value: event.to_string() }
}

fn copy(of: &Sent, population: &'static str, key: &str, to_all: bool) -> Sent {
    Sent { key: key.to_owned(), population: Some(population), to_all, value: of.value.clone() }
}

/// Any event that the catalogue of this test asks for; many times are equal, so that ties have to be broken.
fn event(random: &mut TestRng, number: i64, time: i64) -> Vec<Sent> {
    let time = if below(random, 4) == 0 { time / DAY * DAY } else { time };
    let uid = json!({"uid": format!("e-{number}")});
    let person = format!("p{}", below(random, 5));
    match below(random, 10) {
        0..=3 => {
            let host = format!("h{}", 1 + below(random, 3));
            let from = time - below(random, 4000) * MINUTE;
            let about = json!({"metadata": uid, "status_id": 1, "dst_endpoint": {"hostname": host},
                "user": {"uid": person}, "start_time": from, "end_time": time,
                "unmapped": {"bytes": json!(parts(random, 1000, 8.0))}});
            vec![primary(&host, 3002, 1, time, about)]
        }
        4 | 5 => {
            let unit = ["finance", "sales", "board"][usize::try_from(below(random, 3)).unwrap()];
            let about = json!({"metadata": uid, "person": {"uid": person, "org_unit": unit, "in_scope": true,
                "training_required": true, "active": below(random, 4) > 0}, "unmapped": {"gone": below(random, 6) == 0}});
            vec![primary(&person, 27_001_001, 1, time, about)]
        }
        6 => {
            let course = ["intro", "phishing", "law"][usize::try_from(below(random, 3)).unwrap()];
            let about = json!({"metadata": uid, "person": {"uid": person}, "training": {"course": course}});
            vec![primary(&person, 27_001_002, 1, time, about)]
        }
        7 | 8 => {
            let account = format!("a{}", below(random, 6));
            let about = json!({"metadata": uid, "account": {"uid": account, "person_uid": person, "enabled": below(random, 4) > 0},
                "unmapped": {"used": below(random, 50), "booked": json!(parts(random, 100, 10.0))}});
            let event = primary(&account, 27_001_023, 1, time, about);
            let row = copy(&event, "accounts", &person, false);
            vec![event, row]
        }
        _ => {
            // A snapshot that was taken a while before it was complete.
            let about = json!({"metadata": uid, "snapshot": {"register": "people", "taken_at": time - 3 * DAY}});
            let event = primary("people", 27_001_090, 1, time, about);
            let row = copy(&event, "people", "people", true);
            vec![event, row]
        }
    }
}
