//! What both logs must do. Each check stands alone, on topics of its own; a check that fails says what
//! it saw. Run on the embedded log by this crate's tests and on a real broker by the workspace's.

mod inputs;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    log::{Log, Member, place, read_to_end},
    partitioner,
    record::{OutRecord, Record, TopicPartition},
    topics,
    transact::transact,
    words::{Change, Cleanup, LogError, TopicSpec, TransactionError},
};

type Outcome = Result<(), String>;
/// One promise and its check. The prefix makes names unique.
pub type Check = (&'static str, fn(&dyn Log, &str) -> Outcome);

/// All checks.
pub const CHECKS: &[Check] = &[
    ("committed records are read in order with key, value, headers and time", round_trip),
    ("records of an open transaction are not read", open_is_invisible),
    ("records of an aborted transaction are never read", aborted_is_never_read),
    ("offsets stand with the transaction or not at all", offsets_with_the_transaction),
    ("a newer producer fences the older one", newer_fences_older),
    ("keys lie where murmur2 says", placement),
    ("tombstones are records without a value", tombstones),
    ("a second member takes over partitions only after they were given up", hand_over),
    ("a member that reads other topics gives the old ones up and is given the new ones", inputs::other_topics),
    ("a topic that is missing is read once it is there", inputs::missing_topic),
    ("offsets of a partition that was given up are refused", stale_owner),
    ("a partition is caught up although its last offset is a marker", caught_up_behind_markers),
    ("a partition with a record left is not caught up, however long nothing is read", not_caught_up),
    ("reading goes on from any offset", seek),
    ("topics that differ are named with the setting", differing_topics),
];

const WAIT: Duration = Duration::from_secs(30);

fn text(fault: impl std::fmt::Display) -> String {
    fault.to_string()
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what()) }
}

fn topic(log: &dyn Log, name: &str, partitions: i32) -> Result<TopicPartition, String> {
    let spec = TopicSpec {
        name: name.to_owned(),
        partitions,
        replication_factor: 1,
        cleanup: Cleanup::Delete,
        // The records are of 2023: a broker would drop them by their age.
        configs: BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]),
    };
    log.create(&spec).map_err(text)?;
    Ok(TopicPartition::new(name, 0))
}

fn out(at: &TopicPartition, value: &str) -> OutRecord {
    OutRecord {
        topic: std::sync::Arc::clone(&at.topic),
        partition: Some(at.partition),
        key: Some(format!("key of {value}").into_bytes()),
        value: Some(value.as_bytes().to_vec()),
        headers: vec![("kind".to_owned(), b"test".to_vec())],
        timestamp: Some(1_700_000_000_000),
    }
}

fn single(log: &dyn Log, id: &str, records: Vec<OutRecord>) -> Outcome {
    transact(log.producer(id).map_err(text)?.as_mut(), records, None).map_err(text)
}

fn write(log: &dyn Log, id: &str, at: &TopicPartition, values: &[&str]) -> Outcome {
    let records = values.iter().map(|value| out(at, value)).collect();
    single(log, id, records)
}

fn read(log: &dyn Log, at: &TopicPartition) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    read_to_end(log, at, WAIT, &mut |record| records.push(record.to_record())).map_err(text)?;
    Ok(records)
}

fn values(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned())
        .collect()
}

fn round_trip(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-round-trip"), 1)?;
    write(log, &format!("{prefix}-rt"), &at, &["a", "b"])?;
    write(log, &format!("{prefix}-rt"), &at, &["c"])?;
    let records = read(log, &at)?;
    ensure(values(&records) == ["a", "b", "c"], || format!("read {:?}", values(&records)))?;
    let whole = records.iter().all(|record| {
        record.headers == [("kind".to_owned(), b"test".to_vec())]
            && record.timestamp == Some(1_700_000_000_000)
            && record.key.is_some()
    });
    ensure(whole, || format!("not the same as written: {records:?}"))?;
    ensure(records.windows(2).all(|pair| matches!(pair, [a, b] if a.offset < b.offset)), || {
        "offsets do not rise".to_owned()
    })
}

fn open_is_invisible(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-open"), 1)?;
    write(log, &format!("{prefix}-o1"), &at, &["before"])?;
    let mut producer = log.producer(&format!("{prefix}-o2")).map_err(text)?;
    producer.begin().map_err(text)?;
    producer.send(out(&at, "open")).map_err(text)?;
    let mut reader = log.reader(&at.topic, &[(0, 0)]).map_err(text)?;
    let mut seen = Vec::new();
    for _ in 0..10 {
        reader.poll(Duration::from_millis(100), 100, &mut |record| seen.push(record.to_record())).map_err(text)?;
    }
    ensure(values(&seen) == ["before"], || format!("read {:?} while a transaction was open", values(&seen)))?;
    producer.commit().map_err(text)?;
    let seen = values(&read(log, &at)?);
    ensure(seen == ["before", "open"], || format!("read {seen:?} after the commit"))
}

fn aborted_is_never_read(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-aborted"), 1)?;
    let mut producer = log.producer(&format!("{prefix}-a")).map_err(text)?;
    producer.begin().map_err(text)?;
    for _ in 0..10 {
        producer.send(out(&at, "aborted")).map_err(text)?;
    }
    producer.abort().map_err(text)?;
    write(log, &format!("{prefix}-a2"), &at, &["after"])?;
    let seen = values(&read(log, &at)?);
    ensure(seen == ["after"], || format!("read {seen:?}"))
}

/// Polls until the member owns `count` partitions, each assigned from its committed offset or 0.
fn own(member: &mut Box<dyn Member>, count: usize, owned: &mut Vec<TopicPartition>) -> Outcome {
    for _ in 0..600 {
        let poll = member.poll(Duration::from_millis(50), 100, &mut |_| {}).map_err(text)?;
        answer(member, poll.changes, owned)?;
        if owned.len() == count {
            return Ok(());
        }
    }
    Err(format!("the member owns {} partitions, not {count}", owned.len()))
}

fn answer(member: &mut Box<dyn Member>, changes: Vec<Change>, owned: &mut Vec<TopicPartition>) -> Outcome {
    for change in changes {
        match change {
            Change::Assigned(partitions) => {
                let mut from = Vec::new();
                for partition in partitions {
                    let offset = member.committed(&partition).map_err(text)?.unwrap_or(0);
                    owned.push(partition.clone());
                    from.push((partition, offset));
                }
                member.assign(&from).map_err(text)?;
            }
            Change::Revoked(partitions) | Change::Lost(partitions) => {
                owned.retain(|partition| !partitions.contains(partition));
                member.release(&partitions).map_err(text)?;
            }
        }
    }
    Ok(())
}

fn offsets_with_the_transaction(log: &dyn Log, prefix: &str) -> Outcome {
    let input = topic(log, &format!("{prefix}-offsets-in"), 1)?;
    let output = topic(log, &format!("{prefix}-offsets-out"), 1)?;
    write(log, &format!("{prefix}-of"), &input, &["a", "b", "c"])?;
    let mut member = log.member(&format!("{prefix}-offsets"), "one", &[input.topic.to_string()]).map_err(text)?;
    own(&mut member, 1, &mut Vec::new())?;
    let committed = member.committed(&input).map_err(text)?;
    ensure(committed.is_none(), || format!("{committed:?} was committed before anything was"))?;
    let mut producer = log.producer(&format!("{prefix}-of2")).map_err(text)?;
    let metadata = member.metadata().map_err(text)?;
    producer.begin().map_err(text)?;
    producer.send(out(&output, "x")).map_err(text)?;
    producer.send_offsets(&[(input.clone(), 1)], &metadata).map_err(text)?;
    producer.abort().map_err(text)?;
    let committed = member.committed(&input).map_err(text)?;
    ensure(committed.is_none(), || format!("{committed:?} stands after an abort"))?;
    let metadata = member.metadata().map_err(text)?;
    let offsets = [(input.clone(), 2)];
    transact(producer.as_mut(), vec![out(&output, "y")], Some((&offsets, &metadata))).map_err(text)?;
    let committed = member.committed(&input).map_err(text)?;
    ensure(committed == Some(2), || format!("{committed:?} stands after a commit of 2"))?;
    let seen = values(&read(log, &output)?);
    ensure(seen == ["y"], || format!("read {seen:?}"))
}

fn newer_fences_older(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-fenced"), 1)?;
    let id = format!("{prefix}-twin");
    let mut older = log.producer(&id).map_err(text)?;
    transact(older.as_mut(), vec![out(&at, "older")], None).map_err(text)?;
    older.begin().map_err(text)?;
    older.send(out(&at, "zombie")).map_err(text)?;
    let mut newer = log.producer(&id).map_err(text)?;
    let outcome = older.commit();
    ensure(matches!(outcome, Err(TransactionError::Fenced { .. })), || format!("the older producer got {outcome:?}"))?;
    transact(newer.as_mut(), vec![out(&at, "newer")], None).map_err(text)?;
    let seen = values(&read(log, &at)?);
    ensure(seen == ["older", "newer"], || format!("read {seen:?}"))
}

fn placement(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-placement"), 6)?;
    let records: Vec<OutRecord> = (0..50)
        .map(|number| {
            let mut record = out(&at, "value");
            record.key = Some(format!("entity-{number}").into_bytes());
            record.partition = None;
            place(&mut record, 6);
            record
        })
        .collect();
    single(log, &format!("{prefix}-p"), records)?;
    let mut count = 0;
    for partition in 0..6 {
        for record in read(log, &TopicPartition { partition, ..at.clone() })? {
            count += 1;
            let expected = partitioner::partition_for(record.key.as_deref(), 6);
            ensure(expected == partition, || format!("a key of partition {expected} lies in {partition}"))?;
        }
    }
    ensure(count == 50, || format!("{count} of 50 records found"))
}

fn tombstones(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-tombstones"), 1)?;
    let mut record = out(&at, "x");
    record.value = None;
    single(log, &format!("{prefix}-t"), vec![record])?;
    let records = read(log, &at)?;
    ensure(matches!(records.as_slice(), [record] if record.value.is_none() && record.key.is_some()), || {
        format!("{records:?}")
    })
}

fn hand_over(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-hand-over"), 4)?;
    let group = format!("{prefix}-hand-over");
    let topics = [at.topic.to_string()];
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    let mut first = log.member(&group, "one", &topics).map_err(text)?;
    own(&mut first, 4, &mut of_first)?;
    let mut second = log.member(&group, "two", &topics).map_err(text)?;
    for _ in 0..600 {
        let poll = first.poll(Duration::from_millis(25), 100, &mut |_| {}).map_err(text)?;
        answer(&mut first, poll.changes, &mut of_first)?;
        let poll = second.poll(Duration::from_millis(25), 100, &mut |_| {}).map_err(text)?;
        answer(&mut second, poll.changes, &mut of_second)?;
        let twice = of_first.iter().find(|partition| of_second.contains(partition));
        ensure(twice.is_none(), || format!("{twice:?} has two owners"))?;
        if of_first.len() == 2 && of_second.len() == 2 {
            drop(second);
            return own(&mut first, 4, &mut of_first);
        }
    }
    Err(format!("the members own {} and {} of 4 partitions", of_first.len(), of_second.len()))
}

fn stale_owner(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-stale"), 1)?;
    write(log, &format!("{prefix}-s"), &at, &["a", "b"])?;
    let group = format!("{prefix}-stale");
    let mut member = log.member(&group, "one", &[at.topic.to_string()]).map_err(text)?;
    own(&mut member, 1, &mut Vec::new())?;
    let metadata = member.metadata().map_err(text)?;
    drop(member);
    // Who comes back under the same name takes over, and shuts out what the one before may have under way.
    let mut next = log.member(&group, "one", &[at.topic.to_string()]).map_err(text)?;
    own(&mut next, 1, &mut Vec::new())?;
    let mut producer = log.producer(&format!("{prefix}-s2")).map_err(text)?;
    let outcome = transact(producer.as_mut(), Vec::new(), Some((&[(at.clone(), 1)], &metadata)));
    ensure(outcome.is_err(), || "offsets of a member that was replaced were taken".to_owned())?;
    let committed = next.committed(&at).map_err(text)?;
    ensure(committed.is_none(), || format!("{committed:?} stands"))
}

fn caught_up_behind_markers(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-caught-up"), 1)?;
    write(log, &format!("{prefix}-c"), &at, &["a"])?;
    let mut member = log.member(&format!("{prefix}-caught-up"), "one", &[at.topic.to_string()]).map_err(text)?;
    let mut owned = Vec::new();
    own(&mut member, 1, &mut owned)?;
    let mut position = 0;
    for _ in 0..300 {
        let poll =
            member.poll(Duration::from_millis(50), 100, &mut |record| position = record.offset() + 1).map_err(text)?;
        answer(&mut member, poll.changes, &mut owned)?;
        if position > 0 && member.caught_up(&at, position).map_err(text)? {
            return Ok(());
        }
    }
    Err(format!("never caught up; position {position}, end {}", log.end_offset(&at).map_err(text)?))
}

fn not_caught_up(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-behind"), 1)?;
    write(log, &format!("{prefix}-b"), &at, &["a", "b"])?;
    let mut member = log.member(&format!("{prefix}-behind"), "one", &[at.topic.to_string()]).map_err(text)?;
    own(&mut member, 1, &mut Vec::new())?;
    for look in 0..60 {
        ensure(!member.caught_up(&at, 1).map_err(text)?, || {
            format!("caught up at look {look}, one record of two read")
        })?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn seek(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-seek"), 1)?;
    write(log, &format!("{prefix}-k"), &at, &["a", "b", "c"])?;
    let mut member = log.member(&format!("{prefix}-seek"), "one", &[at.topic.to_string()]).map_err(text)?;
    let mut owned = Vec::new();
    own(&mut member, 1, &mut owned)?;
    let mut seen = Vec::new();
    let mut sought = false;
    for _ in 0..300 {
        let poll =
            member.poll(Duration::from_millis(50), 100, &mut |record| seen.push(record.to_record())).map_err(text)?;
        answer(&mut member, poll.changes, &mut owned)?;
        let last = seen.last().map(|record| values(std::slice::from_ref(record)));
        if last == Some(vec!["c".to_owned()]) {
            if sought {
                return Ok(());
            }
            sought = true;
            seen.clear();
            member.unassign(std::slice::from_ref(&at)).map_err(text)?;
            member.assign(&[(at.clone(), 1)]).map_err(text)?;
        }
        if sought && !seen.is_empty() {
            ensure(values(&seen).starts_with(&["b".to_owned()]), || {
                format!("read {:?} from offset 1 on", values(&seen))
            })?;
        }
    }
    Err(format!("read {:?}", values(&seen)))
}

fn differing_topics(log: &dyn Log, prefix: &str) -> Outcome {
    let at = topic(log, &format!("{prefix}-differs"), 2)?;
    let wanted = TopicSpec {
        name: at.topic.to_string(),
        partitions: 3,
        replication_factor: 1,
        cleanup: Cleanup::Compact,
        configs: BTreeMap::new(),
    };
    let fault = topics::verify(log, std::slice::from_ref(&wanted)).err().map(text).unwrap_or_default();
    ensure(
        fault.contains("partitions is 2, must be 3") && fault.contains("cleanup.policy is delete, must be compact"),
        || fault,
    )?;
    let missing = topics::verify(log, &[TopicSpec { name: format!("{prefix}-nowhere"), ..wanted }])
        .err()
        .map(text)
        .unwrap_or_default();
    ensure(missing.contains("does not exist"), || missing)?;
    let unknown = log.partitions(&format!("{prefix}-nowhere"));
    ensure(matches!(unknown, Err(LogError::NoTopic(_))), || format!("{unknown:?}"))
}
