//! What the parts of one construct share.

use std::collections::BTreeMap;

use serde_saphyr::Location;

use crate::{
    catalogue::{construct::Dimension, measure::BaseMeasure, spec},
    expression::{Parameter, Unit},
    working::SharedHours,
};

/// What the parts of one construct share while it is checked.
pub(super) struct Draft<'a> {
    pub(super) spec: &'a spec::ConstructSpec,
    /// Place of the construct's name, for what has no place of its own.
    pub(super) at: Location,
    pub(super) dimensions: Vec<Dimension>,
    pub(super) parameters: BTreeMap<String, Parameter>,
    /// Names of all measures by slot, also of those that are faulty.
    pub(super) names: Vec<String>,
    pub(super) zone: chrono_tz::Tz,
    pub(super) hours: Option<SharedHours>,
}

impl Draft<'_> {
    /// Slot of a dimension in formulas: behind all measures.
    pub(super) fn dimension_slot(&self, by: &str) -> Option<usize> {
        let index = self.dimensions.iter().position(|dimension| dimension.name == by)?;
        Some(self.names.len() + index)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<(Parameter, Option<usize>)> {
        let parameter = self.parameters.get(name)?.clone();
        let slot = parameter.by.as_deref().and_then(|by| self.dimension_slot(by));
        Some((parameter, slot))
    }

    pub(super) fn units(&self, base: &[BaseMeasure]) -> BTreeMap<String, Unit> {
        let base = base.iter().map(|base| (base.name.clone(), Unit::declared(base.unit.as_deref())));
        let derived =
            self.spec.derived.iter().map(|(name, derived)| (name.clone(), Unit::declared(Some(&derived.unit))));
        base.chain(derived).collect()
    }
}
