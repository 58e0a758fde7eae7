//! Small numbers, boundaries, rolling up, units, integrity.

use measurement::time::Timestamp;
use vernier::{chain::Chain, results, test::as_ocsf};

use crate::bench::{MONTHLY, hold, own, shipped};

#[test]
fn trap_7_04_small_denominators() {
    hold(
        &shipped(&[]),
        "
construct: vernier/failed-authentication-ratio
cases:
  - { name: nothing, base: { attempts: 0, failed: 0 }, expect: { outcome: not-applicable } }
  - { name: below the minimum, base: { attempts: 19, failed: 19 }, expect: { outcome: insufficient-n, numerator: 19, denominator: 19 } }
  - { name: the minimum, base: { attempts: 20, failed: 20 }, expect: { outcome: red } }
",
    );
    hold(
        &shipped(&[]),
        "
construct: isms/physical-entry-effectiveness
cases:
  - { name: from zero, base: { unauthorised: 2 }, history: [{ unauthorised: 0 }], expect: { outcome: not-applicable } }
",
    );
    // A ratio that states no minimum is refused.
    let refused = own(
        &format!(
            "{MONTHLY}\nbase:\n  a: {{ event: isms_entry, count: activity_id == 1 }}\n  b: {{ event: isms_entry, count: activity_id == 2 }}\nderived: {{ r: {{ formula: b / a, unit: ratio }} }}\nindicator: {{ of: r, bands: {{ green: \"[0, inf)\" }} }}\n"
        ),
        &[],
    );
    assert!(refused.unwrap_err().contains("no minimum denominator"));
}

#[test]
fn trap_7_15_rolling_up() {
    // The total is computed from all base measures again: 1 of 10 and 90 of 90 are 91 of 100, not 55 percent.
    hold(
        &shipped(&[]),
        "
construct: isms/information-security-training
templates:
  person: { class: isms_person, source: hr, at: 2026-01-05, person.in_scope: true, person.training_required: true, person.active: true }
  training: { class: isms_training, source: lms, at: 2026-02-01, training.course: annual }
cases:
  - name: total
    period: 2026-03
    events:
      - { use: person, repeat: 10, person.uid: 'S{n}', person.org_unit: sales }
      - { use: person, repeat: 90, person.uid: 'F{n}', person.org_unit: finance }
      - { use: training, person.uid: S1, uid: s }
      - { use: training, repeat: 90, person.uid: 'F{n}' }
    expect: { outcome: green, value: 91, numerator: 91, denominator: 100 }
",
    );
    // People who are counted in two groups are counted once in the total.
    hold(
        &shipped(&[]),
        "
construct: isms/social-engineering-preparedness
templates:
  lure: { class: isms_simulation, activity_id: 1, at: 2026-02-10, simulation.campaign: c }
cases:
  - name: distinct people
    period: 2026-Q1
    events:
      - { use: lure, repeat: 6, person.uid: 'P{n}', simulation.difficulty: easy, uid: 'a{n}' }
      - { use: lure, repeat: 6, person.uid: 'P{n}', simulation.difficulty: hard, uid: 'b{n}' }
    expect: { outcome: yellow, base: { tested: 6 } }
",
    );
}

#[test]
fn trap_7_16_boundaries() {
    // 9/10 against > 0.9 and against >= 0.9; no binary fraction is 0.9.
    let judged = |bands: &str, outcome: &str| {
        let catalogue = own(
            &format!(
                "{MONTHLY}\nbase:\n  a: {{ event: isms_entry, count: activity_id == 1 }}\n  b: {{ event: isms_entry, count: activity_id == 2 }}\nderived: {{ r: {{ formula: b / a, unit: ratio, minimum_denominator: 1 }} }}\nindicator: {{ of: r, bands: {bands} }}\n"
            ),
            &[],
        );
        hold(
            &catalogue.unwrap(),
            &format!("
construct: traps/own
cases:
  - {{ name: nine tenths, base: {{ a: 10, b: 9 }}, expect: {{ outcome: {outcome}, value: 0.9 }} }}
  - {{ name: the same of other numbers, base: {{ a: 700000000000000010, b: 630000000000000009 }}, expect: {{ outcome: {outcome}, value: 0.9 }} }}
"),
        );
    };
    judged("{ red: \"[0, 0.9]\", green: \"(0.9, inf)\" }", "red");
    judged("{ red: \"[0, 0.9)\", green: \"[0.9, inf)\" }", "green");
    for (bands, told) in [
        ("{ red: \"[0, 0.8)\", green: \"[0.9, inf)\" }", "gap"),
        ("{ red: \"[0, 0.9]\", green: \"[0.9, inf)\" }", "both contain 0.9"),
    ] {
        let refused = own(
            &format!(
                "{MONTHLY}\nbase:\n  a: {{ event: isms_entry, count: activity_id == 1 }}\nindicator: {{ of: a, bands: {bands} }}\n"
            ),
            &[],
        );
        assert!(refused.unwrap_err().contains(told));
    }
}

#[test]
fn trap_7_18_prometheus() {
    // No date and no person in a label: labels of results are identifiers and declared values alone.
    let catalogue = shipped(&[]);
    for construct in &catalogue.constructs {
        for dimension in &construct.dimensions {
            let column = dimension.column.as_deref().unwrap_or_default();
            assert!(!column.ends_with("uid") && dimension.values.len() <= 1000, "{}", construct.id);
        }
    }
    let families: Vec<&str> = evaluator::expose::FAMILIES.iter().map(|(name, _)| *name).collect();
    // The period is a value, not a label, and what has no value has a reason.
    for family in
        ["vernier_indicator_period_start_timestamp_seconds", "vernier_indicator_outcome", "vernier_indicator_revision"]
    {
        assert!(families.contains(&family), "{family}");
    }
}

#[test]
fn trap_7_21_units() {
    let with = |base: &str, derived: &str| {
        own(
            &format!(
                "{MONTHLY}\nbase:\n{base}\nderived:\n  {derived}\nindicator: {{ of: r, bands: {{ green: \"[0, inf)\" }} }}\n"
            ),
            &[],
        )
    };
    let francs = "  a: { event: isms_cost, sum: cost.amount, unit: CHF }\n  b: { event: isms_cost, sum: cost.amount, unit: days }\n  n: { event: isms_cost, count: activity_id == 1 }";
    for (derived, told) in [
        ("r: { formula: a + b, unit: CHF }", "CHF and days cannot be added"),
        ("r: { formula: a + n, unit: CHF }", "CHF and a plain number cannot be added"),
        ("r: { formula: a / n, unit: ratio, minimum_denominator: 1 }", "its formula gives CHF"),
        ("r: { formula: a / a, unit: CHF, minimum_denominator: 1 }", "its formula gives a plain number"),
    ] {
        assert!(with(francs, derived).unwrap_err().contains(told), "{derived}");
    }
    assert!(with(francs, "r: { formula: a / n, unit: CHF, minimum_denominator: 1 }").is_ok());
    // Another scale of the scanner is another group, not a trend.
    let catalogue = own(
        &format!(
            "{MONTHLY}
by: [{{ name: scale, column: scale, values: ['3.1', '4.0'] }}]
base: {{ exposure: {{ population: findings, sum: score, unit: CVSS points }} }}
indicator: {{ of: exposure, bands: {{ green: \"[0, inf)\" }} }}
"
        ),
        &["
population: findings
title: Findings
columns: { score: { type: number, merge: last, unit: CVSS points }, scale: { type: text, merge: last } }
feeds:
  - class: vulnerability_finding
    key: finding_info.uid
    set: { score: 'vulnerabilities[0].cvss[0].base_score', scale: 'vulnerabilities[0].cvss[0].version' }
"],
    );
    hold(
        &catalogue.unwrap(),
        "
construct: traps/own
templates:
  finding: { class: vulnerability_finding, status_id: 1, at: 2026-03-10, finding_info.uid: F, device.uid: A, 'vulnerabilities[0].cvss[0].version': '3.1', 'vulnerabilities[0].cvss[0].base_score': 7 }
cases:
  - name: the old scale has lost it
    period: 2026-03
    group: { scale: '3.1' }
    events: [{ use: finding }, { use: finding, uid: again, at: 2026-03-20, 'vulnerabilities[0].cvss[0].version': '4.0' }]
    expect: { outcome: green, value: 0 }
",
    );
}

#[test]
fn trap_7_22_integrity() {
    // Delivered twice is one.
    hold(
        &shipped(&[]),
        "
construct: isms/security-incident-cost
templates:
  cost: { class: isms_cost, activity_id: 1, at: 2026-02-10, uid: once, cost.incident_uid: I, cost.category: malware, cost.currency: CHF, cost.amount: 5 }
cases:
  - name: three times the same
    period: 2026-Q1
    events: [{ use: cost, repeat: 3 }]
    expect: { outcome: green, value: 5, base: { bookings: 1 } }
",
    );
    // A host whose clock is a day ahead is refused, counted, and changes no figure.
    let catalogue = as_ocsf(&shipped(&[]).only("isms/security-incident-cost").unwrap());
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let now = at("2026-03-31T20:00:00Z");
    let mut chain = Chain::new(catalogue, 2, now).unwrap();
    let cost = |uid: &str, time: Timestamp| {
        let event = serde_json::json!({"class_uid": 27_001_010, "category_uid": 27_001, "activity_id": 1, "severity_id": 1,
            "time": time.0, "metadata": {"uid": uid, "version": "1.8.0"},
            "cost": {"incident_uid": "I", "category": "malware", "amount": 5, "currency": "CHF"}});
        ("raw.finance".into(), event.to_string().into_bytes())
    };
    chain.write([cost("sound", now.minus(60_000)), cost("ahead", now.plus(86_400_000))], now).unwrap();
    chain.settle(|_| ()).unwrap();
    chain.pass_time(at("2026-04-15T00:00:00Z")).unwrap();
    assert_eq!(chain.dead_letters().unwrap(), 1);
    let entries = results::entries(chain.log(), &chain.topics().results).unwrap();
    let total = entries.iter().find(|entry| entry.group.is_empty() && entry.period.end == at("2026-03-31T22:00:00Z"));
    assert_eq!(total.unwrap().value.as_ref().map(ToString::to_string).as_deref(), Some("5"));
}

#[test]
fn trap_7_23_counters() {
    hold(
        &shipped(&[]),
        "
construct: isms/firewall-rules
templates:
  reading: { class: isms_firewall_rule, activity_id: 1, at: 2025-12-01, step: P7D, repeat: 30, rule.uid: R, rule.hits: 7 }
cases:
  - name: begun anew at zero, and not used since
    period: 2026-01-01
    events: [{ use: reading }, { use: reading, repeat: 1, uid: zero, at: 2026-06-30, rule.hits: 0 }]
    expect: { outcome: red, value: 1 }
  - name: begun anew at zero, and used since
    period: 2026-01-01
    events: [{ use: reading }, { use: reading, repeat: 1, uid: three, at: 2026-06-30, rule.hits: 3 }]
    expect: { outcome: green, value: 0 }
  - name: not read for two weeks and more
    period: 2026-01-01
    events: [{ use: reading, repeat: 20 }]
    expect: { outcome: unvalidated }
",
    );
}
