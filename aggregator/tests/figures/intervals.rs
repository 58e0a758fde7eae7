//! Intervals of events lie in several periods, of which each has its own horizon.

use std::path::Path;

use measurement::{accumulate::Accumulator, catalogue::Catalogue, time::Timestamp};

use crate::bench::{Bench, DAY, Event, HOUR, MINUTE, START};

const SESSIONS: &str = "intervals/sessions";

pub(crate) fn bench() -> Bench {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/figures/catalogue");
    let catalogue = Catalogue::load(&folder).unwrap_or_else(|faults| panic!("{faults}"));
    let mut bench = Bench::new(1);
    bench.catalogue = catalogue;
    bench
}

/// A session that was told of at an instant.
fn session(uid: usize, time: i64, from: i64, to: i64) -> Event {
    Event {
        source: "sshd",
        key: "host-1".to_owned(),
        value: format!(
            r#"{{"activity_id":2,"class_uid":3002,"dst_endpoint":{{"hostname":"host-1"}},"end_time":{to},"metadata":{{"uid":"session-{uid}","version":"1.8.0"}},"start_time":{from},"status_id":1,"time":{time},"type_uid":300202}}"#
        ),
    }
}

/// What a measure has of each period, by the start of the period.
fn of(bench: &Bench, measure: &str) -> Vec<(i64, Accumulator)> {
    let figures =
        bench.figures().into_iter().filter(|((construct, name, ..), _)| construct == SESSIONS && name == measure);
    figures.map(|((_, _, start, _), accumulator)| (start.0, accumulator)).collect()
}

fn minutes(bench: &Bench) -> Vec<(i64, String)> {
    let construct = bench.catalogue.constructs.iter().find(|construct| construct.id == SESSIONS).unwrap();
    let measure = construct.base.iter().find(|measure| measure.name == "busy").unwrap();
    let value = |accumulator: Accumulator| accumulator.value(&measure.fold).unwrap().to_string();
    of(bench, "busy").into_iter().map(|(start, accumulator)| (start, value(accumulator))).collect()
}

#[test]
fn an_interval_counts_in_every_hour_that_it_touches() {
    let bench = bench();
    let mut runner = bench.start();
    bench.publish(&[
        session(1, START + 3 * HOUR, START + 30 * MINUTE, START + 2 * HOUR + 15 * MINUTE),
        session(2, START + 3 * HOUR, START + 20 * MINUTE, START + HOUR),
        session(3, START + 3 * HOUR, START + 4 * HOUR, START + 5 * HOUR),
    ]);
    Bench::drain(&mut runner);
    let expected =
        [(0, "40"), (1, "60"), (2, "15"), (4, "60")].map(|(hour, value)| (START + hour * HOUR, value.to_owned()));
    assert_eq!(minutes(&bench), expected, "an hour at whose start it ends is not touched");
    let hosts: Vec<i64> = of(&bench, "hosts").into_iter().map(|(start, _)| start).collect();
    assert_eq!(hosts, [START + 3 * HOUR], "what is no interval counts at the time of the event");
}

#[test]
fn an_hour_beyond_its_horizon_stays_as_it_is() {
    let bench = bench();
    bench.publish(&[session(1, START + HOUR, START, START + 30 * MINUTE)]);
    bench.progress(START + 10 * DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    // It is told of in time and began before the horizon, which is two days after an hour has ended.
    bench.publish(&[session(2, START + 10 * DAY, START, START + 9 * DAY)]);
    Bench::drain(&mut runner);
    let found = minutes(&bench);
    assert_eq!(found[0], (START, "30".to_owned()), "the first hour could be restated no more");
    let first = START + 8 * DAY - HOUR;
    assert_eq!(found[1], (first, "60".to_owned()), "its horizon is reached and not passed");
    assert_eq!(found.len(), 1 + 25);
    let late = bench.late();
    assert_eq!(late.len(), 1, "{late:?}");
    assert_eq!((late[0].uid.as_str(), late[0].constructs.as_slice()), ("session-2", [SESSIONS.to_owned()].as_slice()));
    let accounting = bench.accounting("sshd");
    assert_eq!((accounting.used, accounting.late), (2, 0), "the hours that it could change count it");
}

#[test]
fn the_hour_of_the_event_does_not_decide_for_those_of_the_interval() {
    let bench = bench();
    bench.progress(START + 10 * DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    let now = START + 10 * DAY;
    bench.publish(&[session(1, START, now, now + HOUR)]);
    Bench::drain(&mut runner);
    assert_eq!(minutes(&bench), [(now, "60".to_owned())]);
    assert!(of(&bench, "hosts").is_empty(), "at its own time it comes too late");
    assert_eq!(bench.late().len(), 1);
}

#[test]
fn an_interval_without_end_or_of_too_many_hours_has_no_value() {
    let longest = 10_000 * HOUR;
    let taken = |from: i64, to: &str| {
        let bench = bench();
        let mut runner = bench.start();
        let event = session(1, START, from, 0);
        let value = event.value.replace("\"end_time\":0,", to);
        bench.publish(&[Event { value, ..event }]);
        Bench::drain(&mut runner);
        assert_eq!(bench.accounting("sshd").used, 1);
        of(&bench, "busy")
    };
    let until = |to: i64| format!("\"end_time\":{to},");
    assert!(taken(START - HOUR, &until(START - HOUR)).is_empty(), "what took no time is no loss");
    let whole = taken(START - longest, &until(START));
    assert_eq!(whole.len(), 10_000);
    assert!(whole.iter().all(|(_, accumulator)| (accumulator.n(), accumulator.without()) == (1, 0)));
    for left_out in [
        taken(START - longest, &until(START + 1)),
        taken(i64::MIN / 4, &until(i64::MAX / 4)),
        taken(START, ""),
        taken(START, &until(START - 1)),
    ] {
        let [(start, accumulator)] = left_out.as_slice() else { panic!("{left_out:?}") };
        assert_eq!((Timestamp(*start), accumulator.n(), accumulator.without()), (Timestamp(START), 0, 1));
    }
}
