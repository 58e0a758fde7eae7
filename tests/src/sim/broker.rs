//! The brokers: partitions, coordinators, what is under way between them, and simulated time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use streaming::{LogError, TopicDescription, TopicPartition, TopicSpec};

use super::{
    coordinator::{Phase, Refusal, Target, Transactions},
    faults::Faults,
    group::{Group, Membership},
    partition::Partition,
    random::Random,
    trace::Trace,
};

/// After how long an open transaction is aborted, in milliseconds.
pub(super) const TRANSACTION_TIMEOUT: i64 = 15_000;
/// How often the brokers look for transactions that are too old, in milliseconds.
const SCAN: i64 = 5000;

/// A request that a late copy may repeat.
#[derive(Clone, Debug)]
pub(super) enum Request {
    End { commit: bool },
    Add(Target),
    Offsets { membership: Membership, offsets: Vec<(TopicPartition, i64)> },
}

/// Something that is under way.
#[derive(Debug)]
enum Event {
    Marker { id: String, target: Target, epoch: u32, commit: bool },
    Copy { id: String, epoch: u32, request: Request },
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) description: TopicDescription,
    pub(super) partitions: Vec<Partition>,
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions that a request to commit has ended.
    pub commits: u64,
    /// Transactions that were aborted, by whomever.
    pub aborts: u64,
    /// Late copies of requests that came.
    pub copies: u64,
    /// Late copies that ended a transaction.
    pub harmful: u64,
    /// Offsets that were refused because of who sent them.
    pub refused: u64,
    /// Sessions that ended.
    pub expired: u64,
    /// Times when the brokers were gone.
    pub losses: u64,
}

#[derive(Debug)]
pub(super) struct Broker {
    now: Arc<AtomicI64>,
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) transactions: BTreeMap<String, Transactions>,
    events: BTreeMap<(i64, u64), Event>,
    numbers: u64,
    scan_at: i64,
    pub(super) gone_until: Option<i64>,
    pub(super) counts: Counts,
    pub(super) trace: Trace,
}

impl Broker {
    pub(super) fn new(seed: u64, now: Arc<AtomicI64>, faults: Faults) -> Self {
        Self {
            now,
            random: Random::new(seed),
            faults,
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            transactions: BTreeMap::new(),
            events: BTreeMap::new(),
            numbers: 0,
            scan_at: 0,
            gone_until: None,
            counts: Counts::default(),
            trace: Trace::default(),
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.now.load(Ordering::Acquire)
    }

    pub(super) const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Lets time pass and what is due by then happen.
    pub(super) fn pass(&mut self, time: i64) {
        let until = self.now() + time;
        if let Some(back) = self.gone_until {
            if back > until {
                self.now.store(until, Ordering::Release);
                return;
            }
            self.now.store(back.max(self.now()), Ordering::Release);
            self.come_back();
        }
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((due, _), event) = entry.remove_entry();
            self.now.store(due.max(self.now()), Ordering::Release);
            self.happen(event);
        }
        self.now.store(until, Ordering::Release);
        self.end_what_is_over();
    }

    /// Lets time pass until something holds, or for so long.
    pub(super) fn pass_until(&mut self, longest: i64, holds: impl Fn(&Self) -> bool) -> bool {
        let deadline = self.now() + longest;
        loop {
            if holds(self) {
                return true;
            }
            let now = self.now();
            if now >= deadline {
                return false;
            }
            let next = self.events.keys().next().map_or(i64::MAX, |(due, _)| *due).max(now);
            self.pass(next.min(now + 500).min(deadline) - now);
            if next == now && self.events.keys().next().is_some_and(|(due, _)| *due <= now) {
                // The brokers are gone: nothing happens before they are back.
                self.pass(500.min(deadline - now));
            }
        }
    }

    fn come_back(&mut self) {
        self.gone_until = None;
        let now = self.now();
        // Who could not be heard is not held to be silent.
        let known = self.groups.values_mut().flat_map(|group| group.members.values_mut());
        for since in known.filter_map(|known| known.silent_since.as_mut()) {
            *since = now;
        }
        self.trace.add(now, "brokers", format_args!("are back"));
    }

    fn end_what_is_over(&mut self) {
        let now = self.now();
        let at = now + self.random.delay(self.faults.rebalance_delay);
        for (name, group) in &mut self.groups {
            for id in group.expire(now, at) {
                self.counts.expired += 1;
                self.trace.add(now, name, format_args!("session of member {id} is over"));
            }
            if group.can_agree(now) {
                group.agree();
                self.trace.add(now, name, format_args!("agrees on a new generation"));
            }
        }
        if now < self.scan_at {
            return;
        }
        self.scan_at = now + SCAN;
        let old = |known: &Transactions| known.phase == Phase::Ongoing && now - known.began > TRANSACTION_TIMEOUT;
        let over: Vec<String> =
            self.transactions.iter().filter(|(_, known)| old(known)).map(|(id, _)| id.clone()).collect();
        for id in over {
            self.trace.add(now, &id, format_args!("its transaction has timed out"));
            self.fence(&id);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Marker { id, target, epoch, commit } => self.mark(&id, &target, epoch, commit),
            Event::Copy { id, epoch, request } => {
                self.counts.copies += 1;
                let before = (self.counts.commits, self.counts.aborts);
                let outcome = self.request(&id, epoch, &request);
                self.counts.harmful += u64::from(before != (self.counts.commits, self.counts.aborts));
                let now = self.now();
                self.trace.add(now, &id, format_args!("late copy of {request:?}: {outcome:?}"));
            }
        }
    }

    fn mark(&mut self, id: &str, target: &Target, epoch: u32, commit: bool) {
        let now = self.now();
        let Some(known) = self.transactions.get_mut(id) else { return };
        known.marked(target);
        let producer = known.producer;
        match target {
            Target::Partition(at) => {
                if let Some(partition) = self.find_mut(at) {
                    let count = partition.mark(producer, epoch, commit);
                    let what = if commit { "commit" } else { "abort" };
                    self.trace.add(now, id, format_args!("marker in {at}: {what} of {count}"));
                }
            }
            Target::Group(name) => {
                if let Some(group) = self.groups.get_mut(name) {
                    group.mark(producer, commit);
                    self.trace.add(now, id, format_args!("marker in the offsets of {name}: {commit}"));
                }
            }
        }
    }

    /// Does what a request asks for.
    pub(super) fn request(&mut self, id: &str, epoch: u32, request: &Request) -> Result<(), Refusal> {
        let now = self.now();
        let Some(known) = self.transactions.get_mut(id) else { return Err(Refusal::InvalidState) };
        match request {
            Request::Add(target) => known.add(epoch, target.clone(), now),
            Request::End { commit } => {
                let was = known.phase;
                let targets = known.end(epoch, *commit)?;
                if was == Phase::Ongoing {
                    self.ended(id, epoch, *commit, targets);
                }
                Ok(())
            }
            Request::Offsets { membership, offsets } => {
                known.verify(epoch, &Target::Group(membership.group.clone()))?;
                let producer = known.producer;
                let group = self.groups.entry(membership.group.clone()).or_default();
                group.check(membership).inspect_err(|_| self.counts.refused += 1)?;
                group.pending.entry(producer).or_default().extend(offsets.iter().cloned());
                Ok(())
            }
        }
    }

    /// Aborts what is open under a newer epoch.
    pub(super) fn fence(&mut self, id: &str) {
        if let Some(known) = self.transactions.get_mut(id) {
            let targets = known.fence();
            let epoch = known.epoch;
            self.ended(id, epoch, false, targets);
        }
    }

    fn ended(&mut self, id: &str, epoch: u32, commit: bool, targets: impl IntoIterator<Item = Target>) {
        if commit {
            self.counts.commits += 1;
        } else {
            self.counts.aborts += 1;
        }
        for target in targets {
            let delay = self.random.delay(self.faults.marker_delay);
            let event = Event::Marker { id: id.to_owned(), target, epoch, commit };
            self.later(delay, event);
        }
        if self.faults.marker_delay == 0 {
            self.pass(0);
        }
    }

    /// A copy of a request is on its way.
    pub(super) fn copy_later(&mut self, id: &str, epoch: u32, request: Request) {
        let delay = 1 + self.random.delay(self.faults.copy_delay);
        self.later(delay, Event::Copy { id: id.to_owned(), epoch, request });
    }

    fn later(&mut self, delay: i64, event: Event) {
        let key = (self.now() + delay, self.number());
        self.events.insert(key, event);
    }

    /// Whether nothing is under way and no transaction is open.
    pub(super) fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.transactions.values().all(|known| known.phase != Phase::Ongoing)
    }

    pub(super) fn create(&mut self, spec: &TopicSpec) {
        let count = spec.partitions.max(1);
        let partitions = (0..count).map(|_| Partition::default()).collect();
        let description = TopicDescription { partitions: count, configs: spec.settings() };
        self.topics.entry(Arc::from(spec.name.as_str())).or_insert(Topic { description, partitions });
    }

    pub(super) fn find(&self, at: &TopicPartition) -> Result<&Partition, LogError> {
        let topic = self.topics.get(&at.topic).ok_or_else(|| LogError::NoTopic(at.topic.to_string()))?;
        let found = usize::try_from(at.partition).ok().and_then(|index| topic.partitions.get(index));
        found.ok_or_else(|| LogError::Fatal { doing: "find a partition", reason: format!("{at} does not exist") })
    }

    pub(super) fn find_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        let index = usize::try_from(at.partition).ok()?;
        self.topics.get_mut(&at.topic)?.partitions.get_mut(index)
    }
}
