//! What comes late corrects its period, up to the horizon; what comes later is kept aside.

use crate::bench::{Bench, DAY, HOUR, MINUTE, START, count, incident, login};

const LOGINS: &str = "vernier/failed-authentication-ratio";

#[test]
fn a_late_event_corrects_the_figure_of_its_hour() {
    let bench = Bench::new(2);
    bench.publish(&[login(1, START + MINUTE, 1, true)]);
    bench.progress(START + DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    bench.publish(&[login(2, START + 2 * MINUTE, 1, true), login(3, START + HOUR, 1, true)]);
    Bench::drain(&mut runner);
    let figures = bench.figures();
    assert_eq!(count(&figures, LOGINS, "failed", START, &[]), 2);
    assert_eq!(count(&figures, LOGINS, "failed", START + HOUR, &[]), 1, "an hour begins with its first instant");
    assert!(bench.late().is_empty());
}

#[test]
fn beyond_the_horizon_it_changes_nothing_and_is_kept() {
    let bench = Bench::new(2);
    bench.publish(&[login(1, START + MINUTE, 1, true)]);
    // restate_for is 30 days after the hour has closed; a source is complete five minutes later.
    bench.progress(START + 40 * DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    bench.publish(&[login(2, START + 2 * MINUTE, 1, true)]);
    Bench::drain(&mut runner);
    assert_eq!(count(&bench.figures(), LOGINS, "failed", START, &[]), 1);
    assert_eq!(bench.accounting("sshd").late, 1);
    let late = bench.late();
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].uid.as_str(), late[0].constructs.as_slice()), ("login-2", [LOGINS.to_owned()].as_slice()));
}

#[test]
fn a_row_that_is_corrected_changes_every_period_after_it() {
    let resolution = "isms/incident-resolution";
    // Months in Zurich: the first of March and of April 2026 begin at 23:00 and 22:00 UTC the day before.
    let (march, april) = (START - HOUR, START + 31 * DAY - 2 * HOUR);
    let bench = Bench::new(1);
    bench.publish(&[incident(1, START + DAY, 1, "malware", 1)]);
    bench.progress(START + 33 * DAY);
    let mut runner = bench.start();
    Bench::drain(&mut runner);
    let figures = bench.figures();
    assert_eq!(count(&figures, resolution, "late", march, &["malware"]), 1, "open past its target");
    assert_eq!(count(&figures, resolution, "late", april, &["malware"]), 1);
    bench.publish(&[incident(2, START + DAY + HOUR, 1, "malware", 3)]);
    Bench::drain(&mut runner);
    let figures = bench.figures();
    assert_eq!(count(&figures, resolution, "late", march, &["malware"]), 0, "it was resolved within the hour");
    assert_eq!(count(&figures, resolution, "handled", march, &["malware"]), 1);
    assert_eq!(count(&figures, resolution, "handled", april, &["malware"]), 0);
}

#[test]
fn a_correction_is_not_lost_with_an_aggregator_that_had_not_computed_it() {
    let resolution = "isms/incident-resolution";
    let march = START - HOUR;
    let mut bench = Bench::new(1);
    bench.publish(&[incident(1, START + DAY, 1, "malware", 1)]);
    bench.progress(START + 33 * DAY);
    // It computes once and then not again for years.
    bench.refresh_interval = 1 << 40;
    let mut lost = bench.start();
    Bench::drain(&mut lost);
    bench.publish(&[incident(2, START + DAY + HOUR, 1, "malware", 3)]);
    Bench::drain(&mut lost);
    drop(lost);
    assert_eq!(count(&bench.figures(), resolution, "late", march, &["malware"]), 1, "not computed yet");
    bench.refresh_interval = 0;
    Bench::drain(&mut bench.start());
    assert_eq!(count(&bench.figures(), resolution, "late", march, &["malware"]), 0);
}

/// Whether a zero is one or nothing was heard is judged by this.
#[test]
fn what_a_source_sent_is_kept_by_interval() {
    let bench = Bench::new(1);
    bench.publish(&[
        login(1, START + 5 * MINUTE, 1, true),
        login(2, START + 2 * MINUTE, 1, false),
        login(3, START + HOUR, 1, false),
    ]);
    Bench::drain(&mut bench.start());
    let activity = bench.activity("sshd");
    assert_eq!(activity.iter().map(|(.., count)| count).sum::<u64>(), 3, "{activity:?}");
    let first = activity[0];
    assert!(
        first.0 <= START + 2 * MINUTE && activity.iter().all(|(start, first, last, _)| start <= first && first <= last)
    );
    assert!(activity.iter().any(|(_, _, last, _)| *last == START + HOUR), "{activity:?}");
    assert!(bench.activity("itsm").is_empty());
}

/// A row keeps what it was at each time that a figure may still be asked for, and no more.
#[test]
fn what_nobody_can_ask_for_of_a_row_is_forgotten() {
    let bench = Bench::new(1);
    let sources = ["sshd", "itsm", "hr", "isms"];
    let mut runner = bench.start();
    let update = |uid: usize, day: i64| bench.publish(&[incident(uid, START + day * DAY, 1, "malware", 2)]);
    bench.publish(&[incident(1, START, 1, "malware", 1)]);
    (1..12).for_each(|month| update(usize::try_from(month).unwrap() + 1, 30 * month));
    bench.progress_of(&sources, START + 330 * DAY);
    Bench::drain(&mut runner);
    let whole = bench.incident(1).len();
    bench.progress_of(&["sshd", "itsm"], START + 1200 * DAY);
    update(100, 1200);
    Bench::drain(&mut runner);
    assert!(bench.incident(1).len() > whole, "figures with another source may still ask for all of it");
    bench.progress_of(&sources, START + 1200 * DAY);
    update(101, 1201);
    Bench::drain(&mut runner);
    assert!(bench.incident(1).len() < whole, "all of it is {whole} bytes, left is {}", bench.incident(1));
}
