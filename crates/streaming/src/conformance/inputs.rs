//! Members whose topics change.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Outcome, answer, ensure, text, topic, write};
use crate::{
    log::{Log, Member},
    record::TopicPartition,
    words::{LogError, Presence, Sight},
};

/// Polls until the member owns partitions of exactly these topics.
fn own_topics(member: &mut Box<dyn Member>, topics: &[&str], owned: &mut Vec<TopicPartition>) -> Outcome {
    let of = |owned: &[TopicPartition]| owned.iter().map(|at| at.topic.to_string()).collect::<BTreeSet<_>>();
    let wanted: BTreeSet<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    for _ in 0..600 {
        let poll = member.poll(Duration::from_millis(50), 100, &mut |_| {}).map_err(text)?;
        answer(member, poll.changes, owned)?;
        // As the loop does: what has come is seen by who looks.
        member.look().map_err(text)?;
        if of(owned) == wanted {
            return Ok(());
        }
    }
    Err(format!("the member owns {owned:?}, not {topics:?}"))
}

pub(super) fn other_topics(log: &dyn Log, prefix: &str) -> Outcome {
    let [one, two, three] = ["one", "two", "three"].map(|name| format!("{prefix}-other-{name}"));
    for name in [&one, &two, &three] {
        topic(log, name, 2)?;
    }
    let group = format!("{prefix}-other");
    let mut member = log.member(&group, "one", &[one.clone(), two.clone()]).map_err(text)?;
    let mut owned = Vec::new();
    own_topics(&mut member, &[&one, &two], &mut owned)?;
    member.subscribe(&[two.clone(), three.clone()]).map_err(text)?;
    own_topics(&mut member, &[&two, &three], &mut owned)?;
    write(log, &format!("{prefix}-ot"), &TopicPartition::new(&three, 1), &["a"])?;
    let mut seen = Vec::new();
    for _ in 0..300 {
        member
            .poll(Duration::from_millis(50), 100, &mut |record| seen.push(record.topic().to_owned()))
            .map_err(text)?;
        if !seen.is_empty() {
            break;
        }
    }
    ensure(seen == [three.clone()], || format!("read {seen:?}"))?;
    let sight = looked(&mut member)?;
    let there = BTreeMap::from([(two, Presence::There(2)), (three, Presence::There(2))]);
    ensure(sight.topics == there && sight.unowned == Some(Vec::new()), || format!("{sight:?}"))
}

pub(super) fn missing_topic(log: &dyn Log, prefix: &str) -> Outcome {
    let [there, missing] = ["there", "missing"].map(|name| format!("{prefix}-{name}"));
    topic(log, &there, 1)?;
    let topics = [there.clone(), missing.clone()];
    let mut member = log.member(&format!("{prefix}-missing"), "one", &topics).map_err(text)?;
    let mut owned = Vec::new();
    for _ in 0..600 {
        match member.poll(Duration::from_millis(50), 100, &mut |_| {}) {
            // Also a log that complains reads what is there.
            Err(LogError::Absent { .. }) => {}
            Err(fault) => return Err(text(fault)),
            Ok(poll) => answer(&mut member, poll.changes, &mut owned)?,
        }
        if owned.len() == 1 {
            break;
        }
    }
    let sight = looked(&mut member)?;
    ensure(sight.topics.get(&missing) == Some(&Presence::Missing), || format!("{sight:?}"))?;
    topic(log, &missing, 1)?;
    own_topics(&mut member, &[&there, &missing], &mut owned)
}

/// What the member says of its topics, once it says all.
fn looked(member: &mut Box<dyn Member>) -> Result<Sight, String> {
    for _ in 0..300 {
        member.poll(Duration::from_millis(50), 1, &mut |_| {}).map_err(text)?;
        match member.look().map_err(text)? {
            Some(sight) if sight.unowned.is_some() => return Ok(sight),
            _ => {}
        }
    }
    Err("the member does not say how its topics stand".to_owned())
}
