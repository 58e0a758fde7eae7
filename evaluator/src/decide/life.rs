//! In which periods a source told something, and which of those after them stand alone.

use std::collections::{BTreeMap, BTreeSet};

use measurement::{calendar::Period, catalogue::Construct, time::Timestamp};

/// So many silent periods stand one by one before the rest of a silence is one entry: whoever looks at hours sees the
/// first day hour by hour.
pub const SILENT_ONE_BY_ONE: usize = 24;

/// Periods of one construct in which one of its sources told something.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Start and end.
    pub(super) periods: BTreeMap<Timestamp, Timestamp>,
    /// Those that were noted since the periods were laid out.
    pub(super) fresh: BTreeSet<Timestamp>,
    /// The period with life that was asked for last, by its start, and where the periods after it end that stand alone.
    run: Option<(Timestamp, Timestamp)>,
}

impl Life {
    /// A source told something in the period.
    pub(super) fn note(&mut self, period: &Period) {
        if self.periods.insert(period.start, period.end).is_none() {
            self.fresh.insert(period.start);
        }
    }

    /// Where the periods end that stand alone after one with life: all for which its sources may count as alive by
    /// their rhythm, and the first silent ones.
    pub(super) fn run_end(
        &mut self,
        construct: &Construct,
        rhythm: i64,
        start: Timestamp,
        end: Timestamp,
    ) -> Timestamp {
        if let Some((_, run_end)) = self.run.filter(|(known, _)| *known == start) {
            return run_end;
        }
        let mut period = construct.calendar.period_at(construct.period, end.plus(rhythm));
        for _ in 0..SILENT_ONE_BY_ONE {
            period = construct.calendar.next(construct.period, &period);
        }
        self.run = Some((start, period.end));
        period.end
    }

    pub(super) fn stands_alone(&mut self, construct: &Construct, rhythm: i64, start: Timestamp) -> bool {
        if self.periods.contains_key(&start) {
            return true;
        }
        let before = self.periods.range(..start).next_back().map(|(start, end)| (*start, *end));
        before.is_some_and(|(live, end)| start < self.run_end(construct, rhythm, live, end))
    }
}
