//! The writer of the ledger: what becomes of entries when a call fails, and what others see meanwhile.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use evaluator::{Evaluator, EvaluatorError};
use records::ResultRecord;
use streaming::{LogError, TopicPartition, log::read_to_end, protocol::Call};

use crate::{
    bench::{Bench, DAY, HOUR, LOGINS, START, Transaction},
    faulty::{Fault, Faulty},
};

/// A bench whose evaluator's calls fail as they are told to.
fn faulty(partitions: i32) -> (Bench, Arc<Faulty>) {
    let mut bench = Bench::new(partitions);
    let log = Faulty::new(Arc::clone(&bench.log));
    bench.log = Arc::<Faulty>::clone(&log);
    (bench, log)
}

fn hour(bench: &Bench, number: i64) {
    let start = START + number * HOUR;
    bench.tasks(bench.logins(Transaction::default(), start, 40, 7), start + 2 * HOUR);
}

/// Drives an evaluator until nothing is left to do, or it ends.
fn settle(bench: &Bench, evaluator: &mut Evaluator) -> Result<(), EvaluatorError> {
    for _ in 0..1000 {
        evaluator.advance(Duration::ZERO)?;
    }
    bench.now.fetch_add(1000, Ordering::Relaxed);
    for _ in 0..1000 {
        evaluator.advance(Duration::ZERO)?;
    }
    Ok(())
}

/// What an entry says, when it was said and what came before it left out.
fn said(bench: &Bench) -> Vec<(u64, u32, String, i64, String)> {
    let said =
        |entry: ResultRecord| (entry.sequence, entry.revision, entry.construct, entry.period.start.0, entry.outcome);
    bench.ledger().into_iter().map(said).collect()
}

#[test]
fn whatever_call_fails_each_entry_stands_once_and_a_new_producer_wrote_it() {
    let undisturbed = {
        let bench = Bench::new(1);
        (0..2).for_each(|number| hour(&bench, number));
        settle(&bench, &mut bench.evaluator()).unwrap();
        said(&bench)
    };
    assert!(undisturbed.len() >= 2, "{undisturbed:?}");
    let calls = [Call::Repeats, Call::Begin, Call::Send, Call::Deliver, Call::Commit];
    let faults = [Fault::Aborted, Fault::Unclear, Fault::UnclearAndDone, Fault::Fenced];
    let each = calls.iter().flat_map(|call| faults.iter().map(|fault| vec![(*call, *fault)]));
    let more = [
        vec![(Call::Repeats, Fault::Repeated)],
        vec![(Call::Deliver, Fault::Aborted), (Call::Abort, Fault::Unclear)],
        vec![(Call::Deliver, Fault::Aborted), (Call::Abort, Fault::Aborted)],
        vec![(Call::Send, Fault::Unclear), (Call::Commit, Fault::UnclearAndDone), (Call::Repeats, Fault::Repeated)],
    ];
    for script in each.chain(more) {
        let (bench, log) = faulty(1);
        (0..2).for_each(|number| hour(&bench, number));
        let mut evaluator = bench.evaluator();
        assert_eq!(log.calls(), [None]);
        log.fail(script.iter().copied());
        // What is committed and not confirmed is only noticed with the next entries.
        settle(&bench, &mut evaluator).unwrap();
        assert!(log.calls().contains(&None), "{script:?}: a new producer");
        assert_eq!(said(&bench), undisturbed, "{script:?}");
        if script.last() == Some(&(Call::Repeats, Fault::Repeated)) && script.len() > 1 {
            hour(&bench, 2);
            settle(&bench, &mut evaluator).unwrap();
        }
        assert!(log.is_over(), "{script:?}");
        assert_eq!(evaluator.ledger().len(), bench.ledger().len() as u64, "{script:?}");
    }
}

#[test]
fn the_calls_of_an_append_are_made_in_their_order_and_no_producer_is_made_without_need() {
    let (bench, log) = faulty(1);
    hour(&bench, 0);
    let mut evaluator = bench.evaluator();
    settle(&bench, &mut evaluator).unwrap();
    let mut calls = log.calls();
    calls.dedup();
    let expected = [Call::Repeats, Call::Begin, Call::Send, Call::Deliver, Call::Commit].map(Some);
    assert_eq!(calls, [&[None], expected.as_slice()].concat());
    settle(&bench, &mut evaluator).unwrap();
    assert!(log.calls().is_empty(), "nothing is due");
}

/// An abort leaves the producer as good as new for the broker; what the ledger holds is looked up all the same.
#[test]
fn what_is_aborted_is_aborted_before_anything_else() {
    let (bench, log) = faulty(1);
    hour(&bench, 0);
    let mut evaluator = bench.evaluator();
    log.fail([(Call::Deliver, Fault::Aborted)]);
    settle(&bench, &mut evaluator).unwrap();
    let calls = log.calls();
    let failed = calls.iter().position(|call| *call == Some(Call::Deliver)).unwrap();
    assert_eq!(&calls[failed + 1..failed + 3], [Some(Call::Abort), None]);
}

/// Its session could have run out: a broker fences a writer whose transaction took too long, with no other one there.
#[test]
fn who_is_shut_out_twice_within_a_day_ends() {
    for (later, ends) in [(1, true), (DAY, true), (DAY + 1, false)] {
        let (bench, log) = faulty(1);
        let mut evaluator = bench.evaluator();
        let fenced_at = bench.now.load(Ordering::Relaxed);
        log.fail([(Call::Commit, Fault::Fenced)]);
        hour(&bench, 0);
        for _ in 0..1000 {
            evaluator.advance(Duration::ZERO).unwrap();
        }
        assert!(log.is_over());
        assert_eq!(bench.entries(LOGINS, START).len(), 1, "shut out once, it takes over");
        bench.now.store(fenced_at + later, Ordering::Relaxed);
        log.fail([(Call::Begin, Fault::Fenced)]);
        hour(&bench, 1);
        let fault = (0..1000).find_map(|_| evaluator.advance(Duration::ZERO).err());
        assert!(log.is_over());
        match fault {
            Some(EvaluatorError::Fenced(reason)) if ends => assert_eq!(reason, "as told"),
            None if !ends => assert_eq!(bench.entries(LOGINS, START + HOUR).len(), 1),
            other => panic!("{later} ms later: {other:?}"),
        }
    }
}

/// Another new producer would shut out whoever has taken over meanwhile.
#[test]
fn while_the_ledger_cannot_be_read_no_further_producer_is_made() {
    let (bench, log) = faulty(1);
    hour(&bench, 0);
    let mut evaluator = bench.evaluator();
    log.calls();
    log.fail([(Call::Commit, Fault::Unclear)]);
    log.hide_ledger(3);
    let mut refused = 0;
    for _ in 0..1000 {
        match evaluator.advance(Duration::ZERO) {
            Ok(_) => {}
            Err(EvaluatorError::Log(LogError::Unavailable { .. })) => refused += 1,
            Err(fault) => panic!("{fault}"),
        }
    }
    assert_eq!(refused, 3);
    assert_eq!(log.calls().iter().filter(|call| call.is_none()).count(), 1);
    assert_eq!(bench.entries(LOGINS, START).len(), 1);
    // The next time that something is unclear, one is made again.
    log.fail([(Call::Commit, Fault::Unclear)]);
    hour(&bench, 1);
    settle(&bench, &mut evaluator).unwrap();
    assert_eq!(log.calls().iter().filter(|call| call.is_none()).count(), 1);
    assert_eq!(bench.entries(LOGINS, START + HOUR).len(), 1);
}

#[test]
fn nothing_is_published_before_everything_was_read_that_was_written_before_the_start() {
    let bench = Bench::new(3);
    let watermark = START + 2 * HOUR;
    let part = |partition: i32| {
        bench.task(partition, bench.logins(Transaction::default(), START, 20, 5).frontier(watermark, 3));
    };
    (0..3).for_each(part);
    let mut evaluator = bench.evaluator();
    let view = evaluator.view();
    assert!(!view.get().ready);
    assert!(bench.ledger().is_empty());
    let mut read = 0;
    while !view.get().ready {
        assert!(bench.ledger().is_empty(), "{read} records read");
        read += evaluator.advance(Duration::ZERO).unwrap();
        assert!(read > 0, "there is something to read");
    }
    let units: usize = bench.catalogue.constructs.iter().map(|construct| construct.base.len()).sum();
    assert_eq!(read, 3 * (4 + units), "all units, figures and frontiers");
    settle(&bench, &mut evaluator).unwrap();
    assert_eq!(bench.entries(LOGINS, START)[0].base["attempts"].n, 60);
}

/// Under load no end is ever reached: what comes after the end of then tells that it has been passed.
#[test]
fn under_load_it_is_ready_once_every_partition_has_passed_its_end_of_then() {
    let (bench, log) = faulty(2);
    log.keep_busy();
    let task = |partition: i32| bench.task(partition, Transaction::default().frontier(START, 2));
    // Ends of different heights.
    (0..5).for_each(|_| task(0));
    task(1);
    let mut evaluator = bench.evaluator();
    let view = evaluator.view();
    let mut look = || {
        for _ in 0..10 {
            evaluator.advance(Duration::ZERO).unwrap();
        }
        view.get().ready
    };
    assert!(!look(), "the last marker of each partition may hide something");
    task(0);
    assert!(!look(), "one of two has passed");
    task(1);
    assert!(look());
}

#[test]
fn what_is_read_in_a_step_is_published_in_it() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    evaluator.step(Duration::ZERO).unwrap();
    hour(&bench, 0);
    assert!(evaluator.step(Duration::ZERO).unwrap() > 0);
    assert_eq!(bench.entries(LOGINS, START).len(), 1);
}

/// Whoever reads the ledger with tools of Kafka's finds an entry by its key and its time.
#[test]
fn an_entry_lies_under_its_key_and_the_time_of_its_writing() {
    let bench = Bench::new(1);
    hour(&bench, 0);
    let mut evaluator = bench.evaluator();
    evaluator.step(Duration::ZERO).unwrap();
    let ledger = TopicPartition::new("vernier.results", 0);
    let mut found = Vec::new();
    read_to_end(bench.log.as_ref(), &ledger, Duration::from_secs(5), &mut |record| found.push(record.to_record()))
        .unwrap();
    let entries = bench.ledger();
    assert_eq!(found.len(), entries.len());
    assert!(!found.is_empty());
    for (record, entry) in found.iter().zip(&entries) {
        assert_eq!(record.key, Some(entry.key()));
        assert_eq!(record.timestamp, Some(bench.now.load(Ordering::Relaxed)));
    }
}

#[test]
fn what_is_shown_follows_the_clock_once_a_second_with_nothing_to_read() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let view = evaluator.view();
    let shown = |evaluator: &mut Evaluator| {
        let before = view.get();
        evaluator.advance(Duration::ZERO).unwrap();
        !Arc::ptr_eq(&before, &view.get())
    };
    assert!(shown(&mut evaluator), "at the start");
    assert!(view.get().ready, "there was nothing to read");
    for (step, expected) in [(0, false), (999, false), (1, true), (999, false), (-999, false), (-1000, true)] {
        bench.now.fetch_add(step, Ordering::Relaxed);
        assert_eq!(shown(&mut evaluator), expected, "after {step} ms more");
    }
    hour(&bench, 0);
    assert!(shown(&mut evaluator), "what was read is shown at once");
    assert!(view.get().current.iter().any(|row| row.construct == LOGINS));
}

#[test]
fn many_entries_are_appended_in_several_transactions() {
    let (bench, log) = faulty(1);
    let hours = 5001;
    let mut evaluator = bench.evaluator();
    log.calls();
    // A sign of life a day: a longer silence would be one entry.
    let first = bench.logins(Transaction::default(), START, 40, 7);
    let alive = (1..=hours / 24).fold(first, |transaction, day| {
        let start = START + day * DAY;
        transaction.activity("sshd", start, start, 1)
    });
    bench.tasks(alive, START + (hours + 1) * HOUR);
    settle(&bench, &mut evaluator).unwrap();
    let commits = log.calls().iter().filter(|call| **call == Some(Call::Commit)).count();
    let ledger = bench.ledger();
    let logins = ledger.iter().filter(|entry| entry.construct == LOGINS && entry.group.is_empty()).count();
    assert!(logins >= usize::try_from(hours).unwrap(), "{logins}");
    assert!(commits >= 2 && commits <= ledger.len() / 2000, "{commits} transactions for {} entries", ledger.len());
}
