//! Units of formulas: what cannot be added or compared is refused when the catalogue is loaded.

use std::fmt;

use super::plan::{Arithmetic, Node};
use crate::value::Value;

/// What a number counts or measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A constant or parameter: takes the unit of what it meets.
    Any,
    /// A plain number, a count or a ratio.
    One,
    /// A unit with a name: `CHF`, `hours`, `CVSS points`.
    Named(String),
    /// A product or quotient of several units, which nobody has named.
    Unknown,
}

impl Unit {
    /// The unit that a base or derived measure declares.
    pub fn declared(unit: Option<&str>) -> Self {
        match unit {
            None => Self::One,
            Some(unit) if Self::is_plain(unit) => Self::One,
            Some(unit) => Self::Named(unit.to_owned()),
        }
    }

    /// Whether a unit's name stands for a plain number.
    pub fn is_plain(unit: &str) -> bool {
        matches!(unit, "1" | "percent" | "percentage points" | "ratio" | "level")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Any | Self::One => "a plain number",
            Self::Named(name) => name,
            Self::Unknown => "a unit without a name",
        })
    }
}

pub(super) fn unit(node: &Node, of_slot: &dyn Fn(usize) -> Unit) -> Result<Unit, String> {
    let of = |node: &Node| unit(node, of_slot);
    match node {
        Node::Constant(Value::Int(_) | Value::Number(_)) | Node::Table(..) => Ok(Unit::Any),
        Node::Slot(slot) | Node::SlotAs(slot, _) | Node::Previous(slot, _) | Node::MeanLast(slot, ..) => {
            Ok(of_slot(*slot))
        }
        Node::Negate(operand) | Node::Abs(operand) | Node::Not(operand) | Node::IsNull(operand) => of(operand),
        Node::Sqrt(operand) => Ok(match of(operand)? {
            plain @ (Unit::Any | Unit::One) => plain,
            Unit::Named(_) | Unit::Unknown => Unit::Unknown,
        }),
        Node::Arithmetic(Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Remainder, left, right)
        | Node::Coalesce(left, right)
        | Node::Least(left, right)
        | Node::Greatest(left, right)
        | Node::If(_, left, right) => same(of(left)?, of(right)?),
        Node::Compare(_, left, right) => same(of(left)?, of(right)?).map(|_| Unit::One),
        Node::And(left, right) | Node::Or(left, right) => of(left).and_then(|_| of(right)),
        Node::Arithmetic(Arithmetic::Multiply, left, right) => Ok(match (of(left)?, of(right)?) {
            (Unit::Any | Unit::One, unit) | (unit, Unit::Any | Unit::One) => unit,
            _ => Unit::Unknown,
        }),
        Node::Arithmetic(Arithmetic::Divide, left, right) => Ok(match (of(left)?, of(right)?) {
            (Unit::Named(left), Unit::Named(right)) if left == right => Unit::One,
            (unit, Unit::Any | Unit::One) => unit,
            _ => Unit::Unknown,
        }),
        _ => Ok(Unit::Unknown),
    }
}

fn same(left: Unit, right: Unit) -> Result<Unit, String> {
    match (left, right) {
        (Unit::Unknown, _) | (_, Unit::Unknown) => Ok(Unit::Unknown),
        (Unit::Any, unit) | (unit, Unit::Any) => Ok(unit),
        (left, right) if left == right => Ok(left),
        (left, right) => Err(format!("{left} and {right} cannot be added or compared")),
    }
}
