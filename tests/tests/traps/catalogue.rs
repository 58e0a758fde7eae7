//! Definitions, versions and targets that change.

use measurement::{catalogue::diff, time::Timestamp};

use crate::bench::{hold, shipped};

const TRAINING: &str = "constructs/iso27004/b-12-information-security-training.yaml";

fn text() -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(TRAINING)).unwrap()
}

#[test]
fn trap_7_05_definitions() {
    // Another measurement is another series, by its digest: no result is computed by a mixture of both.
    let old = shipped(&[]);
    let changed = text().replace("trained_at >= year_start(period)", "trained_at >= months_before(as_of, 12)");
    let new = shipped(&[(TRAINING, &changed)]);
    let of = |catalogue: &measurement::catalogue::Catalogue| {
        catalogue.construct("isms/information-security-training").unwrap().digest.clone()
    };
    assert_ne!(of(&old), of(&new));
    let changes = diff(&old, &new);
    assert!(changes.iter().any(|change| change.breaks && change.what.contains("base.trained")), "{changes:?}");
    // Words for people are no definition.
    let renamed = shipped(&[(TRAINING, &text().replace("title: Information security training", "title: Training"))]);
    assert_eq!(of(&old), of(&renamed));
}

#[test]
fn trap_7_07_versions() {
    // Every part that influences a number has a say in the digest; the criteria have one of their own.
    let old = shipped(&[]);
    let id = "isms/information-security-training";
    let population = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/populations/people.yaml"),
    );
    let population = population.unwrap().replace("training.course != 'isms-awareness'", "training.course != 'other'");
    let mapping = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/mappings/lms/map.vrl"),
    );
    let mapping = mapping.unwrap().replace("\"severity_id\": 1", "\"severity_id\": 2");
    let construct = |catalogue: &measurement::catalogue::Catalogue| catalogue.construct(id).unwrap().clone();
    let new = shipped(&[("populations/people.yaml", &population)]);
    assert_ne!(construct(&new).digest, construct(&old).digest);
    assert_eq!(construct(&new).indicator.criteria[0].digest, construct(&old).indicator.criteria[0].digest);
    // A mapping makes other events from when it is deployed on: it travels with them, and the measure is the same.
    let new = shipped(&[("mappings/lms/map.vrl", &mapping)]);
    assert_eq!(construct(&new).digest, construct(&old).digest);
    assert_ne!(new.sources["lms"].digest, old.sources["lms"].digest);
    let stricter = shipped(&[(TRAINING, &text().replace("[60, 90)", "[60, 95)").replace("[90, 100]", "[95, 100]"))]);
    assert_eq!(construct(&stricter).digest, construct(&old).digest);
    assert_ne!(construct(&stricter).indicator.criteria[0].digest, construct(&old).indicator.criteria[0].digest);
    assert_eq!(stricter.digest, old.digest, "new criteria need no figure anew");
}

#[test]
fn trap_7_08_targets() {
    // Each period is judged by the criteria and the target in force at its start.
    let criteria = text()
        .replace("  bands: { red: \"[0, 60)\", yellow: \"[60, 90)\", green: \"[90, 100]\" }\n", "  criteria:\n    - { from: 2025-01-01, approved_by: A, bands: { red: \"[0, 50)\", green: \"[50, 100]\" } }\n    - { from: 2026-02-01, approved_by: A, bands: { red: \"[0, 90)\", green: \"[90, 100]\" } }\n")
        .replace("  adjust:\n    # Less than ten percentage points of progress in a quarter.\n    - { band: yellow, to: red, when: \"coverage - previous(coverage, 3) < 10\" }\n", "")
        .replace("target: { value: 100, from: 2025-01-01, approved_by: ISMS managers }", "target: [{ value: 50, from: 2025-01-01, until: 2026-02-01, approved_by: A }, { value: 90, from: 2026-02-01, approved_by: A }]");
    let catalogue = shipped(&[(TRAINING, &criteria)]);
    hold(
        &catalogue,
        "
construct: isms/information-security-training
cases:
  - { name: before, period: 2026-01, base: { due: 10, trained: 6 }, expect: { outcome: green, target: 50 } }
  - { name: after, period: 2026-02, base: { due: 10, trained: 6 }, expect: { outcome: red, target: 90 } }
",
    );
    let construct = catalogue.construct("isms/information-security-training").unwrap();
    let january = construct.calendar.period_at(construct.period, Timestamp::parse("2026-01-15T00:00:00Z").unwrap());
    assert_eq!(construct.indicator.in_force(&january).unwrap().lines()[1].1, "[50, 100]");
}

#[test]
fn trap_7_09_trend() {
    // The known sequence by both readings of "the last six", and too little history before the sixth.
    let disjoint = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../schemas/constructs/iso27004/b-34-security-incidents-trend.yaml"),
    );
    let disjoint = disjoint.unwrap().replace("mean_last(incidents, 6)", "mean_last(incidents, 6, 2)");
    let path = "constructs/iso27004/b-34-security-incidents-trend.yaml";
    let history = |numbers: &[i64]| {
        numbers.iter().map(|number| format!("{{ incidents: {number} }}")).collect::<Vec<_>>().join(", ")
    };
    let case = |name: &str, now: i64, before: &[i64], expect: &str| {
        format!(
            "\n  - {{ name: {name}, base: {{ incidents: {now} }}, history: [{}], expect: {{ {expect} }} }}",
            history(before)
        )
    };
    let head = "construct: isms/security-incidents-trend\ncases:";
    hold(
        &shipped(&[]),
        &format!(
            "{head}{}{}",
            case("a lasting jump of half is no red", 15, &[15, 10, 10, 10, 10], "outcome: yellow, value: '9/7'"),
            case("five periods", 15, &[15, 10, 10, 10], "outcome: insufficient-history")
        ),
    );
    hold(
        &shipped(&[(path, &disjoint)]),
        &format!(
            "{head}{}{}",
            case("the same by the other reading", 15, &[15, 10, 10, 10, 10, 10, 10], "outcome: red, value: 1.5"),
            case("seven periods", 15, &[15, 10, 10, 10, 10, 10], "outcome: insufficient-history")
        ),
    );
}
