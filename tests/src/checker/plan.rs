//! What the catalogue asks for, as far as the recount understands it: events of a class whose activity is 1, counted
//! or summed by their identity, by values of a field. `tests/identity` holds no other event measures.

use std::collections::{BTreeMap, HashMap};

use measurement::{
    catalogue::{BaseMeasure, BaseOf, Catalogue, Construct, Fold},
    time::Timestamp,
};
use records::AggregateKey;

use super::{anomaly::Tally, event::Event};

/// Activity that every measure counts.
const COUNTED: i64 = 1;

#[derive(Clone, Debug)]
struct Asked {
    construct: usize,
    measure: String,
    digest: String,
    sums: bool,
}

/// Who asks for what.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    pub(super) catalogue: &'a Catalogue,
    /// Path of each slot.
    paths: BTreeMap<usize, &'a str>,
    by_class: HashMap<i64, Vec<Asked>>,
    /// Classes whose events change rows under their own key.
    fed: Vec<i64>,
}

/// What an event adds to a measure.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) construct: usize,
    pub(super) place: AggregateKey,
    pub(super) period_end: Timestamp,
    pub(super) adds: Tally,
}

impl<'a> Plan<'a> {
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        let paths = catalogue.fields.iter().map(|(path, slot)| (slot, path)).collect();
        let mut by_class: HashMap<i64, Vec<Asked>> = HashMap::new();
        for (construct, definition) in catalogue.constructs.iter().enumerate() {
            for base in &definition.base {
                let BaseOf::Event { uid, .. } = &base.of else { continue };
                let sums = match &base.fold {
                    Fold::Count => false,
                    Fold::Sum(_) => true,
                    other => panic!("{}: the recount knows no {other:?}", base.name),
                };
                let (measure, digest) = (base.name.clone(), base.digest.clone());
                let asked = Asked { construct, measure, digest, sums };
                by_class.entry(i64::from(*uid)).or_default().push(asked);
            }
        }
        let feeds = catalogue.populations.values().flat_map(|population| &population.feeds);
        let fed = feeds.filter(|feed| !feed.by_reference).map(|feed| i64::from(feed.uid)).collect();
        Self { catalogue, paths, by_class, fed }
    }

    /// What an event adds to the measures that count it, none being too late.
    pub(super) fn shares(&self, event: &Event) -> Vec<Share> {
        if event.activity != Some(COUNTED) {
            return Vec::new();
        }
        let asked = self.by_class.get(&event.class).into_iter().flatten();
        asked.map(|asked| self.share(asked, event)).collect()
    }

    fn share(&self, asked: &Asked, event: &Event) -> Share {
        let construct = &self.catalogue.constructs[asked.construct];
        let period = construct.calendar.period_at(construct.period, event.time);
        let sum = event.identity().filter(|_| asked.sums);
        // What has no value is in no sum.
        let events = u64::from(!asked.sums || sum.is_some());
        Share {
            construct: asked.construct,
            place: AggregateKey {
                construct: construct.id.clone(),
                definition: asked.digest.clone(),
                measure: asked.measure.clone(),
                period_start: period.start,
                group: self.group(construct, event),
            },
            period_end: period.end,
            adds: Tally { events, sum: sum.map_or(0, i128::from) },
        }
    }

    fn group(&self, construct: &Construct, event: &Event) -> Vec<String> {
        let value = |slot: Option<usize>| {
            let path = self.paths.get(&slot?)?;
            super::event::at(&event.json, path)?.as_str().map(str::to_owned)
        };
        let declared = construct
            .dimensions
            .iter()
            .map(|dimension| value(dimension.field).filter(|value| dimension.values.contains(value)));
        declared.map(|value| value.unwrap_or_else(|| "other".to_owned())).collect()
    }

    /// Whether a measure of events is meant, and not one of rows or of another definition.
    pub(super) fn is_event_measure(&self, place: &AggregateKey) -> bool {
        let construct = self.catalogue.construct(&place.construct);
        let is = |base: &&BaseMeasure| base.name == place.measure && base.digest == place.definition;
        let base = construct.and_then(|known| known.base.iter().find(is));
        base.is_some_and(|base| matches!(base.of, BaseOf::Event { .. }))
    }

    /// Whether events of a class change rows under their own key.
    pub(super) fn is_fed(&self, class: i64) -> bool {
        self.fed.contains(&class)
    }

    /// The source that a topic belongs to.
    pub(super) fn source_of(&self, topic: &str) -> Option<&'a str> {
        let mut sources = self.catalogue.sources.values();
        sources.find(|source| source.topics.iter().any(|known| known == topic)).map(|source| source.name.as_str())
    }

    /// Whether corrections of a period have ended by a watermark.
    pub(super) fn is_over(&self, construct: usize, period_end: Timestamp, watermark: Timestamp) -> bool {
        let construct = &self.catalogue.constructs[construct];
        period_end < watermark && construct.calendar.add(period_end, construct.restate_for) < watermark
    }
}
