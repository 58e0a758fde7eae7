//! What events say in other types than their classes have, and what they do not say at all.

use measurement::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, DAY, Event, HOUR, MINUTE, START},
    intervals,
};

const PEOPLE: &str = "plain/people";
const PROGRAMME: &str = "plain/programme";

fn login(uid: usize, user: &Value, code: &Value) -> Event {
    let event = json!({
        "class_uid": 3002, "activity_id": 1, "status_id": 1, "time": START + MINUTE, "metadata": {"uid": format!("login-{uid}")},
        "dst_endpoint": {"hostname": "host-1"}, "user": {"uid": user}, "unmapped": {"code": code},
    });
    Event { source: "sshd", key: "host-1".to_owned(), value: event.to_string() }
}

fn audit(uid: usize, day: i64, activity: &Value, planned_for: &Value) -> Event {
    let event = json!({
        "class_uid": 27_001_003, "activity_id": activity, "time": START + day * DAY + 15 * HOUR,
        "metadata": {"uid": format!("audit-{uid}")}, "audit": {"uid": "AUD-1", "planned_for": planned_for},
    });
    Event { source: "grc", key: "AUD-1".to_owned(), value: event.to_string() }
}

/// How many count and how many are undecided, by group.
fn of(bench: &Bench, construct: &str, measure: &str, start: i64) -> Vec<(String, u64, u64)> {
    let wanted = |(known, name, period, _): &(String, String, Timestamp, Vec<String>)| {
        known == construct && name == measure && period.0 == start
    };
    let figures = bench.figures().into_iter().filter(|(figure, _)| wanted(figure));
    figures.map(|((.., group), value)| (group.concat(), value.n(), value.undecided())).collect()
}

fn groups(found: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    found.iter().map(|(group, n, undecided)| ((*group).to_owned(), *n, *undecided)).collect()
}

fn measured(events: &[Event]) -> Bench {
    let bench = intervals::bench();
    bench.publish(events);
    bench.progress(START + HOUR);
    Bench::drain(&mut bench.start());
    bench
}

#[test]
fn numbers_are_identifiers_and_groups() {
    for users in [json!([1001, 1002, 1001, 1003]), json!(["1001", "1002", 1001.0, "1003"])] {
        let users = users.as_array().unwrap();
        let events: Vec<Event> = users.iter().enumerate().map(|(uid, user)| login(uid, user, &json!(1))).collect();
        let bench = measured(&events);
        let logins = of(&bench, PEOPLE, "logins", START);
        assert_eq!(logins, groups(&[("1001", 2, 0), ("1002", 1, 0), ("other", 1, 0)]), "{users:?}");
        assert_eq!(of(&bench, PEOPLE, "one", START), groups(&[("1001", 2, 0)]));
        let people = of(&bench, PEOPLE, "people", START);
        assert_eq!(people, groups(&[("1001", 2, 0), ("1002", 1, 0), ("other", 1, 0)]));
    }
}

#[test]
fn what_cannot_be_decided_is_counted_beside_what_counts() {
    let bench = measured(&[
        login(1, &json!("1001"), &json!(4625)),
        login(2, &json!("1001"), &json!("4625")),
        login(3, &json!({"id": 1001}), &json!(4625)),
        login(4, &json!("100\u{fffd}"), &json!(1)),
        login(5, &json!(null), &json!(1)),
    ]);
    // It is known that they are log-ins, and not whose.
    assert_eq!(of(&bench, PEOPLE, "logins", START), groups(&[("1001", 2, 0), ("other", 3, 2)]));
    assert_eq!(of(&bench, PEOPLE, "one", START), groups(&[("1001", 2, 0), ("other", 0, 2)]));
    assert_eq!(of(&bench, PEOPLE, "people", START), groups(&[("1001", 2, 0), ("other", 1, 2)]));
    assert_eq!(of(&bench, PEOPLE, "coded", START), groups(&[("1001", 1, 1), ("other", 1, 1)]));
}

/// Figures of the days from the tenth of March on, as of their ends: due, without a plan, kept.
fn programme(events: &[Event], days: std::ops::Range<i64>) -> Vec<[(u64, u64); 3]> {
    let bench = intervals::bench();
    bench.publish(events);
    bench.progress_of(&["grc"], START + 20 * DAY);
    Bench::drain(&mut bench.start());
    let figure = |measure: &str, day: i64| {
        // New York, summer time since the eighth.
        let found = of(&bench, PROGRAMME, measure, START + day * DAY + 4 * HOUR);
        found.first().map_or((0, 0), |(_, n, undecided)| (*n, *undecided))
    };
    days.map(|day| ["due", "unplanned", "kept"].map(|measure| figure(measure, day))).collect()
}

#[test]
fn a_day_is_over_where_the_construct_is() {
    let planned = audit(1, 8, &json!(1), &json!("2026-03-12"));
    let still = [(0, 0), (0, 0), (0, 0)];
    let due = [(1, 0), (0, 0), (0, 0)];
    assert_eq!(programme(std::slice::from_ref(&planned), 9..13), [still, still, due, due]);
    // Performed at three in the afternoon of the twelfth.
    let performed = audit(2, 11, &json!(2), &json!(null));
    assert_eq!(programme(&[planned, performed], 10..12), [still, [(1, 0), (0, 0), (1, 0)]]);
}

#[test]
fn a_row_does_not_keep_the_older_value_of_what_became_illegible() {
    let planned = audit(1, 8, &json!(1), &json!("2026-03-09"));
    let postponed = |to: Value| audit(2, 10, &json!(1), &to);
    let known = [(1, 0), (0, 0), (0, 0)];
    // Due or not, planned or not: nobody knows. Kept it is not while it was not performed.
    let unknown = [(0, 1), (0, 1), (0, 0)];
    for to in [json!("next spring"), json!(["2026-03-12"]), json!(true)] {
        assert_eq!(programme(&[planned.clone(), postponed(to.clone())], 9..11), [known, unknown], "{to}");
    }
    // Whether it was planned anew or performed.
    let either = audit(2, 10, &json!("performed"), &json!("2026-03-12"));
    let kept_unknown = [(0, 1), (0, 1), (0, 1)];
    assert_eq!(programme(&[planned, either], 9..11), [known, kept_unknown]);
}
