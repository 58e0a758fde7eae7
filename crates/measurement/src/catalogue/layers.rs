//! Several catalogues at once: the one that is in force, and what of earlier ones is still stated.
//!
//! A construct that was changed goes on as it was for the periods that are its own, until nothing of them can be
//! corrected any more. All of them read the same row of slots, so that an event is read once.

use std::collections::BTreeSet;

use super::{BaseOf, Catalogue, Construct, Extra, Files};
use crate::diagnostic::Diagnostics;

/// Constructs of an earlier catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Its sequence number: the last one that had the constructs in this form.
    pub sequence: u64,
    /// Its files.
    pub files: &'a Files,
    /// Identifiers of the constructs.
    pub constructs: &'a BTreeSet<String>,
}

impl Catalogue {
    /// The catalogue of some files, with constructs of earlier ones behind its own, the newest first. What they look at
    /// comes with them: a population that is another one now under its name and digest, a source that is gone as it was.
    /// Sources that are still there are as the newest catalogue says.
    ///
    /// # Errors
    /// The faults of the files, or of those of a layer: this build may understand less than the one that took them.
    pub fn layered(head: &Files, layers: &[Layer<'_>]) -> Result<Self, Diagnostics> {
        let mut catalogue = Self::from_files(head)?;
        let mut layers: Vec<&Layer<'_>> = layers.iter().collect();
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.sequence));
        for layer in layers {
            let earlier = Self::with_fields(layer.files, catalogue.fields.clone())?;
            for construct in earlier.constructs.iter().filter(|construct| layer.constructs.contains(&construct.id)) {
                catalogue.keep(&earlier, construct.clone(), layer.sequence);
            }
            catalogue.fields = earlier.fields;
        }
        Ok(catalogue)
    }

    fn keep(&mut self, earlier: &Self, mut construct: Construct, sequence: u64) {
        let names = construct.populations(&earlier.populations);
        let mut renamed = std::collections::BTreeMap::new();
        for name in &names {
            let Some(population) = earlier.populations.get(name) else { continue };
            if self.populations.get(name).is_none_or(|known| known.digest != population.digest) {
                renamed.insert(name.clone(), population.state_name());
            }
        }
        let rename = |name: &mut String| {
            if let Some(other) = renamed.get(name) {
                name.clone_from(other);
            }
        };
        for name in &names {
            let Some(population) = earlier.populations.get(name) else { continue };
            let mut population = population.clone();
            rename(&mut population.name);
            let joins = std::mem::take(&mut population.joins);
            population.joins = joins
                .into_iter()
                .map(|(mut name, column)| {
                    rename(&mut name);
                    (name, column)
                })
                .collect();
            let sources = population.feeds.iter().flat_map(|feed| feed.sources.clone()).collect::<BTreeSet<_>>();
            self.keep_sources(earlier, sources.iter());
            self.populations.entry(population.name.clone()).or_insert(population);
        }
        for base in &mut construct.base {
            if let BaseOf::Population(name) = &mut base.of {
                rename(name);
            }
            for extra in &mut base.extras {
                if let Extra::Joined { population, .. } = extra {
                    rename(population);
                }
            }
        }
        self.keep_sources(earlier, construct.sources.iter());
        construct.ended = Some(sequence);
        self.constructs.push(construct);
    }

    fn keep_sources<'a>(&mut self, earlier: &Self, names: impl Iterator<Item = &'a String>) {
        for name in names {
            if let (false, Some(source)) = (self.sources.contains_key(name), earlier.sources.get(name)) {
                let mut source = source.clone();
                source.ended = true;
                self.sources.insert(name.clone(), source);
            }
        }
    }
}
