//! Alive and ready.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use measurement::time::Timestamp;

/// Longest time without a beat that counts as alive, in milliseconds: longer than a restore takes between two polls.
const STALL: i64 = 120_000;

/// Liveness by the progress of the worker, not by the listener that answers. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    beat: AtomicI64,
    ready: AtomicBool,
}

impl Health {
    /// The worker has gone once around its loop.
    pub fn beat(&self, now: Timestamp) {
        self.0.beat.store(now.0, Ordering::Relaxed);
    }

    /// The worker has restored its state and has something to do.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    /// Whether the worker's loop moves.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.0.saturating_sub(self.0.beat.load(Ordering::Relaxed)) < STALL
    }

    /// Whether the service does its work.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stands_still_is_not_alive() {
        let health = Health::default();
        health.beat(Timestamp(1_000_000));
        assert!(health.is_alive(Timestamp(1_000_000 + STALL - 1)));
        assert!(!health.is_alive(Timestamp(1_000_000 + STALL)));
        assert!(!health.is_ready());
    }
}
