//! Members of a group.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    group::Membership,
    state::{Shared, State, deadline},
};
use crate::{
    log::{GroupMetadata, Member, Poll, Sink},
    record::TopicPartition,
    words::{Change, LogError, Presence, Sight},
};

pub(super) struct EmbeddedMember {
    shared: Arc<Shared>,
    group: String,
    instance: String,
    topics: Vec<String>,
    id: u64,
    /// Partitions that were announced as assigned and not released.
    owned: BTreeSet<TopicPartition>,
    /// Those of them that were announced as revoked or lost.
    announced: Vec<TopicPartition>,
    /// Those of them that are read, with the offset of the next record.
    positions: BTreeMap<TopicPartition, i64>,
    /// Where the next poll begins, so that no partition starves the others.
    turn: usize,
}

impl EmbeddedMember {
    pub(super) fn join(shared: &Arc<Shared>, group: &str, instance: &str, topics: &[String]) -> Self {
        let mut state = shared.lock();
        let id = enter(&mut state, group, instance, topics);
        drop(state);
        shared.changed.notify_all();
        Self {
            shared: Arc::clone(shared),
            group: group.to_owned(),
            instance: instance.to_owned(),
            topics: topics.to_vec(),
            id,
            owned: BTreeSet::new(),
            announced: Vec::new(),
            positions: BTreeMap::new(),
            turn: 0,
        }
    }

    /// What has changed for this member; fenced if another one has come under its name.
    fn changes(&mut self, state: &mut State) -> Result<Vec<Change>, LogError> {
        let expelled = state.groups.get_mut(&self.group).is_some_and(|group| group.was_expelled(self.id));
        if expelled {
            self.id = enter(state, &self.group, &self.instance, &self.topics);
            if !self.owned.is_empty() {
                self.announced = self.owned.iter().cloned().collect();
                return Ok(vec![Change::Lost(self.announced.clone())]);
            }
        }
        let State { topics, groups, .. } = state;
        let Some(group) = groups.get_mut(&self.group) else { return Ok(Vec::new()) };
        if !group.is(&self.instance, self.id) {
            let reason = "another member has come under its name".to_owned();
            return Err(LogError::Fenced { id: self.instance.clone(), reason });
        }
        let mut changes = Vec::new();
        let target = group.target(topics.iter().map(|(name, topic)| (name, topic.description.partitions)));
        let goes = |partition: &&TopicPartition| target.get(*partition) != Some(&self.id);
        let revoked: Vec<TopicPartition> =
            self.owned.iter().filter(goes).filter(|gone| !self.announced.contains(gone)).cloned().collect();
        if !revoked.is_empty() {
            self.announced.extend(revoked.iter().cloned());
            changes.push(Change::Revoked(revoked));
        }
        let free = |partition: &TopicPartition| match group.owner(partition) {
            None => true,
            // What was owned under this name before.
            Some(owner) => owner == self.id && !self.owned.contains(partition),
        };
        let mut assigned: Vec<TopicPartition> = target
            .iter()
            .filter(|(partition, member)| **member == self.id && free(partition))
            .map(|(partition, _)| partition.clone())
            .collect();
        assigned.sort();
        if !assigned.is_empty() {
            group.hand_over(&assigned, self.id);
            self.owned.extend(assigned.iter().cloned());
            changes.push(Change::Assigned(assigned));
        }
        Ok(changes)
    }
}

/// Joins the group under a number of its own.
fn enter(state: &mut State, group: &str, instance: &str, topics: &[String]) -> u64 {
    state.next_member += 1;
    let id = state.next_member;
    state.groups.entry(group.to_owned()).or_default().enter(id, instance, topics);
    id
}

impl Member for EmbeddedMember {
    fn poll(&mut self, timeout: Duration, most: usize, sink: Sink<'_>) -> Result<Poll, LogError> {
        let shared = Arc::clone(&self.shared);
        let left = deadline(timeout);
        let mut state = shared.lock();
        loop {
            let changes = self.changes(&mut state)?;
            if !changes.is_empty() {
                return Ok(Poll { changes, ..Poll::default() });
            }
            let mut batch = Vec::new();
            let count = self.positions.len().max(1);
            let share = (most / count).max(1);
            self.turn = (self.turn + 1) % count;
            let partitions: Vec<TopicPartition> =
                self.positions.keys().cycle().skip(self.turn).take(self.positions.len()).cloned().collect();
            for partition in partitions {
                let Some(position) = self.positions.get_mut(&partition) else { continue };
                let (records, next) = state.read(&partition, *position, share)?;
                *position = next;
                batch.extend(records);
            }
            if !batch.is_empty() || left().is_zero() {
                drop(state);
                for record in &batch {
                    sink(record.as_ref().into());
                }
                return Ok(Poll { records: batch.len(), ..Poll::default() });
            }
            state = shared.wait(state, left());
        }
    }

    fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), LogError> {
        self.positions.extend(partitions.iter().cloned());
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.positions.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LogError> {
        self.topics = topics.to_vec();
        let mut state = self.shared.lock();
        if let Some(group) = state.groups.get_mut(&self.group) {
            group.want(self.id, topics);
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn look(&mut self) -> Result<Option<Sight>, LogError> {
        let state = self.shared.lock();
        let presence = |topic: &String| {
            let found = state.topics.get(topic.as_str());
            found.map_or(Presence::Missing, |topic| Presence::There(topic.description.partitions))
        };
        let topics = self.topics.iter().map(|topic| (topic.clone(), presence(topic))).collect();
        // Every poll sees to it that each partition has an owner.
        Ok(Some(Sight { topics, unowned: Some(Vec::new()) }))
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.unassign(partitions)?;
        self.owned.retain(|partition| !partitions.contains(partition));
        self.announced.retain(|partition| !partitions.contains(partition));
        let mut state = self.shared.lock();
        if let Some(group) = state.groups.get_mut(&self.group) {
            group.release(self.id, partitions);
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn committed(&mut self, partition: &TopicPartition) -> Result<Option<i64>, LogError> {
        let state = self.shared.lock();
        Ok(state.groups.get(&self.group).and_then(|group| group.offsets.get(partition).copied()))
    }

    fn caught_up(&mut self, partition: &TopicPartition, _position: i64) -> Result<bool, LogError> {
        // Our own position counts markers too, which the caller's does not.
        let end = self.shared.lock().end(partition)?;
        Ok(self.positions.get(partition).is_some_and(|position| *position >= end))
    }

    fn metadata(&self) -> Result<GroupMetadata, LogError> {
        Ok(GroupMetadata::new(Membership { group: self.group.clone(), member: self.id }))
    }
}

impl Drop for EmbeddedMember {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(group) = state.groups.get_mut(&self.group) {
            group.leave(self.id);
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}
