//! A case that gives events: they go through ingest, aggregator and evaluator on an embedded log.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, bail};
use measurement::{
    calendar::Period,
    catalogue::{Catalogue, Construct, Decode},
    time::Timestamp,
};
use records::ResultRecord;
use serde_json::json;

use super::{
    Case, Expect, Found, TestFile, compare, coverage,
    events::{Sent, events, instant},
    judged::period,
};
use crate::{chain::Chain, results};

/// Partitions of the events: groups and populations have to come together again.
const PARTITIONS: i32 = 2;

pub(super) fn run(
    catalogue: &Catalogue,
    construct: &Construct,
    file: &TestFile,
    case: &Case,
    seen: &mut coverage::Seen,
) -> anyhow::Result<Vec<String>> {
    let period = period(construct, case)?;
    let sent = events(catalogue, construct, file, &case.events, "e")?;
    let late = events(catalogue, construct, file, &case.late, "l")?;
    let closes = construct.calendar.add(period.end, construct.close_after).plus(1);
    if let Some(event) = sent.iter().find(|event| event.time >= closes) {
        bail!("an event at {} comes after the period is closed, at {closes}: write it under `late`", event.time);
    }
    let newest = late.iter().map(|event| event.time).fold(closes, Timestamp::max);
    let mut chain = Chain::new(as_ocsf(catalogue), PARTITIONS, newest.plus(1))?;
    let signs = signs_of_life(catalogue, construct, case, &period, &sent)?;
    write(&chain, sent.into_iter().chain(signs), newest)?;
    chain.settle(|_| ())?;
    chain.pass_time(closes)?;
    let mut faults = expected(&chain, construct, case, &period, &case.expect, seen)?;
    if let Some(then) = &case.then {
        write(&chain, late, newest)?;
        chain.settle(|_| ())?;
        chain.pass_time(newest.plus(60_000))?;
        let after = expected(&chain, construct, case, &period, then, seen)?;
        faults.extend(after.into_iter().map(|fault| format!("after the late events: {fault}")));
    }
    let refused = chain.dead_letters()?;
    if refused > 0 {
        faults.push(format!("{refused} events were refused: an attribute that their class requires is missing"));
    }
    Ok(faults)
}

/// The catalogue with sources that write OCSF, as cases do, whatever they write otherwise.
pub fn as_ocsf(catalogue: &Catalogue) -> Catalogue {
    let mut catalogue = catalogue.clone();
    for source in catalogue.sources.values_mut() {
        source.mapping = None;
        source.program = None;
        source.decode = Decode::Json;
        source.topics.truncate(1);
        // Signs of life are part of a case, not what its source goes by.
        source.alive_by = None;
    }
    catalogue
}

/// Nothing is from the future: what a case sends has its time, and its record comes after all of them.
fn write(chain: &Chain, sent: impl IntoIterator<Item = Sent>, received: Timestamp) -> anyhow::Result<()> {
    let mut records = Vec::new();
    for event in sent {
        let source = chain.catalogue().sources.get(&event.source).context("a source of the construct")?;
        let topic: Arc<str> = Arc::from(source.topics.first().context("a source has a topic")?.as_str());
        records.push((topic, event.event.to_string().into_bytes()));
    }
    chain.write(records, received)
}

/// Sources are alive, but for those of which the case says otherwise.
fn signs_of_life(
    catalogue: &Catalogue,
    construct: &Construct,
    case: &Case,
    period: &Period,
    sent: &[Sent],
) -> anyhow::Result<Vec<Sent>> {
    let first = sent.iter().map(|event| event.time).fold(period.start, Timestamp::min);
    let mut signs = Vec::new();
    for name in case.silent.iter().chain(case.silent_from.keys()) {
        if !construct.sources.contains(name) {
            bail!("`{name}` is no source of the construct: {}", construct.sources.join(", "));
        }
    }
    for name in &construct.sources {
        let rhythm = catalogue.sources.get(name).map_or(0, |source| source.rhythm).max(60_000);
        let last = match case.silent_from.get(name) {
            Some(from) => instant(construct, from)?,
            None if case.silent.contains(name) => continue,
            None => period.end,
        };
        let mut times = Vec::new();
        let mut at = first;
        while at < last {
            times.push(at);
            at = at.plus(rhythm);
        }
        if last > first {
            times.push(last.minus(1));
        }
        let sign = |(index, time): (usize, Timestamp)| Sent {
            source: name.clone(),
            time,
            event: json!({
                "class_uid": 27_001_099, "category_uid": 27_001, "activity_id": 1, "time": time.0, "severity_id": 1,
                "metadata": {"uid": format!("life-{name}-{index}"), "version": "1.8.0", "product": {"name": name}},
            }),
        };
        signs.extend(times.into_iter().enumerate().map(sign));
    }
    Ok(signs)
}

fn expected(
    chain: &Chain,
    construct: &Construct,
    case: &Case,
    period: &Period,
    expect: &Expect,
    seen: &mut coverage::Seen,
) -> anyhow::Result<Vec<String>> {
    let entries = results::newest(results::entries(chain.log(), &chain.topics().results)?, false);
    let of_period = |entry: &&ResultRecord| entry.construct == construct.id && entry.period.start == period.start;
    let Some(entry) = entries.iter().filter(of_period).find(|entry| entry.group == case.group) else {
        if expect.outcome == "no-data" {
            // Nothing was ever heard of any source, so that no period has begun.
            seen.outcome("no-data");
            return Ok(Vec::new());
        }
        let groups: Vec<String> = entries.iter().filter(of_period).map(ResultRecord::group_label).collect();
        bail!(
            "the period has no result for this group; there are {}",
            if groups.is_empty() { "none".to_owned() } else { groups.join(", ") }
        );
    };
    let found = found(entry);
    seen.note(&found);
    Ok(compare(expect, &found))
}

fn found(entry: &ResultRecord) -> Found {
    let base: BTreeMap<_, _> = entry.base.iter().map(|(name, base)| (name.clone(), base.value.clone())).collect();
    Found {
        outcome: entry.outcome.clone(),
        value: entry.value.clone(),
        numerator: entry.numerator.clone(),
        denominator: entry.denominator.clone(),
        base,
        undecided: entry.base.iter().map(|(name, base)| (name.clone(), base.undecided)).collect(),
        trend: entry.trend.clone(),
        because: entry.because.clone(),
        revision: Some(entry.revision),
        interval: entry.interval.clone(),
        target: entry.target.clone(),
    }
}
