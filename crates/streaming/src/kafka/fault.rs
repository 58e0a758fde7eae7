//! What an error of the client means.

use std::time::Duration;

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

use crate::words::LogError;

/// The error of a call: fatal where the client cannot go on.
pub(super) fn failed(doing: &'static str, fault: &KafkaError) -> LogError {
    let reason = fault.to_string();
    match fault.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::TopicAuthorizationFailed,
        ) => LogError::Absent { doing, reason },
        Some(
            RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ) => LogError::Fatal { doing, reason },
        _ => LogError::Unavailable { doing, reason },
    }
}

/// Whether the client itself tries again after such an error: it tells of a connection, not of what was asked.
pub(super) fn is_passing(fault: &KafkaError) -> bool {
    matches!(
        fault.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
        )
    )
}

/// Tells of brokers that cannot be reached, not of every one of the client's attempts.
#[derive(Default)]
pub(super) struct Passing(Option<std::time::Instant>);

impl Passing {
    #[expect(clippy::disallowed_methods, reason = "how often a warning is given, not a time of the data")]
    pub(super) fn tell(&mut self, fault: &KafkaError) {
        let now = std::time::Instant::now();
        if self.0.is_none_or(|told| now.duration_since(told) > Duration::from_secs(5)) {
            tracing::warn!(%fault, "a broker cannot be reached");
            self.0 = Some(now);
        }
    }
}
