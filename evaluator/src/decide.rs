//! Which periods are open, closing, final or revised, and the judgement of each group.
//!
//! A plain structure that is fed records and told the time. What it holds after the same records is the
//! same, however they were cut into batches; only how many revisions a burst of late events makes
//! depends on when it was asked.

mod evaluated;
mod life;
mod state;
mod history;
mod period;
mod periods;
mod suppress;
mod versions;
mod whole;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use measurement::{
    catalogue::{BaseOf, Catalogue, Construct},
    time::Timestamp,
};
use streaming::RecordRef;

use crate::collect::{BaseId, BaseName, Change, Collected};

pub use evaluated::{Evaluated, Figures};
pub use life::SILENT_ONE_BY_ONE;
use period::Ground;
use state::ConstructState;
pub use state::{PeriodState, Phase, Silence};
pub use versions::{Origin, Origins};
pub use whole::{Building, Standing};

/// A period that is final and whose judgement may have to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Index of the construct.
    pub construct: usize,
    /// Start of the period.
    pub start: Timestamp,
    /// Whether its base values may be as before: it was judged anew because an earlier period changed.
    pub by_history: bool,
}

/// All constructs.
#[derive(Debug)]
pub struct Evaluation {
    catalogue: Arc<Catalogue>,
    collected: Collected,
    constructs: Vec<ConstructState>,
    /// Who asks for a base measure, by the number of the construct.
    asking: HashMap<BaseId, Vec<usize>>,
    /// Number of the catalogue; 0 where it does not come from the log.
    sequence: u64,
    /// Which catalogue brought a construct's definition.
    origins: Origins,
    /// Sources of which something is known to be missing, nobody knows from when, with the reason.
    incomplete: BTreeMap<String, String>,
    stall_limit: i64,
}

impl Evaluation {
    /// Nothing read yet.
    pub fn new(catalogue: Arc<Catalogue>, partitions: i32, stall_limit: i64) -> Self {
        let mut evaluation = Self {
            catalogue: Arc::clone(&catalogue),
            collected: Collected::new(partitions),
            constructs: Vec::new(),
            asking: HashMap::new(),
            sequence: 0,
            origins: Origins::new(),
            incomplete: BTreeMap::new(),
            stall_limit,
        };
        evaluation.adopt(catalogue, 0, Origins::new());
        evaluation
    }

    /// Judges by another catalogue, on what was read already. What was published stands.
    pub fn adopt(&mut self, catalogue: Arc<Catalogue>, sequence: u64, origins: Origins) {
        self.asking.clear();
        self.constructs = Vec::with_capacity(catalogue.constructs.len());
        for (index, construct) in catalogue.constructs.iter().enumerate() {
            let mut state = ConstructState::default();
            for base in &construct.base {
                let name = BaseName {
                    construct: construct.id.clone(),
                    measure: base.name.clone(),
                    definition: base.digest.clone(),
                };
                let id = self.collected.base(name);
                self.asking.entry(id).or_default().push(index);
                state.bases.push(id);
            }
            self.constructs.push(state);
        }
        for (source, time, _) in self.collected.told().filter(|(_, _, opens)| *opens) {
            let depends = |construct: &Construct| construct.sources.iter().any(|known| known == source);
            let both = catalogue.constructs.iter().zip(&mut self.constructs);
            for (construct, state) in both.filter(|(construct, _)| depends(construct)) {
                state.life.note(&construct.calendar.period_at(construct.period, time));
            }
        }
        (self.catalogue, self.sequence, self.origins) = (catalogue, sequence, origins);
    }

    /// Notes that something of a source is missing, nobody knows from when: no figure that asks for it is validated.
    pub fn mark_incomplete(&mut self, source: &str, why: &str) {
        self.incomplete.insert(source.to_owned(), why.to_owned());
        for (construct, state) in self.catalogue.constructs.iter().zip(&mut self.constructs) {
            if construct.sources.iter().any(|known| known == source) {
                state.dirty.extend(state.periods.keys().copied());
            }
        }
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Whether a construct can be stated; `None` while nobody has looked.
    pub fn standing(&self, construct: usize) -> Option<&Standing> {
        self.constructs.get(construct)?.standing.as_ref()
    }

    /// Whether no aggregator is known to run another catalogue, in what concerns this one.
    pub fn is_deployed(&self) -> bool {
        let half = |(construct, state): (&Construct, &ConstructState)| match &state.standing {
            Some(Standing::Building(building)) => building.half_deployed && construct.ended.is_none(),
            Some(Standing::From(_)) => false,
            None => true,
        };
        !self.catalogue.constructs.iter().zip(&self.constructs).any(|both| half(both) && !self.is_stated(&both.0.id))
    }

    /// What was read.
    pub const fn collected(&self) -> &Collected {
        &self.collected
    }

    /// Periods of a construct, oldest first: those that are its own, where another definition has followed it.
    pub fn periods(&self, construct: usize) -> impl DoubleEndedIterator<Item = &PeriodState> {
        let state = self.constructs.get(construct);
        let own = |state: &'_ ConstructState, period: &PeriodState| state.is_own(period.period.start);
        state.into_iter().flat_map(move |state| state.periods.values().filter(move |period| own(state, period)))
    }

    /// One period of a construct.
    pub fn period(&self, construct: usize, start: Timestamp) -> Option<&PeriodState> {
        self.constructs.get(construct)?.periods.get(&start)
    }

    /// Takes one record of `vernier.measures`. True if it completes a task's transaction.
    pub fn record(&mut self, record: RecordRef<'_>) -> bool {
        match self.collected.record(record) {
            Change::Measure(base, start) => {
                for construct in self.asking.get(&base).into_iter().flatten() {
                    let rolling = self.catalogue.constructs.get(*construct).map_or(1, |construct| construct.rolling);
                    let Some(state) = self.constructs.get_mut(*construct) else { continue };
                    state.dirty.insert(start);
                    // Every window that it lies in is another one now.
                    let later = (std::ops::Bound::Excluded(start), std::ops::Bound::Unbounded);
                    let count = usize::try_from(rolling.saturating_sub(1)).unwrap_or(usize::MAX);
                    state.dirty.extend(state.periods.range(later).take(count).map(|(start, _)| *start));
                }
                false
            }
            Change::Activity { source, time, opens, intake } => {
                self.touch_by_activity(&source, time, (opens, intake));
                false
            }
            Change::Frontier => true,
            Change::Nothing => false,
        }
    }

    /// An event tells of life in its own period and in those whose look back for life reaches it. How much input could
    /// not be read is asked by whoever looks at it: in a window, or in rows for as long as they may be corrected.
    fn touch_by_activity(&mut self, source: &str, time: Timestamp, (opens, intake): (bool, bool)) {
        let rhythm = self.catalogue.sources.get(source).map_or(0, |source| source.rhythm);
        for (construct, state) in self.catalogue.constructs.iter().zip(&mut self.constructs) {
            if !construct.sources.iter().any(|known| known == source) {
                continue;
            }
            let first = construct.calendar.period_at(construct.period, time);
            if opens {
                state.life.note(&first);
            }
            let mut until = first.end.plus(rhythm.max(first.length()));
            if intake && looks_at_rows(construct) {
                until = until.max(construct.calendar.add(first.end, construct.restate_for));
            }
            let window = if intake { usize::try_from(construct.rolling).unwrap_or(usize::MAX) } else { 1 };
            let after = state.periods.range(first.start..);
            let reached = after.enumerate().take_while(|(number, (start, _))| **start < until || *number < window);
            let reached: Vec<Timestamp> = reached.map(|(_, (start, _))| *start).collect();
            state.dirty.extend(reached);
        }
    }

    /// Judges what has changed and what time has closed. Gives the final periods that were judged, in order.
    pub fn evaluate(&mut self, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        let catalogue = Arc::clone(&self.catalogue);
        for (index, construct) in catalogue.constructs.iter().enumerate() {
            let known = self.collected.watermark(&construct.sources);
            let watermark = known.unwrap_or(Timestamp::MIN);
            let stalled = self.stalled(index, watermark, now);
            let bases = self.constructs.get(index).map(|state| state.bases.clone()).unwrap_or_default();
            let ground = whole::Ground { catalogue: &catalogue.digest, sequence: self.sequence };
            let standing = whole::standing(&self.collected, &bases, construct, ground);
            if let Some(state) = self.constructs.get_mut(index) {
                state.stand(construct, standing);
                if !matches!(state.standing, Some(Standing::From(_))) {
                    continue;
                }
            }
            // Time that has not begun can stand still for too long, too: a source partition that was never read.
            if known.is_none() && !stalled {
                continue;
            }
            let reached = self.reached(construct, watermark);
            let rhythms = construct.sources.iter().filter_map(|source| Some(catalogue.sources.get(source)?.rhythm));
            let rhythm = rhythms.max().unwrap_or(0);
            if let Some(state) = self.constructs.get_mut(index) {
                state.lay_out(construct, rhythm, reached);
            }
            self.move_phases(index, construct, watermark, stalled.then_some(now));
            self.judge_dirty(index, construct, watermark, &mut due);
        }
        self.set_limits();
        due
    }

    /// Up to where periods have begun. Figures of events are there as soon as the events are, and whoever is on
    /// call must not wait for the watermark; those of populations are there once the watermark is.
    fn reached(&self, construct: &Construct, watermark: Timestamp) -> Timestamp {
        if looks_at_rows(construct) {
            return watermark;
        }
        let newest = |source: &String| self.collected.newest_interval(source);
        construct.sources.iter().filter_map(newest).fold(watermark, Timestamp::max)
    }

    /// Whether the watermark has stood still for longer than is allowed.
    fn stalled(&mut self, index: usize, watermark: Timestamp, now: Timestamp) -> bool {
        let Some(state) = self.constructs.get_mut(index) else { return false };
        match &mut state.watermark {
            Some((known, since)) if *known == watermark => {
                self.stall_limit > 0 && now.0.saturating_sub(since.0) > self.stall_limit
            }
            slot => {
                *slot = Some((watermark, now));
                false
            }
        }
    }

    fn move_phases(
        &mut self,
        index: usize,
        construct: &Construct,
        watermark: Timestamp,
        stalled_at: Option<Timestamp>,
    ) {
        let Some(state) = self.constructs.get_mut(index) else { return };
        let unfinished: Vec<Timestamp> = state.unfinished.iter().copied().collect();
        for start in unfinished {
            let Some(period) = state.periods.get_mut(&start) else { continue };
            if period.silence == Some(Silence::Lasting) {
                // It is over when somebody tells something, not when time passes.
                state.dirty.insert(start);
                continue;
            }
            let closes = construct.calendar.add(period.period.end, construct.close_after);
            let stalled = stalled_at.is_some_and(|now| closes.plus(self.stall_limit) < now);
            let complete = closes <= watermark;
            // What was closed because time stood still stays closed, and is judged anew once time has passed it.
            let phase = if complete || stalled || period.phase == Phase::Final {
                Phase::Final
            } else if period.period.end <= watermark {
                Phase::Closing
            } else {
                Phase::Open
            };
            // A period in which time passes is looked at anew: what was green may be silent by now.
            let moves = phase != period.phase || phase != Phase::Final || (complete && period.stalled);
            period.stalled = phase == Phase::Final && !complete;
            period.phase = phase;
            if moves {
                state.dirty.insert(start);
            }
            if complete {
                state.unfinished.remove(&start);
            }
        }
    }

    fn judge_dirty(&mut self, index: usize, construct: &Construct, watermark: Timestamp, due: &mut Vec<Due>) {
        let mut by_history: BTreeSet<Timestamp> = BTreeSet::new();
        let looks_back = construct.looks_back().max(1);
        while let Some(start) = self.constructs.get_mut(index).and_then(|state| state.dirty.pop_first()) {
            let Some(period) = self.period(index, start).cloned() else { continue };
            let ground = Ground {
                catalogue: &self.catalogue,
                collected: &self.collected,
                incomplete: &self.incomplete,
                construct,
                bases: self.constructs.get(index).map_or(&[], |state| &state.bases),
                known: self.constructs.get(index),
            };
            let (groups, quality) = period::judge(&ground, &period, watermark);
            let Some(state) = self.constructs.get_mut(index) else { return };
            let Some(slot) = state.periods.get_mut(&start) else { continue };
            let changed = slot.groups != groups;
            slot.groups = groups;
            slot.quality = quality;
            if changed {
                // Whoever looks back on this period is judged again.
                let later: Vec<Timestamp> = state
                    .periods
                    .range((std::ops::Bound::Excluded(start), std::ops::Bound::Unbounded))
                    .take(usize::try_from(looks_back).unwrap_or(usize::MAX))
                    .map(|(start, _)| *start)
                    .collect();
                by_history.extend(later.iter().filter(|later| !state.dirty.contains(later)));
                state.dirty.extend(later);
            }
            if period.phase == Phase::Final {
                due.push(Due { construct: index, start, by_history: by_history.contains(&start) });
            }
        }
    }
}

fn looks_at_rows(construct: &Construct) -> bool {
    construct.base.iter().any(|base| matches!(base.of, BaseOf::Population(_)))
}
