//! The catalogue: constructs, populations and sources, checked and compiled.

mod check;
mod construct;
mod definition;
mod diff;
mod faults;
mod files;
mod indicator;
mod layers;
mod load;
mod measure;
mod notes;
mod population;
mod schema;
mod sends;
mod source;
mod spec;

use std::{collections::BTreeMap, path::PathBuf};

pub use construct::{Construct, Dimension, Need, Parties};
pub use definition::mapping_digest;
pub use diff::{Change, diff};
pub use files::{Files, MAX_FILE};
pub use indicator::{Adjust, Criteria, Decision, Gate, Indicator, Rule, Target};
pub use layers::Layer;
pub use load::read_file;
pub use measure::{BaseMeasure, BaseOf, Basis, Confidence, DerivedMeasure, Fold, Union};
pub use notes::Note;
pub use population::{Column, Extra, Feed, FeedOf, Merge, Population, Scale, SetColumn};
pub use schema::{Schema, schema};
pub use source::{Decode, DuplicateMembers, Encoding, MAPPING_LIBRARY, MappingKind, Source, TimeUnit, Unwrap};
pub use spec::Kind;

use crate::{classes::Classes, fields::Fields};

/// Everything that is measured, and from what.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Constructs by identifier.
    pub constructs: Vec<Construct>,
    /// Populations by name.
    pub populations: BTreeMap<String, Population>,
    /// Sources by name.
    pub sources: BTreeMap<String, Source>,
    /// Event classes.
    pub classes: Classes,
    /// Fields of events that constructs and populations ask for, with their slots.
    pub fields: Fields,
    /// Digest of everything that has a say in base measures; decision criteria have none.
    pub digest: String,
    /// Folder that the catalogue was read from.
    pub folder: PathBuf,
    notes: Vec<Note>,
}

impl Catalogue {
    /// What is no fault and may surprise: who counts what where several sources send one class, sources that nothing is
    /// read from, values that no band is for.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The construct of an identifier.
    pub fn construct(&self, id: &str) -> Option<&Construct> {
        self.constructs.iter().find(|construct| construct.id == id)
    }

    /// The catalogue with one construct alone, and what it needs.
    #[must_use]
    pub fn only(&self, id: &str) -> Option<Self> {
        let construct = self.construct(id)?.clone();
        let mut populations = BTreeMap::new();
        for name in construct.populations(&self.populations) {
            populations.insert(name.clone(), self.populations.get(&name)?.clone());
        }
        let mut sources = self.sources.clone();
        sources.retain(|name, _| construct.sources.contains(name));
        Some(Self { constructs: vec![construct], populations, sources, ..self.clone() })
    }
}
