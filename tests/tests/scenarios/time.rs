//! What comes late, and what does not come at all.

use std::time::Duration;

use measurement::time::Timestamp;
use pipeline_tests::{Cluster, Deployment, Service, Setup, until};
use records::{LedgerState, Reason, ResultRecord};

const HOUR: i64 = 3_600_000;
const RATIO: &str = "vernier/failed-authentication-ratio";

/// Start of the hour that lies so many hours back.
pub(crate) fn hours_back(hours: i64) -> Timestamp {
    let now = service::clock::now().0;
    Timestamp(now - now.rem_euclid(HOUR) - hours * HOUR)
}

/// Attempts in one hour, of which some failed.
pub(crate) fn attempts(hour: Timestamp, count: i64, failed: i64) -> Vec<(&'static str, Vec<u8>)> {
    (0..count)
        .map(|number| {
            let verdict = if number < failed { "Failed" } else { "Accepted" };
            let time = hour.plus(60_000 + number * 1000);
            let line = format!("{time} web-1 sshd[{number}]: {verdict} password for ann from 192.0.2.7 port 4711 ssh2");
            ("raw.sshd", line.into_bytes())
        })
        .collect()
}

fn start_all(deployment: &Deployment) -> Vec<Service> {
    ["ingest", "aggregator", "evaluator"].map(|service| deployment.start(service)).into()
}

fn wait_for(
    deployment: &Deployment,
    hour: Timestamp,
    what: &str,
    holds: impl Fn(&ResultRecord) -> bool,
) -> ResultRecord {
    until(what, Duration::from_secs(90), || {
        let results = deployment.results();
        let of_hour = results.iter().find(|result| result.construct == RATIO && result.period.start == hour);
        match of_hour {
            Some(result) if holds(result) => Ok(result.clone()),
            other => Err(format!("{other:?} of {} results", results.len())),
        }
    })
}

fn base(result: &ResultRecord, name: &str) -> String {
    result.base[name].value.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_late_event_makes_revision_two_and_leaves_revision_one_as_it_was() {
    let deployment = Deployment::new(Cluster::shared(), "late");
    let hour = hours_back(6);
    deployment.write(attempts(hour, 40, 4).into_iter().chain(attempts(hours_back(5), 30, 0)));
    let services = start_all(&deployment);
    let first = wait_for(&deployment, hour, "a final result", |result| result.state == LedgerState::Final);
    assert_eq!((base(&first, "attempts").as_str(), base(&first, "failed").as_str()), ("40", "4"));
    assert_eq!((first.revision, first.outcome.as_str()), (1, "green"));

    let late = format!("{} web-1 sshd[9]: Failed password for bob from 192.0.2.8 port 22 ssh2", hour.plus(HOUR - 1));
    let late: Vec<(&str, Vec<u8>)> = vec![("raw.sshd", late.into_bytes())];
    deployment.write(late);
    let second = wait_for(&deployment, hour, "revision 2", |result| result.revision == 2);
    assert_eq!((base(&second, "attempts").as_str(), base(&second, "failed").as_str()), ("41", "5"));
    assert_eq!((second.state, second.supersedes, second.reason), (LedgerState::Revised, Some(1), Reason::LateData));
    assert_eq!(second.value.as_ref().map(ToString::to_string).as_deref(), Some("500/41"));

    let ledger = deployment.ledger();
    let kept = ledger.iter().find(|entry| entry.sequence == first.sequence);
    assert_eq!(kept, Some(&first), "a ledger entry changed");
    for service in services {
        service.stop();
    }
}

#[test]
fn silence_is_no_data_and_periods_close_although_every_topic_is_silent() {
    let deployment = Deployment::new(Cluster::shared(), "silence");
    // The source is declared to be heard at least every six hours.
    let last = hours_back(12);
    deployment.write(attempts(last, 25, 5));
    let services = start_all(&deployment);
    let heard = wait_for(&deployment, last, "the hour with events", |_| true);
    assert_eq!((heard.outcome.as_str(), base(&heard, "attempts").as_str()), ("yellow", "25"));

    // Nothing is written any more, anywhere: hours close by the clock of the progress records alone.
    let within_rhythm = wait_for(&deployment, last.plus(2 * HOUR), "an hour without attempts", |_| true);
    assert_eq!((within_rhythm.outcome.as_str(), &within_rhythm.value), ("not-applicable", &None));
    let silent = wait_for(&deployment, hours_back(2), "an hour of a silent source", |_| true);
    assert_eq!((silent.outcome.as_str(), &silent.value), ("no-data", &None));
    assert!(!silent.quality.sources["sshd"].alive);
    for service in services {
        service.stop();
    }
}

/// Time stands still while ingest is dead: what is due then is closed by the clock, and says so.
#[test]
fn a_dead_ingest_lets_nothing_close_as_complete() {
    let setup = Setup { idle: "PT30M", config: "stall_limit_ms: 3000".to_owned(), ..Setup::default() };
    let deployment = Deployment::of(Cluster::shared(), "stall", &setup);
    let hour = hours_back(6);
    // The newest event is of that hour, and its source counts as busy for half an hour: the hour is not over.
    deployment.write(attempts(hour, 40, 4));
    let ingest = deployment.start("ingest");
    let services: Vec<Service> = ["aggregator", "evaluator"].map(|service| deployment.start(service)).into();
    let events = deployment.topics().events;
    until("the events to be published", Duration::from_mins(1), || {
        // Read committed: what is in an open transaction dies with ingest.
        let is_event = |value: &Vec<u8>| value.windows(17).any(|part| part == b"\"class_uid\":3002,");
        let published = deployment.values(&events).iter().filter(|value| is_event(value)).count();
        if published >= 40 { Ok(()) } else { Err(format!("{published} events")) }
    });
    ingest.kill();
    let stalled = wait_for(&deployment, hour, "the hour to be closed by the clock", |_| true);
    assert_eq!((stalled.outcome.as_str(), stalled.reason, stalled.revision), ("unvalidated", Reason::Stalled, 1));
    assert!(stalled.because.as_deref().is_some_and(|because| because.contains("ingest is down")), "{stalled:?}");

    // Once time has passed it, it is judged by the same figures.
    deployment.write(attempts(hours_back(3), 30, 0));
    let ingest = deployment.start("ingest");
    let ended = wait_for(&deployment, hour, "the end of the stall", |result| result.outcome != "unvalidated");
    assert_eq!((ended.outcome.as_str(), ended.reason), ("green", Reason::StallEnded));
    assert_eq!((base(&ended, "attempts").as_str(), base(&ended, "failed").as_str()), ("40", "4"));
    for service in services.into_iter().chain([ingest]) {
        service.stop();
    }
}
