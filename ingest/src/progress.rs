//! How far a source partition has been read: what the progress records say.

use measurement::time::Timestamp;
use records::Progress;
use streaming::Position;

mod newest;
use newest::Newest;

/// What is known of one source partition since it was taken over.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Newest event time, as far as it is to be believed.
    newest: Newest,
    /// Clock time since which nothing has arrived.
    quiet_since: Option<Timestamp>,
    /// Clock time of the last progress record.
    written_at: Option<Timestamp>,
    /// Whether something was read since then.
    read: bool,
    /// Whether the end had been reached by then.
    caught_up: bool,
}

impl Track {
    /// A partition taken over now, of a source whose events may come so late.
    pub fn new(now: Timestamp, lateness: i64) -> Self {
        Self { newest: Newest::new(lateness), quiet_since: Some(now), ..Self::default() }
    }

    /// A record was read, with these event times. Refused events have none: a false time must not
    /// move the clock.
    pub fn arrived(&mut self, now: Timestamp, times: impl IntoIterator<Item = Timestamp>) {
        self.read = true;
        self.quiet_since = Some(now);
        if let Some(latest) = times.into_iter().max() {
            self.newest.record(latest);
        }
    }

    /// Whether a progress record must be written: something was read, or the last one is too old.
    pub fn is_due(&self, now: Timestamp, interval: i64) -> bool {
        self.read || self.written_at.is_none_or(|written| written.plus(interval) <= now)
    }

    /// The progress record. Where the end was reached, it speaks of the time at which that was seen: what has come
    /// since then, a stall later, is not known of, and no clock may run ahead of it.
    pub fn progress(&mut self, source: &str, position: &Position, partitions: u32, now: Timestamp) -> Progress {
        self.read = false;
        self.written_at = Some(now);
        self.caught_up = position.caught_up.is_some();
        let at = position.caught_up.map_or(now, |seen| seen.min(now));
        if self.caught_up {
            self.newest.caught_up(at);
        }
        let partition = &position.partition;
        Progress {
            newest: self.newest.confirmed(),
            caught_up: self.caught_up,
            quiet_since: *self.quiet_since.get_or_insert(now),
            next_offset: position.next_offset,
            ..Progress::new(source, &partition.topic, partition.partition, partitions, at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streaming::TopicPartition;

    fn position(next_offset: i64, caught_up: Option<i64>) -> Position {
        let caught_up = caught_up.map(Timestamp);
        Position { partition: TopicPartition::new("raw.lab", 2), next_offset, caught_up, partitions: 3 }
    }

    #[test]
    fn the_clock_stands_where_the_end_was_seen() {
        let mut track = Track::new(Timestamp(1000), 0);
        let stalled = track.progress("lab", &position(5, Some(2000)), 3, Timestamp(600_000));
        assert_eq!((stalled.at, stalled.caught_up), (Timestamp(2000), true));
        let set_back = track.progress("lab", &position(5, Some(9000)), 3, Timestamp(3000));
        assert_eq!(set_back.at, Timestamp(3000));
        let lagging = track.progress("lab", &position(5, None), 3, Timestamp(4000));
        assert_eq!((lagging.at, lagging.caught_up), (Timestamp(4000), false));
    }

    #[test]
    fn it_is_due_after_reading_and_after_a_while() {
        let mut track = Track::new(Timestamp(1000), 0);
        assert!(track.is_due(Timestamp(1000), 2000), "a new owner says at once where it stands");
        let first = track.progress("lab", &position(5, Some(1000)), 3, Timestamp(1000));
        assert_eq!((first.newest, first.quiet_since, first.caught_up), (None, Timestamp(1000), true));
        assert!(!track.is_due(Timestamp(2999), 2000));
        assert!(track.is_due(Timestamp(3000), 2000));
        track.arrived(Timestamp(2500), [Timestamp(700), Timestamp(900), Timestamp(800)]);
        assert!(track.is_due(Timestamp(2500), 2000));
        let second = track.progress("lab", &position(6, Some(2600)), 3, Timestamp(2600));
        assert_eq!(
            (second.newest, second.quiet_since, second.at),
            (Some(Timestamp(900)), Timestamp(2500), Timestamp(2600))
        );
        assert_eq!((second.next_offset, second.partitions, second.partition), (6, 3, 2));
        assert!(!track.is_due(Timestamp(2600), 2000));
    }

    #[test]
    fn the_newest_time_never_goes_back_and_refused_records_do_not_move_it() {
        let mut track = Track::new(Timestamp(0), 0);
        track.arrived(Timestamp(1), [Timestamp(500)]);
        track.arrived(Timestamp(2), [Timestamp(400)]);
        track.arrived(Timestamp(3), []);
        let progress = track.progress("lab", &position(3, Some(600)), 1, Timestamp(600));
        assert_eq!((progress.newest, progress.quiet_since), (Some(Timestamp(500)), Timestamp(3)));
    }
}
