//! What a producer's client did on its own while a transaction was made, by its statistics.
//!
//! Statistics wait in a queue until somebody polls, so that one that is handed over after a commit may have been made
//! before it. They say how old the client was when they were made: only what is older than the client was at the end of the
//! transaction tells of the whole transaction. Connections that are closed between two transactions, because nothing
//! went over them, do not matter: nothing was under way.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rdkafka::{ClientContext, Statistics, message::DeliveryResult, producer::ProducerContext};

/// Ears of a producer. Clones share them.
#[derive(Clone)]
pub(super) struct Watch(Arc<Heard>);

struct Heard {
    /// Taken before the client was made: never later than its own beginning.
    born: Instant,
    seen: Mutex<Seen>,
    /// A delivery of the open transaction failed.
    failed: AtomicBool,
}

/// Troubles are timed-out and retried requests, and disconnects, since the client was made.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    latest: i64,
    /// When the last transaction began.
    before: i64,
    /// Age of the client at its end, in microseconds; at least as high as the client would say.
    ended_at: Option<i64>,
    /// By the first statistics that are newer.
    after: Option<i64>,
    /// Over all transactions.
    repeats: u64,
}

impl Seen {
    fn statistics(&mut self, age: i64, troubles: i64) {
        self.latest = troubles;
        if self.after.is_none() && self.ended_at.is_some_and(|ended_at| age > ended_at) {
            self.after = Some(troubles);
            let risen = troubles.saturating_sub(self.before);
            self.repeats = self.repeats.saturating_add(u64::try_from(risen).unwrap_or(0));
        }
    }

    const fn begin(&mut self) {
        self.before = self.latest;
        self.ended_at = None;
        self.after = None;
    }

    /// What is known of all transactions that have ended; `None` while it is not known yet.
    const fn repeats(&self) -> Option<u64> {
        if self.ended_at.is_some() && self.after.is_none() { None } else { Some(self.repeats) }
    }
}

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "the age of a client, not a time of the data")]
    pub(super) fn new() -> Self {
        let heard = Heard { born: Instant::now(), seen: Mutex::default(), failed: AtomicBool::new(false) };
        Self(Arc::new(heard))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction begins.
    pub(super) fn begin(&self) {
        self.0.failed.store(false, Ordering::Release);
        self.seen().begin();
    }

    /// The last call of a transaction has come back.
    pub(super) fn ended(&self) {
        let age = i64::try_from(self.0.born.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.seen().ended_at = Some(age);
    }

    /// How many requests were repeated; `None` while it is not known of the last transaction.
    pub(super) fn repeats(&self) -> Option<u64> {
        self.seen().repeats()
    }

    /// Whether a record of the open transaction was not delivered.
    pub(super) fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }
}

impl ClientContext for Watch {
    fn stats(&self, statistics: Statistics) {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let troubles = statistics
            .brokers
            .values()
            // The addresses of the configuration are for finding the brokers; nothing of a transaction goes there.
            .filter(|broker| broker.source != "configured")
            .map(|broker| {
                let disconnects = broker.disconnects.unwrap_or(0);
                count(broker.req_timeouts).saturating_add(count(broker.txretries)).saturating_add(disconnects)
            })
            .sum();
        self.seen().statistics(statistics.age, troubles);
    }
}

impl ProducerContext for Watch {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((fault, _)) = result
            && !self.0.failed.swap(true, Ordering::AcqRel)
        {
            tracing::warn!(%fault, "a record of the transaction was not delivered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_a_transaction() -> Seen {
        let mut seen = Seen::default();
        seen.statistics(100, 2);
        seen.begin();
        seen.ended_at = Some(1000);
        seen
    }

    #[test]
    fn only_statistics_that_are_newer_than_the_end_tell() {
        let mut seen = after_a_transaction();
        assert_eq!(seen.repeats(), None);
        for age in [200, 999, 1000] {
            seen.statistics(age, 2);
            assert_eq!(seen.repeats(), None, "made at {age}, before the end");
        }
        seen.statistics(1001, 2);
        assert_eq!(seen.repeats(), Some(0));
    }

    #[test]
    fn what_rose_within_a_transaction_counts_and_what_rose_between_two_does_not() {
        let mut seen = after_a_transaction();
        seen.statistics(1001, 3);
        assert_eq!(seen.repeats(), Some(1));
        seen.statistics(2000, 9);
        assert_eq!(seen.repeats(), Some(1), "connections that nobody used were closed");
        seen.begin();
        seen.ended_at = Some(3000);
        seen.statistics(3001, 9);
        assert_eq!(seen.repeats(), Some(1));
        seen.begin();
        seen.ended_at = Some(4000);
        seen.statistics(4001, 11);
        assert_eq!(seen.repeats(), Some(3));
    }

    #[test]
    fn who_has_made_no_transaction_has_repeated_nothing() {
        assert_eq!(Seen::default().repeats(), Some(0));
    }
}
