//! The rows of cases as of an instant, from the events: the base measures of `identity/cases` by a few lines of their
//! own.

use std::collections::{BTreeMap, HashMap};

use measurement::time::Timestamp;

use super::{anomaly::Tally, event::at, input::Recount};

/// Population that the recount knows.
pub(super) const POPULATION: &str = "cases";
const CASE: i64 = 2005;
const ACTION: i64 = 27_001_009;

#[derive(Debug)]
struct Change {
    time: Timestamp,
    uid: String,
    case: String,
    identity: i64,
    /// `None` for an action.
    status: Option<i64>,
}

/// Everything that has changed a row, in the order of events.
#[derive(Debug)]
pub(super) struct Cases(Vec<Change>);

#[derive(Debug, Default)]
struct Row {
    status: Option<i64>,
    mark: Option<i64>,
    acts: Option<i128>,
}

impl Cases {
    pub(super) fn new(recount: &Recount) -> Self {
        let mut changes: Vec<Change> = recount
            .events
            .values()
            .filter_map(|sent| {
                let event = &sent.event;
                let (path, is_case) = match event.class {
                    CASE => ("finding_info_list[0].uid", true),
                    ACTION => ("action.incident_uid", false),
                    _ => return None,
                };
                let status = at(&event.json, "status_id").and_then(serde_json::Value::as_i64).filter(|_| is_case);
                let (case, identity) = (event.key(path)?, event.identity()?);
                Some(Change { time: event.time, uid: event.uid.clone(), case, identity, status })
            })
            .collect();
        changes.sort_by(|left, right| (left.time, &left.uid).cmp(&(right.time, &right.uid)));
        Self(changes)
    }

    /// The base measures as of an instant, by name.
    pub(super) fn as_of(&self, end: Timestamp) -> BTreeMap<&'static str, Tally> {
        let mut rows: HashMap<&str, Row> = HashMap::new();
        for change in self.0.iter().take_while(|change| change.time < end) {
            let row = rows.entry(&change.case).or_default();
            if change.status.is_some() {
                row.status = change.status;
                row.mark = Some(change.identity);
            } else {
                *row.acts.get_or_insert(0) += i128::from(change.identity);
            }
        }
        let count = |matches: fn(&Row) -> bool| Tally {
            events: u64::try_from(rows.values().filter(|row| matches(row)).count()).expect("they are few"),
            sum: 0,
        };
        let sum = |value: fn(&Row) -> Option<i128>| {
            let mut tally = Tally::default();
            rows.values().filter_map(value).for_each(|sum| tally.add(Tally { events: 1, sum }));
            tally
        };
        BTreeMap::from([
            ("open", count(|row| row.status == Some(1))),
            ("marks", sum(|row| row.mark.map(i128::from))),
            ("acted", count(|row| row.acts.is_some())),
            ("acts", sum(|row| row.acts)),
        ])
    }
}
