use std::{path::Path, sync::LazyLock};

use super::*;
use crate::{
    catalogue::{Catalogue, Construct},
    expression::History,
    time::Timestamp,
};

struct Earlier(Vec<Vec<Option<i64>>>);

impl History for Earlier {
    fn value(&self, slot: usize, back: u32) -> Option<Value> {
        let values = self.0.get(usize::try_from(back).unwrap() - 1)?;
        values.get(slot).copied().flatten().map(Value::Int)
    }
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")).unwrap());
    &CATALOGUE
}

fn judged(id: &str, base: &[i64], group: &[Value], earlier: Vec<Vec<Option<i64>>>, sources: &Sources) -> Judgement {
    judged_on(id, base, (group, earlier, sources), &Unread::default())
}

type Rest<'a> = (&'a [Value], Vec<Vec<Option<i64>>>, &'a Sources);

fn judged_on(id: &str, base: &[i64], rest: Rest<'_>, unread: &Unread) -> Judgement {
    judged_by(catalogue().construct(id).unwrap(), base, rest, unread)
}

fn judged_by(construct: &Construct, base: &[i64], (group, earlier, sources): Rest<'_>, unread: &Unread) -> Judgement {
    let period = construct.calendar.period_at(construct.period, Timestamp::parse("2026-06-15T12:00:00Z").unwrap());
    let base: Vec<Option<Exact>> = base.iter().map(|number| Some(Exact::from(*number))).collect();
    let n: Vec<u64> =
        base.iter().map(|base| base.as_ref().map_or(0, |n| u64::try_from(n.floor_i64()).unwrap())).collect();
    let case = Case {
        construct,
        period,
        window: period,
        as_of: period.end,
        group,
        base: &base,
        n: &n,
        sources,
        unread,
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

fn refused(refused: u64, read: u64) -> Unread {
    let input = vec![SourceInput { source: "sshd".to_owned(), read, refused, doubtful: 0 }];
    Unread { events: input.clone(), rows: input, undecided: Vec::new() }
}

fn with_unread(id: &str, base: &[i64], unread: &Unread) -> (String, Option<String>) {
    let judgement = judged_on(id, base, (&[Value::Null], Vec::new(), &Sources::Alive), unread);
    // The value is stated whatever becomes of the band.
    assert_eq!(judgement.value.is_some(), base[0] > 0);
    (judgement.outcome.to_string(), judgement.because)
}

#[test]
fn beyond_the_tolerance_there_is_no_band() {
    let failed = "vernier/failed-authentication-ratio";
    let (outcome, because) = with_unread(failed, &[80, 0], &refused(12, 80));
    assert_eq!(outcome, "unvalidated");
    assert_eq!(because.unwrap(), "12 of 80 elements of sshd could not be read");
    // Nothing was legible: zero is not stated as one.
    assert_eq!(with_unread(failed, &[0, 0], &refused(80, 80)).0, "unvalidated");
    let undecided = Unread { undecided: vec![80, 80], ..Unread::default() };
    let (outcome, because) = with_unread(failed, &[80, 80], &undecided);
    assert_eq!(outcome, "unvalidated");
    assert!(because.unwrap().starts_with("80 could not be decided for `"));
}

#[test]
fn within_the_tolerance_a_band_stands_if_nothing_missing_could_change_it() {
    let failed = "vernier/failed-authentication-ratio";
    // 20 % is yellow: 199 of 1000 is one failure away from it.
    assert_eq!(with_unread(failed, &[1000, 150], &refused(3, 1000)).0, "green");
    let (outcome, because) = with_unread(failed, &[1000, 199], &refused(3, 1000));
    assert_eq!((outcome.as_str(), because.unwrap().as_str()), ("unvalidated", "3 unread could change green to yellow"));
    // One in a hundred is tolerated, more is not.
    assert_eq!(with_unread(failed, &[1000, 0], &refused(10, 1000)).0, "green");
    assert_eq!(with_unread(failed, &[1000, 0], &refused(11, 1000)).0, "unvalidated");
    // What says that there is no band at all still says so.
    assert_eq!(with_unread(failed, &[19, 1], &refused(1, 1000)).0, "insufficient-n");
}

#[test]
fn replaced_characters_take_no_alarm_away_and_leave_no_band_that_they_could_have_changed() {
    let outcome = |attempts: i64, failed: i64, doubtful: u64| {
        let events = vec![SourceInput { source: "sshd".to_owned(), read: 1000, refused: 0, doubtful }];
        let unread = Unread { events, ..Unread::default() };
        with_unread("vernier/failed-authentication-ratio", &[attempts, failed], &unread).0
    };
    // Whoever types them as a user name at each of his attempts is seen all the same.
    assert_eq!(outcome(80, 60, 60), "red");
    assert_eq!(outcome(1000, 10, 60), "green");
    assert_eq!(outcome(1000, 150, 60), "unvalidated");
}

#[test]
fn rows_may_be_missing_or_wrong() {
    let policies = "isms/policy-review";
    let judged = |in_place, reviewed, undecided: u64| {
        let unread = Unread { undecided: vec![0, undecided], ..Unread::default() };
        with_unread(policies, &[in_place, reviewed], &unread).0
    };
    assert_eq!(judged(1000, 900, 0), judged(1000, 900, 5));
    assert_ne!(judged(1000, 900, 0), "unvalidated");
    let named = catalogue().construct(policies).unwrap().base.iter().map(|base| base.name.clone()).collect::<Vec<_>>();
    assert_eq!(named, ["in_place", "reviewed"]);
    // A bound of a band lies at 80 %: from there, five reviews more or less are another band.
    assert_eq!(judged(1000, 802, 5), "unvalidated");
    assert_eq!(judged(1000, 798, 5), "unvalidated");
}

#[test]
fn what_cannot_be_bounded_leaves_no_band() {
    let availability = "isms/total-availability";
    assert_eq!(with_unread(availability, &[216, 0], &Unread::default()).0, "green");
    let (outcome, because) = with_unread(availability, &[216, 0], &refused(1, 1_000_000));
    assert_eq!(outcome, "unvalidated");
    assert_eq!(because.unwrap(), "1 unread could have moved `interrupted` by any amount");
}

/// Availability, by a construct that states which share of its input may be unread, or none. It is green up to 648
/// minutes, red above.
fn availability(tolerance: Option<(i64, i64)>, interrupted: i64, unread: &Unread) -> (String, Option<String>) {
    let mut construct = catalogue().construct("isms/total-availability").unwrap().clone();
    for criteria in &mut construct.indicator.criteria {
        criteria.tolerance = tolerance.map(|(part, whole)| Exact::ratio(part, whole).unwrap());
    }
    let rest = (&[Value::Null][..], Vec::new(), &Sources::Alive);
    let judgement = judged_by(&construct, &[interrupted, 0], rest, unread);
    (judgement.outcome.to_string(), judgement.because)
}

#[test]
fn a_stated_tolerance_holds_for_what_has_no_bound_and_is_told() {
    let said = |tolerance, interrupted, unread| availability(tolerance, interrupted, &unread).0;
    let (outcome, because) = availability(Some((1, 100)), 0, &refused(10, 1000));
    assert_eq!(outcome, "green");
    assert_eq!(
        because.unwrap(),
        "10 unread could have moved `interrupted` and `windows` by any amount, which its tolerance allows"
    );
    assert_eq!(said(None, 0, refused(10, 1000)), "unvalidated", "one in a hundred, but nobody has stated it");
    assert_eq!(said(Some((1, 100)), 0, refused(11, 1000)), "unvalidated", "more than is stated");
    assert_eq!(said(Some((0, 1)), 0, refused(1, 1000)), "unvalidated", "none may be missing");
    assert_eq!(said(Some((1, 100)), 649, refused(10, 1000)), "red");
    assert_eq!(availability(Some((1, 100)), 0, &Unread::default()), ("green".to_owned(), None));
}

#[test]
fn replaced_characters_take_no_alarm_away_from_what_has_no_bound_and_are_tolerated_as_stated() {
    let doubtful = |doubtful, refused| {
        let input = |source: &str, doubtful| SourceInput { source: source.to_owned(), read: 1000, refused, doubtful };
        let rows = vec![input("monitoring", doubtful), input("itsm", 0)];
        Unread { rows, ..Unread::default() }
    };
    let said = |interrupted, unread| availability(Some((1, 100)), interrupted, &unread).0;
    assert_eq!(said(649, doubtful(900, 0)), "red");
    assert_eq!(said(0, doubtful(10, 0)), "green");
    // Twenty of two thousand would be one in a hundred, were they not all of one source.
    assert_eq!(said(0, doubtful(11, 0)), "unvalidated");
    assert_eq!(said(0, doubtful(6, 5)), "unvalidated", "what is refused and what is in doubt is missing together");
    let undecided = |undecided| Unread { undecided: vec![undecided, 0], ..doubtful(0, 0) };
    assert_eq!(said(0, undecided(20)), "green");
    assert_eq!(said(0, undecided(21)), "unvalidated");
}

/// A part that was moved beyond its whole says no more than that the outermost band may go on.
#[test]
fn all_of_all_stays_what_it_is() {
    let failed = "vernier/failed-authentication-ratio";
    assert_eq!(with_unread(failed, &[1000, 1000], &refused(5, 1000)).0, "red");
    assert_eq!(with_unread("isms/policy-review", &[1000, 1000], &refused(5, 1000)).0, "green");
}

#[test]
fn beyond_all_bands_is_an_outcome() {
    let coverage = judged("isms/vulnerability-coverage", &[3, 2], &[], Vec::new(), &Sources::Alive);
    assert_eq!(coverage.value, Exact::ratio(3, 2));
    assert_eq!(coverage.outcome, Outcome::OutOfBands);
}

proptest::proptest! {
    /// Whatever part of the input was refused or could not be decided, an indicator that is red with all of it does
    /// not become green.
    #[test]
    fn damage_never_turns_red_to_green(attempts in 20_u64..400, share in 0_u64..=100, damage in 0_u64..40, failed_first in proptest::bool::ANY) {
        let failed = "vernier/failed-authentication-ratio";
        let failures = attempts * share / 100;
        let damage = damage.min(attempts);
        let lost = if failed_first { damage.min(failures) } else { damage * failures / attempts };
        let ints = |numbers: [u64; 2]| numbers.map(|number| i64::try_from(number).unwrap());
        let truth = outcome(failed, &ints([attempts, failures]));
        let kept = ints([attempts - damage, failures - lost]);
        let seen = judged_on(failed, &kept, (&[Value::Null], Vec::new(), &Sources::Alive), &refused(damage, attempts));
        proptest::prop_assert!(truth != "red" || seen.outcome.name() != "green", "{kept:?} of {attempts}");
        proptest::prop_assert!(truth != "yellow" || seen.outcome.name() != "green", "{kept:?} of {attempts}");
    }
    /// What lasts is cut short by whatever part of the input is lost. Without a stated tolerance red does not become
    /// greener; with one, no further than up to that share of the input that is lost.
    #[test]
    fn damage_turns_what_has_no_bound_greener_only_within_a_stated_tolerance(
        interrupted in 0_i64..1300, lost in 0_i64..1300, refused_of in (0_u64..40, 1_u64..2000), stated in 0_i64..=5,
    ) {
        let (missing, read) = refused_of;
        let unread = refused(missing.min(read), read);
        let kept = if missing == 0 { interrupted } else { (interrupted - lost).max(0) };
        let truth = availability(None, interrupted, &Unread::default()).0;
        let strict = availability(None, kept, &unread).0;
        proptest::prop_assert!(strict == truth || strict == "unvalidated", "{strict} for {truth}");
        let tolerant = availability(Some((stated, 100)), kept, &unread).0;
        let within = missing.min(read) * 100 <= u64::try_from(stated).unwrap() * read;
        proptest::prop_assert!(tolerant == truth || tolerant == "unvalidated" || within, "{tolerant} for {truth}");
    }
}
