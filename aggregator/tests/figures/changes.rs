//! A changed catalogue: units that stay keep their state, new ones begin where nothing of them can be missing, and every
//! kind of edit reads what it needs and nothing more.

use std::{collections::BTreeSet, fs, path::Path};

use measurement::{accumulate::Accumulator, catalogue::Catalogue, time::Timestamp};
use records::Since;
use streaming::TopicPartition;

use crate::{
    bench::{Bench, DAY, Event, Figure, Figures, HOUR, MINUTE, START, count, incident, login, schemas},
    rebuild::{LOGINS, copy, told_until},
};

const RESOLUTION: &str = "isms/incident-resolution";
const LOGINS_FILE: &str = "constructs/vernier/failed-authentication-ratio.yaml";

const OTHER_COLUMN: (&str, &str, &str) =
    ("populations/incidents.yaml", "opened_at: { type: time, merge: min }", "opened_at: { type: time, merge: max }");

/// The shipped catalogue after some edits of its files.
fn edited(edits: &[(&str, &str, &str)]) -> Catalogue {
    let folder = tempfile::tempdir().unwrap();
    copy(&schemas(), folder.path());
    for (file, from, to) in edits {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
    Catalogue::load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// All are read up to half past four.
fn with_some_events() -> Bench {
    told_until(START + 4 * HOUR + 30 * MINUTE)
}

fn of(figures: &Figures, wanted: impl Fn(&str) -> bool) -> Figures {
    figures
        .iter()
        .filter(|((construct, ..), _)| wanted(construct))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Starts with another catalogue and reads what there is. How many records were read.
fn restarted(bench: &mut Bench, catalogue: Catalogue) -> u64 {
    bench.catalogue = catalogue;
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    runner.stats().records()
}

#[test]
fn edits_that_concern_no_measure_read_nothing_and_keep_everything() {
    let sshd = "sources/sshd.yaml";
    for edits in [
        vec![(LOGINS_FILE, "title: Failed", "title: All failed")],
        vec![(LOGINS_FILE, "minimum_denominator: ", "minimum_denominator: 1")],
        vec![(LOGINS_FILE, "red: \"[50, ", "red: \"(50, "), (LOGINS_FILE, "[20, 50)", "[20, 50]")],
        vec![(sshd, "rhythm: ", "rhythm: P1D # ")],
        vec![(sshd, "lateness: ", "lateness: PT9M # ")],
        vec![("mappings/sshd/map.vrl", "", "# mended\n")],
    ] {
        let mut bench = with_some_events();
        let (figures, digest) = (bench.figures(), bench.catalogue.digest.clone());
        let catalogue = edited(&edits);
        let changed = catalogue.digest != digest;
        assert_eq!(restarted(&mut bench, catalogue), 0, "{edits:?}");
        assert_eq!(bench.figures(), figures, "{edits:?}");
        assert_eq!(bench.whole_since(LOGINS, "failed"), Since::Beginning, "{edits:?}");
        // Whoever looks into the frontier sees which catalogue is run, once there is something to write.
        bench.progress(START + 5 * HOUR);
        Bench::drain(&mut bench.start());
        assert_eq!(bench.newest_frontier(0).catalogue != digest, changed, "{edits:?}");
    }
}

/// A changed filter is another measure. It begins at the first hour behind everything that was read, so that nothing has
/// to be read again and nothing is missing; what is beside it goes on.
#[test]
fn a_changed_measure_begins_behind_everything_that_was_read() {
    let mut bench = with_some_events();
    let old = bench.figures();
    let filter = "activity_id == 1 && status_id == ";
    let catalogue = edited(&[(LOGINS_FILE, &format!("{filter}2"), &format!("{filter}1"))]);
    assert_eq!(restarted(&mut bench, catalogue), 0);
    let failed = |figures: &Figures, start| count(figures, LOGINS, "failed", start, &[]);
    assert_eq!((failed(&old, START), failed(&bench.figures(), START)), (3, 0), "the old one is gone");
    assert_eq!(bench.whole_since(LOGINS, "failed"), Since::From(Timestamp(START + 5 * HOUR)));
    assert_eq!(bench.whole_since(LOGINS, "attempts"), Since::Beginning);
    let rest = |figures: &Figures| {
        let rest = figures.iter().filter(|((construct, measure, ..), _)| construct != LOGINS || measure != "failed");
        rest.map(|(key, value)| (key.clone(), value.clone())).collect::<Figures>()
    };
    assert_eq!(rest(&bench.figures()), rest(&old));
    bench.publish(&[login(90, START + 5 * HOUR, 1, false), login(91, START + 5 * HOUR + 1, 2, true)]);
    bench.progress(START + 6 * HOUR);
    Bench::drain(&mut bench.start());
    assert_eq!(failed(&bench.figures(), START + 5 * HOUR), 1, "the one that the new filter counts");
}

/// Rows know what was told before: a new measure of theirs is whole from the period that runs.
#[test]
fn a_new_measure_of_rows_reads_no_event() {
    let mut bench = with_some_events();
    let file = "constructs/iso27004/b-33-incident-resolution.yaml";
    let more = "base:\n  again: { population: incidents, count: status_id > 0 }\n";
    assert_eq!(restarted(&mut bench, edited(&[(file, "base:\n", more)])), 0);
    let construct = bench.catalogue.construct(RESOLUTION).unwrap();
    let month = construct.calendar.period_at(construct.period, Timestamp(START + 4 * HOUR)).start;
    assert_eq!(bench.whole_since(RESOLUTION, "again"), Since::From(month));
    assert_eq!(bench.whole_since(RESOLUTION, "handled"), Since::Beginning);
    assert_eq!(count(&bench.figures(), RESOLUTION, "again", month.0, &["malware"]), 1);
}

/// Columns of rows are what was ever told: another one is built from the events.
#[test]
fn a_changed_population_is_built_from_the_events() {
    let mut bench = with_some_events();
    let figures = bench.figures();
    let catalogue = edited(&[OTHER_COLUMN]);
    assert!(restarted(&mut bench, catalogue) > 0);
    let of_logins = |figures: &Figures| of(figures, |construct| construct == LOGINS);
    assert_eq!(of_logins(&bench.figures()), of_logins(&figures));
    let builds: Vec<u32> = (0..2).map(|partition| bench.newest_frontier(partition).builds).collect();
    assert_eq!(builds, [1, 1], "copies of its events may lie in any partition");
}

/// Once the events are gone, the measures on a changed population are not stated any more, and all others go on.
#[test]
fn a_population_that_cannot_be_built_stops_nobody_else() {
    let mut bench = with_some_events();
    let figures = bench.figures();
    let log = &bench.embedded;
    for partition in 0..2 {
        let at = TopicPartition::new(&records::Topics::default().events, partition);
        log.forget_before(&at, bench.newest_frontier(partition).next_offset).unwrap();
    }
    let catalogue = edited(&[OTHER_COLUMN]);
    assert_eq!(restarted(&mut bench, catalogue), 0);
    let rows = &bench.catalogue.construct(RESOLUTION).unwrap().base;
    assert!(rows.iter().all(|base| bench.whole_since(RESOLUTION, &base.name) == Since::Building), "for good");
    assert_eq!(bench.whole_since(LOGINS, "failed"), Since::Beginning);
    let of_logins = |figures: &Figures| of(figures, |construct| construct == LOGINS);
    assert_eq!(of_logins(&bench.figures()), of_logins(&figures));
    bench.publish(&[login(90, START + 5 * HOUR, 1, true)]);
    bench.progress(START + 6 * HOUR);
    Bench::drain(&mut bench.start());
    assert_eq!(count(&bench.figures(), LOGINS, "failed", START + 5 * HOUR, &[]), 1);
}

/// A new source, or a class that nobody asked for: its construct begins, the others do not notice.
#[test]
fn a_new_construct_leaves_the_others_alone() {
    let mut bench = with_some_events();
    let figures = bench.figures();
    let text = fs::read_to_string(schemas().join(LOGINS_FILE)).unwrap();
    let text = text.replace(LOGINS, "vernier/another");
    let folder = tempfile::tempdir().unwrap();
    copy(&schemas(), folder.path());
    fs::write(folder.path().join("constructs/vernier/another.yaml"), text).unwrap();
    let catalogue = Catalogue::load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(restarted(&mut bench, catalogue), 0);
    assert_eq!(of(&bench.figures(), |construct| construct != "vernier/another"), figures);
    assert_eq!(bench.whole_since("vernier/another", "failed"), Since::From(Timestamp(START + 5 * HOUR)));
    // And back again: its state goes, nothing else is touched.
    assert_eq!(restarted(&mut bench, edited(&[])), 0);
    assert_eq!(bench.figures(), figures);
}

/// Nothing was read yet: whatever is asked for is whole from the beginning.
#[test]
fn a_catalogue_that_changes_before_the_first_event_begins_at_the_beginning() {
    let mut bench = Bench::new(2);
    Bench::drain(&mut bench.start());
    let filter = "activity_id == 1 && status_id == ";
    let catalogue = edited(&[(LOGINS_FILE, &format!("{filter}2"), &format!("{filter}1"))]);
    restarted(&mut bench, catalogue);
    assert_eq!(bench.whole_since(LOGINS, "failed"), Since::Beginning);
}

/// Whoever begins behind a gap in the log does not know what it held.
#[test]
fn a_task_that_begins_behind_a_gap_waits_until_nothing_can_be_missing() {
    let bench = Bench::new(1);
    bench.publish(&(0..9).map(|number| login(number, START, 1, true)).collect::<Vec<_>>());
    let at = TopicPartition::new(&records::Topics::default().events, 0);
    bench.embedded.forget_before(&at, 5).unwrap();
    Bench::drain(&mut bench.start());
    assert_eq!(bench.whole_since(LOGINS, "failed"), Since::Building);
    bench.progress(START + 4 * HOUR + 30 * MINUTE);
    Bench::drain(&mut bench.start());
    // Five minutes ahead of its record is the farthest that an event may be.
    assert_eq!(bench.whole_since(LOGINS, "failed"), Since::From(Timestamp(START + 5 * HOUR)));
    let rows = &bench.catalogue.construct(RESOLUTION).unwrap().base;
    assert!(rows.iter().all(|base| bench.whole_since(RESOLUTION, &base.name) == Since::Building), "for good");
}

/// A population under a key of its own sees copies of events from when they are made on: of what was read before, its rows
/// do not know.
#[test]
fn rows_whose_copies_were_not_made_are_not_stated() {
    let since = |copies: Option<&BTreeSet<String>>| {
        let bench = Bench::new(1);
        bench.publish(&[incident(1, START, 1, "malware", 1)]);
        bench.progress_with(&["sshd", "itsm"], START + HOUR, copies);
        Bench::drain(&mut bench.start());
        assert_eq!(bench.whole_since(LOGINS, "failed"), Since::Beginning);
        // Also after a restart.
        Bench::drain(&mut bench.start());
        bench.whole_since(RESOLUTION, "handled")
    };
    let catalogue = edited(&[]);
    let all = catalogue.populations.values().flat_map(|population| population.copies().map(|(_, copy)| copy));
    let all: BTreeSet<String> = all.collect();
    assert_eq!(since(Some(&all)), Since::Beginning);
    assert_eq!(since(None), Since::Beginning, "nobody tells");
    assert_eq!(since(Some(&BTreeSet::new())), Since::Lost);
}

/// What is beyond correction stays as it is: versions of rows that nobody could ask for any more are merged, and whoever
/// looked at those periods again would see less.
#[test]
fn a_new_measure_of_rows_leaves_old_periods_alone() {
    let mut bench = with_some_events();
    // Beside it, in whatever partition, lies a row of which all is known still.
    let beside = (4..9).map(|number| incident(10 + usize::from(number), START, number, "malware", 1));
    bench.publish(&beside.collect::<Vec<_>>());
    bench.publish(&[incident(5, START, 3, "malware", 1), incident(6, START + 70 * DAY, 3, "malware", 2)]);
    // All of them: what a construct may still ask for is kept as long as its slowest source has not told of its time.
    let sources: Vec<String> = bench.catalogue.sources.keys().cloned().collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    bench.progress_of(&sources, START + 1000 * DAY);
    Bench::drain(&mut bench.start());
    // The row is written again: what was said in March and in May is merged, and April does not know it any more.
    bench.publish(&[incident(7, START + 1000 * DAY, 3, "malware", 2)]);
    bench.progress_of(&sources, START + 1001 * DAY);
    Bench::drain(&mut bench.start());
    let old = |figures: &Figures| {
        let old = figures.iter().filter(|((construct, measure, start, _), _)| {
            construct == RESOLUTION && measure != "again" && *start < Timestamp(START + 400 * DAY)
        });
        old.map(|(key, value)| (key.clone(), value.clone())).collect::<Figures>()
    };
    assert!(!bench.incident(3).contains("incident-5\"],{\"int"), "its first version is merged");
    let before = old(&bench.figures());
    assert!(!before.is_empty());
    let more = "base:\n  again: { population: incidents, count: status_id > 0 }\n";
    let file = "constructs/iso27004/b-33-incident-resolution.yaml";
    assert_eq!(restarted(&mut bench, edited(&[(file, "base:\n", more)])), 0);
    assert_eq!(old(&bench.figures()), before);
    assert_eq!(restarted(&mut bench, edited(&[])), 0);
    assert_eq!(old(&bench.figures()), before);
}

/// An interval that was told yesterday may lie in next week: a measure of intervals cannot begin behind what was read.
#[test]
fn a_changed_measure_of_intervals_is_built_from_the_events_or_not_stated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/figures/catalogue");
    let changed = tempfile::tempdir().unwrap();
    copy(&folder, changed.path());
    let file = changed.path().join("constructs/sessions.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("to: end_time }", "to: end_time, per: dst_endpoint.hostname }")).unwrap();
    for gone in [false, true] {
        let mut bench = Bench::new(1);
        bench.catalogue = Catalogue::load(&folder).unwrap();
        let session = Event {
            source: "sshd",
            key: "host-1".to_owned(),
            value: format!(
                r#"{{"activity_id":1,"class_uid":3002,"metadata":{{"uid":"s-1","version":"1.8.0"}},"time":{START},"start_time":{START},"end_time":{},"dst_endpoint":{{"hostname":"h"}},"type_uid":300201}}"#,
                START + 5 * HOUR
            ),
        };
        bench.publish(&[session]);
        bench.progress_of(&["sshd", "grc"], START + MINUTE);
        Bench::drain(&mut bench.start());
        let busy = |bench: &Bench| {
            let of =
                |((_, measure, start, _), _): &(&Figure, &Accumulator)| measure == "busy" && start.0 >= START + HOUR;
            bench.figures().iter().filter(of).count()
        };
        assert_eq!(busy(&bench), 4, "the hours to come");
        if gone {
            let at = TopicPartition::new(&records::Topics::default().events, 0);
            bench.embedded.forget_before(&at, bench.newest_frontier(0).next_offset).unwrap();
        }
        let read = restarted(&mut bench, Catalogue::load(changed.path()).unwrap());
        let whole = bench.whole_since("intervals/sessions", "busy");
        if gone {
            assert_eq!((read, whole), (0, Since::Building));
            assert_eq!(bench.whole_since("intervals/sessions", "hosts"), Since::Beginning, "beside it");
        } else {
            assert!(read > 0);
            assert_eq!((busy(&bench), whole), (4, Since::Beginning));
        }
    }
}
