//! From CEL's syntax tree to a plan.

mod functions;
mod history;
mod operators;

use std::sync::Arc;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue},
    parser::Parser,
};

use super::{
    Expression, MAX_NODES, MAX_TEXT,
    plan::{Arithmetic, Comparison, Node},
    scope::{ExpressionError, Scope, Standing},
};
use crate::{
    diagnostic::meant,
    number::Exact,
    time::Span,
    value::{Type, Value},
};

/// Compiled size of a pattern, in bytes: a pattern must not buy memory.
const MAX_PATTERN: usize = 1 << 20;
/// Deepest nesting that the parser follows: at 64, unoptimised, it needed more than 8 MiB of stack.
const MAX_DEPTH: u16 = 24;
/// Farthest look back, in periods.
const MAX_LOOK_BACK: u32 = 120;

type Typed = (Node, Option<Type>);

impl Expression {
    /// Parses, checks and compiles an expression.
    pub fn compile(text: &str, scope: &mut dyn Scope) -> Result<Self, ExpressionError> {
        compile(text, scope)
    }
}

fn compile(text: &str, scope: &mut dyn Scope) -> Result<Expression, ExpressionError> {
    if text.len() > MAX_TEXT {
        return Err(error(format!("the expression is longer than {MAX_TEXT} bytes"), "split it into several measures"));
    }
    let tree =
        Parser::new().max_recursion_depth(MAX_DEPTH).parse(text).map_err(|errors| syntax_error(text, &errors))?;
    let mut compiler = Compiler {
        scope,
        nodes: 0,
        slots: Vec::new(),
        looks_back: 0,
        reads_time: false,
        has_durations: false,
        reads_untyped: false,
        parameters: Vec::new(),
        standing: Standing::default(),
    };
    let (plan, result) = compiler.node(&tree)?;
    let Compiler {
        scope: _,
        nodes: _,
        slots,
        looks_back,
        reads_time,
        has_durations,
        reads_untyped,
        parameters,
        standing,
    } = compiler;
    Ok(Expression {
        text: Arc::from(text),
        plan,
        result,
        slots,
        looks_back,
        reads_time,
        has_durations,
        reads_untyped,
        parameters,
        standing,
    })
}

fn error(reason: impl Into<String>, hint: impl Into<String>) -> ExpressionError {
    ExpressionError { reason: reason.into(), hint: hint.into(), offset: 0 }
}

fn syntax_error(text: &str, errors: &cel::ParseErrors) -> ExpressionError {
    let first = errors.errors.first();
    let message = first.map_or("not an expression", |fault| fault.msg.as_str());
    let (line, column) = first.map_or((1, 0), |fault| fault.pos);
    let line_start: usize = text.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0)).map(str::len).sum();
    ExpressionError {
        reason: format!("not a CEL expression: {}", message.lines().next().unwrap_or(message)),
        hint: "see https://cel.dev for the syntax".to_owned(),
        offset: line_start + usize::try_from(column.max(1) - 1).unwrap_or(0),
    }
}

struct Compiler<'a> {
    scope: &'a mut dyn Scope,
    nodes: usize,
    slots: Vec<usize>,
    looks_back: u32,
    reads_time: bool,
    has_durations: bool,
    reads_untyped: bool,
    parameters: Vec<String>,
    standing: Standing,
}

impl Compiler<'_> {
    fn node(&mut self, tree: &IdedExpr) -> Result<Typed, ExpressionError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(error(
                format!("the expression has more than {MAX_NODES} parts"),
                "split it into several measures",
            ));
        }
        if let Some(name) = path(&tree.expr) {
            return self.name(&name);
        }
        match &tree.expr {
            Expr::Literal(literal) => constant(literal),
            Expr::Call(call) => self.call(call),
            Expr::Select(select) if select.test => {
                let name = path(&select.operand.expr).map(|operand| format!("{operand}.{}", select.field));
                let name = name.ok_or_else(|| error("`has` takes a field", "write has(device.uid)"))?;
                let (node, _) = self.variable(&name)?;
                Ok((Node::Not(Box::new(Node::IsNull(Box::new(node)))), Some(Type::Bool)))
            }
            Expr::Ident(_)
            | Expr::Select(_)
            | Expr::List(_)
            | Expr::Map(_)
            | Expr::Struct(_)
            | Expr::Comprehension(_)
            | Expr::Unspecified => Err(error(
                "loops, lists, maps and objects are not part of measurement expressions",
                "use fields, parameters, operators and the documented functions",
            )),
        }
    }

    fn name(&mut self, name: &str) -> Result<Typed, ExpressionError> {
        match name {
            "period.start" => return Ok((Node::PeriodStart, Some(Type::Time))),
            "period.end" => return Ok((Node::PeriodEnd, Some(Type::Time))),
            "as_of" => {
                self.reads_time = true;
                return Ok((Node::AsOf, Some(Type::Time)));
            }
            _ => {}
        }
        if let Some((parameter, slot)) = self.scope.parameter(name) {
            let kind = parameter.default.type_of();
            if !self.parameters.iter().any(|known| known == name) {
                self.parameters.push(name.to_owned());
            }
            return match (&parameter.by, slot) {
                (None, _) => Ok((Node::Constant(parameter.default), kind)),
                (Some(_), Some(slot)) => {
                    self.remember(slot);
                    Ok((Node::Table(Arc::new(parameter), slot), kind))
                }
                (Some(dimension), None) => Err(error(
                    format!("the parameter `{name}` is a table by `{dimension}`, which is not known here"),
                    "declare the dimension's field or column under `by`",
                )),
            };
        }
        self.variable(name)
    }

    fn variable(&mut self, name: &str) -> Result<Typed, ExpressionError> {
        let (slot, kind) = self.slot(name)?;
        self.reads_untyped |= kind.is_none();
        // Times in events are integers; rows and measures have their types already.
        Ok((slot_node(slot, kind), kind))
    }

    fn slot(&mut self, name: &str) -> Result<(usize, Option<Type>), ExpressionError> {
        let Some((slot, kind)) = self.scope.variable(name) else {
            let known = self.scope.known_names();
            return Err(error(format!("unknown name `{name}`"), meant(name, &known)));
        };
        self.remember(slot);
        Ok((slot, kind))
    }

    fn remember(&mut self, slot: usize) {
        if !self.slots.contains(&slot) {
            self.slots.push(slot);
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<Typed, ExpressionError> {
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            ("_&&_", [left, right]) => self.logic(left, right, Node::And),
            ("_||_", [left, right]) => self.logic(left, right, Node::Or),
            ("!_", [operand]) => {
                let operand = self.expect(operand, Type::Bool, "`!`")?;
                Ok((Node::Not(Box::new(operand)), Some(Type::Bool)))
            }
            ("-_", [operand]) => {
                let (operand, kind) = self.node(operand)?;
                match kind {
                    None | Some(Type::Number | Type::Duration) => Ok((Node::Negate(Box::new(operand)), kind)),
                    Some(kind) => {
                        Err(error(format!("`-` cannot be applied to a {kind}"), "negate numbers and durations"))
                    }
                }
            }
            ("_?_:_", [condition, yes, no]) => self.conditional(condition, yes, no),
            ("@in", [element, list]) => self.membership(element, list),
            ("year_start", [period]) => self.year_start(period),
            ("months_before", [time, months]) => self.months_before(time, months),
            ("duration", [text]) => duration(text),
            ("in_period", [time]) => {
                let time = self.expect(time, Type::Time, "`in_period`")?;
                Ok((Node::InPeriod(Box::new(time)), Some(Type::Bool)))
            }
            ("at_start", [column]) => self.at_start(column),
            ("coalesce", [first, second]) => self.coalesce(first, second),
            ("elapsed" | "worked", [from, to]) => self.length_of_time(&call.func_name, from, to),
            ("convert", [amount, currency, at]) => self.convert(amount, currency, at),
            ("least" | "greatest", [left, right]) => self.extreme(&call.func_name, left, right),
            ("abs", [operand]) => self.abs(operand),
            ("sqrt", [operand]) => {
                let operand = self.expect(operand, Type::Number, "`sqrt`")?;
                Ok((Node::Sqrt(Box::new(operand)), Some(Type::Number)))
            }
            ("size", [set]) => {
                let set = self.expect(set, Type::Set, "`size`")?;
                Ok((Node::Size(Box::new(set)), Some(Type::Number)))
            }
            ("previous", [variable, periods]) => self.previous(variable, periods),
            ("mean_last", [variable, periods, skip @ ..]) if skip.len() < 2 => {
                self.mean_last(variable, periods, skip.first().copied())
            }
            ("rising" | "falling" | "not_rising" | "not_falling", [variable, steps]) => {
                self.direction(&call.func_name, variable, steps)
            }
            ("startsWith" | "endsWith" | "contains" | "matches", [text, pattern]) => {
                self.text_test(&call.func_name, text, pattern)
            }
            (operator, [left, right]) => match (Comparison::of_operator(operator), Arithmetic::of_operator(operator)) {
                (Some(operator), _) => self.compare(operator, left, right),
                (_, Some(operator)) => self.arithmetic(operator, left, right),
                (None, None) => Err(unknown_function(&call.func_name)),
            },
            (name, _) => Err(unknown_function(name)),
        }
    }
}

/// `a`, `a.b`, `a[0].b`: names of variables.
pub(super) fn path(tree: &Expr) -> Option<String> {
    match tree {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand.expr)?, select.field)),
        Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
            [operand, index] => match &index.expr {
                Expr::Literal(LiteralValue::Int(index)) if **index >= 0 => {
                    Some(format!("{}[{}]", path(&operand.expr)?, **index))
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn slot_node(slot: usize, kind: Option<Type>) -> Node {
    match kind {
        Some(kind @ (Type::Time | Type::Duration)) => Node::SlotAs(slot, kind),
        _ => Node::Slot(slot),
    }
}

fn constant(literal: &LiteralValue) -> Result<Typed, ExpressionError> {
    let (value, kind) = match literal {
        LiteralValue::Boolean(value) => (Value::Bool(**value), Type::Bool),
        LiteralValue::Int(value) => (Value::Int(**value), Type::Number),
        LiteralValue::UInt(value) => (Value::from_exact(Exact::from(**value)), Type::Number),
        LiteralValue::Double(value) => {
            let number =
                Exact::from_f64(**value).ok_or_else(|| error("not a finite number", "use a decimal such as 0.95"))?;
            (Value::from_exact(number), Type::Number)
        }
        LiteralValue::String(value) => (Value::text(value.inner()), Type::Text),
        LiteralValue::Null => return Ok((Node::Constant(Value::Null), None)),
        LiteralValue::Bytes(_) => return Err(error("bytes are not part of measurement expressions", "use a text")),
    };
    Ok((Node::Constant(value), Some(kind)))
}

/// CEL's `duration('24h')`, or an ISO 8601 duration without months.
fn duration(text: &IdedExpr) -> Result<Typed, ExpressionError> {
    let fault = || error("`duration` takes a constant such as '24h', '90m' or 'P7D'", "write duration('24h')");
    let Expr::Literal(LiteralValue::String(text)) = &text.expr else { return Err(fault()) };
    let text = text.inner();
    let iso = match text.parse::<Span>() {
        Ok(span) if span.months == 0 => Some(span.milliseconds),
        _ => format!("PT{}", text.to_ascii_uppercase()).parse::<Span>().ok().map(|span| span.milliseconds),
    };
    let milliseconds = iso.ok_or_else(fault)?;
    Ok((Node::Constant(Value::Duration(milliseconds)), Some(Type::Duration)))
}

fn whole_number(tree: &IdedExpr, most: u32) -> Result<u32, ExpressionError> {
    match &tree.expr {
        Expr::Literal(LiteralValue::Int(number)) => u32::try_from(**number).ok().filter(|number| *number <= most),
        _ => None,
    }
    .ok_or_else(|| error(format!("this must be a whole number from 0 to {most}"), "write it as a constant"))
}

fn same_type(left: Option<Type>, right: Option<Type>, who: &str) -> Result<(), ExpressionError> {
    match (left, right) {
        (Some(left), Some(right)) if left != right => Err(error(
            format!("{who} mixes a {left} with a {right}"),
            "times are compared with times, durations with durations (duration('24h'))",
        )),
        _ => Ok(()),
    }
}

fn unknown_function(name: &str) -> ExpressionError {
    error(
        format!("unknown function `{}`", name.trim_matches('_')),
        "known: year_start, months_before, duration, in_period, at_start, coalesce, elapsed, worked, convert, least, greatest, abs, sqrt, size, previous, mean_last, rising, falling, not_rising, not_falling, startsWith, endsWith, contains, matches, has",
    )
}
