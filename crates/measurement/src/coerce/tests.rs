use proptest::prelude::*;
use serde_json::{Value as Json, json as value};

use super::*;
use crate::{catalogue::TimeUnit, forms::end_of_day};

fn at(text: &str) -> i64 {
    Timestamp::parse(text).unwrap().0
}

fn coerced(value: &Json, wanted: Type) -> Coerced {
    json(value, wanted, Reading::default())
}

fn changed(value: Json) -> Coerced {
    Coerced::Changed(value)
}

#[test]
fn numbers_may_be_texts() {
    for (text, number) in [
        ("9.8", value!(9.8)),
        (" 12 ", value!(12)),
        ("-0.5", value!(-0.5)),
        ("1e3", value!(1000)),
        ("+7", value!(7)),
        ("9223372036854775807", value!(i64::MAX)),
        ("4625", value!(4625)),
    ] {
        assert_eq!(coerced(&value!(text), Type::Number), changed(number), "{text}");
    }
    for text in ["", " ", "0x1F", "1,000", "1 000", "nine", "NaN", "Infinity", "9.8%", "1.2.3", "--1"] {
        assert_eq!(coerced(&value!(text), Type::Number), Coerced::Mistyped, "{text}");
    }
    for number in [value!(1), value!(1.0), value!(1.77e12), value!(-3)] {
        assert_eq!(coerced(&number, Type::Number), Coerced::AsItCame);
    }
    for wrong in [value!(true), value!([1]), value!({"a": 1})] {
        assert_eq!(coerced(&wrong, Type::Number), Coerced::Mistyped);
    }
}

#[test]
fn a_number_finer_than_json_stays_a_text_and_is_read_exactly() {
    for text in ["9.81234567890123456789", "18446744073709551617", "0.1000000000000000000000001"] {
        assert_eq!(coerced(&value!(text), Type::Number), Coerced::AsItCame, "{text}");
        let read = field(Value::text(text), Type::Number).unwrap();
        assert_eq!(read.to_exact(), Exact::from_decimal(text), "{text}");
    }
}

#[test]
fn truth_may_be_a_text_or_0_or_1() {
    for (given, truth) in [
        (value!("true"), true),
        (value!("FALSE"), false),
        (value!(" True "), true),
        (value!(1), true),
        (value!(0), false),
        (value!(1.0), true),
        (value!("1"), true),
        (value!("0"), false),
    ] {
        assert_eq!(coerced(&given, Type::Bool), changed(value!(truth)), "{given}");
    }
    for wrong in [value!("yes"), value!("t"), value!(""), value!(2), value!(-1), value!(0.5), value!([true])] {
        assert_eq!(coerced(&wrong, Type::Bool), Coerced::Mistyped, "{wrong}");
    }
}

#[test]
fn identifiers_may_be_numbers() {
    for (given, text) in [
        (value!(1001), "1001"),
        (value!(1.0), "1"),
        (value!(-5), "-5"),
        (value!(1.5), "1.5"),
        (value!(u64::MAX), "18446744073709551615"),
        (value!(1.77e12), "1770000000000"),
        (value!(true), "true"),
        (value!(false), "false"),
    ] {
        assert_eq!(coerced(&given, Type::Text), changed(value!(text)), "{given}");
    }
    assert_eq!(coerced(&value!(" x "), Type::Text), Coerced::AsItCame, "a text is left alone");
    for wrong in [value!(1e300), value!(1e-300), value!([1]), value!({})] {
        assert_eq!(coerced(&wrong, Type::Text), Coerced::Mistyped, "{wrong}");
    }
}

#[test]
fn instants_may_be_texts_and_numbers_of_the_sources_unit() {
    let noon = at("2026-03-10T08:00:00.123Z");
    for (unit, given) in [
        (TimeUnit::Seconds, value!(1_773_129_600.123)),
        (TimeUnit::Seconds, value!("1773129600.1239")),
        (TimeUnit::Milliseconds, value!("1773129600123")),
        (TimeUnit::Milliseconds, value!(1_773_129_600_123.0)),
        (TimeUnit::Microseconds, value!(1_773_129_600_123_999_i64)),
        (TimeUnit::Nanoseconds, value!(1_773_129_600_123_000_001_i64)),
        (TimeUnit::Nanoseconds, value!("1773129600123000001")),
        (TimeUnit::Seconds, value!("2026-03-10T08:00:00.123Z")),
        (TimeUnit::Milliseconds, value!(" 2026-03-10T10:00:00.1239+02:00 ")),
    ] {
        let reading = Reading { unit, ..Reading::default() };
        assert_eq!(json(&given, Type::Time, reading), changed(value!(noon)), "{given} {unit:?}");
        assert_eq!(instant(&given, reading), Some(Timestamp(noon)), "{given} {unit:?}");
    }
    assert_eq!(coerced(&value!(noon), Type::Time), Coerced::AsItCame);
    for wrong in [value!("yesterday"), value!(true), value!(1e30), value!("12:00"), value!(""), value!("2026-02-30")] {
        assert_eq!(coerced(&wrong, Type::Time), Coerced::Mistyped, "{wrong}");
    }
}

#[test]
fn a_number_in_another_unit_is_no_instant() {
    for (unit, given) in [
        (TimeUnit::Milliseconds, value!(1_773_129_600)),
        (TimeUnit::Milliseconds, value!(1_773_129_600.5)),
        (TimeUnit::Milliseconds, value!("1773129600000000")),
        (TimeUnit::Milliseconds, value!("20260210")),
        (TimeUnit::Milliseconds, value!(20_260_210)),
        (TimeUnit::Milliseconds, value!(946_684_799_999_i64)),
        (TimeUnit::Milliseconds, value!(253_402_300_800_000_i64)),
        (TimeUnit::Milliseconds, value!(-1)),
        (TimeUnit::Seconds, value!(1_773_129_600_000_i64)),
        (TimeUnit::Microseconds, value!(1_773_129_600_000_i64)),
        (TimeUnit::Nanoseconds, value!(1_773_129_600_000_000_i64)),
    ] {
        let reading = Reading { unit, ..Reading::default() };
        assert_eq!(json(&given, Type::Time, reading), Coerced::Mistyped, "{given} {unit:?}");
    }
    for sound in [value!(0), value!(946_684_800_000_i64), value!(253_402_300_799_999_i64)] {
        assert_eq!(coerced(&sound, Type::Time), Coerced::AsItCame, "{sound}");
    }
    assert_eq!(coerced(&value!("1970-01-20T12:00:00Z"), Type::Time), changed(value!(1_684_800_000)), "it is written");
    // When an event happened is judged by its record.
    assert_eq!(instant(&value!(1_773_129_600), Reading::default()), Some(Timestamp(1_773_129_600)));
}

#[test]
fn a_stamp_without_a_zone_is_of_the_sources_zone() {
    use chrono_tz::{America::New_York, Asia::Kolkata, Europe::Zurich};
    let of = |text: &str, zone| time_of_text(text, Reading { zone, ..Reading::default() });
    for (text, zone, instant) in [
        ("2026-03-10T14:00:00", Kolkata, "2026-03-10T08:30:00Z"),
        ("2026-03-10 14:00:00.250", New_York, "2026-03-10T18:00:00.250Z"),
        // The hour that exists twice: the first one. The hour that never was: moved on by the gap.
        ("2026-10-25T02:30:00", Zurich, "2026-10-25T00:30:00Z"),
        ("2026-11-01T01:30:00", New_York, "2026-11-01T05:30:00Z"),
        ("2026-03-29T02:30:00", Zurich, "2026-03-29T01:30:00Z"),
        ("2016-12-31T18:59:60", New_York, "2016-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(of(text, zone), Timestamp::parse(instant), "{text} {zone}");
    }
}

#[test]
fn a_day_stays_a_day_until_somebody_says_where() {
    assert_eq!(coerced(&value!("2026-02-10"), Type::Time), Coerced::AsItCame);
    assert_eq!(coerced(&value!(" 2026-02-10\n"), Type::Time), changed(value!("2026-02-10")));
    let day = day_of_text("2026-02-10").unwrap();
    let zone = chrono_tz::America::New_York;
    assert_eq!(start_of_day(day, zone), Timestamp::parse("2026-02-10T05:00:00Z"));
    assert_eq!(end_of_day(day, zone), Timestamp::parse("2026-02-11T05:00:00Z"));
    let reading = Reading { zone, ..Reading::default() };
    assert_eq!(instant(&value!("2026-02-10"), reading), Timestamp::parse("2026-02-10T05:00:00Z"));
    assert_eq!(field(Value::text("2026-02-10"), Type::Time), None, "its reader places it");
    for text in ["2026-2-10", "20260210", "2026-02-30", "2026-02-10T", "+026-02-10", "2026/02/10"] {
        assert_eq!(day_of_text(text), None, "{text}");
    }
}

#[test]
fn fields_of_events_are_read_by_the_same_table() {
    for (given, wanted, read) in [
        (Value::text("9.8"), Type::Number, Some(Value::from_exact(Exact::ratio(98, 10).unwrap()))),
        (Value::Int(1001), Type::Text, Some(Value::text("1001"))),
        (Value::Int(1_773_129_600_000), Type::Time, Some(Value::Time(Timestamp(1_773_129_600_000)))),
        (
            Value::Number(Exact::ratio(3_546_259_200_001, 2).unwrap()),
            Type::Time,
            Some(Value::Time(Timestamp(1_773_129_600_000))),
        ),
        (Value::Int(5), Type::Time, None),
        (Value::text("TRUE"), Type::Bool, Some(Value::Bool(true))),
        (Value::Bool(true), Type::Text, Some(Value::text("true"))),
        (Value::Int(1), Type::Bool, Some(Value::Bool(true))),
        (Value::Int(60_000), Type::Duration, Some(Value::Duration(60_000))),
        (Value::Null, Type::Bool, Some(Value::Null)),
        (Value::Bool(true), Type::Number, None),
        (Value::text("x"), Type::Number, None),
        (Value::Int(2), Type::Bool, None),
        (Value::text("x"), Type::Set, None),
    ] {
        assert_eq!(field(given.clone(), wanted), read, "{given} as {wanted}");
    }
}

#[test]
fn whole_numbers_may_have_a_point_or_an_exponent() {
    for (given, number) in [
        (value!(1), Some(1)),
        (value!(1.0), Some(1)),
        (value!(1.773e12), Some(1_773_000_000_000)),
        (value!("3002"), Some(3002)),
        (value!("3002.0"), Some(3002)),
        (value!(1.5), None),
        (value!(u64::MAX), None),
        (value!("x"), None),
        (value!(true), None),
    ] {
        assert_eq!(whole(&given), number, "{given}");
    }
}

fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (-1_000_000_i64..1_000_000, 0_u32..6)
            .prop_map(|(n, places)| { value!(Exact::ratio(n, 10_i64.pow(places)).unwrap().display(places)) }),
        "\\PC{0,12}".prop_map(Json::from),
        "[ ]?[-+]?[0-9]{0,20}\\.?[0-9]{0,8}([eE][-+]?[0-9]{1,2})?".prop_map(Json::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30)?)?"
            .prop_map(Json::from),
    ];
    prop_oneof![8 => leaf.clone(), 1 => prop::collection::vec(leaf, 0..3).prop_map(Json::from)]
}

fn types() -> impl Strategy<Value = Type> {
    prop::sample::select(vec![Type::Bool, Type::Number, Type::Text, Type::Time])
}

fn readings() -> impl Strategy<Value = Reading> {
    let units = vec![TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    (prop::sample::select(units), prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()))
        .prop_map(|(unit, zone)| Reading { unit, zone })
}

proptest! {
    /// What was coerced needs no further coercion: instants are milliseconds from then on.
    #[test]
    fn coercion_is_idempotent(given in anything(), wanted in types(), reading in readings()) {
        if let Coerced::Changed(value) = json(&given, wanted, reading) {
            prop_assert_eq!(coerced(&value, wanted), Coerced::AsItCame, "{} as {}", given, wanted);
        }
    }

    /// A number keeps its exact value through a text and back.
    #[test]
    fn coercion_is_exact(n in any::<i64>(), places in 0_u32..12) {
        let number = Exact::ratio(n, 10_i64.pow(places)).unwrap();
        let text = text_of_number(&number).unwrap();
        prop_assert_eq!(number_of_text(&text), Some(number.clone()));
        if let Coerced::Changed(value) = coerced(&value!(text), Type::Number) {
            prop_assert_eq!(exact(value.as_number().unwrap()), Some(number));
        }
    }

    /// Ingest and the readers behind it agree on what is mistyped, and on what it is worth.
    #[test]
    fn the_door_and_the_reader_agree(given in anything(), wanted in types()) {
        let read = |value: &Json| match value {
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => exact(number).map_or(Value::Null, Value::from_exact),
            Json::String(text) => Value::text(text),
            Json::Null | Json::Array(_) | Json::Object(_) => Value::Null,
        };
        if given.is_array() || given.as_str().is_some_and(|text| day_of_text(text).is_some()) {
            return Ok(());
        }
        let behind = field(read(&given), wanted);
        match coerced(&given, wanted) {
            Coerced::AsItCame => prop_assert!(behind.is_some(), "{} as {}", given, wanted),
            Coerced::Changed(value) => prop_assert_eq!(field(read(&value), wanted), behind, "{} as {}", given, wanted),
            Coerced::Mistyped => prop_assert_eq!(behind, None, "{} as {}", given, wanted),
        }
    }
}
