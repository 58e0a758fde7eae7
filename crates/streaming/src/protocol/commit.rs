//! When to commit, and what follows from how it went.

use measurement::time::Timestamp;

use super::{
    Protocol,
    partition::Partition,
    transaction::{Outcome, Transaction},
    words::Action,
};
use crate::words::TransactionError;

impl Protocol {
    /// A member that has not been seen for half a session may have lost what it owns: it polls before it commits.
    pub(super) fn can_commit(&self, now: Timestamp) -> bool {
        let silent = now.0.saturating_sub(self.last_poll.0).saturating_abs();
        !self.renew && silent <= self.settings.session_timeout / 2 && self.reading().next().is_some()
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let waited = now.0.saturating_sub(self.last_commit.0);
        let due = waited >= self.settings.commit_interval || waited < 0;
        (due || self.since_commit >= self.settings.commit_records) && self.can_commit(now)
    }

    pub(super) fn flush(&self, now: Timestamp) -> Action {
        let every = self.settings.look_at_ends;
        let due = every > 0 && now.0.saturating_sub(self.last_look.0).saturating_abs() >= every;
        if due && !self.looked { Action::LookAtEnds } else { Action::Flush }
    }

    /// How long a poll may wait: until the next commit, or the next step of a restore.
    pub(super) fn patience(&self, now: Timestamp) -> Option<i64> {
        let each = |partition: &Partition| {
            if partition.is_reading() {
                self.last_commit.plus(self.settings.commit_interval)
            } else {
                partition.not_before
            }
        };
        let next = self.partitions.iter().map(each).min();
        next.map(|next| next.0.saturating_sub(now.0).max(1))
    }

    pub(super) fn flushed(&mut self, now: Timestamp, records: usize) {
        self.flush_now = false;
        self.looked = false;
        self.last_commit = now;
        self.since_commit = 0;
        let moved =
            self.partitions.iter().any(|known| known.is_reading() && known.next_offset != known.committed_offset);
        if records == 0 && !moved {
            self.queue.push_back(Action::Confirm);
            return;
        }
        self.offsets = self.reading().map(|(at, offset, _)| (at.clone(), offset)).collect();
        self.transaction = Some(Transaction::new(true));
    }

    pub(super) fn repeated(&mut self, repeats: u64) {
        if repeats > 0 {
            tracing::warn!(
                "the client has repeated a request on its own: a late copy may be under way, a new producer takes over"
            );
            self.counts.repeats += 1;
            self.renew = true;
        } else if let Some(transaction) = &mut self.transaction {
            transaction.nothing_repeated();
        }
    }

    pub(super) fn transacted(&mut self, now: Timestamp, answer: Result<(), TransactionError>) {
        let outcome = self.transaction.as_mut().and_then(|transaction| transaction.answer(answer));
        let Some(outcome) = outcome else { return };
        self.transaction = None;
        let offsets = std::mem::take(&mut self.offsets);
        match outcome {
            Outcome::Committed => {
                self.counts.commits += 1;
                for (at, offset) in offsets {
                    if let Some(partition) = self.find(&at) {
                        partition.committed_offset = offset;
                    }
                }
                self.queue.push_back(Action::Confirm);
            }
            Outcome::Refused(TransactionError::Aborted(reason)) => {
                self.counts.aborts += 1;
                tracing::warn!(reason, "a transaction was aborted; its partitions are restored and read again");
                self.start_over();
            }
            Outcome::Refused(fault @ (TransactionError::Unclear(_) | TransactionError::Fenced { .. })) => {
                self.counts.unclear += 1;
                if matches!(fault, TransactionError::Fenced { .. }) {
                    // The broker has given the transaction up after its timeout, or another process has our name. The
                    // group tells the two apart: see `Protocol::shut_out`.
                    self.producer_fenced_at = Some(now);
                }
                tracing::warn!(
                    %fault,
                    "it is unknown whether a transaction stands: a new producer takes over; its partitions are restored and read again"
                );
                self.renew = true;
                self.start_over();
            }
        }
    }

    /// The stage's memory is ahead of what stands.
    fn start_over(&mut self) {
        let mut list = Vec::new();
        for partition in self.partitions.iter_mut().filter(|partition| partition.is_reading()) {
            list.push(partition.at.clone());
            partition.start_over();
        }
        self.polled = false;
        self.queue.extend(list.iter().cloned().map(Action::Forget));
        self.queue.push_back(Action::Unassign(list));
    }
}
