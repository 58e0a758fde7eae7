//! What two plans have in common: state of it is carried from one to the other.

use super::{Measure, MeasureId, Plan, PopulationId};

impl Plan {
    /// The population whose rows lie under a name and digest.
    pub fn population_of_state(&self, state_name: &str) -> Option<PopulationId> {
        let plain = state_name.split_once('@').map_or(state_name, |(name, _)| name);
        let is = |id: &PopulationId| self[*id].definition.state_name() == state_name;
        self.population(plain).filter(is).or_else(|| self.population(state_name).filter(is))
    }

    /// The population of this plan that is another plan's in the same definition.
    pub fn same_population(&self, other: &Self, id: PopulationId) -> Option<PopulationId> {
        self.population_of_state(&other[id].definition.state_name())
    }

    /// The base measure of this plan that is another plan's in the same definition.
    pub fn same_measure(&self, other: &Self, id: MeasureId) -> Option<MeasureId> {
        let Measure { construct, base } = &other[id];
        self.measure(&other[*construct].construct.id, &base.digest, &base.name)
    }
}
