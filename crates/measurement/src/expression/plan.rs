//! The plan that an expression is compiled to.

use std::sync::Arc;

use super::scope::{OpenItems, Parameter};
use crate::{
    rates::SharedRates,
    value::{Type, Value},
    working::SharedHours,
};

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// By the name that CEL gives the operator.
    pub(super) fn of_operator(operator: &str) -> Option<Self> {
        Some(match operator {
            "_==_" => Self::Equal,
            "_!=_" => Self::NotEqual,
            "_<_" => Self::Less,
            "_<=_" => Self::LessOrEqual,
            "_>_" => Self::Greater,
            "_>=_" => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}

/// An arithmetic operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    /// By the name that CEL gives the operator.
    pub(super) fn of_operator(operator: &str) -> Option<Self> {
        Some(match operator {
            "_+_" => Self::Add,
            "_-_" => Self::Subtract,
            "_*_" => Self::Multiply,
            "_/_" => Self::Divide,
            "_%_" => Self::Remainder,
            _ => return None,
        })
    }
}

/// A test on a text.
#[derive(Clone, Debug)]
pub(super) enum TextTest {
    StartsWith(Arc<str>),
    EndsWith(Arc<str>),
    Contains(Arc<str>),
    Matches(regex::Regex),
}

/// The plan.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Value),
    Slot(usize),
    PeriodStart,
    PeriodEnd,
    AsOf,
    YearStart,
    MonthsBefore(Box<Self>, u32),
    /// A slot whose integers are instants or lengths of time.
    SlotAs(usize, Type),
    InPeriod(Box<Self>),
    Coalesce(Box<Self>, Box<Self>),
    Elapsed(Box<Self>, Box<Self>, OpenItems),
    Worked(Box<Self>, Box<Self>, OpenItems, SharedHours),
    Convert(Box<Self>, Box<Self>, Box<Self>, SharedRates),
    Least(Box<Self>, Box<Self>),
    Greatest(Box<Self>, Box<Self>),
    Abs(Box<Self>),
    Sqrt(Box<Self>),
    Size(Box<Self>),
    Contains(Box<Self>, Box<Self>),
    Table(Arc<Parameter>, usize),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    IsNull(Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    Negate(Box<Self>),
    In(Box<Self>, Vec<Value>),
    If(Box<Self>, Box<Self>, Box<Self>),
    Text(Box<Self>, TextTest),
    Previous(usize, u32),
    /// Mean of so many periods, of which the newest lies so many periods back.
    MeanLast(usize, u32, u32),
    /// Whether each of the last so many steps goes one way.
    Direction(usize, u32, Direction),
}

/// How a value moves from each period to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Rising,
    Falling,
    NotRising,
    NotFalling,
}
