//! Functions of the language.

use super::{
    Arc, Compiler, Expr, ExpressionError, IdedExpr, LiteralValue, MAX_LOOK_BACK, MAX_PATTERN, Node, TextTest, Type,
    Typed, error, path, whole_number,
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

    pub(super) fn history(
        &mut self,
        function: &str,
        variable: &IdedExpr,
        periods: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        if !self.scope.has_history() {
            return Err(error(
                format!("`{function}` looks at earlier results, which exist only for formulas and adjust rules"),
                "move it to `derived` or to `indicator.adjust`",
            ));
        }
        let name = path(&variable.expr).ok_or_else(|| {
            error(format!("`{function}` takes a measure's name"), format!("write {function}(incidents, 6)"))
        })?;
        let (slot, kind) = self.variable(&name)?;
        let periods = whole_number(periods, MAX_LOOK_BACK)?;
        if function == "previous" {
            self.looks_back = self.looks_back.max(periods);
            return Ok((Node::Previous(slot, periods), kind));
        }
        if periods == 0 {
            return Err(error("the mean of the last 0 periods is not defined", "use at least 1"));
        }
        self.looks_back = self.looks_back.max(periods - 1);
        Ok((Node::MeanLast(slot, periods), kind))
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
