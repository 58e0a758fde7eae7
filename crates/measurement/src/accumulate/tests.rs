use proptest::prelude::*;

use super::*;

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
    ]
}

fn of(state: State, values: impl IntoIterator<Item = Value>) -> Accumulator {
    let mut accumulator = Accumulator { n: 0, without: 0, state };
    for value in values {
        match accumulator.state {
            State::Count => accumulator.n += 1,
            _ => accumulator.fold(&value),
        }
    }
    accumulator
}

#[test]
fn nothing_has_no_least_value_and_no_mean() {
    let fold = Fold::Count;
    let defined: Vec<bool> = empty().into_iter().map(|state| of(state, []).value(&fold).is_some()).collect();
    assert_eq!(defined, [true, true, false, false, false, false, true, false]);
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
    assert!(many.error().is_some());
}

proptest! {
    /// However the values are split and in whatever order the parts are merged, the whole is the same.
    #[test]
    fn merging_does_not_depend_on_order(values in prop::collection::vec(-1000_i64..1000, 0..30), cuts in prop::collection::vec(0_usize..4, 30)) {
        for state in empty() {
            let value = |value: &i64| Value::Number(Exact::ratio(*value, 7).unwrap());
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
