//! The system's clock. Everything below the shell is told the time.

use std::sync::Arc;

use measurement::time::Timestamp;
use streaming::Clock;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one reader of the system's clock")]
pub fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_millis())
}

/// The system's clock, as services take it.
pub fn system() -> Clock {
    Arc::new(now)
}
