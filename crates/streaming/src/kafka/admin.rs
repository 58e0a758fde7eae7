//! Creating and describing topics.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    types::RDKafkaErrorCode,
};

use super::{
    config::{self, KafkaConfig},
    fault::failed,
    observer::Observers,
};
use crate::words::{LogError, Presence, TopicDescription, TopicSpec};

/// How long one question to the cluster may take.
const ASK: Duration = Duration::from_secs(15);

fn admin(config: &KafkaConfig) -> Result<AdminClient<DefaultClientContext>, LogError> {
    config::client(config).create().map_err(|fault| failed("create an admin client", &fault))
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ASK)).request_timeout(Some(ASK))
}

/// Whether a topic can be read, by what every broker knows.
pub(super) fn presence(observer: &BaseConsumer, topic: &str, patience: Duration) -> Result<Presence, LogError> {
    const DOING: &str = "describe a topic";
    let metadata = observer.fetch_metadata(Some(topic), patience).map_err(|fault| failed(DOING, &fault))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(Presence::Missing);
    };
    let count = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX);
    match found.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(Presence::Missing),
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Ok(Presence::Forbidden),
        Some(code) => Err(LogError::Unavailable { doing: DOING, reason: format!("{topic}: {code}") }),
        None if count == 0 => Ok(Presence::Missing),
        None => Ok(Presence::There(count)),
    }
}

/// Number of partitions of a topic, without its settings: that is one request less.
pub(super) fn partitions(config: &KafkaConfig, observers: &Observers, topic: &str) -> Result<i32, LogError> {
    match presence(observers.uncommitted(config)?.as_ref(), topic, ASK)? {
        Presence::There(partitions) => Ok(partitions),
        Presence::Missing => Err(LogError::NoTopic(topic.to_owned())),
        Presence::Forbidden => Err(LogError::Absent {
            doing: "describe a topic",
            reason: format!("{topic}: {}", RDKafkaErrorCode::TopicAuthorizationFailed),
        }),
    }
}

pub(super) fn describe(
    config: &KafkaConfig,
    observers: &Observers,
    topic: &str,
) -> Result<Option<TopicDescription>, LogError> {
    let partitions = match presence(observers.uncommitted(config)?.as_ref(), topic, ASK)? {
        Presence::There(partitions) => partitions,
        Presence::Missing => return Ok(None),
        Presence::Forbidden => {
            let reason = format!("{topic}: {}", RDKafkaErrorCode::TopicAuthorizationFailed);
            return Err(LogError::Unavailable { doing: "describe a topic", reason });
        }
    };
    let configs = settings(&admin(config)?, &ResourceSpecifier::Topic(topic), "describe a topic", topic)?;
    Ok(Some(TopicDescription { partitions, configs }))
}

/// Each broker is asked for its own: librdkafka takes one in a request.
pub(super) fn broker_settings(
    config: &KafkaConfig,
    observers: &Observers,
) -> Result<BTreeMap<i32, BTreeMap<String, String>>, LogError> {
    const DOING: &str = "ask for the settings of a broker";
    let observer = observers.uncommitted(config)?;
    let metadata = observer.fetch_metadata(None, ASK).map_err(|fault| failed(DOING, &fault))?;
    let admin = admin(config)?;
    let of_broker =
        |id: i32| Ok((id, settings(&admin, &ResourceSpecifier::Broker(id), DOING, &format!("broker {id}"))?));
    metadata.brokers().iter().map(|broker| of_broker(broker.id())).collect()
}

fn settings(
    admin: &AdminClient<DefaultClientContext>,
    of: &ResourceSpecifier<'_>,
    doing: &'static str,
    name: &str,
) -> Result<BTreeMap<String, String>, LogError> {
    let answer = block_on(admin.describe_configs([of], &options())).map_err(|fault| failed(doing, &fault))?;
    let mut settings = BTreeMap::new();
    for resource in answer {
        let resource = resource.map_err(|code| LogError::Unavailable { doing, reason: format!("{name}: {code}") })?;
        settings.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(settings)
}

pub(super) fn create(config: &KafkaConfig, observers: &Observers, spec: &TopicSpec) -> Result<(), LogError> {
    let settings = spec.settings();
    let mut topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(spec.replication_factor));
    for (name, value) in &settings {
        topic = topic.set(name, value);
    }
    let answer = block_on(admin(config)?.create_topics([&topic], &options()))
        .map_err(|fault| failed("create a topic", &fault))?;
    for result in answer {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(LogError::Fatal { doing: "create a topic", reason: format!("{name}: {code}") });
            }
        }
    }
    wait_until_known(config, observers, spec)
}

/// A created topic is known to every broker only after a while.
fn wait_until_known(config: &KafkaConfig, observers: &Observers, spec: &TopicSpec) -> Result<(), LogError> {
    let observer = observers.uncommitted(config)?;
    for _ in 0..150 {
        let metadata =
            observer.fetch_metadata(Some(&spec.name), ASK).map_err(|fault| failed("describe a topic", &fault))?;
        let led = metadata.topics().iter().any(|topic| {
            topic.name() == spec.name
                && !topic.partitions().is_empty()
                && topic.partitions().iter().all(|partition| partition.leader() >= 0)
        });
        if led {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(LogError::Unavailable { doing: "create a topic", reason: format!("{} has no leader yet", spec.name) })
}

/// The admin client answers by futures that its own thread completes; no runtime is needed.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
