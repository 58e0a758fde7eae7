//! Calendars, lateness, silence, and time that passes without events.

use std::process::Command;

use measurement::{calendar::PeriodLength, time::Timestamp};

use crate::bench::{MONTHLY, hold, own, shipped};

#[test]
fn trap_7_01_calendar() {
    // The last half hour of March belongs to the first quarter of the site, whatever UTC says.
    hold(
        &shipped(&[]),
        "
construct: isms/physical-entry-effectiveness
templates:
  entry: { class: isms_entry, activity_id: 2, entry.room_uid: R }
cases:
  - name: half past eleven in the evening of 31 March
    period: 2026-Q1
    events: [{ use: entry, at: 2025-12-10, uid: before }, { use: entry, at: '2026-03-31 23:30' }, { use: entry, at: 2026-04-01, uid: april }]
    expect: { outcome: red, value: 1, base: { unauthorised: 1 } }
",
    );
    let day = |date: &str| {
        let calendar = measurement::calendar::Calendar::civil(chrono_tz::Europe::Zurich);
        calendar.period_at(PeriodLength::Day, Timestamp::parse(date).unwrap()).length() / 3_600_000
    };
    assert_eq!((day("2026-03-29T12:00:00Z"), day("2026-10-25T12:00:00Z"), day("2026-03-28T12:00:00Z")), (23, 25, 24));
    // The zone of the host has no say.
    let told = |zone: &str| {
        let replay = ["replay", "--catalogue", "schemas", "--format", "json", "--received", "2026-03-01T12:30:00Z"];
        let source = ["--source", "sshd=cli/tests/golden/auth.log", "--until", "2026-03-01T12:20:00Z"];
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut command = Command::new(pipeline_tests::deployment::program("vernier"));
        command.args(replay).args(source).current_dir(root).env("TZ", zone);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let utc = told("UTC");
    assert!(utc.len() > 1000);
    assert_eq!(told("Pacific/Kiritimati"), utc);
}

#[test]
fn trap_7_02_late_data() {
    // Any order and any delay within the horizon: the same last revision. See the shuffles for the property.
    hold(
        &shipped(&[]),
        "
construct: isms/security-incident-cost
templates:
  cost: { class: isms_cost, activity_id: 1, at: 2026-02-10, cost.incident_uid: I, cost.category: malware, cost.currency: CHF }
cases:
  - name: all in time
    period: 2026-Q1
    events: [{ use: cost, uid: a, cost.amount: 1 }, { use: cost, uid: b, cost.amount: 2 }, { use: cost, uid: c, cost.amount: 4 }]
    expect: { outcome: green, value: 7, revision: 1 }
  - name: some after the end, in another order, one of them twice
    period: 2026-Q1
    events: [{ use: cost, uid: b, cost.amount: 2 }]
    expect: { outcome: green, value: 2, revision: 1 }
    late: [{ use: cost, uid: c, cost.amount: 4 }, { use: cost, uid: a, cost.amount: 1 }, { use: cost, uid: c, cost.amount: 4 }]
    then: { outcome: green, value: 7, revision: 2 }
",
    );
}

#[test]
fn trap_7_03_missing_versus_zero() {
    hold(
        &shipped(&[]),
        "
construct: isms/security-incident-cost
cases:
  - { name: nothing booked by a source that was alive is a zero, period: 2026-Q1, expect: { outcome: green, value: 0 } }
  - { name: a source that stops is no green, period: 2026-Q1, silent_from: { finance: 2026-03-20 }, expect: { outcome: unvalidated } }
  - { name: a source that was never there, period: 2026-Q1, silent: [finance], expect: { outcome: no-data } }
",
    );
    hold(
        &shipped(&[]),
        "
construct: isms/firewall-rules
cases:
  - { name: no unused rule without an inventory of rules, period: 2026-01-01, expect: { outcome: not-applicable } }
",
    );
}

#[test]
fn trap_7_12_plan_to_date() {
    // With no event at all an item becomes overdue at midnight of the construct's zone.
    hold(
        &shipped(&[]),
        "
construct: isms/audit-programme
templates:
  plan: { class: isms_audit, activity_id: 1, at: 2026-01-02, audit.uid: A }
cases:
  - name: due at the last millisecond of the month
    period: 2026-03
    events: [{ use: plan, audit.planned_for: '2026-03-31T21:59:59.999Z' }]
    expect: { outcome: red, value: 0 }
  - name: due at midnight of the next
    period: 2026-03
    events: [{ use: plan, audit.planned_for: '2026-03-31T22:00:00Z' }]
    expect: { outcome: not-applicable, base: { planned: 0 } }
",
    );
}

#[test]
fn trap_7_14_durations() {
    // A case that is open for ninety days is seen before it closes; durations below zero are counted apart.
    let catalogue = own(
        &format!(
            "{MONTHLY}
base:
  waited: {{ population: cases, mean: \"elapsed(opened_at, closed_at) / duration('24h')\", open: as-of, unit: days }}
  closed_in: {{ population: cases, mean: \"elapsed(opened_at, closed_at) / duration('24h')\", open: leave-out, unit: days }}
  half_in: {{ population: cases, quantile: \"elapsed(opened_at, closed_at) / duration('24h')\", at: 0.5, open: as-of, unit: days }}
indicator: {{ of: waited, bands: {{ green: \"[0, 30]\", red: \"(30, inf)\" }} }}
"
        ),
        &["
population: cases
title: Cases
columns:
  opened_at: { type: time, merge: min }
  closed_at: { type: time, merge: max }
feeds:
  - class: incident_finding
    key: finding_info_list[0].uid
    set: { opened_at: { value: time, when: status_id == 1 }, closed_at: { value: time, when: status_id == 4 } }
"],
    );
    hold(
        &catalogue.unwrap(),
        "
construct: traps/own
templates:
  case: { class: incident_finding, status_id: 1, 'finding_info_list[0].uid': 'C{n}' }
cases:
  - name: open for ninety days
    period: 2026-04
    events: [{ use: case, at: '2026-01-30 23:00' }]
    expect: { outcome: red, base: { waited: 90 } }
  - name: half of them are quick, whatever the mean
    period: 2026-04
    events:
      - { use: case, repeat: 3, at: 2026-04-10 }
      - { use: case, repeat: 2, at: 2026-04-12, status_id: 4, uid: 'done{n}' }
    expect: { outcome: green, base: { half_in: 2, closed_in: 2 } }
  - name: closed before it was opened is no duration
    period: 2026-04
    events: [{ use: case, at: 2026-04-10 }, { use: case, at: 2026-04-09, uid: early, status_id: 4 }]
    expect: { outcome: not-applicable }
",
    );
    // Leaving open items out is never a default.
    let refused = own(
        &format!(
            "{MONTHLY}\nbase:\n  waited: {{ population: cases, mean: \"elapsed(a, b) / duration('1h')\" }}\nindicator: {{ of: waited, bands: {{ green: \"[0, inf)\" }} }}\n"
        ),
        &[
            "population: cases\ntitle: C\ncolumns: { a: { type: time, merge: min }, b: { type: time, merge: max } }\nfeeds: [{ class: isms_audit, key: audit.uid, set: { a: time, b: time } }]\n",
        ],
    );
    assert!(refused.unwrap_err().contains("does not say what open items count as"));
}

#[test]
fn trap_7_17_two_clocks() {
    // A late correction changes the report of a closed period and nothing of the running one.
    let catalogue = shipped(&[]);
    let rules = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/generated/alerts.rules.yml"),
    );
    let rules = rules.unwrap();
    assert!(rules.contains("state=\\\"final\\\""), "what cannot be measured is told of closed periods");
    hold(
        &catalogue,
        "
construct: isms/physical-entry-effectiveness
templates:
  entry: { class: isms_entry, activity_id: 2, entry.room_uid: R }
cases:
  - name: the closed quarter is revised
    period: 2026-Q1
    events: [{ use: entry, at: 2025-11-10, uid: a }, { use: entry, at: 2026-02-10, uid: b }]
    expect: { outcome: red, value: 1, revision: 1 }
    late: [{ use: entry, at: 2025-12-31, uid: c }]
    then: { outcome: green, value: 0.5, revision: 2 }
",
    );
}

#[test]
fn trap_7_19_backfill() {
    // The same events give the same figures, whether they come one period after the other or all at the end.
    hold(
        &shipped(&[]),
        "
construct: isms/security-incidents-trend
templates:
  opened: { class: incident_finding, activity_id: 1, status_id: 1, 'finding_info_list[0].uid': 'I{n}', 'finding_info_list[0].types[0]': malware }
cases:
  - name: live
    period: 2026-03
    events: [{ use: opened, repeat: 6, step: P1M, at: 2025-10-10 }, { use: opened, repeat: 2, at: 2026-03-10, uid: 'm{n}' }]
    expect: { outcome: red, value: 1.5 }
  - name: the history comes after the month was closed
    period: 2026-03
    events: [{ use: opened, repeat: 2, at: 2026-03-10, uid: 'm{n}' }]
    expect: { outcome: insufficient-history }
    late: [{ use: opened, repeat: 6, step: P1M, at: 2025-10-10 }]
    then: { outcome: red, value: 1.5 }
",
    );
}
