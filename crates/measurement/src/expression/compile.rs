//! From CEL's syntax tree to a plan.

mod functions;

use std::sync::Arc;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue},
    parser::Parser,
};

use super::{Arithmetic, Comparison, Expression, ExpressionError, MAX_NODES, MAX_TEXT, Node, Scope, TextTest};
use crate::{
    number::Exact,
    time::Span,
    value::{Type, Value},
};

/// Compiled size of a pattern, in bytes: a pattern must not buy memory.
const MAX_PATTERN: usize = 1 << 20;
/// Deepest nesting that the parser follows.
const MAX_DEPTH: u16 = 64;
/// Farthest look back, in periods.
const MAX_LOOK_BACK: u32 = 120;

type Typed = (Node, Option<Type>);

pub(super) fn compile(text: &str, scope: &mut dyn Scope) -> Result<Expression, ExpressionError> {
    if text.len() > MAX_TEXT {
        return Err(error(format!("the expression is longer than {MAX_TEXT} bytes"), "split it into several measures"));
    }
    let tree =
        Parser::new().max_recursion_depth(MAX_DEPTH).parse(text).map_err(|errors| syntax_error(text, &errors))?;
    let mut compiler = Compiler { scope, nodes: 0, slots: Vec::new(), looks_back: 0, reads_time: false };
    let (plan, result) = compiler.node(&tree)?;
    let Compiler { slots, looks_back, reads_time, .. } = compiler;
    Ok(Expression { text: Arc::from(text), plan, result, slots, looks_back, reads_time })
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
                let (slot, _) = self.variable(&name)?;
                Ok((Node::Not(Box::new(Node::IsNull(Box::new(Node::Slot(slot))))), Some(Type::Bool)))
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
        let (slot, kind) = self.variable(name)?;
        Ok((Node::Slot(slot), kind))
    }

    fn variable(&mut self, name: &str) -> Result<(usize, Option<Type>), ExpressionError> {
        let Some((slot, kind)) = self.scope.variable(name) else {
            let known = self.scope.known_names();
            let hint = if known.is_empty() {
                "check the spelling".to_owned()
            } else {
                format!("known names: {}", known.join(", "))
            };
            return Err(error(format!("unknown name `{name}`"), hint));
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
            ("previous" | "mean_last", [variable, periods]) => self.history(&call.func_name, variable, periods),
            ("startsWith" | "endsWith" | "contains" | "matches", [text, pattern]) => {
                self.text_test(&call.func_name, text, pattern)
            }
            (operator, [left, right]) => match (comparison(operator), arithmetic(operator)) {
                (Some(operator), _) => self.compare(operator, left, right),
                (_, Some(operator)) => self.arithmetic(operator, left, right),
                (None, None) => Err(unknown_function(&call.func_name)),
            },
            (name, _) => Err(unknown_function(name)),
        }
    }

    fn logic(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        build: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Result<Typed, ExpressionError> {
        let left = self.expect(left, Type::Bool, "`&&` and `||`")?;
        let right = self.expect(right, Type::Bool, "`&&` and `||`")?;
        Ok((build(Box::new(left), Box::new(right)), Some(Type::Bool)))
    }

    fn expect(&mut self, tree: &IdedExpr, wanted: Type, who: &str) -> Result<Node, ExpressionError> {
        let (node, kind) = self.node(tree)?;
        match kind {
            Some(kind) if kind != wanted => {
                Err(error(format!("{who} needs a {wanted}, this is a {kind}"), "compare it with something first"))
            }
            _ => Ok(node),
        }
    }

    fn conditional(&mut self, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Result<Typed, ExpressionError> {
        let condition = self.expect(condition, Type::Bool, "`?:`")?;
        let (yes, yes_kind) = self.node(yes)?;
        let (no, no_kind) = self.node(no)?;
        same_type(yes_kind, no_kind, "both branches of `?:`")?;
        Ok((Node::If(Box::new(condition), Box::new(yes), Box::new(no)), yes_kind.or(no_kind)))
    }

    fn membership(&mut self, element: &IdedExpr, list: &IdedExpr) -> Result<Typed, ExpressionError> {
        let (element, kind) = self.node(element)?;
        let Expr::List(list) = &list.expr else {
            return Err(error("`in` needs a list of constants", "write category in ['malware', 'phishing']"));
        };
        let mut values = Vec::with_capacity(list.elements.len());
        for entry in &list.elements {
            let Expr::Literal(literal) = &entry.expr else {
                return Err(error("`in` needs a list of constants", "write category in ['malware', 'phishing']"));
            };
            let (node, entry_kind) = constant(literal)?;
            same_type(kind, entry_kind, "`in`")?;
            if let Node::Constant(value) = node {
                values.push(value);
            }
        }
        Ok((Node::In(Box::new(element), values), Some(Type::Bool)))
    }

    fn compare(&mut self, operator: Comparison, left: &IdedExpr, right: &IdedExpr) -> Result<Typed, ExpressionError> {
        let (left, left_kind) = self.node(left)?;
        let (right, right_kind) = self.node(right)?;
        let absence = match (&left, &right) {
            (Node::Constant(Value::Null), _) => Some(right.clone()),
            (_, Node::Constant(Value::Null)) => Some(left.clone()),
            _ => None,
        };
        if let Some(operand) = absence {
            let is_null = Node::IsNull(Box::new(operand));
            return match operator {
                Comparison::Equal => Ok((is_null, Some(Type::Bool))),
                Comparison::NotEqual => Ok((Node::Not(Box::new(is_null)), Some(Type::Bool))),
                Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                    Err(error("null has no order", "ask for absence by == null or != null"))
                }
            };
        }
        same_type(left_kind, right_kind, "a comparison")?;
        if left_kind == Some(Type::Bool) && !matches!(operator, Comparison::Equal | Comparison::NotEqual) {
            return Err(error("true and false have no order", "use ==, != or the value itself"));
        }
        Ok((Node::Compare(operator, Box::new(left), Box::new(right)), Some(Type::Bool)))
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
        use Type::{Duration, Number, Time};
        let (left, left_kind) = self.node(left)?;
        let (right, right_kind) = self.node(right)?;
        let result = match (operator, left_kind, right_kind) {
            (_, None, _) | (_, _, None) => None,
            (_, Some(Number), Some(Number)) | (Divide, Some(Duration), Some(Duration)) => Some(Number),
            (Add | Subtract, Some(Duration), Some(Duration)) | (Subtract, Some(Time), Some(Time)) => Some(Duration),
            (Add | Subtract, Some(Time), Some(Duration)) | (Add, Some(Duration), Some(Time)) => Some(Time),
            (Multiply | Divide, Some(Duration), Some(Number)) | (Multiply, Some(Number), Some(Duration)) => {
                Some(Duration)
            }
            (Add | Subtract | Multiply | Divide | Remainder, Some(left), Some(right)) => {
                return Err(error(
                    format!("a {left} and a {right} cannot be combined by this operator"),
                    "numbers with numbers; a time minus a time is a duration; a time plus a duration is a time",
                ));
            }
        };
        Ok((Node::Arithmetic(operator, Box::new(left), Box::new(right)), result))
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
        "known: year_start, months_before, duration, previous, mean_last, startsWith, endsWith, contains, matches, has",
    )
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "_==_" => Comparison::Equal,
        "_!=_" => Comparison::NotEqual,
        "_<_" => Comparison::Less,
        "_<=_" => Comparison::LessOrEqual,
        "_>_" => Comparison::Greater,
        "_>=_" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        "_+_" => Arithmetic::Add,
        "_-_" => Arithmetic::Subtract,
        "_*_" => Arithmetic::Multiply,
        "_/_" => Arithmetic::Divide,
        "_%_" => Arithmetic::Remainder,
        _ => return None,
    })
}
