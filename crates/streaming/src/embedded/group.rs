//! Consumer groups: a partition has one owner; a new member gets a partition only after the old
//! owner has given it up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::record::TopicPartition;

#[derive(Debug, Default)]
pub(super) struct Group {
    /// Committed offsets.
    pub(super) offsets: HashMap<TopicPartition, i64>,
    /// Members in the order of joining, with the topics they want.
    members: BTreeMap<u64, Vec<String>>,
    /// Who owns what. A partition that is being handed over stays with its old owner.
    owners: HashMap<TopicPartition, u64>,
    expelled: Vec<u64>,
    /// Names of members: who comes back under one takes over what it owned.
    instances: HashMap<String, u64>,
}

/// Proof of membership.
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) member: u64,
}

impl Group {
    /// Takes a member in.
    pub(super) fn enter(&mut self, member: u64, instance: &str, topics: &[String]) {
        if let Some(old) = self.instances.insert(instance.to_owned(), member) {
            self.members.remove(&old);
            self.owners.values_mut().filter(|owner| **owner == old).for_each(|owner| *owner = member);
        }
        self.members.insert(member, topics.to_vec());
    }

    /// A member wants other topics.
    pub(super) fn want(&mut self, member: u64, topics: &[String]) {
        if let Some(wanted) = self.members.get_mut(&member) {
            *wanted = topics.to_vec();
        }
    }

    /// Whether the member is the one of that name.
    pub(super) fn is(&self, instance: &str, member: u64) -> bool {
        self.instances.get(instance) == Some(&member)
    }

    pub(super) fn expel(&mut self, member: u64) {
        self.leave(member);
        self.expelled.push(member);
    }

    /// Whether the member was thrown out. It is told once.
    pub(super) fn was_expelled(&mut self, member: u64) -> bool {
        let before = self.expelled.len();
        self.expelled.retain(|expelled| *expelled != member);
        self.expelled.len() < before
    }

    pub(super) fn leave(&mut self, member: u64) {
        self.members.remove(&member);
        self.instances.retain(|_, known| *known != member);
        self.owners.retain(|_, owner| *owner != member);
    }

    pub(super) fn owner(&self, partition: &TopicPartition) -> Option<u64> {
        self.owners.get(partition).copied()
    }

    pub(super) fn hand_over(&mut self, partitions: &[TopicPartition], member: u64) {
        self.owners.extend(partitions.iter().map(|partition| (partition.clone(), member)));
    }

    pub(super) fn release(&mut self, member: u64, partitions: &[TopicPartition]) {
        self.owners.retain(|partition, owner| *owner != member || !partitions.contains(partition));
    }

    /// Who should own what, of topics with their numbers of partitions: those of each dealt out in turn.
    pub(super) fn target<'a>(&self, topics: impl Iterator<Item = (&'a Arc<str>, i32)>) -> HashMap<TopicPartition, u64> {
        let mut target = HashMap::new();
        for (name, partitions) in topics {
            let wanting: Vec<u64> = self
                .members
                .iter()
                .filter(|(_, wanted)| wanted.iter().any(|want| **want == **name))
                .map(|(id, _)| *id)
                .collect();
            for (index, partition) in (0..partitions).enumerate() {
                if let Some(member) = wanting.get(index % wanting.len().max(1)) {
                    target.insert(TopicPartition { topic: Arc::clone(name), partition }, *member);
                }
            }
        }
        target
    }
}

/// Whether a member may commit these offsets.
pub(super) fn check(group: Option<&Group>, member: u64, offsets: &[(TopicPartition, i64)]) -> Result<(), String> {
    let group = group
        .filter(|group| group.members.contains_key(&member))
        .ok_or("unknown member: it has left or was thrown out")?;
    match offsets.iter().find(|(partition, _)| group.owners.get(partition) != Some(&member)) {
        Some((partition, _)) => Err(format!("{partition} belongs to another member now")),
        None => Ok(()),
    }
}
