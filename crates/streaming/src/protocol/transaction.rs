//! One transaction, call by call.
//!
//! The order is: look whether the client has repeated a request on its own, begin, send, wait for the deliveries,
//! send the offsets, commit. Offsets before the deliveries cost some 100 ms a transaction on a cluster, because the
//! coordinator refuses while it still adds partitions and librdkafka then waits.

use crate::words::TransactionError;

/// A call on the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`crate::Producer::repeats`]; to be answered by [`Transaction::nothing_repeated`] once nothing is under way.
    Repeats,
    /// [`crate::Producer::begin`].
    Begin,
    /// [`crate::Producer::send`] for each record.
    Send,
    /// [`crate::Producer::deliver`].
    Deliver,
    /// [`crate::Producer::send_offsets`].
    SendOffsets,
    /// [`crate::Producer::commit`].
    Commit,
    /// [`crate::Producer::abort`].
    Abort,
}

/// What became of a transaction.
#[derive(Debug)]
pub enum Outcome {
    /// It stands.
    Committed,
    /// It does not stand, or nobody knows.
    Refused(TransactionError),
}

/// A transaction under way.
#[derive(Debug)]
pub struct Transaction {
    call: Call,
    offsets: bool,
    /// Why it is being aborted.
    reason: String,
}

impl Transaction {
    /// A transaction that is to be begun, with input offsets or without.
    pub const fn new(offsets: bool) -> Self {
        Self { call: Call::Repeats, offsets, reason: String::new() }
    }

    /// The call to be made.
    pub const fn next(&self) -> Call {
        self.call
    }

    /// The producer has nothing under way that it does not know the end of.
    pub fn nothing_repeated(&mut self) {
        if self.call == Call::Repeats {
            self.call = Call::Begin;
        }
    }

    /// Takes the answer to the call. Gives what became of the transaction, once it is over.
    pub fn answer(&mut self, answer: Result<(), TransactionError>) -> Option<Outcome> {
        match (self.call, answer) {
            (Call::Commit, Ok(())) => return Some(Outcome::Committed),
            (Call::Abort, Ok(())) => {
                let reason = std::mem::take(&mut self.reason);
                return Some(Outcome::Refused(TransactionError::Aborted(reason)));
            }
            (Call::Repeats, Ok(())) => {}
            (Call::Begin, Ok(())) => self.call = Call::Send,
            (Call::Send, Ok(())) => self.call = Call::Deliver,
            (Call::Deliver, Ok(())) => self.call = if self.offsets { Call::SendOffsets } else { Call::Commit },
            (Call::SendOffsets, Ok(())) => self.call = Call::Commit,
            // What was refused there cannot be aborted: nothing was begun, or the abort itself says nothing good
            // about what the broker thinks of us.
            (Call::Repeats | Call::Begin, Err(TransactionError::Aborted(reason))) => {
                return Some(Outcome::Refused(TransactionError::Unclear(reason)));
            }
            (Call::Abort, Err(TransactionError::Aborted(abort))) => {
                let reason = format!("{}; then {abort}", self.reason);
                return Some(Outcome::Refused(TransactionError::Unclear(reason)));
            }
            (_, Err(TransactionError::Aborted(reason))) => {
                self.reason = reason;
                self.call = Call::Abort;
            }
            (_, Err(fault)) => return Some(Outcome::Refused(fault)),
        }
        None
    }
}
