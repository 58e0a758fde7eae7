//! A TCP proxy in front of one broker that makes faults.
//!
//! It knows Kafka's framing, so that it can count, stop, hold back and take away single requests and answers:
//! 1. [`frame`]: frames, and what identifies a request;
//! 2. [`point`]: points of the protocol, and what is done there;
//! 3. [`connection`]: one connection and its four threads.
//!
//! Points of the protocol are the places where a test kills a service: the product knows nothing of them.

mod connection;
mod frame;
pub mod point;
#[cfg(test)]
mod tests;

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use connection::Connection;
pub use point::{Held, Moment, Point, Silence, Stop, Watch, hold, stop_at, watch};
use point::{Trap, Traps};

/// One way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Requests.
    ToBroker,
    /// Answers.
    ToClient,
}

/// A proxy that runs. Its rules can be changed at any time.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    rules: Arc<Rules>,
    ended: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    refuse: bool,
    swallow: Option<Direction>,
    connections: Vec<Weak<Connection>>,
}

/// What holds for every connection of a proxy.
#[derive(Debug)]
struct Rules {
    broker: SocketAddr,
    state: Mutex<State>,
    traps: Traps,
}

impl Rules {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn delay(&self) -> Duration {
        self.state().delay
    }

    fn swallows(&self, direction: Direction) -> bool {
        self.state().swallow == Some(direction)
    }

    /// Connects an accepted client with the broker, unless a rule or the broker refuses.
    fn accept(self: &Arc<Self>, client: TcpStream) {
        if self.state().refuse {
            return;
        }
        // A broker that is down refuses: so does the proxy, by closing what it has accepted.
        let Ok(broker) = TcpStream::connect(self.broker) else { return };
        let connection = Connection::start(client, broker, self);
        let mut state = self.state();
        state.connections.retain(|connection| connection.strong_count() > 0);
        state.connections.push(connection);
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        self.state().connections.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Proxy {
    /// Listens on a loopback port (0 for a free one) and passes everything on to a broker.
    pub fn start(port: u16, broker: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|fault| panic!("port {port}: {fault}"));
        let address = listener.local_addr().expect("it is bound");
        let rules = Arc::new(Rules { broker, state: Mutex::default(), traps: Traps::default() });
        let ended = Arc::new(AtomicBool::new(false));
        let (of_thread, end) = (Arc::clone(&rules), Arc::clone(&ended));
        thread::spawn(move || {
            for client in listener.incoming() {
                if end.load(Ordering::Acquire) {
                    return;
                }
                // A client that has gone before it was accepted is none.
                if let Ok(client) = client {
                    of_thread.accept(client);
                }
            }
        });
        Self { address, rules, ended }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every frame, in both directions, arrives so much later. Frames do not wait for each other.
    pub fn delay(&self, time: Duration) {
        self.rules.state().delay = time;
    }

    /// Cuts all connections of now.
    pub fn cut(&self) {
        for connection in self.rules.connections() {
            connection.cut();
        }
    }

    /// Whether new connections are closed as soon as they are made.
    pub fn refuse(&self, refuse: bool) {
        self.rules.state().refuse = refuse;
    }

    /// Swallows what goes one way, on connections of now and on new ones, while all of them stay open.
    pub fn swallow(&self, direction: Direction) {
        self.rules.state().swallow = Some(direction);
    }

    /// Takes back delay, refusal and swallowing. Connections that have lost something are cut: no network gives a
    /// part of a stream and not what came before it.
    pub fn heal(&self) {
        {
            let mut state = self.rules.state();
            state.delay = Duration::ZERO;
            state.refuse = false;
            state.swallow = None;
        }
        for connection in self.rules.connections().iter().filter(|connection| connection.has_lost()) {
            connection.cut();
        }
    }

    /// Number of connections that are open now.
    pub fn connections(&self) -> usize {
        self.rules.connections().len()
    }

    fn set(&self, trap: &Arc<Trap>) {
        self.rules.traps.set(trap);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        self.cut();
    }
}
