//! Functions that look back on earlier results.

use cel::IdedExpr;

use super::{Compiler, MAX_LOOK_BACK, Typed, error, path, slot_node, whole_number};
use crate::{
    expression::{
        plan::{Direction, Node},
        scope::ExpressionError,
    },
    value::Type,
};

impl Compiler<'_> {
    pub(super) fn previous(&mut self, variable: &IdedExpr, periods: &IdedExpr) -> Result<Typed, ExpressionError> {
        let (slot, kind) = self.remembered("previous", variable)?;
        let periods = whole_number(periods, MAX_LOOK_BACK)?;
        self.looks_back = self.looks_back.max(periods);
        Ok(if periods == 0 { (slot_node(slot, kind), kind) } else { (Node::Previous(slot, periods), kind) })
    }

    pub(super) fn mean_last(
        &mut self,
        variable: &IdedExpr,
        periods: &IdedExpr,
        skip: Option<&IdedExpr>,
    ) -> Result<Typed, ExpressionError> {
        let (slot, kind) = self.remembered("mean_last", variable)?;
        let periods = whole_number(periods, MAX_LOOK_BACK)?;
        let skip = skip.map_or(Ok(0), |skip| whole_number(skip, MAX_LOOK_BACK))?;
        if periods == 0 {
            return Err(error("the mean of the last 0 periods is not defined", "use at least 1"));
        }
        self.looks_back = self.looks_back.max(periods - 1 + skip);
        Ok((Node::MeanLast(slot, periods, skip), kind))
    }

    pub(super) fn direction(
        &mut self,
        function: &str,
        variable: &IdedExpr,
        steps: &IdedExpr,
    ) -> Result<Typed, ExpressionError> {
        let (slot, _) = self.remembered(function, variable)?;
        let steps = whole_number(steps, MAX_LOOK_BACK)?;
        if steps == 0 {
            return Err(error(
                "a direction needs at least one step",
                "write rising(x, 1) for a step from one period to the next",
            ));
        }
        let direction = match function {
            "rising" => Direction::Rising,
            "falling" => Direction::Falling,
            "not_rising" => Direction::NotRising,
            _ => Direction::NotFalling,
        };
        self.looks_back = self.looks_back.max(steps);
        Ok((Node::Direction(slot, steps, direction), Some(Type::Bool)))
    }

    fn remembered(&mut self, function: &str, variable: &IdedExpr) -> Result<(usize, Option<Type>), ExpressionError> {
        if !self.scope.has_history() {
            return Err(error(
                format!("`{function}` looks at earlier results, which exist only for formulas and decision criteria"),
                "move it to `derived` or to `indicator`",
            ));
        }
        let name = path(&variable.expr).ok_or_else(|| {
            error(format!("`{function}` takes a measure's name"), format!("write {function}(incidents, 6)"))
        })?;
        self.slot(&name)
    }
}
