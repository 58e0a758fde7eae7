//! Waiting on conditions, with a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Looks again and again until there is something; panics with what was last seen at the deadline.
#[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if start.elapsed() > deadline => {
                panic!("waited {} s for {what}; last seen: {seen}", deadline.as_secs())
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
