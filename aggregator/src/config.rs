//! Which measures and populations ask for which events, worked out once.

use std::collections::{BTreeMap, HashMap};

use measurement::{
    calendar::{Calendar, PeriodLength},
    catalogue::{BaseOf, Basis, Catalogue, Construct, Dimension},
    extract::Extractor,
    grain::Grain,
    time::{Span, Timestamp},
    value::Value,
};

/// An event measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasureRef {
    /// Index of the construct in the catalogue.
    pub construct: usize,
    /// Index of the base measure in the construct.
    pub base: usize,
    /// Whether values of unlike types may meet in it although the event is whole.
    pub untyped: bool,
}

/// A feed of a population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRef {
    /// Name of the population.
    pub population: String,
    /// Index of the population.
    pub index: usize,
    /// Index of the feed in the population.
    pub feed: usize,
    /// Whether it is fed by reference copies.
    pub by_reference: bool,
}

/// Who asks for events of one class from one source.
#[derive(Clone, Debug, Default)]
pub struct ClassPlan {
    /// Event measures.
    pub measures: Vec<MeasureRef>,
    /// Feeds of populations.
    pub feeds: Vec<FeedRef>,
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

/// A population measure's place.
#[derive(Clone, Debug)]
pub struct PopulationUse {
    /// Index of the construct.
    pub construct: usize,
    /// Index of the population.
    pub population: usize,
    /// Indices of the populations whose columns are asked for, by name.
    pub joined: BTreeMap<String, usize>,
    /// Indices of the base measures on it.
    pub bases: Vec<usize>,
    /// Column of each dimension.
    pub columns: Vec<Option<usize>>,
}

/// What the aggregator does, worked out from a catalogue.
#[derive(Debug)]
pub struct Plan {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Reads the wanted fields.
    pub extractor: Extractor,
    /// Who asks, by source and `class_uid`: a construct measures its own sources, whoever else sends such events.
    pub asking: HashMap<String, HashMap<i64, ClassPlan>>,
    /// By construct.
    pub periods: Vec<Periods>,
    /// Names of populations by index.
    pub populations: Vec<String>,
    /// Elementary intervals by population.
    pub population_grains: Vec<Grain>,
    /// How far back a version of a row can be asked for, by population, from the watermark.
    pub population_horizons: Vec<Vec<Periods>>,
    /// Elementary intervals by source.
    pub source_grains: BTreeMap<String, Grain>,
    /// Population measures, by construct and population.
    pub uses: Vec<PopulationUse>,
}

impl Plan {
    /// Works it out.
    pub fn new(catalogue: Catalogue) -> Self {
        let extractor = Extractor::new(&catalogue.fields);
        let populations: Vec<String> = catalogue.populations.keys().cloned().collect();
        let mut asking: HashMap<String, HashMap<i64, ClassPlan>> = HashMap::new();
        let mut population_grains = vec![Grain::default(); populations.len()];
        let mut population_horizons = vec![Vec::new(); populations.len()];
        let mut source_grains: BTreeMap<String, Grain> =
            catalogue.sources.keys().map(|source| (source.clone(), Grain::default())).collect();
        let mut uses: Vec<PopulationUse> = Vec::new();
        let mut periods = Vec::new();
        for (index, construct) in catalogue.constructs.iter().enumerate() {
            let own = Periods {
                calendar: construct.calendar,
                length: construct.period,
                restate_for: construct.restate_for,
                rolling: construct.rolling,
            };
            periods.push(own);
            for source in &construct.sources {
                source_grains.entry(source.clone()).or_default().add(own.calendar, own.length);
            }
            for (base_index, base) in construct.base.iter().enumerate() {
                let BaseOf::Event { uid, .. } = &base.of else { continue };
                for source in &construct.sources {
                    let measure = MeasureRef { construct: index, base: base_index, untyped: base.reads_untyped() };
                    let of_source = asking.entry(source.clone()).or_default();
                    of_source.entry(i64::from(*uid)).or_default().measures.push(measure);
                }
            }
            for place in uses_of(index, construct, &catalogue, &populations) {
                let days = place.bases.iter().filter_map(|base| construct.base.get(*base));
                let by_day = days.into_iter().any(|base| matches!(base.basis, Basis::Any | Basis::Average));
                for population in place.joined.values().chain([&place.population]) {
                    if let Some(grain) = population_grains.get_mut(*population) {
                        grain.add(own.calendar, own.length);
                        if by_day {
                            grain.add(own.calendar, PeriodLength::Day);
                        }
                    }
                    if let Some(horizons) = population_horizons.get_mut(*population) {
                        horizons.push(own);
                    }
                }
                uses.push(place);
            }
        }
        for (index, population) in catalogue.populations.values().enumerate() {
            // A population that no construct asks for keeps no rows.
            if population_grains.get(index).is_none_or(Grain::is_empty) {
                continue;
            }
            for (feed_index, feed) in population.feeds.iter().enumerate() {
                for source in &feed.sources {
                    let of_source = asking.entry(source.clone()).or_default();
                    of_source.entry(i64::from(feed.uid)).or_default().feeds.push(FeedRef {
                        population: population.name.clone(),
                        index,
                        feed: feed_index,
                        by_reference: feed.by_reference,
                    });
                }
            }
        }
        Self {
            catalogue,
            extractor,
            asking,
            periods,
            populations,
            population_grains,
            population_horizons,
            source_grains,
            uses,
        }
    }
}

/// The populations that a construct measures, each with its measures.
fn uses_of(index: usize, construct: &Construct, catalogue: &Catalogue, populations: &[String]) -> Vec<PopulationUse> {
    let number = |name: &str| populations.iter().position(|known| known == name);
    let mut uses: Vec<PopulationUse> = Vec::new();
    for (base_index, base) in construct.base.iter().enumerate() {
        let BaseOf::Population(name) = &base.of else { continue };
        let (Some(population), Some(definition)) = (number(name), catalogue.populations.get(name)) else { continue };
        if let Some(known) = uses.iter_mut().find(|known| known.population == population) {
            known.bases.push(base_index);
            continue;
        }
        let column = |dimension: &Dimension| definition.column(dimension.column.as_deref()?);
        let joined = definition.joins.keys().filter_map(|other| Some((other.clone(), number(other)?)));
        uses.push(PopulationUse {
            construct: index,
            population,
            joined: joined.collect(),
            bases: vec![base_index],
            columns: construct.dimensions.iter().map(column).collect(),
        });
    }
    uses
}

/// The group of an event or row: the declared value of each dimension, or `other`, numbered in one integer. Numbers
/// and bools are named by their plain texts.
pub fn group_of<'a>(dimensions: &[Dimension], value_of: impl Fn(usize) -> Option<&'a Value>) -> u32 {
    let mut group = 0_u32;
    for (index, dimension) in dimensions.iter().enumerate() {
        let name = value_of(index).and_then(Value::name);
        let declared = name.and_then(|name| dimension.values.iter().position(|known| *known == name));
        let radix = u32::try_from(dimension.values.len()).unwrap_or(u32::MAX).saturating_add(1);
        let digit = declared.and_then(|declared| u32::try_from(declared).ok()).unwrap_or(radix - 1);
        group = group.saturating_mul(radix).saturating_add(digit);
    }
    group
}

/// Whether an event's or row's value of a dimension was not legible, so that its group is not known.
pub fn group_is_unknown<'a>(dimensions: &[Dimension], value_of: impl Fn(usize) -> Option<&'a Value>) -> bool {
    let unknown = |value: &Value| value.is_mistyped() || value.is_replaced();
    (0..dimensions.len()).any(|index| value_of(index).is_some_and(unknown))
}

/// The values of a numbered group.
pub fn group_values(dimensions: &[Dimension], group: u32) -> Vec<String> {
    let mut rest = group;
    let mut values: Vec<String> = dimensions
        .iter()
        .rev()
        .map(|dimension| {
            let radix = u32::try_from(dimension.values.len()).unwrap_or(u32::MAX).saturating_add(1);
            let digit = usize::try_from(rest % radix).unwrap_or(usize::MAX);
            rest /= radix;
            dimension.values.get(digit).cloned().unwrap_or_else(|| Dimension::OTHER.to_owned())
        })
        .collect();
    values.reverse();
    values
}

/// The number of a group's values; `None` if there are not as many as dimensions.
pub fn group_number(dimensions: &[Dimension], values: &[String]) -> Option<u32> {
    let values: Vec<Value> = values.iter().map(|value| Value::text(value)).collect();
    (values.len() == dimensions.len()).then(|| group_of(dimensions, |index| values.get(index)))
}

/// The instant before which no version of a row can be asked for any more.
pub fn row_horizon(periods: &[Periods], watermark: Timestamp) -> Timestamp {
    let horizon = |periods: &Periods| {
        let oldest = periods.calendar.subtract(watermark, periods.restate_for);
        // The oldest period that may still be restated looks at everything before its end.
        let period = periods.calendar.period_at(periods.length, oldest);
        periods.calendar.previous(periods.length, &period, periods.rolling.max(1)).start
    };
    periods.iter().map(horizon).min().unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbered_and_read_back() {
        let dimension = |name: &str, values: &[&str]| Dimension {
            name: name.to_owned(),
            field: None,
            column: None,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let dimensions = [dimension("a", &["x", "y"]), dimension("b", &["p", "q", "r"])];
        for a in ["x", "y", "other"] {
            for b in ["p", "q", "r", "other"] {
                let values = vec![a.to_owned(), b.to_owned()];
                let number = group_number(&dimensions, &values).unwrap();
                assert_eq!(group_values(&dimensions, number), values);
            }
        }
        assert_eq!(group_values(&dimensions, group_of(&dimensions, |_| None)), ["other", "other"]);
        assert_eq!(group_of(&[], |_| None), 0);
        let plain = [dimension("plain", &["1001", "true", "9.8"])];
        for (value, group) in [
            (Value::Int(1001), "1001"),
            (Value::Bool(true), "true"),
            (Value::from_exact("9.8".parse().unwrap()), "9.8"),
            (Value::Int(7), "other"),
            (Value::Mistyped, "other"),
        ] {
            assert_eq!(group_values(&plain, group_of(&plain, |_| Some(&value))), [group]);
            assert_eq!(group_is_unknown(&plain, |_| Some(&value)), value == Value::Mistyped);
        }
        assert_eq!(group_number(&dimensions, &[]), None);
    }
}
