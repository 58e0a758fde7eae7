//! Functions of the language.

use std::sync::Arc;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue},
};

use super::{Compiler, MAX_PATTERN, Typed, error, path, same_type, slot_node, whole_number};
use crate::{
    expression::{
        plan::{Node, TextTest},
        scope::{ExpressionError, OpenItems},
    },
    value::Type,
};

impl Compiler<'_> {
    pub(super) fn year_start(&mut self, period: &IdedExpr) -> Result<Typed, ExpressionError> {
        if path(&period.expr).as_deref() != Some("period") {
            return Err(error("`year_start` takes `period`", "write year_start(period)"));
        }
        self.nodes += 1;
        Ok((Node::YearStart, Some(Type::Time)))
    }

    pub(super) fn months_before(&mut self, time: &IdedExpr, months: &IdedExpr) -> Result<Typed, ExpressionError> {
        let time = self.expect(time, Type::Time, "`months_before`")?;
        let months = whole_number(months, 1200)?;
        Ok((Node::MonthsBefore(Box::new(time), months), Some(Type::Time)))
    }

    pub(super) fn at_start(&mut self, column: &IdedExpr) -> Result<Typed, ExpressionError> {
        let fault = || error("`at_start` takes a column of the population", "write at_start(status)");
        let name = path(&column.expr).ok_or_else(fault)?;
        let (slot, kind) = self.scope.at_start(&name).ok_or_else(fault)?;
        self.remember(slot);
        Ok((slot_node(slot, kind), kind))
    }

    pub(super) fn coalesce(&mut self, first: &IdedExpr, second: &IdedExpr) -> Result<Typed, ExpressionError> {
        let (first, first_kind) = self.node(first)?;
        let (second, second_kind) = self.node(second)?;
        same_type(first_kind, second_kind, "`coalesce`")?;
        Ok((Node::Coalesce(Box::new(first), Box::new(second)), first_kind.or(second_kind)))
    }

    pub(super) fn length_of_time(
        &mut self,
        function: &str,
        from: &IdedExpr,
        to: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        let from = Box::new(self.expect(from, Type::Time, "a length of time")?);
        let to = Box::new(self.expect(to, Type::Time, "a length of time")?);
        let open = self.scope.open_items().unwrap_or(OpenItems::LeaveOut);
        self.has_durations = true;
        self.reads_time |= open == OpenItems::AsOf;
        self.standing.open = Some(open);
        let node = if function == "worked" {
            let hours = self.scope.working_hours().ok_or_else(|| {
                error("`worked` needs working hours", "declare calendar.working_hours, or use `elapsed`")
            })?;
            self.standing.hours = Some(Arc::clone(&hours));
            Node::Worked(from, to, open, hours)
        } else {
            Node::Elapsed(from, to, open)
        };
        Ok((node, Some(Type::Duration)))
    }

    pub(super) fn convert(
        &mut self,
        amount: &IdedExpr,
        currency: &IdedExpr,
        at: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        let amount = Box::new(self.expect(amount, Type::Number, "an amount")?);
        let currency = Box::new(self.expect(currency, Type::Text, "a currency")?);
        let at = Box::new(self.expect(at, Type::Time, "the day of a rate")?);
        let rates = self
            .scope
            .rates()
            .ok_or_else(|| error("`convert` needs rates of exchange", "write them into rates.yaml"))?;
        self.standing.rates = Some(Arc::clone(&rates));
        Ok((Node::Convert(amount, currency, at, rates), Some(Type::Number)))
    }

    pub(super) fn extreme(
        &mut self,
        function: &str,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        let (left, left_kind) = self.node(left)?;
        let (right, right_kind) = self.node(right)?;
        same_type(left_kind, right_kind, "`least` and `greatest`")?;
        let build = if function == "least" { Node::Least } else { Node::Greatest };
        Ok((build(Box::new(left), Box::new(right)), left_kind.or(right_kind)))
    }

    pub(super) fn abs(&mut self, operand: &IdedExpr) -> Result<Typed, ExpressionError> {
        let (operand, kind) = self.node(operand)?;
        match kind {
            None | Some(Type::Number | Type::Duration) => Ok((Node::Abs(Box::new(operand)), kind)),
            Some(kind) => Err(error(format!("a {kind} has no amount"), "use numbers and durations")),
        }
    }

    pub(super) fn text_test(
        &mut self,
        function: &str,
        text: &IdedExpr,
        pattern: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        let text = self.expect(text, Type::Text, "a text test")?;
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err(error(format!("`{function}` needs a constant text"), "write message.contains('Failed')"));
        };
        let pattern = pattern.inner();
        let test = match function {
            "startsWith" => TextTest::StartsWith(Arc::from(pattern)),
            "endsWith" => TextTest::EndsWith(Arc::from(pattern)),
            "contains" => TextTest::Contains(Arc::from(pattern)),
            _ => TextTest::Matches(
                regex::RegexBuilder::new(pattern)
                    .size_limit(MAX_PATTERN)
                    .build()
                    .map_err(|fault| error(format!("unusable pattern: {fault}"), "use a shorter, simpler pattern"))?,
            ),
        };
        Ok((Node::Text(Box::new(text), test), Some(Type::Bool)))
    }
}
