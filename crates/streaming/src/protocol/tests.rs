//! The protocol, told what happens by hand.

use measurement::time::Timestamp;

use super::{Action, Answer, Call, Protocol, RestoreCall, RunError, Settings};
use crate::{
    record::TopicPartition,
    stage::Resume,
    words::{Change, LogError, TransactionError},
};

const SETTINGS: Settings = Settings {
    commit_interval: 500,
    commit_records: 100,
    look_at_ends: 0,
    session_timeout: 12_000,
    look_at_inputs: 0,
    bound: None,
};

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new("in", partition)
}

fn unavailable() -> LogError {
    LogError::Unavailable { doing: "try", reason: "gone".to_owned() }
}

fn aborted() -> TransactionError {
    TransactionError::Aborted("refused".to_owned())
}

fn unclear() -> TransactionError {
    TransactionError::Unclear("timed out".to_owned())
}

/// A protocol with a clock and what it asked for.
struct Bench {
    protocol: Protocol,
    now: i64,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self { protocol: Protocol::new(settings, Timestamp(0)), now: 0 }
    }

    /// One that reads these partitions, each from offset 10.
    fn reading(settings: Settings, partitions: &[i32]) -> Self {
        let mut bench = Self::new(settings);
        bench.polled(0, vec![Change::Assigned(partitions.iter().map(|number| at(*number)).collect())]);
        bench.restore_all(10);
        bench
    }

    fn next(&mut self) -> Action {
        let action = self.protocol.next(Timestamp(self.now));
        assert_eq!(self.protocol.next(Timestamp(self.now)), action, "asking again gives the same");
        action
    }

    fn answer(&mut self, action: &Action, answer: Answer) {
        self.protocol.answer(Timestamp(self.now), action, answer).unwrap();
    }

    /// Expects an action and answers it.
    fn expect(&mut self, action: &Action, answer: Answer) {
        assert_eq!(self.next(), *action);
        self.answer(action, answer);
    }

    fn done(&mut self, action: &Action) {
        self.expect(action, Answer::Done);
    }

    fn polled(&mut self, records: usize, changes: Vec<Change>) {
        let action = self.next();
        assert!(matches!(action, Action::Poll { .. }), "{action:?} instead of a poll");
        self.answer(&action, Answer::Polled { records, changes });
    }

    /// Answers whatever a restore asks for, until nothing is asked for any more. Gives the steps.
    fn restore_all(&mut self, offset: i64) -> Vec<Action> {
        let mut steps = Vec::new();
        for _ in 0..200 {
            let action = self.next();
            let answer = match &action {
                Action::Poll { wait: Some(0), .. } => Answer::Polled { records: 0, changes: Vec::new() },
                Action::Restore(_, RestoreCall::Settle) => Answer::Settled(true),
                Action::Restore(_, RestoreCall::Offset) => Answer::Offset(Some(offset)),
                Action::Restore(_, RestoreCall::Evidence) => Answer::Offset(None),
                Action::Restore(_, RestoreCall::Read) => Answer::Read(true),
                Action::Restore(_, RestoreCall::Build { .. }) => Answer::Built(Resume::Committed, false),
                Action::Restore(_, RestoreCall::Range) => Answer::Range(0, 1000),
                Action::Assign(..) => Answer::Done,
                _ => return steps,
            };
            self.answer(&action, answer);
            if !matches!(action, Action::Poll { .. }) {
                steps.push(action);
            }
        }
        panic!("a restore has no end: {steps:?}");
    }

    fn read(&mut self, partition: i32, offset: i64) {
        assert!(self.protocol.admit("in", partition, offset), "offset {offset} of {partition} is not admitted");
    }

    /// Reads one record and lets the commit interval pass.
    fn due(&mut self) {
        self.read(0, 10);
        self.polled(1, Vec::new());
        self.now += 500;
    }

    /// Flushes and begins; the next call is to send.
    fn begun(&mut self) {
        self.due();
        self.expect(&Action::Flush, Answer::Flushed(3));
        self.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
        self.done(&Action::Transact(Call::Begin));
    }

    fn fails(&mut self, answer: Answer) -> RunError {
        let action = self.next();
        self.protocol.answer(Timestamp(self.now), &action, answer).unwrap_err()
    }
}

#[test]
fn a_transaction_is_made_in_one_order() {
    let mut bench = Bench::reading(SETTINGS, &[0, 1]);
    bench.begun();
    assert_eq!(bench.protocol.offsets(), [(at(0), 11), (at(1), 10)], "also of what did not move");
    for call in [Call::Send, Call::Deliver, Call::SendOffsets, Call::Commit] {
        assert!(bench.protocol.is_committing());
        bench.done(&Action::Transact(call));
    }
    bench.done(&Action::Confirm);
    assert!(!bench.protocol.is_committing());
    assert_eq!((bench.protocol.counts().commits, bench.protocol.offsets().len()), (1, 0));
    // Nothing has moved since: the stage is asked, and nothing is written.
    bench.now += 500;
    bench.expect(&Action::Flush, Answer::Flushed(0));
    bench.done(&Action::Confirm);
    assert_eq!(bench.protocol.counts().commits, 1);
}

#[test]
fn output_without_input_carries_offsets_too() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.now += 500;
    bench.expect(&Action::Flush, Answer::Flushed(1));
    assert_eq!(bench.protocol.offsets(), [(at(0), 10)], "or nobody would notice a member that was left behind");
}

#[test]
fn a_commit_is_due_after_its_interval_or_enough_records_and_not_before() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    assert_eq!(bench.next(), Action::Poll { most: 100, wait: Some(500) });
    bench.now += 499;
    assert_eq!(bench.next(), Action::Poll { most: 100, wait: Some(1) });
    bench.polled(99, Vec::new());
    assert_eq!(bench.next(), Action::Poll { most: 1, wait: Some(1) });
    bench.polled(1, Vec::new());
    assert_eq!(bench.next(), Action::Flush);
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.now += 500;
    assert_eq!(bench.next(), Action::Flush);
    // A clock that was set back does not hold commits up.
    bench.now = -1;
    assert_eq!(bench.next(), Action::Flush);
}

#[test]
fn who_owns_nothing_waits_as_long_as_it_is_let() {
    let mut bench = Bench::new(SETTINGS);
    bench.now = 10_000;
    assert_eq!(bench.next(), Action::Poll { most: 100, wait: None });
    bench.protocol.commit_now(Timestamp(bench.now));
    assert!(!bench.protocol.is_committing());
}

#[test]
fn what_is_restored_is_read_from_there_and_not_before() {
    let mut bench = Bench::new(SETTINGS);
    bench.polled(0, vec![Change::Assigned(vec![at(1), at(0)])]);
    bench.next();
    assert_eq!((bench.protocol.owned(), bench.protocol.restored_partitions()), (2, 0));
    assert!(bench.protocol.is_restoring() && !bench.protocol.admit("in", 0, 10), "not restored yet");
    let steps = bench.restore_all(10);
    assert_eq!(steps.len(), 12, "{steps:?}");
    assert_eq!(
        steps[..2],
        [Action::Restore(at(1), RestoreCall::Settle), Action::Restore(at(0), RestoreCall::Settle)],
        "in turn"
    );
    assert_eq!(bench.protocol.restored_partitions(), 2);
    assert!(!bench.protocol.is_restoring());
    assert!(!bench.protocol.admit("in", 0, 9), "before the place where it goes on");
    assert!(!bench.protocol.admit("out", 0, 10) && !bench.protocol.admit("in", 2, 10), "not ours");
    bench.read(0, 10);
    bench.read(1, 15);
    assert!(!bench.protocol.admit("in", 0, 10), "read already");
    let positions = bench.protocol.positions(|_| 7);
    assert_eq!(positions.iter().map(|position| position.next_offset).collect::<Vec<_>>(), [11, 16]);
    assert!(positions.iter().all(|position| position.partitions == 7 && position.caught_up.is_none()));
}

#[test]
fn polls_go_on_while_partitions_are_restored() {
    let mut bench = Bench::new(SETTINGS);
    bench.polled(0, vec![Change::Assigned(vec![at(0)])]);
    for _ in 0..3 {
        bench.expect(&Action::Restore(at(0), RestoreCall::Settle), Answer::Settled(false));
        assert!(matches!(bench.next(), Action::Poll { wait: Some(50), .. }), "{:?}", bench.next());
        bench.polled(0, Vec::new());
        bench.now += 50;
    }
    bench.expect(&Action::Restore(at(0), RestoreCall::Settle), Answer::Settled(true));
    bench.polled(0, Vec::new());
    bench.expect(&Action::Restore(at(0), RestoreCall::Offset), Answer::Failed(unavailable()));
    assert!(matches!(bench.next(), Action::Poll { wait: Some(500), .. }), "{:?}", bench.next());
    bench.polled(0, Vec::new());
    bench.now += 499;
    assert!(matches!(bench.next(), Action::Poll { wait: Some(1), .. }), "{:?}", bench.next());
    bench.now += 1;
    assert_eq!(bench.next(), Action::Restore(at(0), RestoreCall::Settle), "from the beginning");
}

#[test]
fn state_is_read_in_parts() {
    let mut bench = Bench::new(SETTINGS);
    bench.polled(0, vec![Change::Assigned(vec![at(0)])]);
    bench.expect(&Action::Restore(at(0), RestoreCall::Settle), Answer::Settled(true));
    bench.polled(0, Vec::new());
    bench.expect(&Action::Restore(at(0), RestoreCall::Offset), Answer::Offset(Some(3)));
    bench.polled(0, Vec::new());
    for finished in [false, false, true] {
        bench.expect(&Action::Restore(at(0), RestoreCall::Read), Answer::Read(finished));
        bench.polled(0, Vec::new());
    }
    bench.expect(&Action::Restore(at(0), RestoreCall::Range), Answer::Range(1, 7));
    bench.polled(0, Vec::new());
    let build = RestoreCall::Build { first: 1, known: Some(3) };
    bench.expect(&Action::Restore(at(0), build), Answer::Built(Resume::At(7), false));
    bench.polled(0, Vec::new());
    assert_eq!(bench.next(), Action::Assign(at(0), 7), "the state knows better than the group");
}

/// Restores one partition whose group offset, resume, emptiness and range are given; the offset it is read from.
fn resumed(
    group: Option<i64>,
    evidence: Option<i64>,
    built: &(Resume, bool),
    range: (i64, i64),
) -> Result<i64, String> {
    let mut bench = Bench::new(SETTINGS);
    bench.polled(0, vec![Change::Assigned(vec![at(0)])]);
    for _ in 0..200 {
        let action = bench.next();
        let answer = match &action {
            Action::Poll { .. } => Answer::Polled { records: 0, changes: Vec::new() },
            Action::Restore(_, RestoreCall::Settle) => Answer::Settled(true),
            Action::Restore(_, RestoreCall::Offset) => Answer::Offset(group),
            Action::Restore(_, RestoreCall::Evidence) => Answer::Offset(evidence),
            Action::Restore(_, RestoreCall::Read) => Answer::Read(true),
            Action::Restore(_, RestoreCall::Build { .. }) => Answer::Built(built.0.clone(), built.1),
            Action::Restore(_, RestoreCall::Range) => Answer::Range(range.0, range.1),
            Action::Assign(_, offset) => return Ok(*offset),
            other => return Err(format!("{other:?}")),
        };
        bench.protocol.answer(Timestamp(0), &action, answer).map_err(|fault| fault.to_string())?;
    }
    panic!("a restore has no end");
}

#[test]
fn where_reading_goes_on_is_never_guessed() {
    let committed = (Resume::Committed, false);
    let nothing = (Resume::Committed, true);
    assert_eq!(resumed(Some(5), None, &committed, (0, 9)), Ok(5));
    assert_eq!(resumed(Some(5), None, &(Resume::At(7), false), (0, 9)), Ok(7));
    assert_eq!(resumed(None, None, &nothing, (3, 9)), Ok(3), "nothing was ever done: from the first record");
    assert_eq!(resumed(None, Some(6), &nothing, (0, 9)), Ok(6), "somebody wrote how far it had come");
    let refused = resumed(None, None, &committed, (0, 9)).unwrap_err();
    assert!(refused.contains("refusing to guess"), "{refused}");
    assert_eq!(resumed(Some(5), None, &committed, (5, 5)), Ok(5), "at both ends");
    let gone = resumed(Some(5), None, &committed, (6, 9)).unwrap_err();
    assert!(gone.contains("offset 5 up to 6") && gone.contains("at most 1 of them"), "{gone}");
    let rewound = resumed(Some(5), None, &committed, (0, 4)).unwrap_err();
    assert!(rewound.contains("ends at offset 4") && rewound.contains("offset 5"), "{rewound}");
    let rebuild = (Resume::Rebuild { from: 5, why: "the state is torn".to_owned() }, false);
    assert_eq!(
        resumed(Some(8), None, &rebuild, (5, 9)),
        Ok(5),
        "from where the state was built, not the group's offset"
    );
    let lost = resumed(Some(8), None, &rebuild, (6, 9)).unwrap_err();
    assert!(lost.contains("the state is torn; it must be built anew from offset 5"), "{lost}");
    assert!(lost.contains("the records up to 6 are gone"), "{lost}");
}

#[test]
fn after_an_abort_everything_is_forgotten_and_restored() {
    for (failing, before) in [(Call::Send, 0), (Call::Deliver, 1), (Call::SendOffsets, 2), (Call::Commit, 3)] {
        let mut bench = Bench::reading(SETTINGS, &[0, 1]);
        bench.begun();
        for call in [Call::Send, Call::Deliver, Call::SendOffsets].iter().take(before) {
            bench.done(&Action::Transact(*call));
        }
        bench.expect(&Action::Transact(failing), Answer::Refused(aborted()));
        bench.done(&Action::Transact(Call::Abort));
        bench.done(&Action::Forget(at(0)));
        bench.done(&Action::Forget(at(1)));
        bench.done(&Action::Unassign(vec![at(0), at(1)]));
        assert!(!bench.protocol.admit("in", 0, 11), "nothing is read before it is restored");
        assert_eq!(bench.protocol.counts().aborts, 1);
        assert_eq!(bench.restore_all(10).len(), 12, "and with the same producer");
        bench.read(0, 10);
    }
}

#[test]
fn after_an_unclear_outcome_a_new_producer_comes_first() {
    for failing in [Call::Repeats, Call::Begin, Call::Send, Call::Deliver, Call::SendOffsets, Call::Commit] {
        let mut bench = Bench::reading(SETTINGS, &[0]);
        bench.due();
        bench.expect(&Action::Flush, Answer::Flushed(3));
        for _ in 0..7 {
            let action = bench.next();
            let Action::Transact(call) = action else { panic!("{action:?}") };
            if call == failing {
                bench.answer(&action, Answer::Refused(unclear()));
                break;
            }
            bench.answer(&action, if call == Call::Repeats { Answer::Repeats(0) } else { Answer::Done });
        }
        bench.done(&Action::Forget(at(0)));
        bench.done(&Action::Unassign(vec![at(0)]));
        bench.polled(0, Vec::new());
        bench.expect(&Action::Renew, Answer::Failed(unavailable()));
        assert_eq!(bench.next(), Action::Wait(500));
        bench.now += 500;
        bench.polled(0, Vec::new());
        assert!(matches!(bench.next(), Action::Renew), "nothing is restored before: {:?}", bench.next());
        bench.done(&Action::Renew);
        assert_eq!((bench.protocol.counts().unclear, bench.protocol.counts().aborts), (1, 0));
        assert_eq!(bench.restore_all(10).len(), 6);
    }
}

/// Shuts the member out, and lets it come back with one partition.
fn fence_member(bench: &mut Bench) {
    let poll = bench.next();
    bench.answer(&poll, Answer::Failed(LogError::Fenced { id: "a-0".to_owned(), reason: "newer".to_owned() }));
    bench.done(&Action::Forget(at(0)));
    bench.done(&Action::Rejoin);
    bench.polled(0, vec![Change::Assigned(vec![at(0)])]);
    bench.restore_all(10);
}

/// Shuts the producer out, and lets another one take over.
fn fence_producer(bench: &mut Bench) {
    bench.begun();
    let fenced = TransactionError::Fenced { id: "a-0".to_owned(), reason: "newer".to_owned() };
    bench.expect(&Action::Transact(Call::Send), Answer::Refused(fenced));
    bench.done(&Action::Forget(at(0)));
    bench.done(&Action::Unassign(vec![at(0)]));
    bench.polled(0, Vec::new());
    bench.done(&Action::Renew);
    bench.restore_all(10);
}

#[test]
fn a_member_that_is_fenced_forgets_everything_and_joins_again() {
    let mut bench = Bench::reading(SETTINGS, &[0, 1]);
    bench.read(0, 10);
    let poll = bench.next();
    bench.answer(&poll, Answer::Failed(LogError::Fenced { id: "a-0".to_owned(), reason: "newer".to_owned() }));
    bench.done(&Action::Forget(at(0)));
    bench.done(&Action::Forget(at(1)));
    bench.expect(&Action::Rejoin, Answer::Failed(unavailable()));
    assert_eq!(bench.next(), Action::Wait(500));
    bench.now += 500;
    bench.done(&Action::Rejoin);
    assert_eq!((bench.protocol.owned(), bench.protocol.counts().commits), (0, 0));
    bench.polled(0, vec![Change::Assigned(vec![at(0)])]);
    assert_eq!(bench.restore_all(10).len(), 6);
    // A coordinator that comes back again and again does so again and again.
    for _ in 0..3 {
        fence_member(&mut bench);
    }
}

#[test]
fn a_member_that_is_fenced_again_and_its_producer_too_shares_its_name() {
    let end = |bench: &mut Bench| {
        let fault = bench.fails(Answer::Failed(LogError::Fenced { id: "a-0".to_owned(), reason: "newer".to_owned() }));
        assert!(matches!(&fault, RunError::Fenced(text) if text.contains("`a-0`")), "{fault}");
    };
    let mut bench = Bench::reading(SETTINGS, &[0]);
    fence_producer(&mut bench);
    fence_member(&mut bench);
    end(&mut bench);
    let mut bench = Bench::reading(SETTINGS, &[0]);
    fence_member(&mut bench);
    fence_producer(&mut bench);
    bench.now += 59_000;
    bench.polled(0, Vec::new());
    end(&mut bench);
    // Too long ago, the one or the other.
    let mut bench = Bench::reading(SETTINGS, &[0]);
    fence_producer(&mut bench);
    bench.now += 60_001;
    bench.polled(0, Vec::new());
    bench.expect(&Action::Flush, Answer::Flushed(0));
    bench.done(&Action::Confirm);
    fence_member(&mut bench);
    fence_member(&mut bench);
    fence_producer(&mut bench);
    bench.now += 60_001;
    bench.polled(0, Vec::new());
    bench.expect(&Action::Flush, Answer::Flushed(0));
    bench.done(&Action::Confirm);
    fence_producer(&mut bench);
    fence_member(&mut bench);
}

/// A transaction that outlived its timeout is given up by the broker, which fences its producer: no other process
/// need be there.
#[test]
fn a_fenced_producer_is_replaced_after_a_poll_that_may_say_who_did_it() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.begun();
    let fenced = TransactionError::Fenced { id: "a-0".to_owned(), reason: "newer".to_owned() };
    bench.expect(&Action::Transact(Call::Send), Answer::Refused(fenced));
    bench.done(&Action::Forget(at(0)));
    bench.done(&Action::Unassign(vec![at(0)]));
    bench.polled(0, Vec::new());
    bench.done(&Action::Renew);
    assert_eq!(bench.protocol.counts().unclear, 1);
}

#[test]
fn an_abort_that_is_refused_is_unclear() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.begun();
    bench.expect(&Action::Transact(Call::Send), Answer::Refused(aborted()));
    bench.expect(&Action::Transact(Call::Abort), Answer::Refused(aborted()));
    assert_eq!(bench.protocol.counts().unclear, 1);
    // Nothing was begun, so that there is nothing to abort.
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.due();
    bench.expect(&Action::Flush, Answer::Flushed(3));
    bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
    bench.expect(&Action::Transact(Call::Begin), Answer::Refused(aborted()));
    assert_eq!(bench.protocol.counts().unclear, 1);
    bench.done(&Action::Forget(at(0)));
}

#[test]
fn a_repeated_request_brings_a_new_producer_and_forgets_nothing() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.due();
    bench.expect(&Action::Flush, Answer::Flushed(3));
    bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(1));
    bench.expect(&Action::Renew, Answer::Failed(unavailable()));
    assert_eq!(bench.next(), Action::Wait(500));
    bench.now += 250;
    assert_eq!(bench.next(), Action::Wait(250));
    bench.done(&Action::Wait(250));
    bench.done(&Action::Renew);
    for call in [Call::Begin, Call::Send, Call::Deliver, Call::SendOffsets, Call::Commit] {
        bench.done(&Action::Transact(call));
    }
    bench.done(&Action::Confirm);
    assert_eq!((bench.protocol.counts().repeats, bench.protocol.counts().commits), (1, 1));
    // The new one counts from zero: what the old one had counted says nothing of it.
    bench.read(0, 11);
    bench.polled(1, Vec::new());
    bench.now += 500;
    bench.expect(&Action::Flush, Answer::Flushed(3));
    bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
    assert_eq!(bench.next(), Action::Transact(Call::Begin));
}

#[test]
fn revoked_partitions_are_committed_and_given_up() {
    let mut bench = Bench::reading(SETTINGS, &[0, 1]);
    bench.read(1, 10);
    bench.polled(1, vec![Change::Revoked(vec![at(1)])]);
    bench.expect(&Action::Flush, Answer::Flushed(1));
    bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
    for call in [Call::Begin, Call::Send, Call::Deliver, Call::SendOffsets, Call::Commit] {
        bench.done(&Action::Transact(call));
    }
    bench.done(&Action::Confirm);
    bench.done(&Action::Forget(at(1)));
    bench.done(&Action::Release(vec![at(1)]));
    assert_eq!(bench.protocol.owned(), 1);
    assert!(bench.protocol.admit("in", 0, 10) && !bench.protocol.admit("in", 1, 11));
    // The next ones get their farewell, too.
    bench.polled(1, vec![Change::Revoked(vec![at(0)])]);
    assert_eq!(bench.next(), Action::Flush);
}

#[test]
fn revoked_partitions_whose_commit_fails_are_given_up_all_the_same() {
    let mut bench = Bench::reading(SETTINGS, &[0, 1]);
    bench.read(1, 10);
    bench.polled(1, vec![Change::Revoked(vec![at(1)])]);
    bench.expect(&Action::Flush, Answer::Flushed(1));
    bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
    bench.expect(&Action::Transact(Call::Begin), Answer::Refused(unclear()));
    bench.done(&Action::Forget(at(0)));
    bench.done(&Action::Forget(at(1)));
    bench.done(&Action::Unassign(vec![at(0), at(1)]));
    bench.done(&Action::Forget(at(1)));
    bench.done(&Action::Release(vec![at(1)]));
    assert_eq!(bench.protocol.owned(), 1);
}

#[test]
fn lost_partitions_are_forgotten_and_nothing_is_committed() {
    let mut bench = Bench::reading(SETTINGS, &[0, 1]);
    bench.read(1, 10);
    bench.polled(1, vec![Change::Lost(vec![at(0), at(1)]), Change::Assigned(vec![at(1)])]);
    bench.done(&Action::Forget(at(0)));
    bench.done(&Action::Forget(at(1)));
    bench.done(&Action::Release(vec![at(0), at(1)]));
    assert_eq!(bench.next(), Action::Restore(at(1), RestoreCall::Settle), "one of them has come back, as new");
    assert_eq!((bench.protocol.owned(), bench.protocol.counts().commits), (1, 0));
}

#[test]
fn who_was_silent_for_half_a_session_polls_before_it_commits() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.read(0, 10);
    bench.polled(1, Vec::new());
    bench.now += 6000;
    assert_eq!(bench.next(), Action::Flush);
    bench.now += 1;
    assert!(matches!(bench.next(), Action::Poll { .. }), "{:?}", bench.next());
    bench.polled(0, vec![Change::Lost(vec![at(0)])]);
    assert_eq!(bench.next(), Action::Forget(at(0)));
    // And does not commit for what it is told to give up.
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.polled(0, vec![Change::Revoked(vec![at(0)])]);
    bench.now += 6001;
    assert_eq!(bench.next(), Action::Forget(at(0)));
}

#[test]
fn ends_are_looked_at_before_a_flush_if_it_is_time() {
    let mut bench = Bench::reading(Settings { look_at_ends: 1000, ..SETTINGS }, &[0, 1]);
    bench.now += 500;
    bench.expect(&Action::LookAtEnds, Answer::Ends { began: Timestamp(499), reached: vec![at(1)], absent: false });
    assert_eq!(bench.next(), Action::Flush);
    let caught_up = |bench: &Bench| -> Vec<_> { bench.protocol.reading().map(|(_, _, end)| end).collect() };
    assert_eq!(caught_up(&bench), [None, Some(Timestamp(499))], "as of the look");
    bench.expect(&Action::Flush, Answer::Flushed(0));
    bench.done(&Action::Confirm);
    bench.now += 999;
    assert_eq!(bench.next(), Action::Flush, "too early for another look");
    bench.read(1, 10);
    assert_eq!(caught_up(&bench), [None, None], "what is read was not the end");
    bench.now += 1;
    bench.expect(&Action::LookAtEnds, Answer::Ends { began: Timestamp(1499), reached: Vec::new(), absent: false });
    assert_eq!(bench.next(), Action::Flush);
}

#[test]
fn a_log_that_cannot_be_reached_is_asked_again() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.due();
    bench.expect(&Action::Flush, Answer::Failed(unavailable()));
    assert_eq!(bench.next(), Action::Wait(500));
    bench.now += 500;
    assert_eq!(bench.next(), Action::Flush);
    // A clock that jumps back does not make it wait for ever.
    bench.expect(&Action::Flush, Answer::Failed(unavailable()));
    bench.now -= 100_000;
    assert!(!matches!(bench.next(), Action::Wait(_)), "{:?}", bench.next());
}

#[test]
fn what_no_repetition_mends_ends_the_loop() {
    let mut bench = Bench::new(SETTINGS);
    assert!(matches!(bench.fails(Answer::Failed(LogError::OutOfRange)), RunError::Log(LogError::OutOfRange)));
    let mut bench = Bench::new(SETTINGS);
    let fault = bench.fails(Answer::Settled(true));
    assert!(fault.to_string().contains("no answer"), "{fault}");
    bench.polled(0, vec![Change::Assigned(vec![at(0)])]);
    let fault = bench.fails(Answer::Done);
    assert!(fault.to_string().contains("no answer"), "{fault}");
}

#[test]
fn partitions_beyond_what_the_state_is_bound_to_are_owned_and_not_read() {
    let mut bench = Bench::new(Settings { bound: Some(2), ..SETTINGS });
    bench.polled(0, vec![Change::Assigned(vec![at(1), at(2)])]);
    assert_eq!(bench.restore_all(10).len(), 6);
    assert_eq!((bench.protocol.owned(), bench.protocol.refused()), (1, [at(2)].as_slice()));
    assert!(!bench.protocol.admit("in", 2, 10));
    bench.polled(0, vec![Change::Lost(vec![at(1), at(2)])]);
    bench.done(&Action::Forget(at(1)));
    bench.done(&Action::Forget(at(2)));
    bench.done(&Action::Release(vec![at(1), at(2)]));
    assert_eq!((bench.protocol.owned(), bench.protocol.refused().len()), (0, 0));
}

#[test]
fn a_commit_that_is_asked_for_is_made_at_once() {
    let mut bench = Bench::reading(SETTINGS, &[0]);
    bench.read(0, 10);
    bench.protocol.commit_now(Timestamp(bench.now));
    assert!(bench.protocol.is_committing());
    bench.expect(&Action::Flush, Answer::Flushed(0));
    bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
    bench.protocol.commit_now(Timestamp(bench.now));
    for call in [Call::Begin, Call::Send, Call::Deliver, Call::SendOffsets, Call::Commit] {
        bench.done(&Action::Transact(call));
    }
    bench.done(&Action::Confirm);
    assert!(!bench.protocol.is_committing(), "one commit, not two");
}

#[test]
fn partitions_take_turns_in_being_restored() {
    let mut bench = Bench::new(SETTINGS);
    bench.polled(0, vec![Change::Assigned(vec![at(0), at(1), at(2)])]);
    let mut order = Vec::new();
    for _ in 0..6 {
        let Action::Restore(partition, _) = bench.next() else { panic!("{:?}", bench.next()) };
        order.push(partition.partition);
        let action = bench.next();
        let call = if order.len() > 3 { Answer::Offset(Some(1)) } else { Answer::Settled(true) };
        bench.answer(&action, call);
        bench.polled(0, Vec::new());
    }
    order.sort_unstable();
    assert_eq!(order, [0, 0, 1, 1, 2, 2]);
}

#[test]
fn partitions_are_named_one_after_the_other() {
    assert_eq!(super::assignment::names(&[at(0), at(2)]), format!("{} {}", at(0), at(2)));
}

mod inputs {
    //! Topics that come, grow and go.

    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        stage::Input,
        words::{Presence, Sight},
    };

    const LOOKS: Settings = Settings { look_at_inputs: 3000, ..SETTINGS };

    fn of(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition::new(topic, partition)
    }

    fn sight(topics: &[(&str, Presence)], unowned: &[TopicPartition]) -> Answer {
        let topics: BTreeMap<String, Presence> = topics.iter().map(|(topic, is)| ((*topic).to_owned(), *is)).collect();
        Answer::Inputs(Some(Sight { topics, unowned: Some(unowned.to_vec()) }))
    }

    impl Bench {
        /// One that reads `in-0` and `other-0`, each from offset 10, and has looked at both.
        fn of_two() -> Self {
            let mut bench = Self::new(LOOKS);
            bench.protocol.reads(&["in".to_owned(), "other".to_owned()]);
            bench.looks(&[("in", Presence::There(1)), ("other", Presence::There(1))], &[]);
            bench.polled(0, vec![Change::Assigned(vec![of("in", 0), of("other", 0)])]);
            bench.restore_all(10);
            bench
        }

        fn looks(&mut self, topics: &[(&str, Presence)], unowned: &[TopicPartition]) {
            self.expect(&Action::LookAtInputs, sight(topics, unowned));
        }

        /// Lets three seconds pass and looks.
        fn looks_later(&mut self, topics: &[(&str, Presence)], unowned: &[TopicPartition]) {
            self.now += 3000;
            self.looks(topics, unowned);
        }

        fn waits(&self, topic: &str) -> Option<String> {
            let inputs = self.protocol.inputs();
            inputs.into_iter().find(|input| input.topic == topic).and_then(|input| input.waits)
        }

        fn reads(&self) -> Vec<(TopicPartition, i64)> {
            self.protocol.reading().map(|(at, offset, _)| (at.clone(), offset)).collect()
        }
    }

    const BOTH: [(&str, Presence); 2] = [("in", Presence::There(1)), ("other", Presence::There(1))];

    #[test]
    fn what_is_not_to_be_read_is_never_restored_and_given_back() {
        let mut bench = Bench::new(LOOKS);
        bench.protocol.reads(&["in".to_owned()]);
        bench.looks(&[("in", Presence::There(1))], &[]);
        bench.polled(0, vec![Change::Assigned(vec![of("in", 0), of("old", 0)])]);
        assert!(bench.restore_all(10).iter().all(|step| !format!("{step:?}").contains("old")));
        assert_eq!(bench.protocol.owned(), 1);
        assert!(!bench.protocol.admit("old", 0, 0));
        bench.looks_later(&[("in", Presence::There(1))], &[]);
        bench.done(&Action::AgreeAnew(Vec::new()));
        bench.expect(&Action::Flush, Answer::Flushed(0));
        bench.done(&Action::Confirm);
        let revoked = vec![of("old", 0)];
        bench.polled(0, vec![Change::Revoked(revoked.clone())]);
        bench.expect(&Action::Flush, Answer::Flushed(0));
        bench.done(&Action::Confirm);
        bench.done(&Action::Forget(of("old", 0)));
        bench.done(&Action::Release(revoked));
        bench.looks_later(&[("in", Presence::There(1))], &[]);
        assert!(matches!(bench.next(), Action::Flush), "nothing is left to be given back");
    }

    #[test]
    fn what_nobody_owns_at_two_looks_makes_the_group_agree_and_ever_more_rarely() {
        let mut bench = Bench::new(LOOKS);
        bench.protocol.reads(&["in".to_owned(), "other".to_owned()]);
        let lone = [of("other", 0)];
        bench.looks(&BOTH, &lone);
        assert!(matches!(bench.next(), Action::Poll { .. }), "one look is none");
        bench.looks_later(&BOTH, &[]);
        bench.looks_later(&BOTH, &lone);
        assert!(matches!(bench.next(), Action::Poll { .. }), "not twice in a row");
        bench.looks_later(&BOTH, &lone);
        bench.done(&Action::AgreeAnew(lone.to_vec()));
        let mut times = Vec::new();
        for _ in 0..400 {
            bench.looks_later(&BOTH, &lone);
            if let Action::AgreeAnew(_) = bench.next() {
                times.push(bench.now);
                bench.done(&Action::AgreeAnew(lone.to_vec()));
            }
        }
        let pauses: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
        assert!((24_000..30_000).contains(&pauses[0]) && pauses.iter().all(|pause| *pause <= 303_000), "{pauses:?}");
        assert!(times.len() < 10, "{} times in twenty minutes", times.len());
        bench.looks_later(&BOTH, &[]);
        bench.looks_later(&BOTH, &lone);
        bench.looks_later(&BOTH, &lone);
        bench.done(&Action::AgreeAnew(lone.to_vec()));
    }

    #[test]
    fn a_group_that_is_yet_to_agree_is_looked_at_again_soon() {
        let mut bench = Bench::new(LOOKS);
        bench.protocol.reads(&["in".to_owned()]);
        bench.expect(&Action::LookAtInputs, Answer::Inputs(None));
        bench.now += 999;
        assert!(matches!(bench.next(), Action::Poll { .. }));
        bench.now += 1;
        bench.looks(&[("in", Presence::There(1))], &[]);
    }

    #[test]
    fn a_topic_that_goes_is_set_aside_and_read_from_its_beginning_when_it_comes_back() {
        let mut bench = Bench::of_two();
        bench.looks_later(&[BOTH[0], ("other", Presence::Missing)], &[]);
        bench.done(&Action::Forget(of("other", 0)));
        bench.done(&Action::Unassign(vec![of("other", 0)]));
        assert_eq!(bench.reads(), [(of("in", 0), 10)]);
        assert_eq!(bench.waits("other").as_deref(), Some("the topic does not exist"));
        assert_eq!((bench.protocol.partitions_of("other"), bench.waits("in")), (None, None));
        bench.expect(&Action::Flush, Answer::Flushed(0));
        bench.done(&Action::Confirm);
        bench.looks_later(&BOTH, &[]);
        bench.done(&Action::Subscribe);
        // The brokers have forgotten the group's offset; what was written of the old topic counts for nothing.
        bench.polled(0, Vec::new());
        bench.expect(&Action::Restore(of("other", 0), RestoreCall::Settle), Answer::Settled(true));
        bench.polled(0, Vec::new());
        bench.expect(&Action::Restore(of("other", 0), RestoreCall::Offset), Answer::Offset(None));
        bench.polled(0, Vec::new());
        bench.expect(&Action::Restore(of("other", 0), RestoreCall::Read), Answer::Read(true));
        bench.polled(0, Vec::new());
        bench.expect(&Action::Restore(of("other", 0), RestoreCall::Range), Answer::Range(0, 3));
        bench.polled(0, Vec::new());
        let build = RestoreCall::Build { first: 0, known: None };
        bench.expect(&Action::Restore(of("other", 0), build), Answer::Built(Resume::Committed, true));
        bench.polled(0, Vec::new());
        bench.done(&Action::Assign(of("other", 0), 0));
        assert_eq!(bench.waits("other"), None);
    }

    #[test]
    fn a_topic_that_was_seen_missing_is_not_read_before_it_is_there() {
        let mut bench = Bench::new(LOOKS);
        bench.protocol.reads(&["in".to_owned(), "other".to_owned()]);
        bench.looks(&[BOTH[0], ("other", Presence::Forbidden)], &[of("other", 0)]);
        bench.polled(0, vec![Change::Assigned(vec![of("in", 0), of("other", 0)])]);
        bench.restore_all(10);
        assert_eq!(bench.reads(), [(of("in", 0), 10)]);
        assert!(bench.waits("other").unwrap().contains("ACL"));
        bench.looks_later(&[BOTH[0], ("other", Presence::Forbidden)], &[of("other", 0)]);
        assert!(!matches!(bench.next(), Action::AgreeAnew(_)), "nobody can own it");
    }

    #[test]
    fn a_partition_that_ends_too_early_is_refused_and_the_others_are_read() {
        let mut bench = Bench::new(LOOKS);
        bench.protocol.reads(&["in".to_owned(), "other".to_owned()]);
        bench.looks(&BOTH, &[]);
        bench.polled(0, vec![Change::Assigned(vec![of("in", 0), of("other", 0)])]);
        // Both are restored to an offset beyond the end that `Range` tells, 1000.
        for _ in 0..2 {
            bench.restore_all(1001);
            for _ in 0..2 {
                let action = bench.next();
                assert!(matches!(action, Action::Forget(_) | Action::Unassign(_)), "{action:?}");
                bench.done(&action);
            }
            bench.looks(&BOTH, &[]);
        }
        let refused = |bench: &Bench, topic: &str| bench.waits(topic).is_some_and(|why| why.contains("offset 1001"));
        assert!(refused(&bench, "in") && refused(&bench, "other"));
        assert_eq!(bench.reads(), []);

        let mut bench = Bench::of_two();
        let fault = LogError::Rewound { partition: of("other", 0), offset: 10, end: 0 };
        let poll = bench.next();
        bench.answer(&poll, Answer::Failed(fault));
        bench.done(&Action::Forget(of("other", 0)));
        bench.done(&Action::Unassign(vec![of("other", 0)]));
        assert_eq!(bench.reads(), [(of("in", 0), 10)]);
        bench.looks(&BOTH, &[]);
        assert!(bench.waits("other").unwrap().contains("it ends at offset 0"));
        bench.looks_later(&BOTH, &[]);
        assert_eq!(bench.reads(), [(of("in", 0), 10)], "it stays refused: what it would skip by then, nobody knows");
    }

    #[test]
    fn where_nobody_looks_a_topic_that_goes_is_the_end() {
        let mut bench = Bench::reading(SETTINGS, &[0]);
        let absent = || LogError::Absent { doing: "read", reason: "unknown topic".to_owned() };
        let fault = bench.fails(Answer::Failed(absent()));
        assert!(matches!(fault, RunError::Log(LogError::Absent { .. })), "{fault}");
        let rewound = LogError::Rewound { partition: at(0), offset: 10, end: 0 };
        assert!(matches!(bench.fails(Answer::Failed(rewound)), RunError::Log(LogError::Rewound { .. })));
        let mut bench = Bench::of_two();
        let poll = bench.next();
        bench.answer(&poll, Answer::Failed(absent()));
        bench.now += 500;
        bench.polled_or_flushed();
        assert_eq!(bench.next(), Action::LookAtInputs, "which one, a look will show");
    }

    #[test]
    fn a_topic_that_is_missed_at_a_look_at_ends_is_in_no_transaction() {
        let mut bench = Bench::new(Settings { look_at_ends: 1, ..LOOKS });
        bench.protocol.reads(&["in".to_owned(), "other".to_owned()]);
        bench.looks(&BOTH, &[]);
        bench.polled(0, vec![Change::Assigned(vec![of("in", 0), of("other", 0)])]);
        bench.restore_all(10);
        bench.read(0, 10);
        bench.polled(1, Vec::new());
        bench.now += 500;
        let ends = Answer::Ends { began: Timestamp(500), reached: Vec::new(), absent: true };
        bench.expect(&Action::LookAtEnds, ends);
        bench.looks(&[BOTH[0], ("other", Presence::Missing)], &[]);
        bench.done(&Action::Forget(of("other", 0)));
        bench.done(&Action::Unassign(vec![of("other", 0)]));
        bench.expect(&Action::Flush, Answer::Flushed(1));
        bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
        assert_eq!(bench.protocol.offsets(), [(of("in", 0), 11)]);
    }

    impl Bench {
        fn polled_or_flushed(&mut self) {
            while !matches!(self.next(), Action::LookAtInputs) {
                let action = self.next();
                let answer = match action {
                    Action::Poll { .. } => Answer::Polled { records: 0, changes: Vec::new() },
                    Action::Flush => Answer::Flushed(0),
                    _ => Answer::Done,
                };
                self.answer(&action, answer);
            }
        }
    }

    #[test]
    fn other_topics_are_subscribed_to_and_the_old_ones_given_up_with_a_commit() {
        let mut bench = Bench::of_two();
        bench.protocol.subscribe(&["in".to_owned(), "new".to_owned()]);
        bench.done(&Action::Subscribe);
        bench.looks(&[BOTH[0], ("new", Presence::There(2))], &[]);
        let input = |topic: &str, count| Input { topic: topic.to_owned(), partitions: Some(count), waits: None };
        assert_eq!(bench.protocol.inputs(), [input("in", 1), input("new", 2)]);
        assert_eq!(bench.reads().len(), 2, "it is ours until the group says otherwise");
        assert!(bench.protocol.admit("other", 0, 10));
        bench.polled(1, vec![Change::Revoked(vec![of("other", 0)]), Change::Assigned(vec![of("new", 1)])]);
        bench.expect(&Action::Flush, Answer::Flushed(1));
        bench.expect(&Action::Transact(Call::Repeats), Answer::Repeats(0));
        assert_eq!(bench.protocol.offsets(), [(of("in", 0), 10), (of("other", 0), 11)]);
        for call in [Call::Begin, Call::Send, Call::Deliver, Call::SendOffsets, Call::Commit] {
            bench.done(&Action::Transact(call));
        }
        bench.done(&Action::Confirm);
        bench.done(&Action::Forget(of("other", 0)));
        bench.done(&Action::Release(vec![of("other", 0)]));
        bench.restore_all(10);
        assert_eq!(bench.reads(), [(of("in", 0), 10), (of("new", 1), 10)]);
    }
}
