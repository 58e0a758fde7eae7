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
use records::{Aggregate, AggregateKey, Frontier, RecordError, Topics, check_version, decode};
use streaming::{Record, Resume, StageError};

use crate::{
    plan::Plan,
    tables::{
        Tables,
        changelog::{Changelog, Digest, Written},
    },
    task::Task,
};

/// Builds a task from what lies in its changelogs.
pub(crate) fn restore(
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
    let hashes: Vec<Written> = changelog.iter().map(|record| hash_of(topics, record)).collect();
    let why = match &frontier {
        None => "there is state without a frontier",
        Some(frontier) if frontier.catalogue != plan.digest => "the catalogue has changed",
        Some(frontier) if frontier.digest != sum(&hashes).to_hex() => "state and frontier differ",
        Some(_) => "",
    };
    let mut tables = Tables::new(plan);
    match frontier {
        Some(frontier) if why.is_empty() => {
            for (record, written) in changelog.iter().zip(hashes) {
                tables.load(plan, topics, record, written).map_err(refuse)?;
            }
            let resume = Resume::At(frontier.next_offset);
            Ok((Task::resume(plan, partition, frontier, tables), resume))
        }
        frontier => {
            tracing::warn!(partition, why, "the state is built anew from the events");
            tables.disown(topics, changelog);
            // Without a frontier, nothing says from where on the state was built: from everything, then.
            let from = frontier.as_ref().map_or(0, |frontier| frontier.replay_from);
            let why = format!("{why}; {}", held(changelog));
            Ok((Task::rebuild(plan, partition, frontier.as_ref(), tables), Resume::Rebuild { from, why }))
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

/// The share of a record in the digest. The frontier has none.
pub(crate) fn hash_of(topics: &Topics, record: &Record) -> Written {
    let key = record.key.as_deref().unwrap_or_default();
    if key == Frontier::KEY {
        return Written::NOTHING;
    }
    Written::hash(Changelog::of(topics, record), key, record.value.as_deref().unwrap_or_default())
}
