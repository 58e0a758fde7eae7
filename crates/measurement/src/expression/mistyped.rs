//! Why a value is unknown: something in it is mistyped, or values of unlike types met.
//!
//! Asked only of what is unknown, so that events that are whole pay nothing for it.

use super::{
    context::Context,
    evaluate::{NULL, read, truth},
    plan::Node,
};
use crate::value::{Type, Value};

/// Whether an unknown value is unknown because something in it is mistyped.
pub(super) fn found(node: &Node, context: &Context<'_>) -> bool {
    let value = |node| read(node, context);
    // Neither absent nor of the type that is asked for.
    let unfit = |node, wanted: Type| {
        let value = value(node);
        !value.is_null() && value.type_of() != Some(wanted)
    };
    match node {
        Node::Constant(_)
        | Node::PeriodStart
        | Node::PeriodEnd
        | Node::AsOf
        | Node::YearStart
        | Node::Previous(..)
        | Node::MeanLast(..)
        | Node::Direction(..) => false,
        Node::Slot(slot) | Node::SlotAs(slot, _) | Node::Table(_, slot) => {
            context.slots.get(*slot).unwrap_or(NULL).is_mistyped()
        }
        Node::And(left, right) | Node::Or(left, right) => {
            truth(node, context).is_none() && (unfit(left, Type::Bool) || unfit(right, Type::Bool))
        }
        Node::Not(operand) => unfit(operand, Type::Bool),
        Node::IsNull(operand) => value(operand).is_mistyped(),
        Node::InPeriod(time) | Node::MonthsBefore(time, _) => unfit(time, Type::Time),
        Node::Contains(element, set) => unfit(element, Type::Text) || unfit(set, Type::Set),
        Node::Compare(_, left, right) | Node::Least(left, right) | Node::Greatest(left, right) => {
            unlike(&value(left), &value(right))
        }
        Node::In(element, list) => list.first().is_some_and(|first| unlike(&value(element), first)),
        Node::Text(text, _) => unfit(text, Type::Text),
        Node::If(condition, yes, no) => match truth(condition, context) {
            Some(true) => value(yes).is_mistyped(),
            Some(false) => value(no).is_mistyped(),
            None => unfit(condition, Type::Bool),
        },
        Node::Coalesce(first, second) => value(first).is_mistyped() || value(second).is_mistyped(),
        Node::Arithmetic(_, left, right) => no_operands(&value(left), &value(right)),
        Node::Negate(operand) | Node::Abs(operand) | Node::Sqrt(operand) => no_operand(&value(operand)),
        Node::Elapsed(from, to, _) | Node::Worked(from, to, ..) => {
            unfit(from, Type::Time) || (!value(from).is_null() && unfit(to, Type::Time))
        }
        Node::Convert(amount, currency, at, _) => {
            unfit(amount, Type::Number) || unfit(currency, Type::Text) || unfit(at, Type::Time)
        }
        Node::Size(set) => unfit(set, Type::Set),
    }
}

/// Whether one of two is mistyped, or they are of types that have no order between them. With what is absent nothing
/// would be known whatever the other were.
fn unlike(left: &Value, right: &Value) -> bool {
    let types = (left.type_of(), right.type_of());
    let mistyped = left.is_mistyped() || right.is_mistyped();
    !left.is_null() && !right.is_null() && (mistyped || matches!(types, (Some(left), Some(right)) if left != right))
}

/// Whether nothing can be calculated with a value.
const fn no_operand(value: &Value) -> bool {
    matches!(value, Value::Mistyped | Value::Text(_) | Value::Bool(_) | Value::Set(_))
}

/// Whether nothing can be calculated with two values of which none is absent.
fn no_operands(left: &Value, right: &Value) -> bool {
    let mixed =
        |left: &Value, right: &Value| left.type_of() == Some(Type::Time) && right.type_of() == Some(Type::Number);
    let unfit = no_operand(left) || no_operand(right) || mixed(left, right) || mixed(right, left);
    !left.is_null() && !right.is_null() && unfit
}
