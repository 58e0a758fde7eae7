//! Members of a group.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use streaming::{Change, GroupMetadata, LogError, Member, Poll, Presence, Sight, TopicPartition, log::Sink};

use super::{
    broker::Broker,
    group::{Group, Membership},
    log::{SimLog, millis, unavailable},
};

pub(super) struct SimMember {
    log: SimLog,
    group: String,
    instance: String,
    topics: Vec<String>,
    id: u64,
    generation: i64,
    /// Partitions that were announced as assigned and not released.
    owned: BTreeSet<TopicPartition>,
    positions: BTreeMap<TopicPartition, i64>,
}

impl SimMember {
    pub(super) fn join(log: &SimLog, group: &str, instance: &str, topics: &[String]) -> Result<Self, LogError> {
        let mut broker = log.call("join the group")?;
        let mut member = Self {
            log: log.clone(),
            group: group.to_owned(),
            instance: instance.to_owned(),
            topics: topics.to_vec(),
            id: 0,
            generation: -1,
            owned: BTreeSet::new(),
            positions: BTreeMap::new(),
        };
        member.enter(&mut broker);
        Ok(member)
    }

    fn enter(&mut self, broker: &mut Broker) {
        self.id = broker.number();
        let (now, longest) = (broker.now(), broker.faults.rebalance_delay);
        let at = now + broker.random.delay(longest);
        let partitions = self.partitions(broker);
        let group = broker.groups.entry(self.group.clone()).or_default();
        group.partitions = partitions;
        group.join(self.id, self.log.process, &self.instance, at);
        self.generation = group.members.get(&self.id).map_or(-1, |known| known.generation);
        broker.trace.add(now, &self.log.name, format_args!("joins {} as member {}", self.group, self.id));
    }

    /// Those of the topics that it reads.
    fn partitions(&self, broker: &Broker) -> BTreeSet<TopicPartition> {
        let mut partitions = BTreeSet::new();
        for name in &self.topics {
            let count = broker.topics.get(name.as_str()).map_or(0, |topic| topic.description.partitions);
            partitions.extend((0..count).map(|partition| TopicPartition::new(name, partition)));
        }
        partitions
    }

    /// What has changed; fenced if another member has come under its name.
    fn changes(&mut self, broker: &mut Broker) -> Result<Vec<Change>, LogError> {
        let Some(group) = broker.groups.get_mut(&self.group) else { return Ok(Vec::new()) };
        if let Some(known) = group.members.get_mut(&self.id) {
            self.generation = known.generation;
            let changes: Vec<Change> = known.news.drain(..).collect();
            for change in &changes {
                if let Change::Assigned(list) = change {
                    self.owned.extend(list.iter().cloned());
                }
            }
            return Ok(changes);
        }
        if group.holder_of(&self.instance).is_some() {
            let reason = "another member has come under its name".to_owned();
            return Err(LogError::Fenced { id: self.instance.clone(), reason });
        }
        let lost: Vec<TopicPartition> = self.owned.iter().cloned().collect();
        if lost.is_empty() {
            self.enter(broker);
            return Ok(Vec::new());
        }
        // It joins anew when it has let go of what it had.
        Ok(vec![Change::Lost(lost)])
    }
}

impl Member for SimMember {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let log = self.log.clone();
        let mut batch = Vec::new();
        {
            let mut broker = log.lock();
            log.spend(&mut broker);
            let known = log.process != 0;
            if known && broker.gone_until.is_some() {
                broker.pass(millis(timeout));
                return if broker.random.chance(5000) { Ok(Poll::default()) } else { Err(unavailable("read")) };
            }
            let changes = self.changes(&mut broker)?;
            let now = broker.now();
            if !changes.is_empty() {
                broker.trace.add(now, &log.name, format_args!("poll: {}", Changes(&changes)));
                return Ok(Poll { changes, ..Poll::default() });
            }
            let (empty, count) = (broker.faults.empty_poll, self.positions.len());
            let turn = broker.random.index(count.max(1));
            let places: Vec<TopicPartition> = self.positions.keys().cycle().skip(turn).take(count).cloned().collect();
            for at in places {
                if known && broker.random.chance(empty) {
                    continue;
                }
                let Some(position) = self.positions.get_mut(&at) else { continue };
                let partition = broker.find(&at)?;
                if *position < partition.first() || *position > partition.end() {
                    return Err(LogError::OutOfRange);
                }
                let found = partition.read(*position, most.saturating_sub(batch.len()));
                if !found.records.is_empty() {
                    let count = found.records.len();
                    broker.trace.add(now, &log.name, format_args!("reads {at} {position}.. {count} records"));
                }
                *position = found.next;
                batch.extend(found.records);
            }
            if batch.is_empty() {
                broker.pass(millis(timeout));
            }
        }
        for record in &batch {
            sink(record.as_ref().into());
        }
        Ok(Poll { records: batch.len(), ..Poll::default() })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError> {
        self.positions.extend(partitions.iter().cloned());
        for (at, offset) in partitions {
            self.log.note(format_args!("takes up {at} at {offset}"));
        }
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.positions.retain(|at, _| !partitions.contains(at));
        Ok(())
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        let log = self.log.clone();
        let mut broker = log.call("read other topics")?;
        self.topics = topics.to_vec();
        let partitions = self.partitions(&broker);
        let (now, longest) = (broker.now(), broker.faults.rebalance_delay);
        let at = now + broker.random.delay(longest);
        broker.trace.add(now, &log.name, format_args!("reads {} topics from now on", topics.len()));
        if let Some(group) = broker.groups.get_mut(&self.group) {
            group.partitions = partitions;
            group.rebalance(at);
        }
        Ok(())
    }

    fn look(&mut self) -> Result<Option<Sight>, LogError> {
        let log = self.log.clone();
        let mut broker = log.call("look at the topics")?;
        let partitions = self.partitions(&broker);
        let (now, longest) = (broker.now(), broker.faults.rebalance_delay);
        if broker.groups.get(&self.group).is_some_and(|group| group.partitions != partitions) {
            let at = now + broker.random.delay(longest);
            if let Some(group) = broker.groups.get_mut(&self.group) {
                group.partitions = partitions;
                group.rebalance(at);
            }
        }
        let presence = |topic: &String| {
            let found = broker.topics.get(topic.as_str());
            found.map_or(Presence::Missing, |topic| Presence::There(topic.description.partitions))
        };
        let topics = self.topics.iter().map(|topic| (topic.clone(), presence(topic))).collect();
        Ok(Some(Sight { topics, unowned: broker.groups.get(&self.group).and_then(Group::unowned) }))
    }

    fn agree_anew(&mut self, _: &[TopicPartition]) -> Result<(), LogError> {
        let log = self.log.clone();
        let mut broker = log.call("make the group agree anew")?;
        let (now, longest) = (broker.now(), broker.faults.rebalance_delay);
        let at = now + broker.random.delay(longest);
        if let Some(group) = broker.groups.get_mut(&self.group) {
            group.rebalance(at);
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.unassign(partitions)?;
        self.owned.retain(|at| !partitions.contains(at));
        let mut broker = self.log.lock();
        self.log.spend(&mut broker);
        let (now, longest) = (broker.now(), broker.faults.rebalance_delay);
        let at = now + broker.random.delay(longest);
        broker.trace.add(now, &self.log.name, format_args!("gives up {} partitions", partitions.len()));
        if let Some(group) = broker.groups.get_mut(&self.group) {
            group.release(self.id, partitions, at);
        }
        Ok(())
    }

    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError> {
        let mut broker = self.log.call("ask for the group's offsets")?;
        let amnesia = broker.faults.amnesia;
        let forgotten = self.log.process != 0 && broker.random.chance(amnesia);
        let Some(group) = broker.groups.get(&self.group) else { return Ok(None) };
        let offset = group.offsets.get(partition).copied();
        if forgotten && offset.is_some() {
            let now = broker.now();
            broker.trace.add(now, &self.log.name, format_args!("the group knows no offset of {partition}, it says"));
            return Ok(None);
        }
        if group.is_pending(partition) {
            let doing = "ask for the group's offsets";
            return Err(LogError::Unavailable { doing, reason: "unstable offset commit".to_owned() });
        }
        Ok(offset)
    }

    fn caught_up(&mut self, partition: &TopicPartition, _position: i64) -> Result<bool, LogError> {
        let broker = self.log.call("ask for the end")?;
        let found = broker.find(partition)?;
        // Our own position counts markers too, which the caller's does not.
        let Some(position) = self.positions.get(partition) else { return Ok(false) };
        Ok(found.read(*position, 1).next >= found.stable())
    }

    fn metadata(&self) -> Result<GroupMetadata, LogError> {
        let broker = self.log.lock();
        let known = broker.groups.get(&self.group).and_then(|group| group.members.get(&self.id));
        // Who has been thrown out goes on to say the last generation that it was in.
        let generation = known.map_or(self.generation, |known| known.generation);
        Ok(GroupMetadata::new(Membership {
            group: self.group.clone(),
            member: self.id,
            instance: self.instance.clone(),
            generation,
        }))
    }
}

/// Who goes is silent from then on, and stays a member until its session is over.
impl Drop for SimMember {
    fn drop(&mut self) {
        let mut broker = self.log.lock();
        let now = broker.now();
        if let Some(known) = broker.groups.get_mut(&self.group).and_then(|group| group.members.get_mut(&self.id)) {
            known.silent_since.get_or_insert(now);
        }
    }
}

struct Changes<'a>(&'a [Change]);

impl std::fmt::Display for Changes<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for change in self.0 {
            let (what, list) = match change {
                Change::Assigned(list) => ("assigned", list),
                Change::Revoked(list) => ("revoked", list),
                Change::Lost(list) => ("lost", list),
            };
            write!(formatter, "{what}")?;
            for at in list {
                write!(formatter, " {at}")?;
            }
        }
        Ok(())
    }
}
