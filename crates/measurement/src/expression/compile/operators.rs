//! Operators, and the types that they take and give.

use cel::{IdedExpr, common::ast::Expr};

use super::{Compiler, Typed, constant, error, path, same_type};
use crate::{
    expression::{
        plan::{Arithmetic, Comparison, Node},
        scope::ExpressionError,
    },
    value::{Type, Value},
};

impl Compiler<'_> {
    pub(super) fn logic(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        build: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Result<Typed, ExpressionError> {
        let left = self.expect(left, Type::Bool, "`&&` and `||`")?;
        let right = self.expect(right, Type::Bool, "`&&` and `||`")?;
        Ok((build(Box::new(left), Box::new(right)), Some(Type::Bool)))
    }

    pub(super) fn expect(&mut self, tree: &IdedExpr, wanted: Type, who: &str) -> Result<Node, ExpressionError> {
        let (node, kind) = self.node(tree)?;
        match kind {
            Some(kind) if kind != wanted => {
                Err(error(format!("{who} needs a {wanted}, this is a {kind}"), "compare it with something first"))
            }
            _ => Ok(node),
        }
    }

    pub(super) fn conditional(
        &mut self,
        condition: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        let condition = self.expect(condition, Type::Bool, "`?:`")?;
        let (yes, yes_kind) = self.node(yes)?;
        let (no, no_kind) = self.node(no)?;
        same_type(yes_kind, no_kind, "both branches of `?:`")?;
        Ok((Node::If(Box::new(condition), Box::new(yes), Box::new(no)), yes_kind.or(no_kind)))
    }

    pub(super) fn membership(&mut self, element: &IdedExpr, list: &IdedExpr) -> Result<Typed, ExpressionError> {
        let (element, kind) = self.node(element)?;
        if path(&list.expr).is_some() {
            let set = self.expect(list, Type::Set, "`in`")?;
            same_type(kind, Some(Type::Text), "`in`")?;
            return Ok((Node::Contains(Box::new(element), Box::new(set)), Some(Type::Bool)));
        }
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

    pub(super) fn compare(
        &mut self,
        operator: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
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

    pub(super) fn arithmetic(
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
