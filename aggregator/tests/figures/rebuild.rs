//! State that is of another catalogue, or that is not what the frontier says, is built anew from the events.

use std::{fs, path::Path};

use records::{Frontier, Topics};
use streaming::OutRecord;

use crate::bench::{Bench, DAY, Event, HOUR, MINUTE, START, count, incident, login};

pub(crate) const LOGINS: &str = "vernier/failed-authentication-ratio";

fn with_some_events() -> Bench {
    told_until(START + 3 * DAY)
}

/// Nine log-ins in the first hour and more later, two incidents; all sources are read up to a time.
pub(crate) fn told_until(newest: i64) -> Bench {
    let bench = Bench::new(2);
    let logins = (0..40).map(|number| {
        let time = START + i64::try_from(number).unwrap() * 7 * MINUTE;
        login(number, time, u8::try_from(number % 5).unwrap(), number % 3 == 0)
    });
    bench.publish(&logins.collect::<Vec<_>>());
    bench.publish(&[incident(1, START + HOUR, 1, "malware", 1), incident(2, START + 2 * HOUR, 1, "malware", 3)]);
    bench.progress(newest);
    Bench::drain(&mut bench.start());
    bench
}

#[test]
fn state_that_stands_is_gone_on_with() {
    let bench = with_some_events();
    let (figures, written) = (bench.figures(), bench.written());
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    assert_eq!(runner.stats().records(), 0, "nothing is read again");
    assert_eq!((bench.figures(), bench.written()), (figures, written), "and nothing written");
}

#[test]
fn torn_state_is_built_anew() {
    let bench = with_some_events();
    let figures = bench.figures();
    damage(&bench);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    assert!(runner.stats().records() > 0, "the events are read again");
    assert_eq!(bench.figures(), figures);
    // What nobody claims any more is gone, so that the next start finds sound state.
    let mut again = bench.start();
    Bench::drain(&mut again);
    assert_eq!(again.stats().records(), 0);
}

/// Makes the state of partition 0 another than its frontier says.
fn damage(bench: &Bench) {
    bench.write(vec![OutRecord {
        topic: Topics::default().populations.as_str().into(),
        partition: Some(0),
        key: Some(br#"["row","incidents","INC-9"]"#.to_vec()),
        value: Some(b"scribble".to_vec()),
        ..OutRecord::default()
    }]);
}

/// Half a state would be taken for a whole one, and figures that were right would be wrong for a while.
#[test]
fn nothing_is_written_before_the_state_is_where_it_was() {
    let mut bench = with_some_events();
    let (figures, until) = (bench.figures(), bench.newest_frontier(0).next_offset);
    damage(&bench);
    // One more that the frontier does not know of.
    bench.publish(&[login(100, START + 3 * HOUR, 0, true)]);
    let written = bench.written();
    bench.commit_records = 4;
    let mut runner = bench.start();
    let mut commits = 0;
    while bench.written() == written {
        assert_eq!(bench.figures(), figures);
        runner.step(std::time::Duration::ZERO).unwrap();
        commits += 1;
        assert!(commits < 1000, "it is built anew");
    }
    assert!(bench.newest_frontier(0).next_offset >= until);
    Bench::drain(&mut runner);
    assert_eq!(
        count(&bench.figures(), LOGINS, "failed", START + 3 * HOUR, &[]),
        4,
        "three of the story and the last one"
    );
}

#[test]
fn what_came_late_is_told_once_also_after_the_state_was_built_anew() {
    let bench = with_some_events();
    bench.progress(START + 40 * DAY);
    bench.publish(&[login(100, START + MINUTE, 0, true)]);
    Bench::drain(&mut bench.start());
    damage(&bench);
    bench.publish(&[login(101, START + MINUTE, 0, true)]);
    Bench::drain(&mut bench.start());
    let late: Vec<String> = bench.late().into_iter().map(|late| late.uid).collect();
    assert_eq!(late, ["login-100", "login-101"]);
}

#[test]
fn the_frontier_moves_on_over_what_nobody_counts() {
    let bench = with_some_events();
    let read = || (0..2).map(|partition| bench.newest_frontier(partition).next_offset).sum::<i64>();
    let before = read();
    // Of an event that can be read, its identity is remembered at least.
    bench.publish(&[Event { source: "sshd", key: "host-0".to_owned(), value: "rubbish".to_owned() }]);
    Bench::drain(&mut bench.start());
    assert!(read() > before, "{before}");
    assert_eq!(bench.accounting("sshd").rejected, 1);
}

/// The first transaction of a partition can be torn, too: its first half stands without a frontier.
#[test]
fn state_without_a_frontier_is_built_anew() {
    let bench = with_some_events();
    let figures = bench.figures();
    bench.write(vec![OutRecord {
        topic: Topics::default().measures.as_str().into(),
        partition: Some(0),
        key: Some(Frontier::KEY.to_vec()),
        ..OutRecord::default()
    }]);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    assert!(runner.stats().records() > 0, "the events are read again");
    assert_eq!(bench.figures(), figures);
    assert_eq!(bench.newest_frontier(0).transaction, 1);
    let mut again = bench.start();
    Bench::drain(&mut again);
    assert_eq!(again.stats().records(), 0);
}

#[test]
fn state_of_a_newer_format_is_refused_by_name_and_left_as_it_is() {
    let bench = with_some_events();
    let measures = Topics::default().measures;
    let newest = bench.newest_frontier(0);
    let write = |text: &str| {
        bench.write(vec![OutRecord {
            topic: measures.as_str().into(),
            partition: Some(0),
            key: Some(Frontier::KEY.to_vec()),
            value: Some(text.as_bytes().to_vec()),
            ..OutRecord::default()
        }]);
    };
    let refused = |text: &str, parts: &[&str]| {
        write(text);
        let before = bench.written();
        let mut runner = bench.start();
        let fault =
            (0..50).find_map(|_| runner.step(std::time::Duration::ZERO).err()).expect("it is refused").to_string();
        assert!(parts.iter().all(|part| fault.contains(part)), "{fault}");
        assert_eq!(bench.written(), before, "nothing was written");
    };
    let text = String::from_utf8(records::encode(&newest)).unwrap();
    refused(&text.replacen("\"version\":1", "\"version\":2", 1), &["frontier", "version 2", "upgrade"]);
    refused(&text.replacen("\"version\":1", "\"version\":2,\"more\":true", 1), &["frontier", "version 2", "upgrade"]);
    refused("{}", &["frontier"]);
    refused(&text.replacen("\"partitions\":2", "\"partitions\":3", 1), &["built for 3 partitions", "there are 2"]);
    write(&text);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    assert_eq!(runner.stats().records(), 0, "once it is as it was, it is gone on with");
}

/// The group has read on, and its state is gone: what would be counted from here on would be taken for all there was.
#[test]
fn state_that_is_gone_is_built_anew_before_anything_is_written() {
    let mut bench = with_some_events();
    let (figures, until) = (bench.figures(), bench.newest_frontier(0).next_offset);
    for topic in [Topics::default().measures, Topics::default().populations] {
        bench.lose(&topic);
    }
    assert!(bench.figures().is_empty());
    bench.commit_records = 4;
    let mut runner = bench.start();
    let mut steps = 0;
    while bench.figures().is_empty() {
        runner.step(std::time::Duration::ZERO).unwrap();
        steps += 1;
        assert!(steps < 1000, "it is built anew");
    }
    assert!(bench.newest_frontier(0).next_offset >= until);
    Bench::drain(&mut runner);
    assert_eq!(bench.figures(), figures);
    assert_eq!(bench.newest_frontier(0).builds, 1);
}

/// One of the changelogs alone: the digest tells.
#[test]
fn half_of_the_state_is_no_state() {
    for topic in [Topics::default().measures, Topics::default().populations] {
        let bench = with_some_events();
        let figures = bench.figures();
        bench.lose(&topic);
        Bench::drain(&mut bench.start());
        assert_eq!(bench.figures(), figures, "{topic}");
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
