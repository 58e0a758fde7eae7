//! Earlier values of one group, for formulas that look back.

use measurement::{catalogue::Construct, expression::History, time::Timestamp, value::Value};

use super::state::{ConstructState, PeriodState};

/// Earlier values of a group.
pub(super) struct Earlier<'a> {
    pub(super) construct: &'a Construct,
    pub(super) state: Option<&'a ConstructState>,
    pub(super) start: Timestamp,
    pub(super) group: &'a [String],
}

impl Earlier<'_> {
    /// The period so many periods of the calendar before. One within a silence has no result.
    fn period(&self, back: u32) -> Option<&PeriodState> {
        let mut left = back;
        for (_, period) in self.state?.periods.range(..self.start).rev() {
            if period.silence.is_none() {
                left = left.checked_sub(1)?;
                if left == 0 {
                    return Some(period);
                }
                continue;
            }
            let mut end = period.period.end;
            while end > period.period.start {
                left = left.checked_sub(1)?;
                if left == 0 {
                    return None;
                }
                end = self.construct.calendar.period_at(self.construct.period, end.minus(1)).start;
            }
        }
        None
    }
}

impl History for Earlier<'_> {
    fn value(&self, slot: usize, back: u32) -> Option<Value> {
        let evaluated = self.period(back)?.groups.get(self.group)?;
        let measures = self.construct.base.len() + self.construct.derived.len();
        evaluated.value_to_look_back_on(slot).filter(|_| slot < measures).cloned().map(Value::from_exact)
    }
}
