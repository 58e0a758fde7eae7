use super::*;

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
    let period =
        calendar.period_at(crate::calendar::PeriodLength::Months(1), Timestamp::parse("2026-03-15T00:00:00Z").unwrap());
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
