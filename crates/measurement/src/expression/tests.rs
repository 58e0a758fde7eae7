use std::collections::BTreeMap;

use super::*;
use crate::{
    calendar::{Calendar, Period, PeriodLength},
    time::Timestamp,
};

struct Names {
    history: bool,
}

impl Scope for Names {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        match name {
            "a" => Some((0, Some(Type::Number))),
            "b" => Some((1, Some(Type::Number))),
            "when" => Some((2, Some(Type::Time))),
            "category" => Some((3, Some(Type::Text))),
            "finding_info_list[0].uid" => Some((4, None)),
            "open" => Some((5, Some(Type::Bool))),
            _ => None,
        }
    }

    fn parameter(&mut self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let table = Parameter {
            by: Some("category".to_owned()),
            values: BTreeMap::from([("malware".to_owned(), Value::Duration(86_400_000))]),
            default: Value::Duration(3_600_000),
        };
        (name == "target").then_some((table, Some(3)))
    }

    fn has_history(&self) -> bool {
        self.history
    }
}

fn evaluate(text: &str, slots: &[Value]) -> Value {
    let expression =
        Expression::compile(text, &mut Names { history: false }).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let calendar = Calendar::civil(chrono_tz::Europe::Zurich);
    let period = calendar.period_at(PeriodLength::Months(1), Timestamp::parse("2026-03-15T00:00:00Z").unwrap());
    expression.evaluate(&Context { slots, period, as_of: period.end, calendar: &calendar, history: &NoHistory })
}

fn refused(text: &str) -> ExpressionError {
    Expression::compile(text, &mut Names { history: false }).unwrap_err()
}

#[test]
fn numbers_are_exact() {
    let slots = [Value::Int(1), Value::Int(3)];
    assert_eq!(evaluate("a / b", &slots), Value::Number(Exact::ratio(1, 3).unwrap()));
    assert_eq!(evaluate("3 * (a / b) == 1", &slots), Value::Bool(true));
    assert_eq!(evaluate("0.1 + 0.2 == 0.3", &slots), Value::Bool(true));
    assert_eq!(evaluate("100 * a / b > 33.3", &slots), Value::Bool(true));
    assert_eq!(evaluate("9223372036854775807 * 2 / 2", &slots), Value::Int(i64::MAX));
}

use crate::number::Exact;

#[test]
fn null_is_unknown() {
    let slots = [Value::Null, Value::Int(3)];
    assert_eq!(evaluate("a > 1", &slots), Value::Null);
    assert_eq!(evaluate("a > 1 && b < 1", &slots), Value::Bool(false));
    assert_eq!(evaluate("a > 1 || b > 1", &slots), Value::Bool(true));
    assert_eq!(evaluate("!(a > 1)", &slots), Value::Null);
    assert_eq!(evaluate("a == null && b != null", &slots), Value::Bool(true));
    assert_eq!(evaluate("a + b", &slots), Value::Null);
    assert_eq!(evaluate("b / 0", &slots), Value::Null);
}

/// Whether it is undecided, and what it says nevertheless. `a` and `b` have no type of their own, `when` is a time.
fn said(text: &str, slots: &[Value]) -> (bool, Value) {
    struct Loose;
    impl Scope for Loose {
        fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
            Some(match name {
                "a" => (0, None),
                "b" => (1, None),
                "when" => (2, Some(Type::Time)),
                _ => return None,
            })
        }

        fn parameter(&mut self, _name: &str) -> Option<(Parameter, Option<usize>)> {
            None
        }
    }
    let expression = Expression::compile(text, &mut Loose).unwrap();
    let calendar = Calendar::civil(chrono_tz::America::New_York);
    let period = Period { start: Timestamp(0), end: Timestamp(1) };
    let context = Context { slots, period, as_of: period.end, calendar: &calendar, history: &NoHistory };
    (expression.undecided(&context), expression.evaluate(&context))
}

#[test]
fn what_is_mistyped_is_neither_true_nor_false_nor_absent() {
    let slots = [Value::Mistyped, Value::Int(3), Value::Mistyped];
    for text in [
        "a == 1",
        "a != 1",
        "a < 1",
        "!(a == 1)",
        "a == null",
        "a != null",
        "a in [1, 2]",
        "!(a in [1, 2])",
        "a + b",
        "a / b",
        "-a",
        "coalesce(a, b)",
        "coalesce(a + 1, b)",
        "(a + 1) == null",
        "a > 1 ? 1 : 2",
        "least(a, b)",
        "abs(a)",
        "sqrt(a)",
        "a > 1 && b == 3",
        "a > 1 || b == 4",
        "in_period(when)",
        "when < as_of",
        "elapsed(when, as_of)",
        "months_before(when, 1)",
    ] {
        assert_eq!(said(text, &slots), (true, Value::Null), "{text}");
    }
    // What is known without it is known.
    assert_eq!(said("a > 1 && b == 4", &slots), (false, Value::Bool(false)));
    assert_eq!(said("a > 1 || b == 3", &slots), (false, Value::Bool(true)));
    assert_eq!(said("b == 3 ? 1 : a", &slots), (false, Value::Int(1)));
}

#[test]
fn what_is_absent_is_not_mistyped() {
    let slots = [Value::Null, Value::Int(3)];
    for text in ["a == 1", "a + b", "a > 1 && b == 3", "b / 0", "a in [1]", "when < as_of", "coalesce(a, a)"] {
        assert_eq!(said(text, &slots), (false, Value::Null), "{text}");
    }
}

#[test]
fn values_of_unlike_types_are_not_compared() {
    let slots = [Value::text("4625"), Value::Bool(true)];
    for text in [
        "a == 4625",
        "a != 4625",
        "a > 1",
        "a in [4625]",
        "b == 'true'",
        "a == b",
        "a - 1",
        "b.contains('t')",
        "a && b",
    ] {
        assert_eq!(said(text, &slots), (true, Value::Null), "{text}");
    }
    assert_eq!(said("a == '4625' && b", &slots), (false, Value::Bool(true)));
}

#[test]
fn a_text_that_was_not_legible_says_what_it_says_and_is_told() {
    let slots = [Value::text("ro\u{fffd}t"), Value::Int(3)];
    assert_eq!(said("a == 'root'", &slots), (true, Value::Bool(false)));
    assert_eq!(said("a != 'root'", &slots), (true, Value::Bool(true)));
    assert_eq!(said("a == 'root' && b == 4", &slots), (false, Value::Bool(false)));
    assert_eq!(said("b == 3", &slots), (false, Value::Bool(true)));
}

#[test]
fn a_day_is_over_when_it_ends_where_the_construct_is() {
    let day = || Value::Day("2026-02-10".parse().unwrap());
    let with = |text: &str, instant: &str| {
        let slots = [Value::Time(Timestamp::parse(instant).unwrap()), Value::Null, day()];
        said(text, &slots).1
    };
    assert_eq!(with("when < a", "2026-02-11T04:59:59.999Z"), Value::Bool(false));
    assert_eq!(with("when < a", "2026-02-11T05:00:00Z"), Value::Bool(true));
    assert_eq!(with("a <= when", "2026-02-11T04:00:00Z"), Value::Bool(true), "done on that day is done in time");
    assert_eq!(with("elapsed(when, a)", "2026-02-10T06:00:00Z"), Value::Duration(3_600_000), "from its beginning");
    assert_eq!(with("elapsed(when, when)", "2026-02-10T06:00:00Z"), Value::Duration(0));
}

#[test]
fn time_follows_the_calendar_of_the_construct() {
    let at = |text| Value::Time(Timestamp::parse(text).unwrap());
    assert_eq!(evaluate("year_start(period)", &[]), at("2026-01-01T00:00:00+01:00"));
    assert_eq!(evaluate("months_before(as_of, 3)", &[]), at("2026-01-01T00:00:00+01:00"));
    assert_eq!(evaluate("period.end - duration('24h')", &[]), at("2026-03-31T00:00:00+02:00"));
    let slots = [Value::Null, Value::Null, at("2026-03-30T00:00:00Z"), Value::text("malware")];
    assert_eq!(evaluate("as_of - when > target", &slots), Value::Bool(true));
    let slots = [Value::Null, Value::Null, at("2026-03-31T12:00:00Z"), Value::text("malware")];
    assert_eq!(evaluate("as_of - when > target", &slots), Value::Bool(false));
}

#[test]
fn paths_and_texts() {
    let slots = [Value::Null, Value::Null, Value::Null, Value::text("phishing"), Value::text("INC-1")];
    assert_eq!(evaluate("finding_info_list[0].uid.startsWith('INC-')", &slots), Value::Bool(true));
    assert_eq!(evaluate("category in ['malware', 'phishing']", &slots), Value::Bool(true));
    assert_eq!(evaluate("category.matches('^ph.*g$') ? 1 : 2", &slots), Value::Int(1));
}

#[test]
fn mistakes_are_named() {
    for (text, part) in [
        ("a +", "not a CEL expression"),
        ("score > 1", "unknown name `score`"),
        ("a == category", "mixes a number with a text"),
        ("when > 5", "mixes a time with a number"),
        ("when + when", "cannot be combined"),
        ("a && b", "needs a bool"),
        ("open > false", "have no order"),
        ("a < null", "null has no order"),
        ("previous(a, 3)", "earlier results"),
        ("[1, 2].exists(x, x > 1)", "loops"),
        ("frobnicate(a)", "unknown function"),
        ("category.matches('(')", "unusable pattern"),
        ("category.matches(category)", "constant text"),
        ("months_before(as_of, a)", "whole number"),
        ("a in b", "set"),
    ] {
        let fault = refused(text);
        assert!(fault.reason.contains(part), "{text}: {}", fault.reason);
    }
    assert!(refused(&"(".repeat(5000)).reason.contains("longer than"));
    assert!(
        Expression::compile(&format!("{}a{}", "(".repeat(500), ")".repeat(500)), &mut Names { history: false })
            .is_err()
    );
}

#[test]
fn history_is_asked_period_by_period() {
    struct Past;
    impl History for Past {
        fn value(&self, _slot: usize, back: u32) -> Option<Value> {
            (back < 4).then(|| Value::Int(i64::from(back)))
        }
    }
    let calendar = Calendar::civil(chrono_tz::UTC);
    let period = Period { start: Timestamp(0), end: Timestamp(1) };
    let context = Context { slots: &[], period, as_of: period.end, calendar: &calendar, history: &Past };
    let value = |text| {
        let expression = Expression::compile(text, &mut Names { history: true }).unwrap();
        (expression.evaluate(&context), expression.looks_back())
    };
    assert_eq!(value("mean_last(a, 4)"), (Value::Number(Exact::ratio(3, 2).unwrap()), 3));
    assert_eq!(value("mean_last(a, 5)"), (Value::Null, 4));
    assert_eq!(value("previous(a, 3)"), (Value::Int(3), 3));
}

#[test]
fn a_ratio_shows_its_operands() {
    let expression = Expression::compile("100 * a / b", &mut Names { history: false }).unwrap();
    let calendar = Calendar::civil(chrono_tz::UTC);
    let period = Period { start: Timestamp(0), end: Timestamp(1) };
    let slots = [Value::Int(2), Value::Int(0)];
    let context = Context { slots: &slots, period, as_of: period.end, calendar: &calendar, history: &NoHistory };
    assert_eq!(expression.fraction(&context), Some((Value::Int(2), Value::Int(0))));
    assert_eq!(expression.evaluate(&context), Value::Null);
}

/// A thread has two megabytes of stack: nesting is refused long before it is used up.
#[test]
fn nesting_of_any_depth_is_read_or_refused() {
    let nested = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in (1..100).chain([400]) {
        for (open, middle, close) in [
            ("(", "a", ")"),
            ("!", "open", ""),
            ("-", "a", ""),
            ("abs(", "a", ")"),
            ("open ? a : ", "b", ""),
            ("[", "", "]"),
            ("a[", "0", "]"),
            ("(", "", ""),
        ] {
            let text = nested(open, middle, close, depth);
            let compiled = Expression::compile(&text, &mut Names { history: false });
            if let Err(fault) = compiled {
                assert!(!fault.reason.is_empty(), "{text}");
            }
        }
    }
    assert_eq!(evaluate(&nested("(", "a", ")", 10), &[Value::Int(7)]), Value::Int(7));
}
