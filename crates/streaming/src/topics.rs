//! Creating topics, and refusing to work on wrong ones.

use std::collections::BTreeMap;

use crate::{
    log::Log,
    words::{LogError, TopicSpec},
};

/// What `apply` did with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It did not exist and was created.
    Created,
    /// It existed and is as it must be.
    AsWanted,
}

/// Why topics cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// Settings differ; each line names one.
    #[error("topics are not as they must be:\n{0}")]
    Differs(String),
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Differences between a topic and what it must be, one a line; empty if there are none.
pub fn differences(log: &dyn Log, spec: &TopicSpec) -> Result<Vec<String>, LogError> {
    let Some(found) = log.describe(&spec.name)? else {
        return Ok(vec![format!("{}: does not exist; run `vernier topics apply`", spec.name)]);
    };
    let mut differences = Vec::new();
    if found.partitions != spec.partitions {
        differences.push(format!(
            "{}: partitions is {}, must be {}; the state is bound to the number of partitions: use a fresh prefix or the old number",
            spec.name, found.partitions, spec.partitions
        ));
    }
    for (name, wanted) in spec.settings() {
        let value = found.configs.get(&name).map_or("(not set)", String::as_str);
        if value != wanted {
            differences.push(format!(
                "{}: {name} is {value}, must be {wanted}; mend it with kafka-configs.sh --alter --topic {} --add-config {name}={wanted}",
                spec.name, spec.name
            ));
        }
    }
    Ok(differences)
}

/// What the promise of exactly-once rests on beside the topics. Without it, brokers take late records of a transaction that
/// is over (KIP-890).
const OF_BROKERS: [(&str, &str); 1] = [("transaction.partition.verification.enable", "true")];

/// Differences between the settings of brokers and what they must be, one a line. A setting that a broker does not name
/// is left out: it is too old or too new to have it.
pub fn broker_differences(settings: &BTreeMap<i32, BTreeMap<String, String>>) -> Vec<String> {
    let of_broker = |(broker, settings): (&i32, &BTreeMap<String, String>)| {
        let differing = OF_BROKERS.into_iter().filter_map(|(name, wanted)| {
            let value = settings.get(name).filter(|value| *value != wanted)?;
            Some(format!(
                "broker {broker}: {name} is {value}, must be {wanted}; mend it with kafka-configs.sh --alter --entity-type brokers --entity-default --add-config {name}={wanted}"
            ))
        });
        differing.collect::<Vec<_>>()
    };
    settings.iter().flat_map(of_broker).collect()
}

/// Refuses topics that are not as they must be.
pub fn verify(log: &dyn Log, specs: &[TopicSpec]) -> Result<(), TopicError> {
    let mut lines = Vec::new();
    for spec in specs {
        lines.extend(differences(log, spec)?);
    }
    if lines.is_empty() { Ok(()) } else { Err(TopicError::Differs(lines.join("\n"))) }
}

/// Creates the topics that do not exist and refuses those that differ.
pub fn apply(log: &dyn Log, specs: &[TopicSpec]) -> Result<Vec<(String, Applied)>, TopicError> {
    let mut done = Vec::new();
    for spec in specs {
        let applied = if log.describe(&spec.name)?.is_none() {
            log.create(spec)?;
            Applied::Created
        } else {
            Applied::AsWanted
        };
        done.push((spec.name.clone(), applied));
    }
    verify(log, specs)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_a_broker_differs_where_it_is_named_and_another() {
        let broker = |value: Option<&str>| {
            let named = value.map(|value| (OF_BROKERS[0].0.to_owned(), value.to_owned()));
            named.into_iter().chain([("log.retention.hours".to_owned(), "1".to_owned())]).collect()
        };
        let settings = BTreeMap::from([(1, broker(Some("true"))), (2, broker(None)), (3, broker(Some("false")))]);
        let lines = broker_differences(&settings);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("broker 3: transaction.partition.verification.enable is false"), "{lines:?}");
    }
}
