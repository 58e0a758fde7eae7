//! What happens in the organisation while the demo runs: people log in; soon somebody guesses passwords; an
//! incident is opened, and resolved.

use std::sync::Arc;

use measurement::time::Timestamp;
use serde_json::json;
use streaming::Log;

use crate::produce::Writer;

/// When the guessing begins and ends, in milliseconds since the demo went live. An hour's ratio turns
/// red within it, whatever the hour has seen before.
const GUESSING: (i64, i64) = (10_000, 60_000);
const LOG_IN_EVERY: i64 = 700;
const GUESS_EVERY: i64 = 20;
const OPENED_AT: i64 = 15_000;
const RESOLVED_AT: i64 = 75_000;

/// The present.
#[derive(Debug)]
pub struct Live<'a> {
    writer: Writer<'a>,
    start: i64,
    told_until: i64,
}

impl<'a> Live<'a> {
    /// From now on.
    pub fn new(log: &'a dyn Log, now: Timestamp) -> anyhow::Result<Self> {
        Ok(Self { writer: Writer::new(log, None)?, start: now.0, told_until: now.0 })
    }

    /// Writes what has happened since the last call, and says in a line what is going on.
    pub fn go_on(&mut self, now: Timestamp) -> anyhow::Result<&'static str> {
        let (start, from, to) = (self.start, self.told_until, now.0);
        for at in (from..to).filter(|at| (at - start) % LOG_IN_EVERY == 0) {
            self.log_in(at, "Accepted publickey for u0001")?;
        }
        let (begin, end) = (start + GUESSING.0, start + GUESSING.1);
        for at in (from.max(begin)..to.min(end)).filter(|at| (at - start) % GUESS_EVERY == 0) {
            self.log_in(at, "Failed password for invalid user admin")?;
        }
        for (offset, change) in [(OPENED_AT, "opened"), (RESOLVED_AT, "resolved")] {
            let at = start + offset;
            if (from..to).contains(&at) {
                self.incident(at, change)?;
            }
        }
        self.writer.flush()?;
        self.told_until = to.max(from);
        Ok(match to - start {
            since if since < GUESSING.0 => "People log in. In a few seconds somebody begins to guess passwords.",
            since if since < GUESSING.1 => "Somebody guesses passwords: watch failed-authentication-ratio.",
            since if since < RESOLVED_AT => "The guessing has stopped; its incident is still open.",
            _ => "All is quiet. The hour keeps what it has seen until it closes.",
        })
    }

    fn log_in(&mut self, at: i64, what: &str) -> anyhow::Result<()> {
        let number = at.rem_euclid(10_000);
        let line = format!(
            "{} server-001 sshd[{number}]: {what} from 192.0.2.66 port {} ssh2",
            Timestamp(at),
            40_000 + number
        );
        self.writer.write(&Arc::from("raw.sshd"), line.into_bytes())
    }

    fn incident(&mut self, at: i64, change: &str) -> anyhow::Result<()> {
        let record = json!({
            "id": format!("live-{change}"), "type": "incident", "incident": "INC-LIVE", "category": "unauthorised-access",
            "change": change, "at": Timestamp(at).to_string(),
        });
        self.writer.write(&Arc::from("raw.itsm"), record.to_string().into_bytes())
    }
}
