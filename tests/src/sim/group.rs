//! Consumer groups: static members, cooperative hand-over, generations, sessions, offsets of transactions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use streaming::{Change, TopicPartition};

use super::coordinator::Refusal;

/// After how long without a heartbeat a member is thrown out, in milliseconds.
pub(super) const SESSION: i64 = streaming::log::SESSION_TIMEOUT;

/// A member as the coordinator knows it.
#[derive(Debug)]
pub(super) struct Known {
    /// Number of its process.
    pub(super) process: u32,
    pub(super) generation: i64,
    /// What it has yet to be told.
    pub(super) news: VecDeque<Change>,
    /// What it was told to give up and has not given up yet.
    revoked: BTreeSet<TopicPartition>,
    /// Since when there have been no heartbeats.
    pub(super) silent_since: Option<i64>,
}

/// What a member says of itself when it sends offsets.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) member: u64,
    pub(super) instance: String,
    pub(super) generation: i64,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    generation: i64,
    /// Partitions of all topics that are read.
    pub(super) partitions: BTreeSet<TopicPartition>,
    pub(super) members: BTreeMap<u64, Known>,
    instances: BTreeMap<String, u64>,
    owners: BTreeMap<TopicPartition, u64>,
    /// When the members agree anew on who owns what.
    pub(super) rebalance_at: Option<i64>,
    pub(super) offsets: BTreeMap<TopicPartition, i64>,
    /// Offsets of open transactions, by producer.
    pub(super) pending: BTreeMap<u64, BTreeMap<TopicPartition, i64>>,
}

impl Group {
    pub(super) fn holder_of(&self, instance: &str) -> Option<u64> {
        self.instances.get(instance).copied()
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = (&str, u64)> {
        self.instances.iter().map(|(instance, id)| (instance.as_str(), *id))
    }

    /// Joins. Who comes back under a known name takes over at once, without a rebalance.
    pub(super) fn join(&mut self, id: u64, process: u32, instance: &str, rebalance_at: i64) {
        let mut known = Known {
            process,
            generation: self.generation,
            news: VecDeque::new(),
            revoked: BTreeSet::new(),
            silent_since: None,
        };
        let replaced = self.instances.insert(instance.to_owned(), id).and_then(|old| {
            let before = self.members.remove(&old)?;
            self.owners.values_mut().filter(|owner| **owner == old).for_each(|owner| *owner = id);
            Some(before)
        });
        let owned: Vec<TopicPartition> =
            self.owners.iter().filter(|(_, owner)| **owner == id).map(|(at, _)| at.clone()).collect();
        if !owned.is_empty() {
            known.news.push_back(Change::Assigned(owned));
        }
        let settled = replaced.is_some_and(|before| before.revoked.is_empty());
        self.members.insert(id, known);
        if !settled {
            self.rebalance(rebalance_at);
        }
    }

    pub(super) fn rebalance(&mut self, at: i64) {
        self.rebalance_at.get_or_insert(at);
    }

    /// Partitions without an owner; `None` while the members are yet to agree.
    pub(super) fn unowned(&self) -> Option<Vec<TopicPartition>> {
        let free = self.partitions.iter().filter(|at| !self.owners.contains_key(*at));
        self.rebalance_at.is_none().then(|| free.cloned().collect())
    }

    /// Throws out whose session is over.
    pub(super) fn expire(&mut self, now: i64, rebalance_at: i64) -> Vec<u64> {
        let over = |known: &Known| known.silent_since.is_some_and(|since| now.saturating_sub(since) >= SESSION);
        let expired: Vec<u64> = self.members.iter().filter(|(_, known)| over(known)).map(|(id, _)| *id).collect();
        for id in &expired {
            self.members.remove(id);
            self.instances.retain(|_, known| known != id);
            self.owners.retain(|_, owner| owner != id);
            self.rebalance(rebalance_at);
        }
        expired
    }

    /// Whether all members are there to agree, and it is time.
    pub(super) fn can_agree(&self, now: i64) -> bool {
        self.rebalance_at.is_some_and(|at| at <= now) && self.members.values().all(|known| known.silent_since.is_none())
    }

    /// A new generation: who owns too much is told to give it up, who owns too little gets what is free.
    pub(super) fn agree(&mut self) {
        self.rebalance_at = None;
        self.generation += 1;
        if self.members.is_empty() {
            return;
        }
        let mut owned: BTreeMap<u64, Vec<TopicPartition>> = self.members.keys().map(|id| (*id, Vec::new())).collect();
        for (at, owner) in &self.owners {
            let given_up = self.members.get(owner).is_some_and(|known| known.revoked.contains(at));
            if let (Some(list), false) = (owned.get_mut(owner), given_up) {
                list.push(at.clone());
            }
        }
        let mut order: Vec<u64> = owned.keys().copied().collect();
        order.sort_by_key(|id| (std::cmp::Reverse(owned.get(id).map_or(0, Vec::len)), *id));
        let (share, more) = (self.partitions.len() / order.len(), self.partitions.len() % order.len());
        let free: Vec<TopicPartition> =
            self.partitions.iter().filter(|at| !self.owners.contains_key(*at)).cloned().collect();
        let mut free = free.into_iter();
        for (place, id) in order.iter().enumerate() {
            let quota = share + usize::from(place < more);
            let (Some(list), Some(known)) = (owned.get(id), self.members.get_mut(id)) else { continue };
            known.generation = self.generation;
            let (list, unread): (Vec<&TopicPartition>, Vec<&TopicPartition>) =
                list.iter().partition(|at| self.partitions.contains(*at));
            let surplus: Vec<TopicPartition> =
                unread.into_iter().chain(list.iter().copied().skip(quota)).cloned().collect();
            if !surplus.is_empty() {
                known.revoked.extend(surplus.iter().cloned());
                known.news.push_back(Change::Revoked(surplus));
            }
            let gained: Vec<TopicPartition> = free.by_ref().take(quota.saturating_sub(list.len())).collect();
            if !gained.is_empty() {
                self.owners.extend(gained.iter().map(|at| (at.clone(), *id)));
                known.news.push_back(Change::Assigned(gained));
            }
        }
    }

    /// A member gives partitions up.
    pub(super) fn release(&mut self, id: u64, partitions: &[TopicPartition], rebalance_at: i64) {
        let Some(known) = self.members.get_mut(&id) else { return };
        known.revoked.retain(|at| !partitions.contains(at));
        let before = self.owners.len();
        self.owners.retain(|at, owner| *owner != id || !partitions.contains(at));
        if self.owners.len() < before {
            self.rebalance(rebalance_at);
        }
    }

    /// Whether who sends offsets may do so.
    pub(super) fn check(&self, said: &Membership) -> Result<(), Refusal> {
        match self.holder_of(&said.instance) {
            None => return Err(Refusal::Member("UNKNOWN_MEMBER_ID")),
            Some(holder) if holder != said.member => return Err(Refusal::Member("FENCED_INSTANCE_ID")),
            Some(_) => {}
        }
        match self.members.get(&said.member) {
            Some(known) if known.generation == said.generation => Ok(()),
            Some(_) => Err(Refusal::Member("ILLEGAL_GENERATION")),
            None => Err(Refusal::Member("UNKNOWN_MEMBER_ID")),
        }
    }

    pub(super) fn is_pending(&self, at: &TopicPartition) -> bool {
        self.pending.values().any(|offsets| offsets.contains_key(at))
    }

    /// The marker of a transaction.
    pub(super) fn mark(&mut self, producer: u64, commit: bool) {
        if let Some(offsets) = self.pending.remove(&producer)
            && commit
        {
            self.offsets.extend(offsets);
        }
    }
}
