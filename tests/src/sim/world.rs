//! A run: processes, the world outside, faults, and who looks on.

use std::time::Duration;

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::Topics;
use streaming::{Log as _, OutRecord};

use super::{
    faults::Faults,
    log::SimLog,
    process::{Ended, Kind, Setup, Work},
    prompt::Prompt,
    random::Random,
    report::{Report, Wrong},
    sabotage::Bug,
};
use crate::{Load, Observer, load::Sent};

/// 2026-03-02T20:00:00Z: a midnight lies within a run of some hours.
pub(super) const START: Timestamp = Timestamp(1_772_481_600_000);
pub(super) const PREFIX: &str = "vernier";
/// Partitions of our own topics.
pub(super) const PARTITIONS: i32 = 3;
/// Partitions of each source topic.
pub(super) const SOURCE_PARTITIONS: i32 = 2;

/// How long a run is and what happens in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Steps with faults.
    pub(super) steps: u32,
    /// Faults of the log.
    pub(super) faults: Faults,
    /// Chances in ten thousand, each of a step.
    pub(super) kill: i64,
    /// Likewise: a process ends in good order.
    pub(super) stop: i64,
    /// Likewise: a process stands still for a while.
    pub(super) pause: i64,
    /// Likewise: a second process comes under the name of one that runs.
    pub(super) twin: i64,
    /// Likewise: the brokers go for a while.
    pub(super) loss: i64,
    /// Likewise: time leaps.
    pub(super) leap: i64,
    /// By so many milliseconds at most.
    pub(super) longest_leap: i64,
}

/// A process, running or not.
pub(super) struct Process {
    pub(super) kind: Kind,
    pub(super) ordinal: u32,
    pub(super) name: String,
    pub(super) body: Option<Body>,
    /// When it is started again.
    pub(super) start_at: i64,
}

pub(super) struct Body {
    pub(super) number: u32,
    pub(super) work: Box<dyn Work>,
    /// It stands still until then.
    pub(super) paused_until: Option<i64>,
}

pub(super) struct World<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) setup: Setup,
    pub(super) bug: Option<Bug>,
    pub(super) plan: Plan,
    pub(super) log: SimLog,
    pub(super) random: Random,
    pub(super) processes: Vec<Process>,
    /// Those that run under a name that another one has taken.
    pub(super) ghosts: Vec<(String, Body)>,
    pub(super) load: Load,
    next: Option<Sent>,
    pub(super) prompt: Prompt,
    pub(super) observer: Observer,
    leap_wanted: Option<i64>,
    /// Whether the faults are over.
    pub(super) mended: bool,
    bodies: u32,
    pub(super) report: Report,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, catalogue: &'a Catalogue, bug: Option<Bug>, whole_trace: bool) -> Self {
        let mut random = Random::new(seed);
        let plan = super::plan::draw(&mut random, bug);
        let log = SimLog::new(random.bits(), START, plan.faults);
        let log = if whole_trace { log.with_whole_trace() } else { log };
        let specs = service::topics::ours(&Topics::new(PREFIX), PARTITIONS, 1);
        for spec in specs.iter().chain(&service::topics::of_sources(catalogue, SOURCE_PARTITIONS, 1)) {
            log.create(spec).expect("an onlooker's calls do not fail");
        }
        let setup = super::plan::setup(&mut random, &plan);
        let mut processes = Vec::new();
        let aggregators = 2 + u32::try_from(random.below(2)).expect("it is small");
        let ingests = 1 + u32::try_from(random.below(2)).expect("it is small");
        let kinds = [(Kind::Ingest, ingests), (Kind::Aggregator, aggregators), (Kind::Evaluator, 1)];
        for (kind, count) in kinds {
            for ordinal in 0..count {
                let name = format!("{kind:?}-{ordinal}").to_lowercase();
                let start_at = START.0 + random.below(2000);
                processes.push(Process { kind, ordinal, name, body: None, start_at });
            }
        }
        // Where time leaps far, few records come: what is under test is not how fast they are read.
        let pace = (5000 + random.below(25_000)) * if plan.longest_leap > 1_000_000 { 8 } else { 1 };
        let load = Load::new(random.bits() >> 1, START).partitions(SOURCE_PARTITIONS).pace(pace).with_strays();
        Self {
            catalogue,
            setup,
            bug,
            plan,
            log,
            random,
            processes,
            ghosts: Vec::new(),
            load,
            next: None,
            prompt: Prompt::default(),
            observer: Observer::new(PREFIX),
            leap_wanted: None,
            mended: false,
            bodies: 0,
            report: Report { seed, ..Report::default() },
        }
    }

    /// The steps with faults.
    pub(super) fn suffer(&mut self) {
        for step in 0..self.plan.steps {
            self.report.steps += 1;
            self.pass_time();
            self.feed();
            self.disturb();
            self.start_and_wake();
            self.advance_one();
            if step % 64 == 0 {
                self.look();
            }
            if self.report.is_over() {
                return;
            }
        }
    }

    /// Whoever reads along reads on.
    pub(super) fn look(&mut self) {
        self.observer.poll(&self.log, Duration::ZERO).expect("an onlooker's calls do not fail");
    }

    fn pass_time(&mut self) {
        if self.random.chance(self.plan.leap) && self.leap_wanted.is_none() {
            let longest = if self.random.chance(3000) { self.plan.longest_leap } else { 60_000 };
            self.leap_wanted = Some(3000 + self.random.below(longest));
        }
        // A leap while somebody is in the middle of a transaction ends it by its timeout: that must not be all there is.
        let patient = !self.random.chance(150);
        let time = match self.leap_wanted.take() {
            Some(time) if patient && self.log.has_open_transaction() => {
                self.leap_wanted = Some(time);
                self.random.below(20)
            }
            Some(time) => {
                self.log.note(format_args!("time leaps by {time} ms"));
                time
            }
            None if self.random.chance(200) => self.random.below(700),
            None => self.random.below(20),
        };
        self.log.pass(time);
    }

    /// The world outside writes source records as their time comes.
    pub(super) fn feed(&mut self) {
        while self.load.now() <= self.log.now() {
            let sent = match self.next.take() {
                Some(sent) => sent,
                None => self.load.batch(1).pop().expect("it has one record"),
            };
            if self.load.now() > self.log.now() {
                self.next = Some(sent);
                return;
            }
            self.send(&sent);
        }
    }

    /// Writes what was held back for its time.
    pub(super) fn feed_rest(&mut self) {
        if let Some(sent) = self.next.take() {
            let wait = self.load.now().0 - self.log.now().0;
            self.log.pass(wait.max(0));
            self.send(&sent);
        }
    }

    pub(super) fn send(&mut self, sent: &Sent) {
        self.prompt.sent(sent, self.log.now());
        let record = OutRecord { timestamp: Some(self.log.now().0), ..sent.to_record(sent.topic) };
        self.log.append(record);
    }

    fn disturb(&mut self) {
        let Plan { kill, stop, pause, twin, loss, .. } = self.plan;
        if self.random.chance(kill) {
            self.kill();
        }
        if self.random.chance(stop) {
            self.stop();
        }
        if self.random.chance(pause) {
            self.pause();
        }
        if self.random.chance(twin) {
            self.twin();
        }
        if self.random.chance(loss) {
            let longest = if self.random.chance(2000) { 25_000 } else { 3000 };
            let time = 50 + self.random.below(longest);
            self.log.lose_brokers(time);
        }
    }

    fn pick(&mut self) -> Option<usize> {
        let running: Vec<usize> = (0..self.processes.len()).filter(|at| self.processes[*at].body.is_some()).collect();
        if running.is_empty() { None } else { Some(running[self.random.index(running.len())]) }
    }

    /// When a process that has ended is started again: mostly soon, sometimes after its session.
    fn later(&mut self) -> i64 {
        let time = match self.random.below(10) {
            _ if self.mended => self.random.below(300),
            0..6 => self.random.below(300),
            6..9 => self.random.below(6000),
            _ => 10_000 + self.random.below(30_000),
        };
        self.log.now().0 + time
    }

    fn kill(&mut self) {
        // A ghost may die as well.
        if !self.ghosts.is_empty() && self.random.chance(3000) {
            let at = self.random.index(self.ghosts.len());
            let (name, body) = self.ghosts.swap_remove(at);
            self.log.note(format_args!("the ghost of {name} is killed"));
            drop(body);
            self.report.kills += 1;
            return;
        }
        let Some(at) = self.pick() else { return };
        let later = self.later();
        let process = &mut self.processes[at];
        self.log.note(format_args!("{} is killed", process.name));
        process.body = None;
        process.start_at = later;
        self.report.kills += 1;
    }

    fn stop(&mut self) {
        let Some(at) = self.pick() else { return };
        let later = self.later();
        let process = &mut self.processes[at];
        self.log.note(format_args!("{} is stopped", process.name));
        if let Some(mut body) = process.body.take() {
            process.start_at = later;
            let name = process.name.clone();
            if let Err(ended) = body.work.stop() {
                self.ended(&name, ended);
            }
        }
    }

    fn pause(&mut self) {
        let Some(at) = self.pick() else { return };
        let time =
            if self.random.chance(4000) { 12_000 + self.random.below(30_000) } else { 200 + self.random.below(8000) };
        let until = self.log.now().0 + time;
        let process = &mut self.processes[at];
        let Some(body) = process.body.as_mut().filter(|body| body.paused_until.is_none()) else { return };
        self.log.note(format_args!("{} is paused for {time} ms", process.name));
        body.paused_until = Some(until);
        self.log.silence(body.number);
        self.report.pauses += 1;
    }

    /// Somebody starts a second process under the name of one that runs, or stands still.
    fn twin(&mut self) {
        let Some(at) = self.pick() else { return };
        let process = &mut self.processes[at];
        let Some(body) = process.body.take() else { return };
        self.log.note(format_args!("{} gets a twin", process.name));
        process.start_at = self.log.now().0;
        self.ghosts.push((process.name.clone(), body));
    }

    pub(super) fn start_and_wake(&mut self) {
        let now = self.log.now().0;
        let ghosts = self.ghosts.iter_mut().map(|(_, body)| body);
        let bodies = self.processes.iter_mut().filter_map(|process| process.body.as_mut());
        for body in bodies.chain(ghosts) {
            if body.paused_until.is_some_and(|until| until <= now) {
                body.paused_until = None;
                self.log.wake(body.number);
            }
        }
        for at in 0..self.processes.len() {
            let process = &self.processes[at];
            if process.body.is_none() && process.start_at <= now {
                self.start(at);
            }
        }
    }

    pub(super) fn start(&mut self, at: usize) {
        self.bodies += 1;
        let number = self.bodies;
        let process = &self.processes[at];
        let client = self.log.client(number, &format!("{}#{number}", process.name));
        client.note(format_args!("starts"));
        let clock = self.log.clock();
        let started = super::sabotage::start(self.bug, process, &self.setup, self.catalogue, client, clock);
        match started {
            Ok(work) => self.processes[at].body = Some(Body { number, work, paused_until: None }),
            Err(ended) => {
                let name = self.processes[at].name.clone();
                self.processes[at].start_at = self.later();
                self.ended(&name, ended);
            }
        }
    }

    fn ended(&mut self, name: &str, ended: Ended) {
        match ended {
            Ended::Passing(reason) => {
                self.report.ended += 1;
                self.log.note(format_args!("{name} has ended: {reason}"));
            }
            Ended::Refused(reason) => {
                self.log.note(format_args!("{name} refuses to go on: {reason}"));
                self.report.wrong.push(Wrong::Refused { process: name.to_owned(), reason });
            }
        }
    }

    /// One process makes one call.
    pub(super) fn advance_one(&mut self) {
        let ready = |body: &Body| body.paused_until.is_none();
        let processes: Vec<usize> =
            (0..self.processes.len()).filter(|at| self.processes[*at].body.as_ref().is_some_and(ready)).collect();
        let ghosts: Vec<usize> = (0..self.ghosts.len()).filter(|at| ready(&self.ghosts[*at].1)).collect();
        let count = processes.len() + ghosts.len();
        if count == 0 {
            return;
        }
        let place = self.random.index(count);
        match processes.get(place) {
            Some(at) => self.advance(*at),
            None => self.advance_ghost(ghosts[place - processes.len()]),
        }
    }

    pub(super) fn advance(&mut self, at: usize) {
        let Some(body) = self.processes[at].body.as_mut() else { return };
        if let Err(ended) = body.work.advance() {
            let later = self.later();
            let process = &mut self.processes[at];
            process.body = None;
            process.start_at = later;
            let name = process.name.clone();
            self.ended(&name, ended);
        }
    }

    fn advance_ghost(&mut self, at: usize) {
        if let Err(ended) = self.ghosts[at].1.work.advance() {
            let (name, body) = self.ghosts.swap_remove(at);
            drop(body);
            self.ended(&format!("the ghost of {name}"), ended);
        }
    }
}
