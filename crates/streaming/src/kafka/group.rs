//! What the group knows of itself: which partitions its members own, by the coordinator. It is asked on a thread of its
//! own: a broker that is gone would hold up whoever waits for the answers of all.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::{admin, config::KafkaConfig, fault::failed, observer::Observers, reader::KafkaReader};
use crate::{
    log::Reader as _,
    record::TopicPartition,
    words::{LogError, Presence, Sight},
};

/// How long a question may take.
const ASK: Duration = Duration::from_secs(5);
/// How long a look is waited for; after that its answer is fetched by the next one.
const WAIT: Duration = Duration::from_millis(300);
/// How long a broker may take to refuse a request for records.
const PROBE: Duration = Duration::from_millis(500);

/// What is to be looked at.
pub(super) struct Question {
    pub(super) config: KafkaConfig,
    pub(super) observers: Observers,
    pub(super) group: String,
    /// Topics that the member reads, or owns partitions of.
    pub(super) topics: Vec<String>,
    /// Topics of which to see whether the brokers hand out records.
    pub(super) probe: BTreeSet<String>,
}

/// Looks, one at a time.
#[derive(Default)]
pub(super) struct Looks(Option<Receiver<Sight>>);

impl Looks {
    /// What the last look has seen, or this one, if it does not take long.
    pub(super) fn look(&mut self, question: impl FnOnce() -> Question) -> Option<Sight> {
        let receiver = self.0.take().unwrap_or_else(|| {
            let (sender, receiver) = mpsc::channel();
            let question = question();
            // Nobody may be waiting any more.
            thread::spawn(move || sender.send(question.answer()).ok());
            receiver
        });
        match receiver.recv_timeout(WAIT) {
            Ok(sight) => Some(sight),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                self.0 = Some(receiver);
                None
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Forgets a look that is under way: it looks at other topics.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl Question {
    fn answer(&self) -> Sight {
        let mut sight = Sight::default();
        let observer = match self.observers.uncommitted(&self.config) {
            Ok(observer) => observer,
            Err(fault) => {
                tracing::debug!(%fault, "a look at the topics");
                return sight;
            }
        };
        if !self.topics(&observer, &mut sight.topics) {
            return sight;
        }
        match owned(&observer, &self.group) {
            Ok(owned) => sight.unowned = owned.map(|owned| unowned(&sight.topics, &owned)),
            Err(fault) => tracing::debug!(group = self.group, %fault, "the group does not say who owns what"),
        }
        sight
    }

    /// Looks at each topic. Who does not answer for one will not answer for the next.
    fn topics(&self, observer: &BaseConsumer, seen: &mut BTreeMap<String, Presence>) -> bool {
        for topic in &self.topics {
            match self.presence(observer, topic) {
                Ok(presence) => drop(seen.insert(topic.clone(), presence)),
                Err(fault) => {
                    tracing::debug!(topic, %fault, "a look at the topics");
                    return false;
                }
            }
        }
        true
    }

    fn presence(&self, observer: &BaseConsumer, topic: &str) -> Result<Presence, LogError> {
        match admin::presence(observer, topic, ASK)? {
            Presence::There(_) if self.probe.contains(topic) && self.is_withheld(topic)? => Ok(Presence::Forbidden),
            presence => Ok(presence),
        }
    }

    /// Who may describe a topic may still not be allowed to read it.
    fn is_withheld(&self, topic: &str) -> Result<bool, LogError> {
        let (_, end) = self.observers.watermarks(&self.config, &TopicPartition::new(topic, 0))?;
        let mut reader = KafkaReader::new(&self.config, topic, &[(0, end)], 10)?;
        let slice = Duration::from_millis(100);
        for _ in 0..PROBE.as_millis() / slice.as_millis() {
            match reader.poll(slice, 1, &mut |_| {}) {
                Err(LogError::Absent { .. }) => return Ok(true),
                Err(_) => return Ok(false),
                Ok(poll) if poll.records > 0 || !poll.ends.is_empty() => return Ok(false),
                Ok(_) => {}
            }
        }
        Ok(false)
    }
}

/// Partitions that some member owns, by the coordinator; `None` while the group agrees on it.
fn owned(observer: &BaseConsumer, group: &str) -> Result<Option<HashSet<TopicPartition>>, LogError> {
    let groups = observer.fetch_group_list(Some(group), ASK).map_err(|fault| failed("describe the group", &fault))?;
    let Some(found) = groups.groups().iter().find(|found| found.name() == group) else { return Ok(None) };
    if found.state() != "Stable" {
        return Ok(None);
    }
    let assignments = found.members().iter().map(|member| parse(member.assignment().unwrap_or_default()));
    // What cannot be read may name anything.
    Ok(assignments.collect::<Option<Vec<_>>>().map(|each| each.into_iter().flatten().collect()))
}

fn unowned(topics: &BTreeMap<String, Presence>, owned: &HashSet<TopicPartition>) -> Vec<TopicPartition> {
    let mut unowned = Vec::new();
    for (topic, presence) in topics {
        let Presence::There(count) = presence else { continue };
        let all = (0..*count).map(|partition| TopicPartition::new(topic, partition));
        unowned.extend(all.filter(|at| !owned.contains(at)));
    }
    unowned
}

/// Takes the beginning of some bytes.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
}

/// The partitions of a `ConsumerProtocolAssignment`, of any version: later ones add at the end. A member that was
/// assigned nothing may have no bytes at all.
fn parse(bytes: &[u8]) -> Option<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    if bytes.is_empty() {
        return Some(partitions);
    }
    let mut bytes = Bytes(bytes);
    bytes.i16()?;
    for _ in 0..bytes.i32()? {
        let length = usize::try_from(bytes.i16()?).ok()?;
        let topic = std::str::from_utf8(bytes.take(length)?).ok()?;
        for _ in 0..bytes.i32()? {
            partitions.push(TopicPartition::new(topic, bytes.i32()?));
        }
    }
    Some(partitions)
}

/// How a member makes the group agree anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detour {
    /// By reading these topics for a moment.
    Topics(Vec<String>),
    /// By reading nothing for a moment.
    Nothing,
}

/// The coordinator lets a group agree anew when a member says that it reads other topics than before, or when its leader
/// joins again. What is read meanwhile should be what was read before: topics are left out of which the member owns
/// nothing, best some that have owners.
pub(super) fn detour(
    there: &BTreeSet<&str>,
    reads: &[String],
    owns: &BTreeSet<&str>,
    unowned: &[TopicPartition],
) -> Detour {
    let reads: BTreeSet<&str> = reads.iter().map(String::as_str).filter(|topic| there.contains(topic)).collect();
    let wanting: BTreeSet<&str> = unowned.iter().map(|at| &*at.topic).collect();
    let not_ours: BTreeSet<&str> = reads.difference(owns).copied().collect();
    let without = |left_out: &BTreeSet<&str>| -> Vec<String> {
        reads.difference(left_out).map(|topic| (*topic).to_owned()).collect()
    };
    if let Some(other) = not_ours.difference(&wanting).next() {
        return Detour::Topics(without(&[*other].into()));
    }
    if !not_ours.is_empty() && not_ours.len() < reads.len() {
        return Detour::Topics(without(&not_ours));
    }
    let surplus: Vec<&str> = owns.difference(&reads).copied().filter(|topic| there.contains(topic)).collect();
    if !surplus.is_empty() {
        return Detour::Topics(reads.iter().copied().chain(surplus).map(str::to_owned).collect());
    }
    let one = wanting.intersection(&reads).next().or_else(|| reads.first());
    match one {
        Some(one) if reads.len() > 1 => Detour::Topics(without(&[*one].into())),
        _ => Detour::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version, topics with partitions, user data.
    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = 1_i16.to_be_bytes().to_vec();
        bytes.extend(i32::try_from(topics.len()).unwrap().to_be_bytes());
        for (topic, partitions) in topics {
            bytes.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
            bytes.extend(topic.as_bytes());
            bytes.extend(i32::try_from(partitions.len()).unwrap().to_be_bytes());
            partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        bytes.extend((-1_i32).to_be_bytes());
        bytes
    }

    #[test]
    fn an_assignment_is_read_whatever_follows_it() {
        let bytes = assignment(&[("raw.a", &[0, 2]), ("raw.b", &[1]), ("raw.c", &[])]);
        let at = |topic: &str, partition| TopicPartition::new(topic, partition);
        assert_eq!(parse(&bytes), Some(vec![at("raw.a", 0), at("raw.a", 2), at("raw.b", 1)]));
        assert_eq!(parse(&[]), Some(Vec::new()));
        let more = [bytes.as_slice(), b"of a later version"].concat();
        assert_eq!(parse(&more).map(|partitions| partitions.len()), Some(3));
    }

    #[test]
    fn bytes_of_any_kind_are_refused_and_not_believed() {
        let bytes = assignment(&[("raw.a", &[0, 2])]);
        // Without the user data, which nobody asks for.
        let whole = bytes.len() - 4;
        for length in 1..whole {
            assert_eq!(parse(&bytes[..length]), None, "cut off at {length}");
        }
        for (place, value) in (0..whole).flat_map(|place| (0..=255).map(move |value| (place, value))) {
            let mut hostile = bytes.clone();
            hostile[place] = value;
            let partitions = parse(&hostile).unwrap_or_default().len();
            assert!(partitions <= bytes.len() / 4, "{partitions} partitions of {} bytes", bytes.len());
        }
        assert_eq!(parse(&[0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(parse(&[0xff; 64]), Some(Vec::new()), "a negative number of topics is none");
    }

    #[test]
    fn a_detour_leaves_out_what_is_not_ours() {
        let at = |topic: &str| TopicPartition::new(topic, 0);
        let reads = ["a", "b", "c", "new", "missing"].map(str::to_owned);
        let there: BTreeSet<&str> = ["a", "b", "c", "new", "old"].into();
        let detour = |owns: &[&str], unowned: &[&str], reads: &[String]| {
            let unowned: Vec<TopicPartition> = unowned.iter().map(|topic| at(topic)).collect();
            match detour(&there, reads, &owns.iter().copied().collect(), &unowned) {
                Detour::Topics(topics) => topics.join(" "),
                Detour::Nothing => "nothing".to_owned(),
            }
        };
        assert_eq!(detour(&["a", "b"], &["new"], &reads), "a b new", "somebody else's");
        assert_eq!(detour(&["a", "b", "c"], &["new"], &reads), "a b c", "nobody's");
        assert_eq!(
            detour(&["a", "b", "c", "new", "old"], &[], &reads),
            "a b c new old",
            "what is read no more, once more"
        );
        assert_eq!(detour(&["a", "b", "c", "new"], &["b"], &reads), "a c new", "a topic that has grown");
        assert_eq!(detour(&["a"], &["a"], &["a".to_owned()]), "nothing");
        assert_eq!(detour(&[], &["a"], &["a".to_owned(), "missing".to_owned()]), "nothing");
        assert_eq!(detour(&["old"], &["a"], &["a".to_owned()]), "a old");
        assert_eq!(detour(&[], &["a", "b"], &["a".to_owned(), "b".to_owned()]), "b", "of a member that owns nothing");
    }
}
