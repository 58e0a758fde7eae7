//! Registers: who counts, when, and who may be shown; tickets that change.

use measurement::catalogue::Catalogue;

use crate::bench::{MONTHLY, hold, own, shipped};

fn staff() -> Catalogue {
    let measure =
        |name: &str, basis: &str| format!("  {name}: {{ population: staff, basis: {basis}, count: active }}\n");
    let bases: String = ["end", "start", "any", "average"].map(|basis| measure(&format!("at_{basis}"), basis)).concat();
    let construct = format!("{MONTHLY}\nbase:\n{bases}indicator: {{ of: at_end, bands: {{ green: \"[0, inf)\" }} }}\n");
    let population = "
population: staff
title: Staff
columns: { active: { type: bool, merge: last } }
feeds:
  - { class: isms_person, key: person.uid, lists: true, remove: unmapped.gone == true, set: { active: person.active } }
snapshot: { class: isms_snapshot, when: snapshot.register == 'staff', taken_at: snapshot.taken_at }
";
    own(&construct, &[population]).unwrap()
}

#[test]
fn trap_7_10_populations() {
    hold(
        &staff(),
        "
construct: traps/own
templates:
  person: { class: isms_person, at: 2026-01-10, person.uid: 'P{n}', person.org_unit: x, person.in_scope: true, person.training_required: true, person.active: true }
  snapshot: { class: isms_snapshot, at: 2026-04-20, snapshot.register: staff, snapshot.taken_at: 2026-04-20 }
cases:
  - name: who leaves in the middle of a month of thirty days counts by the declared basis
    period: 2026-04
    events: [{ use: person }, { use: person, uid: left, at: 2026-04-16, person.active: false }]
    expect: { outcome: green, base: { at_end: 0, at_start: 1, at_any: 1, at_average: 0.5 } }
  - name: who comes in the middle of it
    period: 2026-04
    events: [{ use: person, at: 2026-04-16 }]
    expect: { outcome: green, base: { at_end: 1, at_start: 0, at_any: 1, at_average: 0.5 } }
  - name: a removed row is gone, and back when it is told again
    period: 2026-04
    events:
      - { use: person, repeat: 2 }
      - { use: person, repeat: 2, uid: 'gone{n}', at: 2026-04-05, unmapped.gone: true }
      - { use: person, uid: back, at: 2026-04-20 }
    expect: { outcome: green, base: { at_end: 1, at_start: 2 } }
  - name: who is not in a full snapshot is gone, on every partition
    period: 2026-04
    events:
      - { use: person, repeat: 9 }
      - { use: person, repeat: 4, uid: 'listed{n}', at: 2026-04-20 12:00 }
      - { use: snapshot, at: 2026-04-20 13:00 }
    expect: { outcome: green, base: { at_end: 4, at_start: 9 } }
  - name: a snapshot that is complete only later changes nothing before
    period: 2026-04
    events:
      - { use: person, repeat: 9 }
      - { use: snapshot, at: 2026-05-02, snapshot.taken_at: 2026-05-01 }
    expect: { outcome: green, base: { at_end: 9 } }
  - name: a stale register
    period: 2026-04
    silent_from: { any: 2026-04-20 }
    events: [{ use: person }]
    expect: { outcome: unvalidated }
",
    );
}

#[test]
fn trap_7_11_personal_data() {
    let group = |name: &str, outcome: &str| {
        format!(
            "
  - name: {name}
    period: 2026-03
    group: {{ org_unit: {name} }}
    events:
      - {{ use: person, repeat: 10, person.uid: 'F{{n}}', person.org_unit: finance }}
      - {{ use: person, repeat: 3, person.uid: 'S{{n}}', person.org_unit: sales }}
      - {{ use: person, repeat: 7, person.uid: 'E{{n}}', person.org_unit: engineering }}
    expect: {{ outcome: {outcome} }}"
        )
    };
    // Three people are hidden, and the seven with them: from the total nobody can compute the three.
    hold(
        &shipped(&[]),
        &format!(
            "
construct: isms/information-security-training
templates:
  person: {{ class: isms_person, source: hr, at: 2026-01-05, person.in_scope: true, person.training_required: true, person.active: true }}
cases:{}{}{}
",
            group("sales", "suppressed"),
            group("engineering", "suppressed"),
            group("finance", "red")
        ),
    );
}

#[test]
fn trap_7_13_mutable_records() {
    hold(
        &shipped(&[]),
        "
construct: isms/incident-resolution
templates:
  ticket: { class: incident_finding, 'finding_info_list[0].uid': I, 'finding_info_list[0].types[0]': malware }
cases:
  - name: reopened after the month was closed, in the month
    period: 2026-03
    group: { category: malware }
    events: [{ use: ticket, activity_id: 1, status_id: 1, at: 2026-03-10 08:00 }, { use: ticket, uid: done, activity_id: 2, status_id: 4, at: 2026-03-10 10:00 }]
    expect: { outcome: green, value: 0, revision: 1 }
    late: [{ use: ticket, uid: again, activity_id: 2, status_id: 2, at: 2026-03-20 }]
    then: { outcome: red, value: 100, revision: 2 }
  - name: of another category after all
    period: 2026-03
    group: { category: malware }
    events: [{ use: ticket, activity_id: 1, status_id: 1, at: 2026-03-10 08:00 }, { use: ticket, uid: done, activity_id: 2, status_id: 4, at: 2026-03-10 10:00 }]
    expect: { outcome: green, revision: 1 }
    late: [{ use: ticket, uid: other, activity_id: 2, status_id: 4, at: 2026-03-11, 'finding_info_list[0].types[0]': phishing }]
    then: { outcome: not-applicable, revision: 2 }
",
    );
}

#[test]
fn trap_7_20_scope() {
    // A site that joins in the middle of the year is in scope from then on, and its past makes no wave.
    let construct = format!(
        "{MONTHLY}
base:
  incidents: {{ population: incidents, count: in_period(opened_at) && scoped_at <= opened_at }}
indicator: {{ of: incidents, bands: {{ green: \"[0, 2]\", red: \"(2, inf)\" }} }}
"
    );
    let population = "
population: incidents
title: Incidents
columns: { opened_at: { type: time, merge: min }, scoped_at: { type: time, merge: min } }
feeds:
  - class: incident_finding
    key: finding_info_list[0].uid
    set: { opened_at: time, scoped_at: unmapped.site_in_scope_from }
";
    hold(
        &own(&construct, &[population]).unwrap(),
        "
construct: traps/own
templates:
  incident: { class: incident_finding, activity_id: 1, status_id: 1, 'finding_info_list[0].uid': 'I{n}' }
cases:
  - name: before and after the site joined, on 15 March
    period: 2026-03
    events:
      - { use: incident, repeat: 9, at: 2026-03-05, unmapped.site_in_scope_from: 1773529200000 }
      - { use: incident, repeat: 2, at: 2026-03-20, uid: 'in{n}', 'finding_info_list[0].uid': 'N{n}', unmapped.site_in_scope_from: 1773529200000 }
    expect: { outcome: green, value: 2 }
",
    );
}
