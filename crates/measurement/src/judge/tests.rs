use std::path::Path;

use super::*;
use crate::catalogue::Catalogue;

struct Earlier(Vec<Vec<Option<i64>>>);

impl History for Earlier {
    fn value(&self, slot: usize, back: u32) -> Option<Value> {
        let values = self.0.get(usize::try_from(back).unwrap() - 1)?;
        values.get(slot).copied().flatten().map(Value::Int)
    }
}

fn catalogue() -> Catalogue {
    Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")).unwrap()
}

fn judged(id: &str, base: &[i64], group: &[Value], earlier: Vec<Vec<Option<i64>>>, sources: &Sources) -> Judgement {
    let catalogue = catalogue();
    let construct = catalogue.construct(id).unwrap();
    let period = construct.calendar.period_at(construct.period, Timestamp::parse("2026-06-15T12:00:00Z").unwrap());
    let base: Vec<Option<Exact>> = base.iter().map(|number| Some(Exact::from(*number))).collect();
    let n = vec![1; base.len()];
    let case = Case {
        construct,
        period,
        window: period,
        as_of: period.end,
        group,
        base: &base,
        n: &n,
        sources,
        earlier: &Earlier(earlier),
    };
    judge(&case)
}

fn outcome(id: &str, base: &[i64]) -> String {
    judged(id, base, &[Value::Null], Vec::new(), &Sources::Alive).outcome.to_string()
}

/// Values of `incidents` of earlier months, newest first.
fn incidents(numbers: &[i64]) -> Vec<Vec<Option<i64>>> {
    numbers.iter().map(|number| vec![Some(*number)]).collect()
}

#[test]
fn the_incident_trend_is_judged_as_printed() {
    let trend = |now, earlier: &[i64]| {
        judged("isms/security-incidents-trend", &[now], &[Value::Null], incidents(earlier), &Sources::Alive)
            .outcome
            .to_string()
    };
    assert_eq!(trend(10, &[10, 10, 10, 10, 10]), "yellow", "exactly 1.00");
    assert_eq!(trend(9, &[10, 10, 10, 10, 10]), "green");
    // Means of 13 and 10: exactly 1.3.
    assert_eq!(trend(13, &[13, 9, 9, 8, 8]), "yellow");
    assert_eq!(trend(14, &[13, 9, 9, 8, 8]), "red");
    assert_eq!(trend(10, &[10, 10, 10, 10]), "insufficient-history");
    assert_eq!(trend(0, &[0, 0, 0, 0, 0]), "not-applicable", "0/0");
}

#[test]
fn training_bands_are_exact_at_their_ends() {
    let training = |trained, due| {
        judged("isms/information-security-training", &[due, trained], &[Value::Null], Vec::new(), &Sources::Alive)
            .outcome
            .to_string()
    };
    assert_eq!(training(3, 5), "yellow", "exactly 60 %");
    assert_eq!(training(599_999, 1_000_000), "red");
    assert_eq!(training(9, 10), "green", "exactly 90 %");
    assert_eq!(training(899_999, 1_000_000), "yellow");
    assert_eq!(training(0, 0), "not-applicable");
    assert_eq!(training(3, 4), "suppressed");
}

#[test]
fn slow_progress_turns_yellow_to_red() {
    let training = |before: Option<i64>| {
        let earlier = vec![vec![], vec![], vec![None, None, before]];
        judged("isms/information-security-training", &[100, 70], &[Value::Null], earlier, &Sources::Alive)
    };
    assert_eq!(training(Some(61)).outcome.name(), "red");
    assert_eq!(training(Some(60)).outcome.name(), "yellow", "exactly ten points");
    assert_eq!(training(None).outcome.name(), "yellow", "without history the rule does not apply");
    assert!(training(Some(61)).because.unwrap().contains("yellow changed to red"));
}

#[test]
fn parameters_by_category_move_the_bands() {
    let resolution = |category: Value, late| {
        judged("isms/incident-resolution", &[100, late], &[category], Vec::new(), &Sources::Alive).outcome.to_string()
    };
    assert_eq!(resolution(Value::text("malware"), 10), "green");
    assert_eq!(resolution(Value::text("malware"), 11), "yellow");
    assert_eq!(resolution(Value::text("phishing"), 20), "green");
    assert_eq!(resolution(Value::Null, 15), "green");
    assert_eq!(resolution(Value::Null, 36), "red");
}

#[test]
fn missing_is_never_zero_and_never_green() {
    let silent = judged("vernier/log-source-liveness", &[0, 0], &[], Vec::new(), &Sources::Silent("sshd".to_owned()));
    assert_eq!((silent.outcome, silent.value), (Outcome::NoData, None));
    let stale = judged("vernier/log-source-liveness", &[10, 10], &[], Vec::new(), &Sources::Stale("sshd".to_owned()));
    assert_eq!(stale.outcome, Outcome::Unvalidated);
    assert_eq!(stale.value, Some(Exact::from(100_i64)), "the value is stated, the band is not");
}

#[test]
fn few_observations_have_no_colour() {
    assert_eq!(outcome("vernier/failed-authentication-ratio", &[19, 19]), "insufficient-n");
    assert_eq!(outcome("vernier/failed-authentication-ratio", &[20, 20]), "red");
    assert_eq!(outcome("vernier/failed-authentication-ratio", &[100, 20]), "yellow", "exactly 20 %");
}

#[test]
fn a_ratio_keeps_its_operands() {
    let coverage = judged("isms/vulnerability-coverage", &[2, 3], &[], Vec::new(), &Sources::Alive);
    assert_eq!(coverage.value, Exact::ratio(2, 3));
    assert_eq!(coverage.fraction, Some((Exact::from(2_i64), Exact::from(3_i64))));
    assert_eq!(coverage.outcome.name(), "red");
}
