//! Which measures and populations ask for which events, worked out once.
//!
//! What is known by name in the catalogue has a number here, which only the plan gives out: whoever holds one finds
//! what it stands for. State, records and frontiers go by names; the plan says whether it knows them.

mod groups;
mod numbers;
mod same;

use std::collections::HashMap;

use measurement::{
    calendar::{Calendar, PeriodLength},
    catalogue::{BaseMeasure, BaseOf, Basis, Catalogue, Construct, Dimension, Extra, Feed, Fold, Population, Source},
    extract::Extractor,
    grain::Grain,
    time::{Span, Timestamp},
};
use records::Frontier;

pub(crate) use self::{
    groups::{group_is_unknown, group_number, group_of, group_values, groups},
    numbers::{ConstructId, MeasureId, PopulationId, SourceId},
};

/// A construct, and when its periods are.
#[derive(Debug)]
pub struct ConstructPlan {
    /// Its definition.
    pub construct: Construct,
    /// Its periods.
    pub periods: Periods,
    /// The sources that it depends on.
    pub sources: Vec<SourceId>,
}

/// A base measure.
#[derive(Debug)]
pub struct Measure {
    /// The construct that it belongs to.
    pub construct: ConstructId,
    /// Its definition.
    pub base: BaseMeasure,
}

/// A population.
#[derive(Debug)]
pub struct PopulationPlan {
    /// Its definition.
    pub definition: Population,
    /// Elementary intervals of its rows.
    pub grain: Grain,
    /// How far back a version of a row can be asked for, from the watermark.
    pub horizons: Vec<Periods>,
}

/// A source, and who asks for its events.
#[derive(Debug)]
pub struct SourcePlan {
    /// Its definition.
    pub source: Source,
    /// Elementary intervals of its activity.
    pub grain: Grain,
    /// Who asks, by `class_uid`: a construct measures its own sources, whoever else sends such events.
    pub asking: HashMap<i64, ClassPlan>,
    /// The constructs that depend on it.
    pub constructs: Vec<ConstructId>,
    /// The reference copies of its events that rows rest on.
    pub copies: Vec<(PopulationId, String)>,
}

impl SourcePlan {
    /// Whether it is alive by an event of a class, or by a record that gave none.
    pub fn is_alive_by(&self, class: Option<i64>) -> bool {
        self.source.alive_by.is_none_or(|asked| class == Some(i64::from(asked)))
    }
}

/// An event measure that asks for events of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMeasure {
    /// The base measure.
    pub measure: MeasureId,
    /// Whether values of unlike types may meet in it although the event is whole.
    pub untyped: bool,
}

/// A feed of a population that asks for events of a class.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    /// The population.
    pub population: PopulationId,
    /// Its definition.
    pub feed: Feed,
}

/// Who asks for events of one class from one source.
#[derive(Clone, Debug, Default)]
pub struct ClassPlan {
    /// Event measures.
    pub measures: Vec<EventMeasure>,
    /// Feeds of populations.
    pub feeds: Vec<FeedPlan>,
}

/// The periods of one construct.
#[derive(Clone, Copy, Debug)]
pub struct Periods {
    /// Calendar.
    pub calendar: Calendar,
    /// Length.
    pub length: PeriodLength,
    /// Restatement horizon.
    pub restate_for: Span,
    /// How many periods a result looks at.
    pub rolling: u32,
}

impl Periods {
    fn of(construct: &Construct) -> Self {
        Self {
            calendar: construct.calendar,
            length: construct.period,
            restate_for: construct.restate_for,
            rolling: construct.rolling,
        }
    }
}

/// The measures of one construct on one population.
#[derive(Debug)]
pub struct PopulationUse {
    /// The construct.
    pub construct: ConstructId,
    /// The population.
    pub population: PopulationId,
    /// The base measures on it.
    pub measures: Vec<PopulationMeasure>,
    /// Column of each dimension of the construct.
    pub columns: Vec<Option<usize>>,
    /// The populations that they look at: this one, and those whose columns they ask for.
    pub looks_at: Vec<PopulationId>,
}

/// A base measure on a population.
#[derive(Clone, Debug)]
pub struct PopulationMeasure {
    /// The base measure.
    pub measure: MeasureId,
    /// What its expressions ask for beside the columns, in the order of their slots.
    pub extras: Vec<ExtraPlan>,
}

/// What a population measure asks for beside the columns of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtraPlan {
    /// A column as of the start of the period.
    AtStart(usize),
    /// A column of a population that shares the partition, as of the same moment.
    Joined {
        /// The population.
        population: PopulationId,
        /// The column that holds its key.
        by: usize,
        /// The column that is asked for.
        column: usize,
    },
}

/// What the aggregator does, worked out from a catalogue.
#[derive(Debug)]
pub struct Plan {
    /// Digest of the catalogue.
    pub digest: String,
    /// Reads the wanted fields.
    pub extractor: Extractor,
    /// The measures of constructs on populations.
    pub uses: Vec<PopulationUse>,
    constructs: Vec<ConstructPlan>,
    /// Those of a construct beside each other.
    measures: Vec<Measure>,
    /// In the order of their names.
    populations: Vec<PopulationPlan>,
    /// In the order of their names.
    sources: Vec<SourcePlan>,
}

impl Plan {
    /// Works it out.
    pub fn new(catalogue: Catalogue) -> Self {
        let extractor = Extractor::new(&catalogue.fields);
        let Catalogue { constructs, populations, sources, digest, .. } = catalogue;
        let source = |source| SourcePlan {
            source,
            grain: Grain::default(),
            asking: HashMap::new(),
            constructs: Vec::new(),
            copies: Vec::new(),
        };
        let population = |definition| PopulationPlan { definition, grain: Grain::default(), horizons: Vec::new() };
        let mut plan = Self {
            digest,
            extractor,
            uses: Vec::new(),
            constructs: Vec::new(),
            measures: Vec::new(),
            populations: populations.into_values().map(population).collect(),
            sources: sources.into_values().map(source).collect(),
        };
        for construct in constructs {
            plan.add(construct);
        }
        plan.add_feeds();
        plan
    }

    fn add(&mut self, construct: Construct) {
        let id = ConstructId(self.constructs.len());
        let own = Periods::of(&construct);
        let sources: Vec<SourceId> = construct.sources.iter().filter_map(|name| self.source(name)).collect();
        debug_assert_eq!(
            sources.len(),
            construct.sources.len(),
            "{}: a checked catalogue names what it has",
            construct.id
        );
        for source in &sources {
            let source = source.of_mut(&mut self.sources);
            source.constructs.push(id);
            source.grain.add(own.calendar, own.length);
        }
        // What another version of the construct has in the same definition is counted once.
        let is_shared = |base: &&BaseMeasure| self.measure(&construct.id, &base.digest, &base.name).is_some();
        let shared: Vec<&str> = construct.base.iter().filter(is_shared).map(|base| base.name.as_str()).collect();
        for base in construct.base.iter().filter(|base| !shared.contains(&base.name.as_str())) {
            let measure = MeasureId(self.measures.len());
            self.measures.push(Measure { construct: id, base: base.clone() });
            match &base.of {
                BaseOf::Event { uid, .. } => {
                    let asks = EventMeasure { measure, untyped: base.reads_untyped() };
                    for source in &sources {
                        let asking = &mut source.of_mut(&mut self.sources).asking;
                        asking.entry(i64::from(*uid)).or_default().measures.push(asks);
                    }
                }
                BaseOf::Population(name) => {
                    if let Some(population) = self.population(name) {
                        self.use_population(id, &construct, population, measure, base);
                    }
                }
            }
        }
        self.constructs.push(ConstructPlan { construct, periods: own, sources });
    }

    /// Notes that a base measure looks at a population.
    fn use_population(
        &mut self,
        id: ConstructId,
        construct: &Construct,
        population: PopulationId,
        measure: MeasureId,
        base: &BaseMeasure,
    ) {
        let definition = &self[population].definition;
        let column = |dimension: &Dimension| definition.column(dimension.column.as_deref()?);
        let columns = construct.dimensions.iter().map(column).collect();
        let looks_at: Vec<PopulationId> =
            definition.joins.keys().filter_map(|name| self.population(name)).chain([population]).collect();
        let extra = |extra: &Extra| match extra {
            Extra::AtStart(column) => Some(ExtraPlan::AtStart(*column)),
            Extra::Joined { population, by, column } => {
                Some(ExtraPlan::Joined { population: self.population(population)?, by: *by, column: *column })
            }
        };
        let extras: Vec<ExtraPlan> = base.extras.iter().filter_map(extra).collect();
        debug_assert_eq!(extras.len(), base.extras.len(), "{}: a checked catalogue names what it has", base.name);
        let asks = PopulationMeasure { measure, extras };
        let own = Periods::of(construct);
        for population in &looks_at {
            let population = population.of_mut(&mut self.populations);
            population.grain.add(own.calendar, own.length);
            if matches!(base.basis, Basis::Any | Basis::Average) {
                population.grain.add(own.calendar, PeriodLength::Day);
            }
        }
        let known = self.uses.iter_mut().find(|known| known.construct == id && known.population == population);
        if let Some(known) = known {
            known.measures.push(asks);
            return;
        }
        for population in &looks_at {
            population.of_mut(&mut self.populations).horizons.push(own);
        }
        self.uses.push(PopulationUse { construct: id, population, measures: vec![asks], columns, looks_at });
    }

    /// Notes which events change rows, of the populations that a construct asks for.
    fn add_feeds(&mut self) {
        for (index, population) in self.populations.iter().enumerate() {
            if population.grain.is_empty() {
                continue;
            }
            for (feed, copy) in population.definition.copies() {
                for source in self.sources.iter_mut().filter(|source| feed.sources.contains(&source.source.name)) {
                    source.copies.push((PopulationId(index), copy.clone()));
                }
            }
            for feed in &population.definition.feeds {
                let sources = self.sources.iter_mut().filter(|source| feed.sources.contains(&source.source.name));
                for source in sources {
                    let asks = FeedPlan { population: PopulationId(index), feed: feed.clone() };
                    source.asking.entry(i64::from(feed.uid)).or_default().feeds.push(asks);
                }
            }
        }
    }

    /// All constructs.
    pub fn constructs(&self) -> impl Iterator<Item = (ConstructId, &ConstructPlan)> {
        self.constructs.iter().enumerate().map(|(index, construct)| (ConstructId(index), construct))
    }

    /// All populations.
    pub fn populations(&self) -> impl Iterator<Item = (PopulationId, &PopulationPlan)> {
        self.populations.iter().enumerate().map(|(index, population)| (PopulationId(index), population))
    }

    /// All sources.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &SourcePlan)> {
        self.sources.iter().enumerate().map(|(index, source)| (SourceId(index), source))
    }

    /// The source of a name.
    pub fn source(&self, name: &str) -> Option<SourceId> {
        self.sources.binary_search_by(|source| source.source.name.as_str().cmp(name)).ok().map(SourceId)
    }

    /// The population of a name.
    pub fn population(&self, name: &str) -> Option<PopulationId> {
        self.populations.binary_search_by(|known| known.definition.name.as_str().cmp(name)).ok().map(PopulationId)
    }

    /// Whether events that feed a population may have been read before, as a frontier tells: events of its sources in
    /// this partition, or anything at all of a source whose events would have come here as copies.
    pub fn may_have_read(&self, population: PopulationId, frontier: &Frontier) -> bool {
        let read = |feed: &Feed, source: &String| {
            let here = frontier.accounting.get(source);
            here.is_some_and(|counts| counts.read > 0 || counts.references > 0)
                || (feed.by_reference && frontier.sources.contains_key(source))
        };
        self[population].definition.feeds.iter().any(|feed| feed.sources.iter().any(|source| read(feed, source)))
    }

    /// Whether an event may count in periods after its own: of an interval, each period sees its part.
    pub fn reaches_ahead(&self, id: MeasureId) -> bool {
        let base = &self[id].base;
        matches!((&base.of, &base.fold), (BaseOf::Event { .. }, Fold::Union(_)))
    }

    /// All base measures.
    pub fn measures(&self) -> impl Iterator<Item = MeasureId> + use<> {
        (0..self.measures.len()).map(MeasureId)
    }

    /// What a population measure asks for beside the columns of its rows.
    pub fn extras(&self, id: MeasureId) -> impl Iterator<Item = &ExtraPlan> {
        let measures = self.uses.iter().flat_map(|place| &place.measures);
        measures.filter(move |asks| asks.measure == id).flat_map(|asks| &asks.extras)
    }

    /// The base measure of a construct, if it has this definition.
    pub fn measure(&self, construct: &str, definition: &str, measure: &str) -> Option<MeasureId> {
        let is = |known: &Measure| {
            known.base.digest == definition
                && known.base.name == measure
                && self[known.construct].construct.id == construct
        };
        self.measures.iter().position(is).map(MeasureId)
    }
}

/// The instant before which no version of a row can be asked for any more.
pub(crate) fn row_horizon(periods: &[Periods], watermark: Timestamp) -> Timestamp {
    let horizon = |periods: &Periods| {
        let oldest = periods.calendar.subtract(watermark, periods.restate_for);
        // The oldest period that may still be restated looks at everything before its end.
        let period = periods.calendar.period_at(periods.length, oldest);
        periods.calendar.previous(periods.length, &period, periods.rolling.max(1)).start
    };
    periods.iter().map(horizon).min().unwrap_or(Timestamp::MIN)
}
