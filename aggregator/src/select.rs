//! The wanted fields of an event, and who asks for it.

use std::sync::Arc;

use measurement::{fields::Fields, population::Order, time::Timestamp, value::Value};

use crate::plan::Plan;

/// What every event must say of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// OCSF `class_uid`.
    pub class: i64,
    /// Event time.
    pub time: Timestamp,
    /// Identity.
    pub uid: Arc<str>,
    /// The source's own order among equal times.
    pub sequence: i64,
    /// Whether something that is asked of it is mistyped or was not legible in full.
    pub doubtful: bool,
}

impl Selected {
    /// The event's place in the total order of events.
    pub(crate) fn order(&self) -> Order {
        Order(self.time, self.sequence, Arc::clone(&self.uid))
    }
}

/// Reads the wanted fields into slots. `None` if the event is not readable or lacks class, time or
/// identity: ingest lets no such event through, so somebody else wrote it.
pub(crate) fn select(plan: &Plan, event: &[u8], slots: &mut Vec<Value>) -> Option<Selected> {
    let extracted = plan.extractor.extract(event, slots).ok()?;
    let integer = |slot: usize| match slots.get(slot) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    };
    let Some(Value::Time(time)) = slots.get(Fields::TIME) else { return None };
    let uid = match slots.get(Fields::UID) {
        Some(Value::Text(uid)) => Arc::clone(uid),
        _ => return None,
    };
    Some(Selected {
        class: integer(Fields::CLASS)?,
        time: *time,
        uid,
        sequence: integer(Fields::SEQUENCE).unwrap_or(0),
        doubtful: extracted.doubtful,
    })
}
