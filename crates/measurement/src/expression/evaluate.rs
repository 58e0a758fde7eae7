//! Evaluating a plan. Nothing is allocated for comparisons, logic and integer arithmetic.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    context::Context,
    mistyped,
    plan::{Arithmetic, Comparison, Direction, Node, TextTest},
    scope::OpenItems,
};
use crate::{
    number::Exact,
    time::{Span, Timestamp},
    value::Value,
};

pub(super) const NULL: &Value = &Value::Null;

pub(super) fn evaluate(node: &Node, context: &Context<'_>) -> Value {
    match read(node, context).into_owned() {
        Value::Mistyped => Value::Null,
        value => value,
    }
}

/// The value, days and what is mistyped as such.
pub(super) fn kept(node: &Node, context: &Context<'_>) -> Value {
    match node {
        Node::SlotAs(slot, kind) => context.slots.get(*slot).cloned().unwrap_or_default().coerce(*kind),
        Node::If(condition, yes, no) => match truth(condition, context) {
            Some(true) => kept(yes, context),
            Some(false) => kept(no, context),
            None => read(node, context).into_owned(),
        },
        Node::Coalesce(first, second) => match kept(first, context) {
            Value::Null => kept(second, context),
            first => first,
        },
        _ => read(node, context).into_owned(),
    }
}

/// Whether the value is unknown because something is mistyped.
pub(super) fn is_mistyped(node: &Node, context: &Context<'_>) -> bool {
    read(node, context).is_mistyped()
}

/// The truth of a node: `None` is unknown.
pub(super) fn truth(node: &Node, context: &Context<'_>) -> Option<bool> {
    match node {
        Node::And(left, right) => match truth(left, context) {
            Some(false) => Some(false),
            Some(true) => truth(right, context),
            None => (truth(right, context) == Some(false)).then_some(false),
        },
        Node::Or(left, right) => match truth(left, context) {
            Some(true) => Some(true),
            Some(false) => truth(right, context),
            None => (truth(right, context) == Some(true)).then_some(true),
        },
        Node::Not(operand) => truth(operand, context).map(|value| !value),
        Node::IsNull(operand) => match read(operand, context).as_ref() {
            Value::Mistyped => None,
            value => Some(value.is_null()),
        },
        Node::InPeriod(time) => match read(time, context).as_ref() {
            Value::Time(time) => Some(context.period.contains(*time)),
            _ => None,
        },
        Node::Contains(element, set) => match (read(element, context).as_ref(), read(set, context).as_ref()) {
            (Value::Text(element), Value::Set(set)) => Some(set.contains(element.as_ref())),
            _ => None,
        },
        Node::Direction(slot, steps, direction) => direction_holds(*slot, *steps, *direction, context),
        Node::Compare(operator, left, right) => compare(*operator, &read(left, context), &read(right, context)),
        Node::In(element, list) => {
            let element = read(element, context);
            let mut orders = list.iter().map(|entry| element.compare(entry)).peekable();
            // The list holds values of one type: with one of another type, or none, nothing is known.
            orders.peek().copied().flatten()?;
            Some(orders.any(|order| order == Some(Ordering::Equal)))
        }
        Node::Text(text, test) => match read(text, context).as_ref() {
            Value::Text(text) => Some(match test {
                TextTest::StartsWith(pattern) => text.starts_with(pattern.as_ref()),
                TextTest::EndsWith(pattern) => text.ends_with(pattern.as_ref()),
                TextTest::Contains(pattern) => text.contains(pattern.as_ref()),
                TextTest::Matches(pattern) => pattern.is_match(text),
            }),
            _ => None,
        },
        _ => match read(node, context).as_ref() {
            Value::Bool(value) => Some(*value),
            _ => None,
        },
    }
}

/// The operands of the division that decides a ratio, scaled as the formula scales it.
pub(super) fn fraction(node: &Node, context: &Context<'_>) -> Option<(Value, Value)> {
    match node {
        Node::Arithmetic(Arithmetic::Divide, numerator, denominator) => {
            // `100 * a / b` parses as `(100 * a) / b`: people want to see a and b.
            let numerator = match numerator.as_ref() {
                Node::Arithmetic(Arithmetic::Multiply, factor, rest)
                    if matches!(factor.as_ref(), Node::Constant(_)) =>
                {
                    rest
                }
                _ => numerator,
            };
            Some((evaluate(numerator, context), evaluate(denominator, context)))
        }
        Node::Arithmetic(Arithmetic::Multiply, left, right) => match (left.as_ref(), right.as_ref()) {
            (Node::Constant(_), ratio) | (ratio, Node::Constant(_)) => fraction(ratio, context),
            _ => None,
        },
        _ => None,
    }
}

/// Whether [`fraction`] finds one.
pub(super) fn is_ratio(node: &Node) -> bool {
    match node {
        Node::Arithmetic(Arithmetic::Divide, ..) => true,
        Node::Arithmetic(Arithmetic::Multiply, left, right) => match (left.as_ref(), right.as_ref()) {
            (Node::Constant(_), ratio) | (ratio, Node::Constant(_)) => is_ratio(ratio),
            _ => false,
        },
        _ => false,
    }
}

/// The value; mistyped where it is unknown because something in it is.
pub(super) fn read<'a>(node: &'a Node, context: &Context<'a>) -> Cow<'a, Value> {
    let value = compute(node, context);
    // Only what is unknown is asked for its reason: a slot that is null is absent, and nothing else.
    let absent = matches!(node, Node::Constant(_) | Node::Slot(_) | Node::SlotAs(..));
    if !absent && value.is_null() && mistyped::found(node, context) { Cow::Owned(Value::Mistyped) } else { value }
}

fn compute<'a>(node: &'a Node, context: &Context<'a>) -> Cow<'a, Value> {
    match node {
        Node::Constant(value) => Cow::Borrowed(value),
        Node::Slot(slot) => Cow::Borrowed(context.slots.get(*slot).unwrap_or(NULL)),
        Node::SlotAs(..) => Cow::Owned(kept(node, context).last_instant(context.calendar.zone)),
        Node::PeriodStart => Cow::Owned(Value::Time(context.period.start)),
        Node::PeriodEnd => Cow::Owned(Value::Time(context.period.end)),
        Node::AsOf => Cow::Owned(Value::Time(context.as_of)),
        Node::YearStart => Cow::Owned(Value::Time(context.calendar.year_start(context.period.start))),
        Node::MonthsBefore(time, months) => match read(time, context).as_ref() {
            Value::Time(time) => {
                Cow::Owned(Value::Time(context.calendar.subtract(*time, Span { months: *months, milliseconds: 0 })))
            }
            _ => Cow::Borrowed(NULL),
        },
        Node::Table(parameter, slot) => match context.slots.get(*slot).unwrap_or(NULL) {
            Value::Mistyped => Cow::Owned(Value::Mistyped),
            value => Cow::Owned(parameter.lookup(value).clone()),
        },
        Node::If(condition, yes, no) => match truth(condition, context) {
            Some(true) => read(yes, context),
            Some(false) => read(no, context),
            None => Cow::Borrowed(NULL),
        },
        Node::Arithmetic(operator, left, right) => {
            Cow::Owned(calculate(*operator, &read(left, context), &read(right, context)))
        }
        Node::Negate(operand) => {
            Cow::Owned(calculate(Arithmetic::Subtract, &zero_like(&read(operand, context)), &read(operand, context)))
        }
        Node::Coalesce(first, second) => {
            let first = read(first, context);
            if first.is_null() { compute(second, context) } else { first }
        }
        Node::Elapsed(from, to, open) => {
            Cow::Owned(between(from, to, *open, context, |from, to| to.0.checked_sub(from.0)))
        }
        Node::Worked(from, to, open, hours) => {
            Cow::Owned(between(from, to, *open, context, |from, to| Some(hours.between(from, to))))
        }
        Node::Convert(amount, currency, at, rates) => {
            let converted = match (
                read(amount, context).to_exact(),
                read(currency, context).as_ref(),
                read(at, context).as_ref(),
            ) {
                (Some(amount), Value::Text(currency), Value::Time(at)) => rates.convert(&amount, currency, *at),
                _ => None,
            };
            Cow::Owned(converted.map_or(Value::Null, Value::from_exact))
        }
        Node::Least(left, right) => extreme(read(left, context), read(right, context), Ordering::Less),
        Node::Greatest(left, right) => extreme(read(left, context), read(right, context), Ordering::Greater),
        Node::Abs(operand) => match read(operand, context).as_ref() {
            Value::Duration(length) => Cow::Owned(Value::Duration(length.saturating_abs())),
            value => Cow::Owned(value.to_exact().map_or(Value::Null, |number| Value::from_exact(number.abs()))),
        },
        Node::Sqrt(operand) => {
            let root = read(operand, context).to_exact().and_then(|number| number.sqrt());
            Cow::Owned(root.map_or(Value::Null, Value::from_exact))
        }
        Node::Size(set) => Cow::Owned(match read(set, context).as_ref() {
            Value::Set(set) => Value::from_exact(Exact::from(u64::try_from(set.len()).unwrap_or(u64::MAX))),
            _ => Value::Null,
        }),
        Node::Previous(slot, back) => Cow::Owned(context.history.value(*slot, *back).unwrap_or_default()),
        Node::MeanLast(slot, periods, skip) => {
            Cow::Owned(mean_last(*slot, *periods, *skip, context).unwrap_or_default())
        }
        Node::And(..)
        | Node::Or(..)
        | Node::Not(_)
        | Node::IsNull(_)
        | Node::Compare(..)
        | Node::In(..)
        | Node::InPeriod(_)
        | Node::Contains(..)
        | Node::Direction(..)
        | Node::Text(..) => Cow::Owned(truth(node, context).map_or(Value::Null, Value::Bool)),
    }
}

fn zero_like(value: &Value) -> Value {
    match value {
        Value::Duration(_) => Value::Duration(0),
        _ => Value::Int(0),
    }
}

fn mean_last(slot: usize, periods: u32, skip: u32, context: &Context<'_>) -> Option<Value> {
    let mut sum = Exact::zero();
    // Every period is asked, also after one was missing: who keeps the history wants to know all
    // that was looked at.
    let mut complete = true;
    for back in skip..skip.saturating_add(periods) {
        match context.history.value(slot, back).and_then(|value| value.to_exact()) {
            Some(value) => sum = sum.add(&value),
            None => complete = false,
        }
    }
    if !complete {
        return None;
    }
    sum.divide(&Exact::from(i64::from(periods))).map(Value::from_exact)
}

/// Length of time between two instants; null where it would be below zero.
fn between(
    from: &Node,
    to: &Node,
    open: OpenItems,
    context: &Context<'_>,
    length: impl Fn(Timestamp, Timestamp) -> Option<i64>,
) -> Value {
    let length = match (begin(from, to, context).as_ref(), read(to, context).as_ref()) {
        (Value::Time(from), Value::Time(to)) if from <= to => length(*from, *to),
        (Value::Time(from), Value::Null) if open == OpenItems::AsOf && *from <= context.as_of => {
            length(*from, context.as_of)
        }
        _ => None,
    };
    length.map_or(Value::Null, Value::Duration)
}

/// The begin of a length of time. From a day to a day are whole days; to an instant, or while it lasts, a day counts
/// from its first instant.
fn begin<'a>(from: &'a Node, to: &'a Node, context: &Context<'a>) -> Cow<'a, Value> {
    match kept(from, context) {
        day @ Value::Day(_) if !matches!(kept(to, context), Value::Day(_)) => {
            Cow::Owned(day.first_instant(context.calendar.zone))
        }
        _ => read(from, context),
    }
}

fn extreme<'a>(left: Cow<'a, Value>, right: Cow<'a, Value>, wanted: Ordering) -> Cow<'a, Value> {
    match left.compare(&right) {
        Some(order) if order == wanted => left,
        Some(_) => right,
        None => Cow::Borrowed(NULL),
    }
}

/// Whether each of the last steps goes one way. Every period is asked, as in [`mean_last`].
fn direction_holds(slot: usize, steps: u32, direction: Direction, context: &Context<'_>) -> Option<bool> {
    let values: Vec<Option<Exact>> =
        (0..=steps).map(|back| context.history.value(slot, back).and_then(|value| value.to_exact())).collect();
    let values: Vec<Exact> = values.into_iter().collect::<Option<_>>()?;
    let holds = |newer: &Exact, older: &Exact| match direction {
        Direction::Rising => newer > older,
        Direction::Falling => newer < older,
        Direction::NotRising => newer <= older,
        Direction::NotFalling => newer >= older,
    };
    Some(values.windows(2).all(|pair| matches!(pair, [newer, older] if holds(newer, older))))
}

fn compare(operator: Comparison, left: &Value, right: &Value) -> Option<bool> {
    // With null, and with values of unlike types, nothing is known.
    let order = left.compare(right)?;
    Some(match operator {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

fn calculate(operator: Arithmetic, left: &Value, right: &Value) -> Value {
    use Arithmetic::{Add, Divide, Multiply, Subtract};
    let result = match (operator, left, right) {
        (Add, Value::Duration(left), Value::Duration(right)) => left.checked_add(*right).map(Value::Duration),
        (Subtract, Value::Duration(left), Value::Duration(right)) => left.checked_sub(*right).map(Value::Duration),
        (Divide, Value::Duration(left), Value::Duration(right)) => Exact::ratio(*left, *right).map(Value::from_exact),
        (Subtract, Value::Time(left), Value::Time(right)) => left.0.checked_sub(right.0).map(Value::Duration),
        (Add, Value::Time(time), Value::Duration(length)) | (Add, Value::Duration(length), Value::Time(time)) => {
            time.0.checked_add(*length).map(|sum| Value::Time(Timestamp(sum)))
        }
        (Subtract, Value::Time(time), Value::Duration(length)) => {
            time.0.checked_sub(*length).map(|difference| Value::Time(Timestamp(difference)))
        }
        (Multiply, Value::Duration(length), factor) | (Multiply, factor, Value::Duration(length)) => {
            factor.to_exact().and_then(|factor| factor.multiply(&Exact::from(*length)).to_i64()).map(Value::Duration)
        }
        (Divide, Value::Duration(length), divisor) => divisor
            .to_exact()
            .and_then(|divisor| Exact::from(*length).divide(&divisor))
            .and_then(|quotient| quotient.to_i64())
            .map(Value::Duration),
        (operator, left, right) => numbers(operator, left, right),
    };
    result.unwrap_or_default()
}

fn numbers(operator: Arithmetic, left: &Value, right: &Value) -> Option<Value> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let result = match operator {
            Arithmetic::Add => left.checked_add(*right),
            Arithmetic::Subtract => left.checked_sub(*right),
            Arithmetic::Multiply => left.checked_mul(*right),
            Arithmetic::Remainder => return left.checked_rem(*right).map(Value::Int),
            Arithmetic::Divide => return Exact::ratio(*left, *right).map(Value::from_exact),
        };
        if let Some(result) = result {
            return Some(Value::Int(result));
        }
    }
    let (left, right) = (left.to_exact()?, right.to_exact()?);
    Some(Value::from_exact(match operator {
        Arithmetic::Add => left.add(&right),
        Arithmetic::Subtract => left.subtract(&right),
        Arithmetic::Multiply => left.multiply(&right),
        Arithmetic::Divide => left.divide(&right)?,
        Arithmetic::Remainder => return None,
    }))
}
