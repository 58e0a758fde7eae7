//! The proxy in front of a broker that answers every request with its own body.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{
    Direction, Point, Proxy, Silence, frame, hold,
    point::{Call, Moment},
    stop_at, watch,
};

const SOON: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_millis(200);

/// A broker that echoes: its port, and every request it has got.
fn broker() -> (std::net::SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, got) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let sender = sender.clone();
            thread::spawn(move || {
                while let Ok(Some(request)) = frame::read(&mut stream) {
                    if sender.send(request.clone()).is_err() || frame::write(&mut stream, &request[4..]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, got)
}

fn request(call: Call, number: i32, client: &str) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend_from_slice(&call.key().to_be_bytes());
    request.extend_from_slice(&1_i16.to_be_bytes());
    request.extend_from_slice(&number.to_be_bytes());
    request.extend_from_slice(&i16::try_from(client.len()).unwrap().to_be_bytes());
    request.extend_from_slice(client.as_bytes());
    request
}

struct Client(TcpStream);

impl Client {
    fn new(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(stream)
    }

    fn send(&mut self, call: Call, number: i32, client: &str) {
        frame::write(&mut self.0, &request(call, number, client)).unwrap();
    }

    /// Number of the next answer; `None` where the connection was closed.
    fn answer(&mut self) -> Option<i32> {
        frame::read(&mut self.0).ok().flatten().and_then(|answer| frame::answered(&answer))
    }

    /// Whether nothing comes, on a connection that stays open.
    fn is_silent(&mut self) -> bool {
        self.0.set_read_timeout(Some(NEVER)).unwrap();
        let silent = self
            .0
            .read(&mut [0; 1])
            .is_err_and(|fault| matches!(fault.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
        self.0.set_read_timeout(Some(SOON)).unwrap();
        silent
    }
}

#[test]
fn without_a_rule_everything_passes_in_order() {
    let (address, got) = broker();
    let proxy = Proxy::start(0, address);
    let mut client = Client::new(&proxy);
    for number in 0..50 {
        client.send(Call::Produce, number, "a");
    }
    assert!((0..50).all(|number| client.answer() == Some(number)));
    assert_eq!(got.try_iter().count(), 50);
    assert_eq!(proxy.connections(), 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test of a delay")]
fn a_delay_is_one_of_each_frame_and_not_of_all_together() {
    let (address, _got) = broker();
    let proxy = Proxy::start(0, address);
    proxy.delay(Duration::from_millis(150));
    let mut client = Client::new(&proxy);
    let start = Instant::now();
    for number in 0..20 {
        client.send(Call::Fetch, number, "a");
    }
    assert!((0..20).all(|number| client.answer() == Some(number)));
    let taken = start.elapsed();
    assert!((300..2000).contains(&taken.as_millis()), "{taken:?} for 20 requests, 150 ms each way");
}

#[test]
fn a_cut_ends_connections_and_a_refusal_new_ones() {
    let (address, _got) = broker();
    let proxy = Proxy::start(0, address);
    let mut client = Client::new(&proxy);
    client.send(Call::Fetch, 1, "a");
    assert_eq!(client.answer(), Some(1));
    proxy.refuse(true);
    proxy.cut();
    assert_eq!(client.answer(), None);
    assert_eq!(Client::new(&proxy).answer(), None);
    proxy.heal();
    let mut client = Client::new(&proxy);
    client.send(Call::Fetch, 2, "a");
    assert_eq!(client.answer(), Some(2));
}

#[test]
fn what_is_swallowed_one_way_leaves_the_connection_open_until_it_is_healed() {
    let (address, got) = broker();
    for direction in [Direction::ToBroker, Direction::ToClient] {
        let proxy = Proxy::start(0, address);
        let mut client = Client::new(&proxy);
        let mut other = Client::new(&proxy);
        proxy.swallow(direction);
        client.send(Call::Fetch, 1, "a");
        assert!(client.is_silent());
        let arrived = got.try_recv().is_ok();
        assert_eq!(arrived, direction == Direction::ToClient, "{direction:?}");
        proxy.heal();
        assert_eq!(client.answer(), None, "a connection that has lost something is cut");
        other.send(Call::Fetch, 2, "a");
        assert_eq!(other.answer(), Some(2), "one that has not goes on");
        got.recv_timeout(SOON).unwrap();
    }
}

#[test]
fn the_nth_request_of_a_name_stops_before_the_broker_and_passes_when_told() {
    let (address, got) = broker();
    let proxies = [Proxy::start(0, address)];
    let point = Point::before(Call::EndTxn).of("meant").nth(2);
    assert_eq!(point.to_string(), "before-EndTxn #2 of \"meant\"");
    let stop = stop_at(&proxies, point);
    let mut client = Client::new(&proxies[0]);
    for (number, (call, name)) in
        [(Call::EndTxn, "meant"), (Call::EndTxn, "other"), (Call::Produce, "meant"), (Call::EndTxn, "is meant")]
            .into_iter()
            .enumerate()
    {
        client.send(call, i32::try_from(number).unwrap(), name);
    }
    stop.wait(SOON);
    assert!((0..3).all(|number| client.answer() == Some(number)));
    assert!(client.is_silent());
    assert_eq!(got.try_iter().count(), 3);
    stop.pass();
    assert_eq!(client.answer(), Some(3));
}

#[test]
fn an_answer_stops_after_the_broker_has_done_what_it_was_asked() {
    let (address, got) = broker();
    let proxies = [Proxy::start(0, address)];
    let stop = stop_at(&proxies, Point::after(Call::EndTxn));
    let mut client = Client::new(&proxies[0]);
    client.send(Call::Produce, 1, "a");
    client.send(Call::EndTxn, 2, "a");
    stop.wait(SOON);
    assert_eq!(got.try_iter().count(), 2);
    assert_eq!(client.answer(), Some(1));
    assert!(client.is_silent());
    drop(stop);
    assert_eq!(client.answer(), None, "a stop that is dropped cuts");
}

#[test]
fn who_watches_is_told_of_requests_forwarded_and_answered() {
    let (address, _got) = broker();
    let proxies = [Proxy::start(0, address), Proxy::start(0, address)];
    let forwarded = watch(&proxies, Point::at(Call::JoinGroup, Moment::Forwarded).nth(2));
    let answered = watch(&proxies, Point::after(Call::JoinGroup).nth(2));
    for proxy in &proxies {
        let mut client = Client::new(proxy);
        client.send(Call::JoinGroup, 7, "a");
        assert_eq!(client.answer(), Some(7));
    }
    forwarded.wait(SOON);
    answered.wait(SOON);
    assert_eq!((forwarded.seen(), answered.seen()), (2, 2));
}

#[test]
fn a_request_that_is_held_back_is_delivered_later_on_a_connection_of_its_own() {
    let (address, got) = broker();
    for silence in [Silence::Silent, Silence::Cut] {
        let proxies = [Proxy::start(0, address)];
        let held = hold(&proxies, Point::before(Call::EndTxn).of("id-1"), silence);
        let mut client = Client::new(&proxies[0]);
        client.send(Call::EndTxn, 1, "id-1");
        held.wait(SOON);
        match silence {
            Silence::Silent => {
                client.send(Call::Produce, 2, "id-1");
                assert!(client.is_silent());
            }
            Silence::Cut => assert_eq!(client.answer(), None),
        }
        let mut again = Client::new(&proxies[0]);
        again.send(Call::EndTxn, 3, "id-1");
        assert_eq!(again.answer(), Some(3), "the repeated one passes");
        let answer = held.release().unwrap();
        assert_eq!(frame::answered(&answer), Some(1));
        let numbers: Vec<_> = got.try_iter().map(|request| frame::head(&request).unwrap().correlation).collect();
        assert_eq!(numbers, [3, 1]);
    }
}

#[test]
fn a_broker_that_is_down_and_bytes_that_are_no_frames_close_the_connection() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(Client::new(&Proxy::start(0, nobody)).answer(), None);
    let (address, _got) = broker();
    let mut client = Client::new(&Proxy::start(0, address));
    client.0.write_all(&[0xff; 16]).ok();
    assert_eq!(client.answer(), None);
}
