//! True answers beside results.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use records::ResultRecord;
use vernier::generate::truth::Answer;

type Key = (String, i64, String);

/// Differences between true answers and the newest results, a line each: missing, other base measures, value
/// or outcome, a group that is not there in truth.
pub fn differences(truth: &[Answer], results: &[ResultRecord]) -> Vec<String> {
    let key =
        |result: &ResultRecord| -> Key { (result.construct.clone(), result.period.start.0, result.group_label()) };
    let found: HashMap<Key, &ResultRecord> = results.iter().map(|result| (key(result), result)).collect();
    let mut lines = Vec::new();
    let mut wanted = BTreeSet::new();
    let mut periods = BTreeSet::new();
    for answer in truth {
        let key: Key = (answer.construct.clone(), answer.period_start, answer.group.clone());
        match found.get(&key) {
            None => lines.push(format!("missing: {answer:?}")),
            Some(result) => lines.extend(difference(answer, result)),
        }
        periods.insert((answer.construct.clone(), answer.period_start));
        wanted.insert(key);
    }
    for (key, result) in &found {
        if !wanted.contains(key) && periods.contains(&(key.0.clone(), key.1)) {
            lines.push(format!("a group that is not there: {result:?}"));
        }
    }
    lines
}

fn difference(answer: &Answer, result: &ResultRecord) -> Option<String> {
    let base: BTreeMap<String, String> = result
        .base
        .iter()
        .map(|(name, base)| (name.clone(), base.value.as_ref().map(ToString::to_string).unwrap_or_default()))
        .collect();
    let same = base == answer.base
        && result.period.end.0 == answer.period_end
        && result.value.as_ref().map(ToString::to_string) == answer.value
        && result.outcome == answer.outcome;
    (!same).then(|| format!("wanted {answer:?}, found {result:?}"))
}

/// What a result says, without its place in the ledger: for comparing two ways of running the chain.
pub fn sayings(results: &[ResultRecord], until: i64) -> BTreeMap<Key, String> {
    results
        .iter()
        .filter(|result| result.period.end.0 <= until)
        .map(|result| {
            let said = serde_json::json!({
                "base": result.base, "derived": result.derived, "value": result.value, "outcome": result.outcome,
                "numerator": result.numerator, "denominator": result.denominator, "trend": result.trend,
            });
            ((result.construct.clone(), result.period.start.0, result.group_label()), said.to_string())
        })
        .collect()
}
