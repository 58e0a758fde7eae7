//! One connection through the proxy: two threads read, two write, so that a frame on its way delays no other.

use std::{
    collections::HashMap,
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Direction, Rules,
    frame::{self, Head},
    point::{Go, Moment, Trap},
};

/// Frames on their way, in one direction: more make the sender wait.
const ON_THE_WAY: usize = 256;

#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    broker: TcpStream,
    /// Traps of requests that are not answered yet, by the request's number.
    asked: Mutex<HashMap<i32, Vec<Arc<Trap>>>>,
    /// Nothing goes through any more, and nobody is told.
    silent: AtomicBool,
    /// Something was swallowed.
    lost: AtomicBool,
}

/// A frame on its way.
struct Parcel {
    frame: Vec<u8>,
    due: Instant,
    traps: Vec<Arc<Trap>>,
}

impl Parcel {
    #[expect(clippy::disallowed_methods, reason = "the time of a network, not of the data")]
    fn new(frame: Vec<u8>, delay: Duration, traps: Vec<Arc<Trap>>) -> Self {
        Self { frame, due: Instant::now() + delay, traps }
    }

    #[expect(clippy::disallowed_methods, reason = "the time of a network, not of the data")]
    fn travel(&self) {
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
    }
}

impl Connection {
    /// Starts the threads. They end with the connection and own it.
    pub(super) fn start(client: TcpStream, broker: TcpStream, rules: &Arc<Rules>) -> Weak<Self> {
        for stream in [&client, &broker] {
            // Without it, small frames wait for each other; a socket that is closed already refuses.
            stream.set_nodelay(true).ok();
        }
        let connection = Arc::new(Self {
            client,
            broker,
            asked: Mutex::default(),
            silent: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        });
        let ways: [fn(&Self, &Rules, &mpsc::SyncSender<Parcel>); 2] = [Self::take_requests, Self::take_answers];
        for (take, direction) in ways.into_iter().zip([Direction::ToBroker, Direction::ToClient]) {
            let (sender, parcels) = mpsc::sync_channel(ON_THE_WAY);
            let (reading, rules) = (Arc::clone(&connection), Arc::clone(rules));
            thread::spawn(move || take(&reading, &rules, &sender));
            let writing = Arc::clone(&connection);
            thread::spawn(move || writing.deliver(direction, &parcels));
        }
        Arc::downgrade(&connection)
    }

    /// Closes both ends.
    pub(super) fn cut(&self) {
        for stream in [&self.client, &self.broker] {
            // It may be closed already.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Whether a frame gets lost.
    fn loses(&self, rules: &Rules, direction: Direction) -> bool {
        let lost = self.silent.load(Ordering::Acquire) || rules.swallows(direction);
        if lost {
            self.lost.store(true, Ordering::Release);
        }
        lost
    }

    fn take_requests(&self, rules: &Rules, parcels: &mpsc::SyncSender<Parcel>) {
        while let Ok(Some(request)) = frame::read(&mut &self.client) {
            if self.loses(rules, Direction::ToBroker) {
                continue;
            }
            let Some(Head { key, correlation }) = frame::head(&request) else { return self.cut() };
            let traps = rules.traps.of(key, &request);
            match Self::pass(&traps, Moment::Before, &request, rules) {
                Go::On => {}
                Go::Cut => return self.cut(),
                Go::Silent => {
                    self.silent.store(true, Ordering::Release);
                    self.lost.store(true, Ordering::Release);
                    continue;
                }
            }
            if !traps.is_empty() {
                self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(correlation, traps.clone());
            }
            if parcels.send(Parcel::new(request, rules.delay(), traps)).is_err() {
                return;
            }
        }
    }

    fn take_answers(&self, rules: &Rules, parcels: &mpsc::SyncSender<Parcel>) {
        while let Ok(Some(answer)) = frame::read(&mut &self.broker) {
            let asked = frame::answered(&answer)
                .and_then(|number| self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&number));
            if self.loses(rules, Direction::ToClient) {
                continue;
            }
            if Self::pass(&asked.unwrap_or_default(), Moment::Answered, &answer, rules) != Go::On {
                return self.cut();
            }
            if parcels.send(Parcel::new(answer, rules.delay(), Vec::new())).is_err() {
                return;
            }
        }
    }

    /// Springs the traps of a moment.
    fn pass(traps: &[Arc<Trap>], moment: Moment, frame: &[u8], rules: &Rules) -> Go {
        traps.iter().map(|trap| trap.spring(moment, frame, rules.broker)).find(|go| *go != Go::On).unwrap_or(Go::On)
    }

    /// Writes frames when they are due, and passes the end of the stream on.
    fn deliver(&self, direction: Direction, parcels: &mpsc::Receiver<Parcel>) {
        let mut stream = match direction {
            Direction::ToBroker => &self.broker,
            Direction::ToClient => &self.client,
        };
        for parcel in parcels {
            parcel.travel();
            if frame::write(&mut stream, &parcel.frame).is_err() {
                return self.cut();
            }
            let gone_on =
                parcel.traps.iter().all(|trap| trap.spring(Moment::Forwarded, &parcel.frame, peer(stream)) == Go::On);
            if !gone_on {
                return self.cut();
            }
        }
        match direction {
            // The broker answers what it was asked before the client closed.
            Direction::ToBroker => stream.shutdown(Shutdown::Write).unwrap_or_default(),
            Direction::ToClient => self.cut(),
        }
    }
}

fn peer(stream: &TcpStream) -> std::net::SocketAddr {
    stream.peer_addr().unwrap_or_else(|_| std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
}
