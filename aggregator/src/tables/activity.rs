//! Activity: what each source sent, by elementary interval.

use std::collections::BTreeSet;

use measurement::{grain::Grain, time::Timestamp};
use records::{ActivityKey, IntakeMinute, RecordError, VERSION, check_version, decode, encode};

use super::changelog::{Changelog, Table, Writer, Written};
use crate::plan::{Plan, SourceId};

/// What a source sent in one elementary interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cell {
    /// First and last sign of life; `None` where there is none.
    life: Option<(Timestamp, Timestamp)>,
    /// Number of events.
    count: u64,
    /// Elements of source records that were read.
    read: u64,
    /// Elements that are in no figure because they could not be read.
    refused: u64,
    /// Elements in which something had to be replaced.
    replaced: u64,
    /// Digests of the mappings that made its events.
    mappings: BTreeSet<String>,
}

impl Cell {
    fn lives(&mut self, (first, last): (Timestamp, Timestamp)) {
        self.life = Some(self.life.map_or((first, last), |known| (known.0.min(first), known.1.max(last))));
    }
}

/// The activity that a task knows of.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    table: Table<(SourceId, Timestamp), Cell>,
    /// Elementary intervals by source.
    grains: Vec<Grain>,
}

#[cfg(test)]
impl PartialEq for Activity {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Activity {
    /// None yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            table: Table::new(Changelog::Measures),
            grains: plan.sources().map(|(_, source)| source.grain.clone()).collect(),
        }
    }

    /// Notes an event of a source. `alive` says whether it is one by which the source is alive.
    pub(crate) fn note_event(&mut self, source: SourceId, time: Timestamp, mapping: Option<&str>, alive: bool) {
        let cell = self.cell(source, time);
        if let Some(mapping) = mapping.filter(|mapping| !cell.mappings.contains(*mapping)) {
            cell.mappings.insert(mapping.to_owned());
        }
        cell.count = cell.count.saturating_add(1);
        if alive {
            cell.lives((time, time));
        }
    }

    /// Notes an event that is in no figure: another one has its identity.
    pub(crate) fn note_conflict(&mut self, source: SourceId, time: Timestamp) {
        let cell = self.cell(source, time);
        cell.refused = cell.refused.saturating_add(1);
    }

    /// Notes what became of source records. `alive` says whether records are what the source is alive by.
    pub(crate) fn note_intake(&mut self, source: SourceId, minute: &IntakeMinute, alive: bool) {
        let cell = self.cell(source, minute.first);
        cell.read = cell.read.saturating_add(minute.read);
        cell.refused = cell.refused.saturating_add(minute.refused);
        cell.replaced = cell.replaced.saturating_add(minute.replaced);
        if alive {
            cell.lives((minute.first, minute.last));
        }
    }

    fn cell(&mut self, source: SourceId, time: Timestamp) -> &mut Cell {
        let interval = source.of_mut(&mut self.grains).interval_at(time).start;
        self.table.change((source, interval), Cell::default)
    }

    /// Marks everything as changed.
    pub(crate) fn touch_all(&mut self) {
        self.table.touch_all();
    }

    /// The same under the numbers of another plan, whose intervals are another matter from now on. What of a source it
    /// does not know is handed over as it lies in the changelog.
    pub(crate) fn carry(self, from: &Plan, to: &Plan, gone: &mut dyn FnMut(Changelog, Vec<u8>, Written)) -> Self {
        let place = |(source, start): &(SourceId, Timestamp)| Some((to.source(&from[*source].source.name)?, *start));
        let table = self.table.carry(place, |(source, interval_start), written| {
            let key = ActivityKey { source: from[source].source.name.clone(), interval_start };
            gone(Changelog::Measures, encode(&key), written);
        });
        Self { table, ..Self::new(to) }
    }

    /// Writes what has changed.
    pub(crate) fn write(&mut self, plan: &Plan, writer: &mut Writer<'_>) {
        self.table.write(writer, |(source, interval_start), cell| {
            let key = ActivityKey { source: plan[*source].source.name.clone(), interval_start: *interval_start };
            let Cell { life, count, read, refused, replaced, mappings } = cell.clone();
            let (first, last) = life.unzip();
            (
                encode(&key),
                encode(&records::Activity { version: VERSION, first, last, count, read, refused, replaced, mappings }),
            )
        });
    }

    /// Takes a value from the changelog; `false` if the plan does not know the source.
    pub(crate) fn load(
        &mut self,
        plan: &Plan,
        key: &ActivityKey,
        value: &[u8],
        written: Written,
    ) -> Result<bool, RecordError> {
        let activity: records::Activity = decode("activity", value)?;
        check_version("activity", activity.version)?;
        let records::Activity { version: _, first, last, count, read, refused, replaced, mappings } = activity;
        let Some(source) = plan.source(&key.source) else { return Ok(false) };
        let cell = Cell { life: first.zip(last), count, read, refused, replaced, mappings };
        self.table.load((source, key.interval_start), cell, written);
        Ok(true)
    }
}
