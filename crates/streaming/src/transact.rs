//! Transactions on a producer, for whoever drives one without a group's loop: makes the calls that
//! [`Transaction`] asks for.

use crate::{
    log::{GroupMetadata, Producer},
    protocol::{Call, Outcome, Transaction},
    record::{OutRecord, TopicPartition},
    words::TransactionError,
};

/// Input offsets that go into a transaction, with the membership that they are sent under.
pub type Offsets<'a> = (&'a [(TopicPartition, i64)], &'a GroupMetadata);

/// Makes the next call of a transaction, so that a simulation can put anything between two of them. Gives what became
/// of it, once it is over. Records are asked for when they are to be sent. Where the client has repeated a request on
/// its own, a late copy may be under way: no transaction is begun, and the outcome is unclear.
pub fn advance(
    transaction: &mut Transaction,
    producer: &mut dyn Producer,
    records: impl FnOnce() -> Vec<OutRecord>,
    offsets: Option<Offsets<'_>>,
) -> Option<Outcome> {
    let answer = match transaction.next() {
        Call::Repeats => match producer.repeats() {
            Ok(0) => {
                transaction.nothing_repeated();
                return None;
            }
            Ok(_) => {
                let reason = "the client has repeated a request on its own, and a late copy may be under way";
                Err(TransactionError::Unclear(reason.to_owned()))
            }
            Err(fault) => Err(fault),
        },
        Call::Begin => producer.begin(),
        Call::Send => records().into_iter().try_for_each(|record| producer.send(record)),
        Call::Deliver => producer.deliver(),
        Call::SendOffsets => offsets.map_or(Ok(()), |(offsets, group)| producer.send_offsets(offsets, group)),
        Call::Commit => producer.commit(),
        Call::Abort => producer.abort(),
    };
    transaction.answer(answer)
}

/// A whole transaction. An error that is no fencing leaves it aborted, or says that nobody knows.
pub fn transact(
    producer: &mut dyn Producer,
    records: Vec<OutRecord>,
    offsets: Option<Offsets<'_>>,
) -> Result<(), TransactionError> {
    let mut transaction = Transaction::new(offsets.is_some());
    // Whoever makes single transactions makes the next one, if any, with another producer.
    transaction.nothing_repeated();
    let mut records = Some(records);
    loop {
        match advance(&mut transaction, producer, || records.take().unwrap_or_default(), offsets) {
            None => {}
            Some(Outcome::Committed) => return Ok(()),
            Some(Outcome::Refused(fault)) => return Err(fault),
        }
    }
}
