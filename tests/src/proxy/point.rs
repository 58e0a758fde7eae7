//! Points of the protocol: one request or answer among all, and what is done when it comes by.

use std::{
    fmt, io,
    net::{SocketAddr, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Proxy, frame};

/// Where a request or its answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The client has sent the request, the broker has not got it.
    Before,
    /// The broker has got the request.
    Forwarded,
    /// The broker has answered, the client does not know it.
    Answered,
}

/// The Nth request of one call, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    call: Call,
    moment: Moment,
    name: Vec<u8>,
    nth: u32,
}

/// Calls of Kafka's protocol that make points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kafka's")]
pub enum Call {
    Produce = 0,
    Fetch = 1,
    OffsetFetch = 9,
    JoinGroup = 11,
    SyncGroup = 14,
    InitProducerId = 22,
    AddPartitionsToTxn = 24,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    TxnOffsetCommit = 28,
}

impl Call {
    /// The number on the wire.
    pub const fn key(self) -> i16 {
        self as i16
    }
}

impl Point {
    /// Before the broker gets a request.
    pub const fn before(call: Call) -> Self {
        Self::at(call, Moment::Before)
    }

    /// After the broker has answered a request, before the client gets the answer.
    pub const fn after(call: Call) -> Self {
        Self::at(call, Moment::Answered)
    }

    /// The first request of a call at a moment.
    pub const fn at(call: Call, moment: Moment) -> Self {
        Self { call, moment, name: Vec::new(), nth: 1 }
    }

    /// Requests alone that hold a name: a client's id, a transactional id, a group, a topic, the id of a topic.
    #[must_use]
    pub fn of(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.name = name.into();
        self
    }

    /// Not the first, but the Nth of them, counted from 1 and from the time the trap is set.
    #[must_use]
    pub const fn nth(mut self, nth: u32) -> Self {
        self.nth = nth;
        self
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.moment {
            Moment::Before => write!(formatter, "before-{:?}", self.call),
            Moment::Forwarded => write!(formatter, "forwarded-{:?}", self.call),
            Moment::Answered => write!(formatter, "after-{:?}-before-answer", self.call),
        }?;
        write!(formatter, " #{} of {:?}", self.nth, String::from_utf8_lossy(&self.name))
    }
}

/// How a connection behaves from which a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It stays open; nothing goes through any more.
    Silent,
    /// It is cut.
    Cut,
}

/// What becomes of a frame and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Cut,
    Silent,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Tells, and lets it pass.
    Tell,
    /// Stops it until it is decided.
    Stop,
    /// Takes it away.
    Hold(Silence),
}

#[derive(Debug, Default)]
struct Progress {
    seen: u32,
    /// The frame, and the broker it was for.
    reached: Option<(Vec<u8>, SocketAddr)>,
    decided: Option<Go>,
    /// Whoever has set the trap has gone.
    dropped: bool,
}

/// A point that is waited for. It springs once.
#[derive(Debug)]
pub(super) struct Trap {
    point: Point,
    deed: Deed,
    progress: Mutex<Progress>,
    changed: Condvar,
}

impl Trap {
    fn set(proxies: &[Proxy], point: Point, deed: Deed) -> Arc<Self> {
        let trap = Arc::new(Self { point, deed, progress: Mutex::default(), changed: Condvar::new() });
        for proxy in proxies {
            proxy.set(&trap);
        }
        trap
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it will not spring any more.
    fn is_done(&self) -> bool {
        let progress = self.progress();
        progress.dropped || progress.reached.is_some()
    }

    /// A frame comes by.
    pub(super) fn spring(&self, moment: Moment, frame: &[u8], broker: SocketAddr) -> Go {
        if moment != self.point.moment {
            return Go::On;
        }
        let mut progress = self.progress();
        if progress.dropped || progress.reached.is_some() {
            return Go::On;
        }
        progress.seen += 1;
        if progress.seen < self.point.nth {
            return Go::On;
        }
        progress.reached = Some((frame.to_vec(), broker));
        self.changed.notify_all();
        match self.deed {
            Deed::Tell => Go::On,
            Deed::Hold(Silence::Silent) => Go::Silent,
            Deed::Hold(Silence::Cut) => Go::Cut,
            Deed::Stop => loop {
                if let Some(go) = progress.decided {
                    return go;
                }
                progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
            },
        }
    }

    fn wait(&self, deadline: Duration) {
        let progress = self.progress();
        let (progress, _) = self
            .changed
            .wait_timeout_while(progress, deadline, |progress| progress.reached.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            progress.reached.is_some(),
            "waited {} s for {}; {} of its kind came by",
            deadline.as_secs(),
            self.point,
            progress.seen
        );
    }

    fn decide(&self, go: Go) {
        let mut progress = self.progress();
        progress.dropped = true;
        progress.decided.get_or_insert(go);
        self.changed.notify_all();
    }
}

/// Traps of a proxy.
#[derive(Debug, Default)]
pub(super) struct Traps(Mutex<Vec<Arc<Trap>>>);

impl Traps {
    pub(super) fn set(&self, trap: &Arc<Trap>) {
        let mut traps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        traps.retain(|trap| !trap.is_done());
        traps.push(Arc::clone(trap));
    }

    /// Traps that wait for such a request.
    pub(super) fn of(&self, key: i16, request: &[u8]) -> Vec<Arc<Trap>> {
        let traps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = |trap: &&Arc<Trap>| {
            trap.point.call.key() == key && !trap.is_done() && frame::holds(request, &trap.point.name)
        };
        traps.iter().filter(meant).cloned().collect()
    }
}

/// A request or answer that stops at a point, and its connection's direction with it.
#[derive(Debug)]
pub struct Stop(Arc<Trap>);

/// Stops the frame of a point on whichever proxy it comes by first.
pub fn stop_at(proxies: &[Proxy], point: Point) -> Stop {
    Stop(Trap::set(proxies, point, Deed::Stop))
}

impl Stop {
    /// Waits until the frame is there.
    pub fn wait(&self, deadline: Duration) {
        self.0.wait(deadline);
    }

    /// Lets it pass.
    pub fn pass(self) {
        self.0.decide(Go::On);
    }
}

/// Nobody gets the frame: its connection is cut.
impl Drop for Stop {
    fn drop(&mut self) {
        self.0.decide(Go::Cut);
    }
}

/// Tells that a frame has come by.
#[derive(Debug)]
pub struct Watch(Arc<Trap>);

/// Watches for the frame of a point.
pub fn watch(proxies: &[Proxy], point: Point) -> Watch {
    Watch(Trap::set(proxies, point, Deed::Tell))
}

impl Watch {
    /// Waits until it has come by.
    pub fn wait(&self, deadline: Duration) {
        self.0.wait(deadline);
    }

    /// How many have come by so far, up to the one that is meant.
    pub fn seen(&self) -> u32 {
        self.0.progress().seen
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.decide(Go::On);
    }
}

/// A request that was taken away.
#[derive(Debug)]
pub struct Held(Arc<Trap>);

/// Takes the request of a point away, on whichever proxy it comes by first.
pub fn hold(proxies: &[Proxy], point: Point, silence: Silence) -> Held {
    assert_eq!(point.moment, Moment::Before, "only a request that is not forwarded yet can be held back");
    Held(Trap::set(proxies, point, Deed::Hold(silence)))
}

impl Held {
    /// Waits until it is taken.
    pub fn wait(&self, deadline: Duration) {
        self.0.wait(deadline);
    }

    /// Delivers it to its broker on a connection of its own, as a network does that has kept a packet for long;
    /// gives the broker's answer, its number in front.
    pub fn release(self) -> io::Result<Vec<u8>> {
        let reached = self.0.progress().reached.clone();
        let (request, broker) = reached.unwrap_or_else(|| panic!("{} was never reached", self.0.point));
        let mut stream = TcpStream::connect(broker)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        frame::write(&mut stream, &request)?;
        frame::read(&mut stream)?.ok_or_else(|| io::Error::other("the broker closed the connection"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decide(Go::On);
    }
}
