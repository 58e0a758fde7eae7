//! The way back from the changelogs.
//!
//! | found | then |
//! |---|---|
//! | nothing | begin at the group's offset, or at the beginning |
//! | state, its digest as the frontier says, same catalogue | go on at the frontier's offset |
//! | state of another catalogue | build anew from the events, write again what differs |
//! | state whose digest differs: torn, cut, or written by somebody else | the same, with a warning |
//! | state without a frontier: the first transaction was torn, or somebody deleted it | the same, from offset 0 |
//! | state of another number of partitions, or of a newer format | refuse |

use std::sync::Arc;

use measurement::time::Timestamp;
use records::{
    Activity, ActivityKey, Aggregate, AggregateKey, Frontier, RecordError, RowKey, RowState, Seen, SeenKey, Topics,
    check_version, decode,
};
use streaming::{Record, Resume, StageError};

use crate::{
    config::{Plan, group_number},
    store::{ActivityCell, Cell, CellKey, Digest, MEASURES, POPULATIONS, RowCell},
    task::Task,
    window::Watermarks,
};

/// How the key of a seen chunk begins.
const SEEN: &[u8] = br#"["seen","#;

/// Builds a task from what lies in its changelogs.
pub fn restore(
    plan: &Arc<Plan>,
    topics: &Topics,
    partition: i32,
    partitions: i32,
    changelog: &[Record],
) -> Result<(Task, Resume), StageError> {
    if changelog.is_empty() {
        return Ok((Task::new(plan, partition), Resume::Committed));
    }
    let refuse = |fault: RecordError| StageError(format!("partition {partition}: {fault}"));
    let frontier = frontier_of(changelog).map_err(refuse)?;
    if let Some(frontier) = frontier.as_ref().filter(|frontier| frontier.partitions != partitions) {
        return Err(StageError(format!(
            "partition {partition}: the state was built for {} partitions of {}, now there are {partitions}; use a fresh prefix, or the old number",
            frontier.partitions, topics.events
        )));
    }
    let hashes: Vec<u128> = changelog.iter().map(|record| hash_of(topics, record)).collect();
    let mut digest = Digest::default();
    for hash in &hashes {
        digest.replace(0, *hash);
    }
    let why = match &frontier {
        None => "there is state without a frontier",
        Some(frontier) if frontier.catalogue != plan.catalogue.digest => "the catalogue has changed",
        Some(frontier) if frontier.digest != digest.to_hex() => "state and frontier differ",
        Some(_) => "",
    };
    match frontier {
        Some(frontier) if why.is_empty() => {
            resume(plan, topics, partition, frontier, changelog.iter().zip(hashes)).map_err(refuse)
        }
        frontier => {
            tracing::warn!(partition, why, "the state is built anew from the events");
            let why = format!("{why}; {}", held(changelog));
            Ok(rebuild(plan, partition, frontier.as_ref(), topics, changelog, why))
        }
    }
}

/// The frontier, if there is one.
fn frontier_of(changelog: &[Record]) -> Result<Option<Frontier>, RecordError> {
    let found = changelog.iter().find(|record| record.key.as_deref() == Some(Frontier::KEY));
    let Some(value) = found.and_then(|record| record.value.as_deref()) else { return Ok(None) };
    let frontier: Frontier = decode("frontier", value)?;
    check_version("frontier", frontier.version)?;
    Ok(Some(frontier))
}

/// A task that goes on where the frontier says, with the records of its state and their hashes.
fn resume<'a>(
    plan: &Arc<Plan>,
    topics: &Topics,
    partition: i32,
    frontier: Frontier,
    changelog: impl Iterator<Item = (&'a Record, u128)>,
) -> Result<(Task, Resume), RecordError> {
    let mut task = Task::new(plan, partition);
    for (record, hash) in changelog {
        load(&mut task, topics, record, hash)?;
        task.store.digest.replace(0, hash);
    }
    task.watermarks = Watermarks::restore(frontier.sources);
    task.published = frontier.watermarks;
    for (slot, population) in task.uncomputed_from.iter_mut().zip(&plan.populations) {
        *slot = frontier.uncomputed.get(population).copied();
    }
    task.accounting = frontier.accounting;
    task.transaction = frontier.transaction;
    task.replay_from = Some(frontier.replay_from);
    task.next_offset = frontier.next_offset;
    task.set_written_offset(frontier.next_offset);
    for (index, construct) in plan.catalogue.constructs.iter().enumerate() {
        let known: Option<Vec<_>> =
            construct.sources.iter().map(|source| task.published.get(source).copied()).collect();
        if let Some(slot) = task.computed_to.get_mut(index) {
            *slot = known.and_then(|known| known.into_iter().min());
        }
    }
    Ok((task, Resume::At(frontier.next_offset)))
}

/// A task that reads everything again and writes nothing before it is where it was. Keys that nothing
/// claims by then are removed.
fn rebuild(
    plan: &Arc<Plan>,
    partition: i32,
    frontier: Option<&Frontier>,
    topics: &Topics,
    changelog: &[Record],
    why: String,
) -> (Task, Resume) {
    let mut task = Task::new(plan, partition);
    task.rebuilding_until = frontier.map(|frontier| frontier.next_offset);
    task.transaction = frontier.map_or(0, |frontier| frontier.transaction);
    task.store.orphans = changelog
        .iter()
        .filter(|record| record.key.as_deref() != Some(Frontier::KEY))
        .map(|record| (changelog_of(topics, record), record.key.clone().unwrap_or_default()))
        .collect();
    // Without a frontier, nothing says from where on the state was built: from everything, then.
    (task, Resume::Rebuild { from: frontier.map_or(0, |frontier| frontier.replay_from), why })
}

/// Of which periods there is state: whoever must do without it wants to know what it was about.
fn held(changelog: &[Record]) -> String {
    let periods: Vec<(Timestamp, Timestamp)> = changelog
        .iter()
        .filter_map(|record| {
            let key: AggregateKey = decode("aggregate", record.key.as_deref()?).ok()?;
            let aggregate: Aggregate = decode("aggregate", record.value.as_deref()?).ok()?;
            Some((key.period_start, aggregate.period_end))
        })
        .collect();
    let (first, last) = (periods.iter().map(|(start, _)| start).min(), periods.iter().map(|(_, end)| end).max());
    match (first, last) {
        (Some(first), Some(last)) => format!("the state holds figures of the periods from {first} to {last}"),
        _ => "the state holds no figures".to_owned(),
    }
}

fn changelog_of(topics: &Topics, record: &Record) -> u8 {
    if *record.partition.topic == *topics.measures { MEASURES } else { POPULATIONS }
}

/// The share of a record in the digest. The frontier has none.
fn hash_of(topics: &Topics, record: &Record) -> u128 {
    let key = record.key.as_deref().unwrap_or_default();
    if key == Frontier::KEY {
        return 0;
    }
    Digest::of(changelog_of(topics, record), key, record.value.as_deref().unwrap_or_default())
}

fn load(task: &mut Task, topics: &Topics, record: &Record, written: u128) -> Result<(), RecordError> {
    let key = record.key.as_deref().unwrap_or_default();
    let value = record.value.as_deref().unwrap_or_default();
    if key == Frontier::KEY {
        return Ok(());
    }
    if changelog_of(topics, record) == MEASURES {
        if let Ok(key) = decode::<AggregateKey>("aggregate", key) {
            let aggregate: Aggregate = decode("aggregate", value)?;
            check_version("aggregate", aggregate.version)?;
            if let Some(cell_key) = cell_key(task, &key) {
                let cell =
                    Cell { end: aggregate.period_end, accumulator: aggregate.accumulator, written, dirty: false };
                task.store.cells.insert(cell_key, cell);
            }
            return Ok(());
        }
        let key: ActivityKey = decode("activity", key)?;
        let activity: Activity = decode("activity", value)?;
        check_version("activity", activity.version)?;
        let Activity { version: _, first, last, count, read, refused, replaced } = activity;
        let life = first.zip(last);
        let cell = ActivityCell { life, count, read, refused, replaced, written, dirty: false };
        task.store.activity.insert((key.source, key.interval_start), cell);
        return Ok(());
    }
    // By far most are rows: a look at the kind is cheaper than an attempt to read it.
    if key.starts_with(SEEN) {
        let key: SeenKey = decode("seen chunk", key)?;
        let seen: Seen = decode("seen chunk", value)?;
        check_version("seen chunk", seen.version)?;
        task.seen.restore(key.first_offset, &seen);
        task.store.chunks.insert(key.first_offset, written);
        return Ok(());
    }
    let key: RowKey = decode("row", key)?;
    let state: RowState = decode("row", value)?;
    check_version("row", state.version)?;
    let index = task.plan.populations.iter().position(|population| *population == key.population);
    if let Some(rows) = index.and_then(|index| task.store.rows.get_mut(index)) {
        rows.insert(key.key, RowCell { row: state.row, written, dirty: false });
    }
    Ok(())
}

fn cell_key(task: &Task, key: &AggregateKey) -> Option<CellKey> {
    let constructs = &task.plan.catalogue.constructs;
    let index =
        constructs.iter().position(|construct| construct.id == key.construct && construct.digest == key.definition)?;
    let construct = constructs.get(index)?;
    let base = construct.base.iter().position(|base| base.name == key.measure)?;
    let group = group_number(&construct.dimensions, &key.group)?;
    Some(CellKey { construct: index, base, start: key.period_start, group })
}
