//! Topics that a source waits for: named in the log, and in a metric.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use measurement::time::Timestamp;

/// Shortest time between two warnings about a topic, in milliseconds.
const TELL_AGAIN: i64 = 60_000;

/// The topics of the sources, written by the loop and read by the exporter.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<BTreeMap<String, Topic>>);

#[derive(Debug)]
struct Topic {
    source: Arc<str>,
    /// Why it is not read, or not as a whole.
    reason: Option<String>,
    told: Option<Timestamp>,
}

impl Waiting {
    /// Notes how a topic stands, and warns of one that is not read: at once, and every minute.
    pub fn note(&self, source: &Arc<str>, topic: &str, reason: Option<&str>, now: Timestamp) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Topic { source: Arc::clone(source), reason: None, told: None };
        let known = topics.entry(topic.to_owned()).or_insert_with(new);
        if let Some(reason) = reason {
            let again = |told: Timestamp| now.0.saturating_sub(told.0).saturating_abs() >= TELL_AGAIN;
            if known.told.is_none_or(again) || known.reason.as_deref() != Some(reason) {
                tracing::warn!(%source, topic, reason, "the source waits; the others are read");
                known.told = Some(now);
            }
        } else if known.reason.is_some() {
            tracing::info!(%source, topic, "the source waits for this topic no more");
            known.told = None;
        }
        known.reason = reason.map(str::to_owned);
    }

    /// Nobody waits for a topic any more that is not to be read.
    pub fn keep(&self, is_read: impl Fn(&str) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|topic, _| is_read(topic));
    }

    /// Source, topic, and whether it is waited for.
    pub fn topics(&self) -> Vec<(String, String, bool)> {
        let topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let each =
            |(topic, known): (&String, &Topic)| (known.source.to_string(), topic.clone(), known.reason.is_some());
        topics.iter().map(each).collect()
    }
}
