//! Topics that are to be read, and how they stand: one that does not exist, that may not be read, or of which nobody
//! owns a partition, waits by name, and the others go on.

use std::collections::{BTreeMap, BTreeSet};

use measurement::time::Timestamp;

use super::{Protocol, TRY_AGAIN, partition::Partition, words::Action};
use crate::{
    record::TopicPartition,
    stage::Input,
    words::{LogError, Presence, Sight},
};

/// Pause before a look is repeated that has not told everything, in milliseconds.
const SOON: i64 = 1000;
/// Pause after the group was made to agree anew, in milliseconds; twice as long each time, if that did not help.
const PAUSE: i64 = 12_000;
/// Longest such pause.
const LONGEST: i64 = 300_000;
/// How long a client may take to see a topic that has come, in milliseconds.
const COMES: i64 = 8000;
/// After how many times it is said that it does not help.
const ENOUGH: u32 = 3;

/// Why a partition is owned and not read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// Its topic is none of those that are to be read.
    Unwanted,
    /// Its topic cannot be read.
    Absent,
    /// What was said of its offsets.
    Refused(String),
}

#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The topics; `None` where everything is read that is assigned.
    wanted: Option<BTreeSet<String>>,
    idle: Vec<(TopicPartition, Why)>,
    /// How they stood when last seen.
    seen: BTreeMap<String, Presence>,
    /// Topics that were missing once.
    gone: BTreeSet<String>,
    /// When topics have come that were missing.
    came: BTreeMap<String, Timestamp>,
    /// Partitions that had no owner at the last look.
    suspects: Vec<TopicPartition>,
    next_look: Option<Timestamp>,
    last_look: Option<Timestamp>,
    /// How often the group was made to agree anew since everything was as it should be.
    tries: u32,
    not_before: Option<Timestamp>,
}

impl Inputs {
    pub(super) fn wants(&self, topic: &str) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(topic))
    }

    /// Forgets partitions that are not owned any more.
    pub(super) fn release(&mut self, list: &[TopicPartition]) {
        self.idle.retain(|(at, _)| !list.contains(at));
    }

    /// A new member owns nothing.
    pub(super) fn start_over(&mut self) {
        self.idle.clear();
        self.suspects.clear();
    }

    fn is_absent(&self, topic: &str) -> bool {
        matches!(self.seen.get(topic), Some(Presence::Missing | Presence::Forbidden))
    }
}

impl Protocol {
    /// What is to be read, from the beginning on.
    pub fn reads(&mut self, topics: &[String]) {
        self.inputs.wanted = Some(topics.iter().cloned().collect());
    }

    /// What is to be read from now on. What is read and is to be read no more is given up when the group says so, with
    /// a commit before.
    pub fn subscribe(&mut self, topics: &[String]) {
        self.reads(topics);
        self.inputs.seen.retain(|topic, _| topics.contains(topic));
        self.inputs.next_look = None;
        self.queue.push_back(Action::Subscribe);
    }

    /// How the topics stand, for the stage.
    pub fn inputs(&self) -> Vec<Input> {
        let input = |(topic, presence): (&String, &Presence)| {
            let refused = self.inputs.idle.iter().find_map(|(at, why)| match why {
                Why::Refused(reason) if *at.topic == **topic => Some(reason.clone()),
                _ => None,
            });
            let (partitions, waits) = match presence {
                Presence::There(count) => (Some(*count), refused),
                Presence::Missing => (None, Some("the topic does not exist".to_owned())),
                Presence::Forbidden => (None, Some("the topic may not be read: it lacks an ACL".to_owned())),
            };
            Input { topic: topic.clone(), partitions, waits }
        };
        self.inputs.seen.iter().map(input).collect()
    }

    /// Number of partitions of a topic, as last seen.
    pub fn partitions_of(&self, topic: &str) -> Option<i32> {
        match self.inputs.seen.get(topic) {
            Some(Presence::There(count)) => Some(*count),
            _ => None,
        }
    }

    pub(super) fn looks(&self) -> bool {
        self.settings.look_at_inputs > 0
    }

    pub(super) fn is_look_due(&self, now: Timestamp) -> bool {
        let soon = |next: Timestamp| next <= now || next.0.saturating_sub(now.0) > self.settings.look_at_inputs;
        self.looks() && self.inputs.next_look.is_none_or(soon)
    }

    pub(super) const fn look_now(&mut self) {
        self.inputs.next_look = None;
    }

    /// A topic was missed: which one, a look will show.
    pub(super) fn look_soon(&mut self, now: Timestamp) {
        let Inputs { next_look, last_look, .. } = &mut self.inputs;
        let soonest = last_look.map_or(now, |last| last.plus(TRY_AGAIN));
        *next_look = next_look.map(|next| next.min(soonest));
    }

    /// Owns a partition without reading it, if it is not to be read, or cannot be.
    pub(super) fn set_aside_at_once(&mut self, at: &TopicPartition) -> bool {
        let why = if !self.inputs.wants(&at.topic) {
            tracing::warn!(partition = %at, "assigned, but its topic is not to be read: it is given back");
            Why::Unwanted
        } else if self.inputs.is_absent(&at.topic) {
            Why::Absent
        } else {
            return false;
        };
        self.inputs.release(std::slice::from_ref(at));
        self.inputs.idle.push((at.clone(), why));
        true
    }

    /// A partition that begins to be read.
    pub(super) fn begin(&mut self, at: TopicPartition) {
        if self.find(&at).is_none() {
            let fresh = self.inputs.gone.contains(&*at.topic);
            self.partitions.push(Partition::new(at, fresh));
        }
    }

    /// Where somebody looks, a partition of which nobody can say where to go on is not read, and the others are.
    pub(super) fn refuse(&mut self, fault: LogError) -> Result<(), LogError> {
        let (true, LogError::Rewound { partition, .. }) = (self.looks(), &fault) else { return Err(fault) };
        tracing::error!(%fault, "this partition is not read; the others are");
        self.set_aside(&partition.clone(), Why::Refused(fault.to_string()));
        self.look_now();
        Ok(())
    }

    fn set_aside(&mut self, at: &TopicPartition, why: Why) {
        if self.find(at).is_none() {
            return;
        }
        self.partitions.retain(|partition| partition.at != *at);
        self.inputs.idle.push((at.clone(), why));
        self.queue.push_back(Action::Forget(at.clone()));
        self.queue.push_back(Action::Unassign(vec![at.clone()]));
    }

    pub(super) fn looked_at_inputs(&mut self, now: Timestamp, sight: Option<Sight>) {
        self.inputs.last_look = Some(now);
        let whole = sight.as_ref().is_some_and(|sight| sight.unowned.is_some());
        let pause = if whole { self.settings.look_at_inputs } else { SOON.min(self.settings.look_at_inputs) };
        self.inputs.next_look = Some(now.plus(pause));
        let Some(sight) = sight else { return };
        for (topic, presence) in sight.topics {
            if self.inputs.wants(&topic) {
                self.seen(now, topic, presence);
            }
        }
        if let Some(unowned) = sight.unowned {
            self.find_owners(now, unowned);
        }
    }

    fn seen(&mut self, now: Timestamp, topic: String, presence: Presence) {
        if let Presence::There(_) = presence {
            if self.inputs.is_absent(&topic) {
                let idle = std::mem::take(&mut self.inputs.idle);
                let (back, rest) = idle.into_iter().partition(|(at, _)| *at.topic == *topic);
                self.inputs.idle = rest;
                for (at, _) in back {
                    self.begin(at);
                }
                self.partitions.sort_by(|one, other| one.at.cmp(&other.at));
                // Who is told to read what it reads already asks for what it did not find before.
                if !self.queue.contains(&Action::Subscribe) {
                    self.queue.push_back(Action::Subscribe);
                }
                self.inputs.came.insert(topic.clone(), now);
            }
        } else {
            let read = self.partitions.iter().map(|partition| &partition.at);
            let read: Vec<TopicPartition> = read.filter(|at| *at.topic == *topic).cloned().collect();
            for at in read {
                self.set_aside(&at, Why::Absent);
            }
            if presence == Presence::Missing {
                self.inputs.gone.insert(topic.clone());
            }
        }
        self.inputs.seen.insert(topic, presence);
    }

    /// What nobody owns at two looks in a row, nobody will: the coordinator gives a member that comes back its old
    /// assignment, whatever it reads now. Others may see the same and do the same at the same time, and it may not help
    /// where not all members read the same topics: it is done more and more rarely.
    fn find_owners(&mut self, now: Timestamp, unowned: Vec<TopicPartition>) {
        let inputs = &mut self.inputs;
        let mut unowned = unowned;
        inputs.came.retain(|_, came| (0..COMES).contains(&now.0.saturating_sub(came.0)));
        unowned.retain(|at| {
            inputs.wants(&at.topic) && !inputs.is_absent(&at.topic) && !inputs.came.contains_key(&*at.topic)
        });
        let again: Vec<TopicPartition> = unowned.iter().filter(|at| inputs.suspects.contains(at)).cloned().collect();
        let unwanted = inputs.idle.iter().filter(|(_, why)| *why == Why::Unwanted).map(|(at, _)| at.clone());
        let mut reasons: Vec<TopicPartition> = unwanted.collect();
        if unowned.is_empty() && reasons.is_empty() {
            inputs.suspects.clear();
            inputs.tries = 0;
            inputs.not_before = None;
            return;
        }
        reasons.extend(again.iter().cloned());
        inputs.suspects = unowned;
        let waits = |until: Timestamp| until > now && until.0.saturating_sub(now.0) <= LONGEST;
        if reasons.is_empty() || inputs.not_before.is_some_and(waits) {
            return;
        }
        inputs.tries = inputs.tries.saturating_add(1);
        let pause = PAUSE.saturating_mul(1 << inputs.tries.saturating_sub(1).min(10)).min(LONGEST);
        inputs.not_before = Some(now.plus(pause));
        inputs.suspects.clear();
        let topics: BTreeSet<&str> = reasons.iter().map(|at| &*at.topic).collect();
        let topics = topics.into_iter().collect::<Vec<_>>().join(" ");
        if inputs.tries == ENOUGH {
            tracing::warn!(
                topics,
                "the group does not agree on these topics: do all instances have the same catalogue? It is tried again more and more rarely"
            );
        } else {
            tracing::info!(topics, "the group has yet to learn of changed topics: it is made to agree anew");
        }
        self.queue.push_back(Action::AgreeAnew(again));
    }
}
