//! What goes out: the event under its primary key, its reference copies, and the progress records
//! that follow them in the same transaction.

use std::sync::Arc;

use records::{Progress, headers};
use streaming::{OutRecord, Outbox};

use crate::{route::Route, validate::Event};

/// The event under its primary key, then its reference copies.
pub(crate) fn publish(
    event: &Event<'_>,
    route: &Route,
    (topic, partitions): (&Arc<str>, i32),
    (source, mapping): (&str, Option<&str>),
    pending: &mut Vec<OutRecord>,
) {
    let value = event.draft.bytes();
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let record = |key: &str, value: Vec<u8>, headers| OutRecord {
        topic: Arc::clone(topic),
        partition: None,
        key: Some(key.as_bytes().to_vec()),
        value: Some(value),
        headers,
        // The time of publishing: by the event's own time, brokers would drop a history as too old while it is read.
        timestamp: None,
    };
    let reference = |population: &str| {
        vec![
            header(headers::KIND, headers::REFERENCE),
            header(headers::SOURCE, source.as_bytes()),
            header(headers::POPULATION, population.as_bytes()),
        ]
    };
    for (population, key) in &route.references {
        pending.push(record(key, value.clone(), reference(population)));
    }
    for population in &route.to_all {
        for partition in 0..partitions {
            let copy = record(&route.primary, value.clone(), reference(population));
            pending.push(OutRecord { partition: Some(partition), ..copy });
        }
    }
    let mut headers = vec![header(headers::KIND, headers::EVENT), header(headers::SOURCE, source.as_bytes())];
    headers.extend(mapping.map(|digest| header(headers::MAPPING, digest.as_bytes())));
    pending.push(record(&route.primary, value, headers));
}

/// The progress record, to every partition of the events: each reader learns the time for itself.
pub fn announce(progress: &Progress, topic: &Arc<str>, partitions: i32, out: &mut Outbox) {
    let value = records::encode(progress);
    for partition in 0..partitions {
        out.send(OutRecord {
            topic: Arc::clone(topic),
            partition: Some(partition),
            key: Some(progress.source_partition().into_bytes()),
            value: Some(value.clone()),
            headers: vec![
                (headers::KIND.to_owned(), headers::PROGRESS.to_vec()),
                (headers::SOURCE.to_owned(), progress.source.as_bytes().to_vec()),
            ],
            timestamp: None,
        });
    }
}
