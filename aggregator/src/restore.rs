//! The way back from the changelogs.
//!
//! | found | then |
//! |---|---|
//! | nothing, and nobody has read the partition | begin at the beginning |
//! | nothing, and the group has read up to some offset | the state is gone: build it anew from the events, and write nothing before that offset |
//! | state, its digest as the frontier says | go on at the frontier's offset; units that are new begin where nothing of them can be missing, state of units that are gone is removed |
//! | the same, and a population, or a measure of intervals, that is new and of which events were read | where catalogues come from the log, it is built beside the task; where one is given, all is built anew from the events if they are there; if they are not, what rests on them is not stated, and the others go on |
//! | state whose digest differs: torn, cut, or written by somebody else | build anew, with a warning |
//! | state without a frontier: the first transaction was torn, or somebody deleted it | the same, from offset 0 |
//! | state of a build that knew no units, or others | the same |
//! | state of another number of partitions, or of a newer format | refuse |
//!
//! What must be built anew and whose events are gone is refused by name.

use measurement::time::Timestamp;
use records::{Aggregate, AggregateKey, Frontier, Published, RecordError, Topics, check_version, decode};
use streaming::{Found, Record, Resume, StageError};

use crate::{
    in_force::Definitions,
    plan::{Plan, PopulationId},
    tables::{
        Tables,
        changelog::{Changelog, Digest, Written},
    },
    task::Task,
};

/// Builds a task from what was found of its partition.
pub(crate) fn restore(
    definitions: &Definitions,
    topics: &Topics,
    partition: i32,
    partitions: i32,
    found: &Found,
) -> Result<(Task, Resume), StageError> {
    let Found { changelog, first, known } = found;
    let refuse = |fault: RecordError| StageError(format!("partition {partition}: {fault}"));
    let frontier = frontier_of(changelog).map_err(refuse)?;
    if let Some(frontier) = frontier.as_ref().filter(|frontier| frontier.partitions != partitions) {
        return Err(StageError(format!(
            "partition {partition}: the state was built for {} partitions of {}, now there are {partitions}; use a fresh prefix, or the old number",
            frontier.partitions, topics.events
        )));
    }
    let rebuild = |frontier: Option<&Frontier>, why: &str| {
        tracing::warn!(partition, why, "the state is built anew from the events");
        // Without a frontier, nothing says from where on the state was built: from everything, then.
        let from = frontier.map_or(0, |frontier| frontier.replay_from);
        let until = frontier.map(|frontier| frontier.next_offset).max(*known);
        let in_force = definitions.at(partition, from)?;
        let mut tables = Tables::new(&in_force.plan);
        tables.disown(topics, changelog);
        let task = Task::rebuild(in_force, partition, frontier, (from, until), tables);
        Ok((task, Resume::Rebuild { from, why: format!("{why}; {}", held(changelog)) }))
    };
    if !changelog.iter().any(|record| record.key.as_deref().is_some_and(is_state)) && frontier.is_none() {
        if let Some(offset) = known {
            return rebuild(None, &format!("the group has read up to offset {offset}, and the state of that is gone"));
        }
        if *first > 0 {
            tracing::warn!(partition, first, "the events before that offset are gone: measures begin behind them");
        }
        let in_force = definitions.at(partition, *first)?;
        return Ok((Task::begin(in_force, partition, *first), Resume::At(*first)));
    }
    let Some(frontier) = frontier else { return rebuild(None, "there is state without a frontier") };
    let hashes: Vec<Written> = changelog.iter().map(|record| hash_of(topics, record)).collect();
    if frontier.digest != sum(&hashes).to_hex() {
        return rebuild(Some(&frontier), "state and frontier differ");
    }
    let in_force = definitions.resumed((partition, frontier.sequence, frontier.replay_from), changelog)?;
    let plan = &in_force.plan;
    let mut tables = Tables::new(plan);
    tables.load(plan, topics, changelog.iter().zip(hashes)).map_err(refuse)?;
    if !frontier.accounting.is_empty() && tables.units.is_empty() {
        return rebuild(Some(&frontier), "the state is of a build that knew no units, or others");
    }
    let unknown = if in_force.programme().is_some() { Vec::new() } else { unknown(plan, &frontier, &tables) };
    if !unknown.is_empty() {
        let why = format!("events for {} were read before anybody asked for them", unknown.join(", "));
        if frontier.replay_from >= *first {
            return rebuild(Some(&frontier), &why);
        }
        tracing::error!(partition, why, "the events are gone: what rests on them is not stated");
    }
    let resume = Resume::At(frontier.next_offset);
    Ok((Task::resume(in_force, partition, frontier, tables), resume))
}

/// What needs events that were read and not kept: populations without rows, and measures of intervals that may reach
/// beyond all that was read.
fn unknown<'a>(plan: &'a Plan, frontier: &Frontier, tables: &Tables) -> Vec<&'a str> {
    let is_unknown =
        |id: PopulationId| !plan[id].grain.is_empty() && !tables.units.knows(id) && plan.may_have_read(id, frontier);
    let populations = plan.populations().filter(|(id, _)| is_unknown(*id));
    let populations = populations.map(|(_, population)| population.definition.name.as_str());
    let reaching = plan.measures().filter(|id| frontier.newest.is_some() && plan.reaches_ahead(*id));
    let reaching = reaching.filter(|id| !tables.units.has(*id)).map(|id| plan[id].base.name.as_str());
    populations.chain(reaching).collect()
}

/// The frontier, if there is one.
fn frontier_of(changelog: &[Record]) -> Result<Option<Frontier>, RecordError> {
    let found = changelog.iter().find(|record| record.key.as_deref() == Some(Frontier::KEY));
    let Some(value) = found.and_then(|record| record.value.as_deref()) else { return Ok(None) };
    let frontier: Frontier = decode("frontier", value)?;
    check_version("frontier", frontier.version)?;
    Ok(Some(frontier))
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

/// The digest over the records of a partition's changelogs, as a frontier writes it.
pub fn digest_of(topics: &Topics, changelog: &[Record]) -> String {
    sum(&changelog.iter().map(|record| hash_of(topics, record)).collect::<Vec<_>>()).to_hex()
}

fn sum(hashes: &[Written]) -> Digest {
    let mut digest = Digest::default();
    for hash in hashes {
        digest.replace(Written::NOTHING, *hash);
    }
    digest
}

/// Whether a key is of a task's state: the frontier stands for it, and what the evaluator notes beside it is none.
pub(crate) fn is_state(key: &[u8]) -> bool {
    key != Frontier::KEY && key != Published::KEY
}

/// The share of a record in the digest. What is no state has none.
pub(crate) fn hash_of(topics: &Topics, record: &Record) -> Written {
    let key = record.key.as_deref().unwrap_or_default();
    if !is_state(key) {
        return Written::NOTHING;
    }
    Written::hash(Changelog::of(topics, record), key, record.value.as_deref().unwrap_or_default())
}
