//! Which periods there are: each one in which a source told something, and those for a while after it; a longer silence
//! is one.
//!
//! What is laid out follows from which periods saw life and from how far time has come, and from nothing else: not from
//! the order in which it was told. Life is never taken back, so that a period that stands alone goes on to do so, and
//! only silences are ever cut anew. The work is that of the periods with life, however far apart they lie.

use std::collections::BTreeMap;

use measurement::{calendar::Period, catalogue::Construct, time::Timestamp};
use records::Quality;

use super::{
    state::{ConstructState, PeriodState, Phase, Silence},
    whole::{Building, Standing},
};

impl ConstructState {
    /// Notes whether the construct can be stated. What was laid out for another beginning goes: what was published
    /// stands in the ledger.
    pub(crate) fn stand(&mut self, construct: &Construct, standing: Standing) {
        if self.standing.as_ref() == Some(&standing) {
            return;
        }
        let is_earlier = construct.ended.is_some();
        if let Standing::Building(Building { why, half_deployed: _ }) = &standing {
            // An aggregator that has not begun yet is how every deployment begins.
            let construct = &construct.id;
            if self.standing.is_some() && !is_earlier {
                tracing::warn!(construct, why, "being built: nothing is stated by this definition");
            } else {
                tracing::debug!(construct, why, "being built: nothing is stated by this definition");
            }
        }
        self.standing = Some(standing);
        self.periods.clear();
        self.silences.clear();
        self.dirty.clear();
        self.unfinished.clear();
    }

    /// Start of the first period that can be stated.
    fn first_whole(&self) -> Option<Timestamp> {
        match self.standing {
            Some(Standing::From(first)) => Some(first),
            Some(Standing::Building(_)) | None => None,
        }
    }

    /// Lays out the periods up to the one that time has reached. `rhythm` is the longest of the construct's sources.
    pub(super) fn lay_out(&mut self, construct: &Construct, rhythm: i64, reached: Timestamp) {
        let laying = Laying { construct, rhythm };
        let to = construct.calendar.period_at(construct.period, reached).end;
        let Some(life) = self.life.periods.keys().next().copied() else { return };
        // What was told before the first whole period says nothing of it, and is no reason to be silent about it.
        let Some(first) = self.first_whole().map(|whole| whole.max(life)).filter(|first| *first <= reached) else {
            return;
        };
        let fresh = std::mem::take(&mut self.life.fresh);
        match self.periods.keys().next().copied() {
            None => return laying.lay(self, first, to, true),
            // Earlier life than any before opens earlier periods.
            Some(known) if first < known => laying.lay(self, first, known, false),
            Some(_) => {}
        }
        for start in fresh {
            if let Some(silence) = laying.silence_reached_by(self, start) {
                laying.again(self, silence);
            }
        }
        let Some((start, end, silence)) =
            self.periods.last_key_value().map(|(start, last)| (*start, last.period.end, last.silence))
        else {
            return;
        };
        if end >= to {
            return;
        }
        if silence != Some(Silence::Lasting) {
            laying.lay(self, end, to, true);
        } else if self.life.periods.range(start..to).next().is_some() {
            self.remove(start);
            laying.lay(self, start, to, true);
        } else if let Some(last) = self.periods.get_mut(&start) {
            last.period.end = to;
            self.dirty.insert(start);
        }
    }

    fn remove(&mut self, start: Timestamp) -> Option<PeriodState> {
        self.silences.remove(&start);
        self.dirty.remove(&start);
        self.unfinished.remove(&start);
        self.periods.remove(&start)
    }

    fn add(&mut self, period: Period, silence: Option<Silence>) {
        if silence.is_some() {
            self.silences.insert(period.start);
        }
        let fresh = PeriodState {
            period,
            silence,
            phase: Phase::Open,
            stalled: false,
            groups: BTreeMap::new(),
            quality: Quality::default(),
        };
        self.periods.entry(period.start).or_insert(fresh);
        self.dirty.insert(period.start);
        self.unfinished.insert(period.start);
    }
}

#[derive(Clone, Copy)]
struct Laying<'a> {
    construct: &'a Construct,
    rhythm: i64,
}

impl Laying<'_> {
    /// Fills the time between two boundaries of periods in which there is no period yet. `lasting` says whether nothing
    /// is known of what comes after it.
    fn lay(self, state: &mut ConstructState, from: Timestamp, to: Timestamp, lasting: bool) {
        let mut start = from;
        while start < to {
            let end = if state.life.stands_alone(self.construct, self.rhythm, start) {
                let period = self.construct.calendar.period_at(self.construct.period, start);
                state.add(period, None);
                period.end
            } else {
                let next = state.life.periods.range(start..to).next().map(|(start, _)| *start);
                let silence = if next.is_none() && lasting { Silence::Lasting } else { Silence::Over };
                let end = next.unwrap_or(to);
                state.add(Period { start, end }, Some(silence));
                end
            };
            if end <= start {
                // Beyond the end of the calendar.
                return;
            }
            start = end;
        }
    }

    /// The silence that does not go on as it was, because there was life in it or shortly before it.
    fn silence_reached_by(self, state: &mut ConstructState, start: Timestamp) -> Option<Timestamp> {
        let around = state.silences.range(..=start).next_back().copied();
        let around = around.filter(|silence| state.periods.get(silence).is_some_and(|held| start < held.period.end));
        if around.is_some() {
            return around;
        }
        let next = state.silences.range(start..).next().copied()?;
        let end = state.life.periods.get(&start).copied()?;
        (next < state.life.run_end(self.construct, self.rhythm, start, end)).then_some(next)
    }

    fn again(self, state: &mut ConstructState, silence: Timestamp) {
        let Some(old) = state.remove(silence) else { return };
        self.lay(state, silence, old.period.end, old.silence == Some(Silence::Lasting));
    }
}
