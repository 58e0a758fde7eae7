//! One transaction of a task: aggregates, rows, activity, seen chunks, late events, dead letters; the frontier last.

use std::{collections::BTreeMap, sync::Arc};

use measurement::time::Timestamp;
use records::{
    Activity, ActivityKey, Aggregate, AggregateKey, DeadLetter, Frontier, RowKey, RowState, SeenKey, Topics, VERSION,
    encode,
};
use streaming::{OutRecord, Outbox};

use crate::{
    close::close,
    config::{Plan, group_values, row_horizon},
    store::{Digest, MEASURES, POPULATIONS},
    task::{Letter, Task},
};

/// Writes what has changed. Writes nothing if nothing has.
#[expect(clippy::too_many_arguments, reason = "one call site; a struct for it would only rename the arguments")]
pub fn publish(
    task: &mut Task,
    topics: &Topics,
    partitions: i32,
    next_offset: i64,
    now: Timestamp,
    refresh: i64,
    out: &mut Outbox,
) {
    let moved = next_offset != task.written_offset();
    task.next_offset = next_offset;
    if let Some(until) = task.rebuilding_until {
        if next_offset < until {
            return;
        }
        tracing::info!(partition = task.partition, "state is built anew up to where it was");
        task.rebuilding_until = None;
        // What came late before that was told when it came.
        task.late.retain(|late| late.offset >= until);
        task.letters.retain(|letter| letter.about.offset >= until);
        task.store.touch_all();
    }
    let watermarks_before = task.published.clone();
    close(task, now, refresh);
    let mut writer = Writer { topics, partition: task.partition, out };
    let before = writer.out.len();
    orphans(task, &mut writer);
    aggregates(task, &mut writer);
    activity(task, &mut writer);
    rows(task, &mut writer);
    chunks(task, &mut writer);
    for late in task.late.drain(..) {
        writer.send(&topics.late, Some(late.uid.clone().into_bytes()), Some(encode(&late)), None);
    }
    for letter in task.letters.drain(..) {
        writer.letter(letter);
    }
    if !moved && writer.out.len() == before && watermarks_before == task.published {
        return;
    }
    task.transaction += 1;
    let frontier = Frontier {
        version: VERSION,
        next_offset,
        replay_from: task.replay_from.unwrap_or(next_offset),
        transaction: task.transaction,
        partitions,
        catalogue: task.plan.catalogue.digest.clone(),
        watermarks: task.published.clone(),
        sources: task.watermarks.sources().clone(),
        uncomputed: uncomputed(task),
        accounting: task.accounting.clone(),
        digest: task.store.digest.to_hex(),
    };
    task.set_written_offset(next_offset);
    writer.send(&topics.measures, Some(Frontier::KEY.to_vec()), Some(encode(&frontier)), Some(task.partition));
}

fn uncomputed(task: &Task) -> BTreeMap<String, Timestamp> {
    let dirty = task.plan.populations.iter().zip(&task.uncomputed_from);
    dirty.filter_map(|(population, dirty)| Some((population.clone(), (*dirty)?))).collect()
}

struct Writer<'a> {
    topics: &'a Topics,
    partition: i32,
    out: &'a mut Outbox,
}

impl Writer<'_> {
    fn send(&mut self, topic: &str, key: Option<Vec<u8>>, value: Option<Vec<u8>>, partition: Option<i32>) {
        self.out.send(OutRecord { topic: Arc::from(topic), partition, key, value, ..OutRecord::default() });
    }

    /// Writes an event that was refused, as it stands, and why.
    fn letter(&mut self, letter: Letter) {
        let Letter { about, key, value } = letter;
        let about = DeadLetter { topic: self.topics.events.clone(), ..about };
        self.out.send(OutRecord {
            topic: Arc::from(self.topics.dead_letter.as_str()),
            key,
            value: Some(value),
            headers: about.headers(),
            ..OutRecord::default()
        });
    }

    /// Writes a record of the state into its changelog and gives its hash.
    fn state(&mut self, changelog: u8, key: Vec<u8>, value: Option<Vec<u8>>) -> u128 {
        let hash = value.as_ref().map_or(0, |value| Digest::of(changelog, &key, value));
        let topic = if changelog == MEASURES { &self.topics.measures } else { &self.topics.populations };
        self.out.send(OutRecord {
            topic: Arc::from(topic.as_str()),
            partition: Some(self.partition),
            key: Some(key),
            value,
            ..OutRecord::default()
        });
        hash
    }
}

fn orphans(task: &mut Task, writer: &mut Writer<'_>) {
    for (changelog, key) in std::mem::take(&mut task.store.orphans) {
        writer.state(changelog, key, None);
    }
}

fn aggregates(task: &mut Task, writer: &mut Writer<'_>) {
    let plan = Arc::clone(&task.plan);
    let mut dirty = std::mem::take(&mut task.store.dirty_cells);
    dirty.sort_unstable();
    for cell_key in dirty {
        let Some(construct) = plan.catalogue.constructs.get(cell_key.construct) else { continue };
        let Some(measure) = construct.base.get(cell_key.base) else { continue };
        let Some(cell) = task.store.cells.get_mut(&cell_key) else { continue };
        cell.dirty = false;
        let key = encode(&AggregateKey {
            construct: construct.id.clone(),
            definition: construct.digest.clone(),
            measure: measure.name.clone(),
            period_start: cell_key.start,
            group: group_values(&construct.dimensions, cell_key.group),
        });
        let value = encode(&Aggregate {
            version: VERSION,
            period_end: cell.end,
            accumulator: cell.accumulator.clone(),
            covered: task.next_offset,
        });
        let hash = writer.state(MEASURES, key, Some(value));
        task.store.digest.replace(cell.written, hash);
        cell.written = hash;
    }
}

fn activity(task: &mut Task, writer: &mut Writer<'_>) {
    let mut dirty = std::mem::take(&mut task.store.dirty_activity);
    dirty.sort_unstable();
    for (source, interval_start) in dirty {
        let Some(cell) = task.store.activity.get_mut(&(source.clone(), interval_start)) else { continue };
        cell.dirty = false;
        let key = encode(&ActivityKey { source, interval_start });
        let value = encode(&Activity {
            version: VERSION,
            first: cell.life.map(|(first, _)| first),
            last: cell.life.map(|(_, last)| last),
            count: cell.count,
            read: cell.read,
            refused: cell.refused,
            replaced: cell.replaced,
        });
        let hash = writer.state(MEASURES, key, Some(value));
        task.store.digest.replace(cell.written, hash);
        cell.written = hash;
    }
}

fn rows(task: &mut Task, writer: &mut Writer<'_>) {
    let plan = Arc::clone(&task.plan);
    let watermarks: Vec<Option<Timestamp>> =
        (0..plan.populations.len()).map(|index| computed_for(task, &plan, index)).collect();
    let mut dirty = std::mem::take(&mut task.store.dirty_rows);
    dirty.sort_unstable();
    for (index, row_key) in dirty {
        let Some(population) = plan.populations.get(index) else { continue };
        let Some(definition) = plan.catalogue.populations.get(population) else { continue };
        let Some(cell) = task.store.rows.get_mut(index).and_then(|rows| rows.get_mut(&row_key)) else { continue };
        let watermark = watermarks.get(index).copied().flatten();
        if let (Some(watermark), Some(periods)) = (watermark, plan.population_horizons.get(index)) {
            cell.row.forget_before(&definition.columns, row_horizon(periods, watermark));
        }
        cell.dirty = false;
        let key = encode(&RowKey { population: population.clone(), key: row_key });
        let value = encode(&RowState { version: VERSION, row: cell.row.clone(), covered: task.next_offset });
        let hash = writer.state(POPULATIONS, key, Some(value));
        task.store.digest.replace(cell.written, hash);
        cell.written = hash;
    }
}

/// Up to where every construct that asks for a population has its figures; `None` while one has none. What
/// lies before may be asked for still: another source may be slower than the one that feeds the rows.
fn computed_for(task: &Task, plan: &Plan, population: usize) -> Option<Timestamp> {
    let uses = plan.uses.iter().filter(|place| place.population == population);
    uses.map(|place| task.computed_to.get(place.construct).copied().flatten()).reduce(Option::min).flatten()
}

fn chunks(task: &mut Task, writer: &mut Writer<'_>) {
    if let Some((first_offset, seen)) = task.seen.close_chunk() {
        let key = encode(&SeenKey { first_offset });
        let hash = writer.state(POPULATIONS, key, Some(encode(&seen)));
        task.store.digest.replace(0, hash);
        task.store.chunks.insert(first_offset, hash);
    }
    // Identities are forgotten by the slowest source; one that has not told where it stands may be the slowest.
    let Some(watermark) = task.watermarks.of_sources(task.plan.catalogue.sources.keys()) else { return };
    for first_offset in task.seen.expire(watermark) {
        let old = task.store.chunks.remove(&first_offset).unwrap_or(0);
        writer.state(POPULATIONS, encode(&SeenKey { first_offset }), None);
        task.store.digest.replace(old, 0);
    }
}
