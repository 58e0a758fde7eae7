//! What time it is in a task: watermarks by source, what was computed up to when, what is late.

mod watermarks;

use std::collections::BTreeMap;

use measurement::{calendar::Period, time::Timestamp};
use records::{Frontier, Progress, SourceProgress};

use self::watermarks::Watermarks;
use crate::plan::{ConstructId, ConstructPlan, Plan, PopulationId, PopulationUse, SourceId, row_horizon};

/// What a task knows of time.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// As heard.
    watermarks: Watermarks,
    /// The least of its sources, by construct; `None` while one is unknown.
    of_construct: Vec<Option<Timestamp>>,
    /// Newest clock of a progress record since the start, by source.
    heard_at: Vec<Option<Timestamp>>,
    /// As published: everything before them is in the aggregates.
    published: BTreeMap<String, Timestamp>,
    /// Earliest event time since the last computation of population measures, by population.
    uncomputed_from: Vec<Option<Timestamp>>,
    /// Watermark of each construct at its last computation of population measures.
    computed_to: Vec<Option<Timestamp>>,
    /// When population measures were computed last, by the clock that was told.
    computed_at: Option<Timestamp>,
}

impl Schedule {
    /// Nothing heard yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            watermarks: Watermarks::default(),
            of_construct: vec![None; plan.constructs().count()],
            heard_at: vec![None; plan.sources().count()],
            published: BTreeMap::new(),
            uncomputed_from: vec![None; plan.populations().count()],
            computed_to: vec![None; plan.constructs().count()],
            computed_at: None,
        }
    }

    /// As a frontier says. Of a construct for which `is_new`, something is to be computed from where time stands: earlier
    /// periods stay as they are, because versions of rows that nobody could ask for any more are gone.
    pub(crate) fn restore(plan: &Plan, frontier: &Frontier, is_new: impl Fn(ConstructId) -> bool) -> Self {
        let mut schedule = Self::new(plan);
        let known = |source: &String| plan.source(source).is_some();
        let heard = frontier.sources.iter().filter(|(source, _)| known(source));
        schedule.watermarks =
            Watermarks::restore(heard.map(|(source, progress)| (source.clone(), progress.clone())).collect());
        let published = frontier.watermarks.iter().filter(|(source, _)| known(source));
        schedule.published = published.map(|(source, watermark)| (source.clone(), *watermark)).collect();
        for (id, population) in plan.populations() {
            let from = frontier.uncomputed.get(&population.definition.state_name()).copied();
            *id.of_mut(&mut schedule.uncomputed_from) = from;
        }
        for (id, construct) in plan.constructs() {
            *id.of_mut(&mut schedule.of_construct) = schedule.watermarks.of_sources(&construct.construct.sources);
            let published = construct.construct.sources.iter().map(|source| frontier.watermarks.get(source).copied());
            let computed_to = published.reduce(Option::min).flatten();
            *id.of_mut(&mut schedule.computed_to) = computed_to;
        }
        for place in plan.uses.iter().filter(|place| is_new(place.construct)) {
            if let Some(computed_to) = schedule.computed_to(place.construct) {
                place.looks_at.iter().for_each(|population| schedule.row_changed(*population, computed_to));
            }
        }
        schedule
    }

    /// Takes in a progress record of a source.
    pub(crate) fn hear(&mut self, plan: &Plan, source: SourceId, progress: &Progress) {
        let (id, source) = (source, &plan[source]);
        self.watermarks.update(&source.source, progress);
        let heard = id.of_mut(&mut self.heard_at);
        *heard = Some(heard.map_or(progress.at, |known| known.max(progress.at)));
        for construct in &source.constructs {
            let watermark = self.watermarks.of_sources(&plan[*construct].construct.sources);
            *construct.of_mut(&mut self.of_construct) = watermark;
        }
    }

    /// The latest time that an event of a construct's sources may have that was read before all of them were heard of
    /// since the start: none lies further ahead of its record than is allowed. `None` while one was not heard of.
    pub(crate) fn heard_until(&self, plan: &Plan, construct: ConstructId) -> Option<Timestamp> {
        self.of_construct(construct)?;
        let until = |source: &SourceId| Some((*source.of(&self.heard_at))?.plus(plan[*source].source.max_future));
        plan[construct].sources.iter().map(until).reduce(|one, other| Some(one?.max(other?))).flatten()
    }

    /// The watermark of a source; `None` while it is unknown.
    pub(crate) fn of_source(&self, source: &str) -> Option<Timestamp> {
        self.watermarks.of_source(source)
    }

    /// The watermark of a construct: the least of its sources; `None` while one is unknown.
    pub(crate) fn of_construct(&self, construct: ConstructId) -> Option<Timestamp> {
        *construct.of(&self.of_construct)
    }

    /// The watermark of the slowest source in force; `None` while one is unknown: it may be the slowest.
    pub(crate) fn of_all(&self, plan: &Plan) -> Option<Timestamp> {
        let in_force = plan.sources().filter(|(_, source)| !source.source.ended);
        in_force.map(|(_, source)| self.of_source(&source.source.name)).reduce(Option::min).flatten()
    }

    /// Whether the restatement horizon of a period of a construct has passed.
    pub(crate) fn is_late(&self, plan: &Plan, construct: ConstructId, period: &Period) -> bool {
        self.of_construct(construct).is_some_and(|watermark| is_late_at(&plan[construct], period, watermark))
    }

    /// Watermarks as published, by source.
    pub(crate) const fn published(&self) -> &BTreeMap<String, Timestamp> {
        &self.published
    }

    /// What a frontier has to remember of the source partitions.
    pub(crate) const fn heard(&self) -> &BTreeMap<String, SourceProgress> {
        self.watermarks.sources()
    }

    /// What a frontier has to remember of rows that no measure knows of yet.
    pub(crate) fn uncomputed(&self, plan: &Plan) -> BTreeMap<String, Timestamp> {
        let all = plan.populations().map(|(id, population)| (population.definition.state_name(), id));
        all.filter_map(|(name, id)| Some((name, (*id.of(&self.uncomputed_from))?))).collect()
    }

    /// Notes that a row of a population has changed by an event of some time.
    pub(crate) fn row_changed(&mut self, population: PopulationId, time: Timestamp) {
        let from = population.of_mut(&mut self.uncomputed_from);
        *from = Some(from.map_or(time, |earliest| earliest.min(time)));
    }

    /// Earliest event time among the changes that the measures of a construct on a population do not know of.
    pub(crate) fn changed_from(&self, place: &PopulationUse) -> Option<Timestamp> {
        place.looks_at.iter().filter_map(|population| *population.of(&self.uncomputed_from)).min()
    }

    /// Up to where the population measures of a construct are computed; `None` if they never were.
    pub(crate) fn computed_to(&self, construct: ConstructId) -> Option<Timestamp> {
        *construct.of(&self.computed_to)
    }

    /// Whether population measures are to be computed: not again within `refresh` milliseconds, by the clock.
    pub(crate) fn is_due(&mut self, now: Timestamp, refresh: i64) -> bool {
        // A clock that was set back must not hold time up.
        if self.computed_at.is_some_and(|last| now.0.saturating_sub(last.0).saturating_abs() < refresh) {
            return false;
        }
        self.computed_at = Some(now);
        true
    }

    /// Notes that all population measures are computed, and publishes the watermarks.
    pub(crate) fn computed(&mut self, plan: &Plan) {
        for (id, _) in plan.constructs() {
            if let Some(watermark) = self.of_construct(id) {
                *id.of_mut(&mut self.computed_to) = Some(watermark);
            }
        }
        for place in &plan.uses {
            // A population of a construct whose watermark is unknown stays to be computed.
            if self.computed_to(place.construct).is_some() {
                for population in &place.looks_at {
                    *population.of_mut(&mut self.uncomputed_from) = None;
                }
            }
        }
        self.published = self.watermarks.known();
    }

    /// Before when no version of a row of a population can be asked for any more; `None` while a construct that asks for
    /// it has no figures yet. What lies before where the figures stand may be asked for still: another source may be
    /// slower than the one that feeds the rows.
    pub(crate) fn row_horizon(&self, plan: &Plan, population: PopulationId) -> Option<Timestamp> {
        let uses = plan.uses.iter().filter(|place| place.looks_at.contains(&population));
        let computed = uses.map(|place| self.computed_to(place.construct)).reduce(Option::min).flatten()?;
        Some(row_horizon(&plan[population].horizons, computed))
    }
}

/// Whether the restatement horizon of a period has passed at a watermark.
pub(crate) fn is_late_at(construct: &ConstructPlan, period: &Period, watermark: Timestamp) -> bool {
    // Most events lie in or after the period of the watermark: only what is behind it is looked at closely.
    let periods = &construct.periods;
    period.end < watermark && periods.calendar.add(period.end, periods.restate_for) < watermark
}
