//! The true answers of the shipped constructs, worked out from what was planted.
//!
//! Shares no code with the engine: calendar arithmetic by chrono on local dates, fractions of two integers,
//! each construct written out by hand from its description.

mod answer;
mod constructs;
mod fraction;
mod outcome;

pub use answer::Answer;

use super::plant::Organisation;

/// All answers for periods that are final a day before the end of the history.
pub fn answers(organisation: &Organisation) -> Vec<Answer> {
    let mut answers = constructs::answers(organisation);
    answers.sort_by(|left, right| {
        let key = |answer: &Answer| (answer.construct.clone(), answer.period_start, answer.group.clone());
        key(left).cmp(&key(right))
    });
    answers
}
