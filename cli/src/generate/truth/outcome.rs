//! What a figure comes to, written out from the description of the outcomes.

use super::{answer::Answer, fraction::Fraction};

/// How the sources did in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    Stale,
    Silent,
}

/// Times of all events of a source, sorted, with its rhythm.
pub(super) struct SourceTimes {
    pub(super) times: Vec<i64>,
    pub(super) rhythm: i64,
}

impl SourceTimes {
    pub(super) fn new(mut times: Vec<i64>, rhythm: i64) -> Self {
        times.sort_unstable();
        Self { times, rhythm }
    }

    fn life(&self, start: i64, end: i64) -> Life {
        let before = self.times.partition_point(|time| *time < end);
        let last = before.checked_sub(1).and_then(|index| self.times.get(index)).copied();
        match last {
            Some(last) if last >= end - self.rhythm => Life::Alive,
            Some(last) if last >= end - self.rhythm.max(end - start) => Life::Stale,
            _ => Life::Silent,
        }
    }
}

/// The worst of several sources.
pub(super) fn life(sources: &[&SourceTimes], start: i64, end: i64) -> Life {
    let lives: Vec<Life> = sources.iter().map(|source| source.life(start, end)).collect();
    if lives.contains(&Life::Silent) {
        Life::Silent
    } else if lives.contains(&Life::Stale) {
        Life::Stale
    } else {
        Life::Alive
    }
}

/// First event of any of the sources.
pub(super) fn first(sources: &[&SourceTimes]) -> i64 {
    sources.iter().filter_map(|source| source.times.first()).min().copied().unwrap_or(0)
}

/// A ratio to be judged.
pub(super) struct Ratio {
    pub(super) top: i128,
    pub(super) bottom: i128,
    /// 100 for percent, else 1.
    pub(super) factor: i128,
}

impl Ratio {
    pub(super) fn value(&self) -> Option<Fraction> {
        Fraction::new(self.top * self.factor, self.bottom)
    }

    /// Why the ratio has no band, if so.
    pub(super) fn without_band(&self, least: i128) -> Option<&'static str> {
        if self.bottom == 0 {
            Some("not-applicable")
        } else if self.bottom < least {
            Some("insufficient-n")
        } else {
            None
        }
    }
}

/// An answer under construction.
pub(super) struct Draft<'a> {
    pub(super) construct: &'a str,
    pub(super) period: (i64, i64),
    pub(super) group: String,
    pub(super) base: Vec<(&'a str, String)>,
    pub(super) value: Option<Fraction>,
    pub(super) outcome: String,
}

impl Draft<'_> {
    /// The answer, given how the sources did: silence states nothing, staleness states no band. A group
    /// that is too small is hidden before staleness is spoken of.
    pub(super) fn answer(self, life: Life) -> Answer {
        let hidden = life == Life::Silent || self.outcome == "suppressed";
        let outcome = match life {
            Life::Silent => "no-data".to_owned(),
            Life::Stale if self.outcome != "suppressed" => "unvalidated".to_owned(),
            Life::Alive | Life::Stale => self.outcome,
        };
        Answer {
            construct: self.construct.to_owned(),
            period_start: self.period.0,
            period_end: self.period.1,
            group: self.group,
            base: if hidden { Vec::new() } else { self.base }
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            value: self.value.filter(|_| !hidden).map(|value| value.to_string()),
            outcome,
        }
    }
}
