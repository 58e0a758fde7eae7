//! Two events of one identity that say different things, and by what a source is alive.

use measurement::time::Timestamp;
use records::{DeadLetter, Intake, IntakeMinute, headers};
use streaming::OutRecord;

use crate::bench::{Bench, DAY, HOUR, MINUTE, START, count, login};

const LOGINS: &str = "vernier/failed-authentication-ratio";

fn header<'a>(record: &'a streaming::Record, name: &str) -> &'a str {
    let found = record.headers.iter().find(|(known, _)| known == name);
    std::str::from_utf8(&found.unwrap().1).unwrap()
}

/// What was read of a minute of the log-ins.
fn intake(minute: i64, read: u64, refused: u64) -> OutRecord {
    let time = Timestamp(minute);
    let minutes = vec![IntakeMinute { first: time, last: time.plus(1), read, refused, replaced: 0 }];
    let intake = Intake::new("sshd", "raw.sshd", 0, minutes);
    OutRecord {
        topic: "vernier.events".into(),
        key: Some(intake.key()),
        value: Some(records::encode(&intake)),
        headers: vec![
            (headers::KIND.to_owned(), headers::INTAKE.to_vec()),
            (headers::SOURCE.to_owned(), b"sshd".to_vec()),
        ],
        ..OutRecord::default()
    }
}

#[test]
fn another_event_of_the_same_identity_is_kept_aside_and_missing() {
    let bench = Bench::new(2);
    let (first, other) = (login(1, START + MINUTE, 1, true), login(1, START + 2 * MINUTE, 1, false));
    bench.publish(&[first.clone(), other.clone(), first]);
    bench.progress(START + DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    let figures = bench.figures();
    assert_eq!(count(&figures, LOGINS, "attempts", START, &[]), 1, "what came first counts");
    assert_eq!(count(&figures, LOGINS, "failed", START, &[]), 1);
    let accounting = bench.accounting("sshd");
    assert_eq!((accounting.read, accounting.used, accounting.duplicate, accounting.conflict), (3, 1, 1, 1));
    let letters = bench.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value.as_deref(), Some(other.value.as_bytes()), "byte for byte");
    assert_eq!(header(&letters[0], DeadLetter::REASON), "identity-conflict");
    assert_eq!(header(&letters[0], DeadLetter::STAGE), "identity");
    assert_eq!(header(&letters[0], DeadLetter::TOPIC), "vernier.events");
    assert_eq!(header(&letters[0], DeadLetter::OFFSET), "1");
    let activity = bench.activities("sshd");
    assert_eq!((activity[0].count, activity[0].refused), (1, 1), "it is missing input of its hour");

    // Also after a restart, and no second time.
    drop(runner);
    bench.publish(&[login(1, START + 3 * MINUTE, 1, false)]);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    assert_eq!((bench.accounting("sshd").conflict, bench.dead_letters().len()), (2, 2));
}

#[test]
fn a_state_that_is_built_anew_sends_no_letter_twice() {
    let mut bench = Bench::new(1);
    bench.publish(&[login(1, START + MINUTE, 1, true), login(1, START + 2 * MINUTE, 1, false)]);
    bench.progress(START + DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    drop(runner);
    bench.catalogue.digest = "another catalogue".to_owned();
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    assert_eq!((bench.accounting("sshd").conflict, bench.dead_letters().len()), (1, 1));
}

#[test]
fn white_space_makes_no_other_event() {
    let bench = Bench::new(1);
    let event = login(1, START + MINUTE, 1, true);
    let mut spaced = event.clone();
    spaced.value = spaced.value.replace("\":", "\" : ").replace(',', ",\n  ");
    bench.publish(&[event, spaced]);
    bench.progress(START + DAY);
    Bench::drain(&mut bench.start());
    let accounting = bench.accounting("sshd");
    assert_eq!((accounting.duplicate, accounting.conflict), (1, 0));
}

#[test]
fn a_source_is_alive_by_its_records_or_by_events_of_one_class() {
    for (alive_by, life, of_event) in [
        (None, Some(START + 2 * HOUR), Some(START + HOUR + MINUTE)),
        (Some(3002), None, Some(START + HOUR + MINUTE)),
        (Some(6003), None, None),
    ] {
        let mut bench = Bench::new(1);
        bench.catalogue.sources.get_mut("sshd").unwrap().alive_by = alive_by;
        bench.write(vec![intake(START + 2 * HOUR, 5, 2), intake(START + 2 * HOUR, 4, 1)]);
        bench.publish(&[login(1, START + HOUR + MINUTE, 1, true)]);
        bench.progress(START + DAY);
        Bench::drain(&mut bench.start());
        let activity = bench.activities("sshd");
        let (event, records) = (&activity[0], &activity[1]);
        assert_eq!(records.first.map(|first| first.0), life, "{alive_by:?}");
        assert_eq!((records.count, records.read, records.refused), (0, 9, 3));
        assert_eq!(event.first.map(|first| first.0), of_event, "{alive_by:?}");
        assert_eq!(event.count, 1);
    }
}

#[test]
fn people_see_what_is_in_no_figure() {
    let bench = Bench::new(1);
    bench.publish(&[login(1, START + MINUTE, 1, true), login(1, START + 2 * MINUTE, 1, false)]);
    bench.progress(START + DAY);
    let (mut runner, stats) = bench.start_with_stats();
    Bench::drain(&mut runner);
    assert_eq!(stats.since_start()["sshd"].conflict, 1);
    let accounts = serde_json::to_value(stats.accounts()).unwrap();
    assert_eq!(accounts[0]["source"], "sshd");
    assert_eq!((&accounts[0]["read"], &accounts[0]["conflict"]), (&2.into(), &1.into()));
    assert_eq!(accounts[0]["examples"], serde_json::json!({"conflict": {"partition": 0, "offset": 1}}));

    // Another process has told nothing yet, whatever stands.
    drop(runner);
    let (mut runner, stats) = bench.start_with_stats();
    Bench::drain(&mut runner);
    assert_eq!(stats.since_start().get("sshd").map_or(0, |since| since.conflict), 0);
    assert_eq!(stats.accounting()["sshd"].conflict, 1);
    bench.publish(&[login(1, START + 3 * MINUTE, 1, false)]);
    Bench::drain(&mut runner);
    assert_eq!(stats.since_start()["sshd"].conflict, 1);
}
