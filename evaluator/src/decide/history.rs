//! Earlier values of one group, for formulas that look back.

use measurement::{catalogue::Construct, expression::History, time::Timestamp, value::Value};

use super::ConstructState;

/// Earlier values of a group.
pub(super) struct Earlier<'a> {
    pub(super) construct: &'a Construct,
    pub(super) state: Option<&'a ConstructState>,
    pub(super) start: Timestamp,
    pub(super) group: &'a [String],
}

impl History for Earlier<'_> {
    fn value(&self, slot: usize, back: u32) -> Option<Value> {
        let state = self.state?;
        let back = usize::try_from(back).ok()?.checked_sub(1)?;
        let (_, period) = state.periods.range(..self.start).rev().nth(back)?;
        let values = &period.groups.get(self.group)?.judgement.values;
        let measures = self.construct.base.len() + self.construct.derived.len();
        values.get(slot).filter(|_| slot < measures)?.clone().map(Value::from_exact)
    }
}
