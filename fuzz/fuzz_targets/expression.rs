//! Any text as an expression: a plan or a fault, and a plan that can be evaluated on anything.
//!
//! `cargo +nightly fuzz run expression crates/measurement/tests/corpus-expressions`

#![no_main]

use libfuzzer_sys::fuzz_target;
use measurement::{
    calendar::{Calendar, PeriodLength, UTC},
    expression::{Context, Expression, NoHistory, Parameter, Scope},
    time::Timestamp,
    value::{Type, Value},
};

/// A few names of every type.
struct Names;

impl Scope for Names {
    fn variable(&mut self, name: &str) -> Option<(usize, Option<Type>)> {
        Some(match name {
            "a" => (0, Some(Type::Number)),
            "b" => (1, Some(Type::Number)),
            "t" => (2, Some(Type::Time)),
            "s" => (3, Some(Type::Text)),
            "u" => (4, None),
            "c" => (5, Some(Type::Bool)),
            "d" => (6, Some(Type::Duration)),
            _ => return None,
        })
    }

    fn parameter(&mut self, _name: &str) -> Option<(Parameter, Option<usize>)> {
        None
    }

    fn has_history(&self) -> bool {
        true
    }
}

fuzz_target!(|text: &str| {
    let Ok(expression) = Expression::compile(text, &mut Names) else { return };
    let calendar = Calendar::civil(UTC);
    let period = calendar.period_at(PeriodLength::Months(1), Timestamp(1_770_000_000_000));
    let values = [
        Value::Int(i64::MAX),
        Value::Int(0),
        Value::Int(i64::MIN),
        Value::text("x"),
        Value::Null,
        Value::Bool(true),
        Value::Int(-1),
    ];
    for rotation in 0..values.len() {
        let mut slots = values.to_vec();
        slots.rotate_left(rotation);
        let context = Context { slots: &slots, period, as_of: period.end, calendar: &calendar, history: &NoHistory };
        drop((expression.evaluate(&context), expression.fraction(&context)));
    }
});
