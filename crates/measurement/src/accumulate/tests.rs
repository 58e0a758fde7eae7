use proptest::prelude::*;

use super::*;
use crate::{
    calendar::Calendar,
    catalogue::{BaseOf, Union},
    expression::{Expression, NoHistory, Parameter, Scope},
    time::Timestamp,
    value::Type,
};

/// `value`, the ends of an interval, and what the interval is about.
type Slots = [Value; 4];

struct Names;

impl Scope for Names {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        match name {
            "value" => Some((0, None)),
            "since" => Some((1, Some(Type::Time))),
            "until" => Some((2, Some(Type::Time))),
            "part" => Some((3, Some(Type::Text))),
            _ => None,
        }
    }

    fn parameter(&mut self, _name: &str) -> Option<(Parameter, Option<usize>)> {
        None
    }
}

fn compiled(text: &str) -> Expression {
    Expression::compile(text, &mut Names).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn union(unit: i64) -> Fold {
    let (from, to, per) = (compiled("since"), compiled("until"), Some(compiled("part")));
    Fold::Union(Box::new(Union { from, to, per, unit }))
}

/// What a base measure of this fold begins with.
fn start(fold: &Fold, basis: Basis) -> Accumulator {
    Accumulator::new(&BaseMeasure {
        digest: String::new(),
        name: "measure".to_owned(),
        of: BaseOf::Population("rows".to_owned()),
        basis,
        extras: Vec::new(),
        filter: None,
        fold: fold.clone(),
        unit: None,
    })
}

/// Hands rows on, in a period of the instants 100 to 199 that is looked at as of an instant.
fn each(rows: &[Slots], as_of: i64, mut take: impl FnMut(&Context<'_>)) {
    let calendar = Calendar::civil(chrono_tz::UTC);
    let period = Period { start: Timestamp(100), end: Timestamp(200) };
    for slots in rows {
        take(&Context { slots, period, as_of: Timestamp(as_of), calendar: &calendar, history: &NoHistory });
    }
}

fn taken(fold: &Fold, rows: &[Slots], as_of: i64) -> Accumulator {
    let mut accumulator = start(fold, Basis::End);
    each(rows, as_of, |context| accumulator.take(fold, context));
    accumulator
}

fn row(value: Value) -> Slots {
    [value, Value::Null, Value::Null, Value::Null]
}

fn interval(part: &str, from: Option<i64>, to: Option<i64>) -> Slots {
    let time = |at: Option<i64>| at.map_or(Value::Null, |at| Value::Time(Timestamp(at)));
    [Value::Null, time(from), time(to), Value::text(part)]
}

fn empty() -> Vec<State> {
    vec![
        State::Count,
        State::Sum(Exact::zero()),
        State::Min(None),
        State::Max(None),
        State::Mean(Exact::zero()),
        State::Variance(Exact::zero(), Exact::zero()),
        State::Distinct(Distinct::default()),
        State::Quantile(Quantile::default()),
        State::Union(Intervals::default()),
    ]
}

fn of(state: State, values: impl IntoIterator<Item = Value>) -> Accumulator {
    let mut accumulator = Accumulator { n: 0, without: 0, undecided: 0, state };
    for value in values {
        if value.is_mistyped() {
            accumulator.undecide();
        }
        match accumulator.state {
            State::Count => accumulator.n += 1,
            State::Union(_) => {
                // One instant in seven, so that some touch and some do not.
                let at = value.to_exact().map_or(0, |number| number.floor_i64());
                each(&[interval("a", Some(100 + at.rem_euclid(70)), Some(107 + at.rem_euclid(70)))], 200, |context| {
                    accumulator.take(&union(1), context);
                });
            }
            _ => accumulator.fold(&value),
        }
    }
    accumulator
}

#[test]
fn nothing_has_no_least_value_and_no_mean() {
    let fold = Fold::Count;
    let defined: Vec<bool> = empty().into_iter().map(|state| of(state, []).value(&fold).is_some()).collect();
    assert_eq!(defined, [true, true, false, false, false, false, true, false, false]);
}

#[test]
fn every_fold_gives_its_value_and_counts_apart_what_has_none() {
    let value = || compiled("value");
    let half = Exact::ratio(1, 2).unwrap();
    let rows = [Value::Int(4), Value::Int(1), Value::Null, Value::Int(4)].map(row);
    for (fold, expected, n, without) in [
        (Fold::Count, 4_i64, 4, 0),
        (Fold::Sum(value()), 9, 3, 1),
        (Fold::Min(value()), 1, 3, 1),
        (Fold::Max(value()), 4, 3, 1),
        (Fold::Mean(value()), 3, 3, 1),
        (Fold::Variance(value()), 3, 3, 1),
        (Fold::Distinct(value()), 2, 3, 1),
        (Fold::Quantile(value(), half), 4, 3, 1),
    ] {
        let found = taken(&fold, &rows, 200);
        assert_eq!(found.value(&fold), Some(Exact::from(expected)), "{fold:?}");
        assert_eq!((found.n(), found.without()), (n, without), "{fold:?}");
        assert_eq!(found.error(), None, "{fold:?}");
    }
}

#[test]
fn a_row_that_is_looked_at_several_times_counts_by_parts() {
    let parts = |fold: &Fold, rows: &[Value], moments| {
        let mut accumulator = start(fold, Basis::Average);
        for value in rows {
            each(&[row(value.clone())], 200, |context| accumulator.take_part(fold, context, moments));
        }
        (accumulator.value(fold), accumulator.n(), accumulator.without())
    };
    let rows = [Value::Int(3), Value::Null, Value::Int(4)];
    assert_eq!(parts(&Fold::Sum(compiled("value")), &rows, 2), (Exact::ratio(7, 2), 2, 1));
    assert_eq!(parts(&Fold::Count, &rows, 2), (Exact::ratio(3, 2), 3, 0), "a row counts whatever its values");
    assert_eq!(parts(&Fold::Count, &rows, 0), (Some(Exact::zero()), 0, 3), "nothing is divided by zero");
}

#[test]
fn of_an_interval_counts_what_lies_in_the_period_and_has_passed() {
    let fold = union(10);
    let length = |rows: &[Slots], as_of| {
        let found = taken(&fold, rows, as_of);
        (found.value(&fold), found.n(), found.without())
    };
    for (from, to, as_of, tenths, why) in [
        (Some(150), Some(170), 200, 20, "it lies within"),
        (Some(50), Some(120), 200, 20, "it began before"),
        (Some(180), Some(300), 400, 20, "it goes on after"),
        (Some(180), Some(300), 190, 10, "the rest has not come yet"),
        (Some(180), None, 190, 10, "it still lasts"),
        (Some(180), None, 400, 20, "it still lasts, beyond the period"),
    ] {
        assert_eq!(length(&[interval("a", from, to)], as_of), (Exact::ratio(tenths, 10), 1, 0), "{why}");
    }
    for (from, to, as_of, without, why) in [
        (Some(20), Some(100), 200, 0, "it had ended before"),
        (Some(200), Some(300), 400, 0, "it begins after"),
        (Some(150), Some(150), 200, 0, "it took no time"),
        (Some(150), Some(149), 200, 1, "it ends before it begins"),
        (Some(180), None, 170, 1, "it has not begun"),
        (None, Some(150), 200, 1, "nobody knows since when"),
        (None, None, 200, 1, "nothing is known of it"),
    ] {
        assert_eq!(length(&[interval("a", from, to)], as_of), (Some(Exact::zero()), 0, without), "{why}");
    }
    let (first, second) = (interval("a", Some(110), Some(140)), interval("a", Some(130), Some(150)));
    assert_eq!(length(&[first.clone(), second], 200), (Some(Exact::from(4_u64)), 2, 0), "an overlap counts once");
    let other = interval("b", Some(130), Some(150));
    assert_eq!(length(&[first, other], 200), (Some(Exact::from(5_u64)), 2, 0), "another part counts beside it");
    let wrong = taken(&fold, &[interval("a", Some(110), Some(140))], 200);
    assert_eq!(wrong.value(&Fold::Count), None, "a length without its unit is none");
}

#[test]
fn what_belongs_to_another_fold_is_left_out() {
    let parts: Vec<Accumulator> = empty().into_iter().map(|state| of(state, [Value::Int(5), Value::Int(6)])).collect();
    for (this, one) in parts.iter().enumerate() {
        for (that, other) in parts.iter().enumerate() {
            let mut merged = one.clone();
            merged.merge(other);
            assert_eq!(this == that, merged != *one, "{other:?} in {one:?}");
            let n = if this == that { 4 } else { 2 };
            assert_eq!(merged.n(), n);
        }
    }
}

#[test]
fn what_was_counted_apart_stays_so_in_the_whole() {
    let sum = || of(State::Sum(Exact::zero()), [Value::Int(1), Value::Null]);
    let mut whole = sum();
    whole.merge(&sum());
    assert_eq!((whole.n(), whole.without()), (2, 2));
    let mistyped = || of(State::Distinct(Distinct::default()), [Value::Int(1), Value::Mistyped]);
    let mut whole = mistyped();
    whole.merge(&mistyped());
    assert_eq!((whole.n(), whole.without(), whole.undecided()), (2, 2, 2));
}

/// Topics hold what earlier versions wrote: another form of it needs another version of the record.
#[test]
fn the_written_form_stays_as_it_is() {
    let values = || [Value::Int(3), Value::Int(4)];
    let written = |state| serde_json::to_string(&of(state, values())).unwrap();
    for (state, expected) in [
        (State::Count, r#"{"n":2,"state":"count"}"#),
        (State::Sum(Exact::zero()), r#"{"n":2,"state":{"sum":"7"}}"#),
        (State::Min(None), r#"{"n":2,"state":{"min":"3"}}"#),
        (State::Max(None), r#"{"n":2,"state":{"max":"4"}}"#),
        (State::Mean(Exact::zero()), r#"{"n":2,"state":{"mean":"7"}}"#),
        (State::Variance(Exact::zero(), Exact::zero()), r#"{"n":2,"state":{"variance":["7","25"]}}"#),
        (State::Quantile(Quantile::default()), r#"{"n":2,"state":{"quantile":{"exact":{"3":1,"4":1}}}}"#),
        (State::Union(Intervals::default()), r#"{"n":2,"state":{"union":{"a":[[103,111]]}}}"#),
    ] {
        assert_eq!(written(state), expected);
    }
    let without = serde_json::to_string(&of(State::Sum(Exact::zero()), [Value::Null])).unwrap();
    assert_eq!(without, r#"{"n":0,"without":1,"state":{"sum":"0"}}"#);
    let undecided = serde_json::to_string(&of(State::Count, [Value::Mistyped])).unwrap();
    assert_eq!(undecided, r#"{"n":1,"undecided":1,"state":"count"}"#);
}

#[test]
fn variance_is_that_of_a_sample() {
    let values = [2_i64, 4, 4, 4, 5, 5, 7, 9].map(Value::Int);
    let variance = of(State::Variance(Exact::zero(), Exact::zero()), values).value(&Fold::Count);
    assert_eq!(variance, Exact::ratio(32, 7));
    let one = of(State::Variance(Exact::zero(), Exact::zero()), [Value::Int(3)]);
    assert_eq!(one.value(&Fold::Count), None);
}

#[test]
fn what_has_no_value_is_counted_apart() {
    let sum = of(State::Sum(Exact::zero()), [Value::Int(1), Value::Null, Value::text("x")]);
    assert_eq!((sum.n(), sum.without()), (1, 2));
}

#[test]
fn a_great_number_of_different_values_is_estimated_with_a_stated_error() {
    let texts = |count: i64| (0..count).map(|number| Value::text(&format!("user-{number}")));
    let exact = of(State::Distinct(Distinct::default()), texts(4096).chain(texts(4096)));
    assert_eq!((exact.value(&Fold::Count), exact.error()), (Some(Exact::from(4096_i64)), None));
    let many = of(State::Distinct(Distinct::default()), texts(100_000));
    let estimate = many.value(&Fold::Count).unwrap();
    assert!(estimate > 95_000 && estimate < 105_000, "{estimate}");
    assert_eq!(many.error(), Exact::ratio(1, 64));
    let sizes = of(State::Quantile(Quantile::default()), (0..2049).map(Value::Int));
    assert_eq!(sizes.error(), Exact::ratio(1, 512));
}

proptest! {
    /// However the values are split and in whatever order the parts are merged, the whole is the same.
    #[test]
    fn merging_does_not_depend_on_order(values in prop::collection::vec(-1000_i64..1000, 0..30), cuts in prop::collection::vec(0_usize..4, 30)) {
        for state in empty() {
            // One in five is mistyped.
            let value = |value: &i64| match value % 5 {
                0 => Value::Mistyped,
                _ => Value::Number(Exact::ratio(*value, 7).unwrap()),
            };
            let whole = of(state.clone(), values.iter().map(value));
            let parts: Vec<Accumulator> = (0..4)
                .map(|part| of(state.clone(), values.iter().zip(&cuts).filter(|(_, cut)| **cut == part).map(|(v, _)| value(v))))
                .collect();
            let (mut forth, mut back) = (of(state.clone(), []), of(state, []));
            for part in &parts {
                forth.merge(part);
            }
            parts.iter().rev().for_each(|part| back.merge(part));
            prop_assert_eq!(&forth, &whole);
            prop_assert_eq!(&back, &whole);
            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Accumulator>(&json).unwrap(), whole);
        }
    }

    /// Also beyond the bounds, where values are no longer kept apart.
    #[test]
    fn sketches_do_not_depend_on_order(seed in 0_u64..1000, cut in 1_usize..9000) {
        let values: Vec<Value> = (0..9000_u64).map(|number| Value::from_exact(Exact::from((number * 7919 + seed) % 104_729))).collect();
        for state in [State::Distinct(Distinct::default()), State::Quantile(Quantile::default())] {
            let whole = of(state.clone(), values.iter().cloned());
            let mut back = of(state.clone(), values[cut..].iter().rev().cloned());
            back.merge(&of(state, values[..cut].iter().cloned()));
            prop_assert_eq!(&back, &whole);
        }
    }
}
