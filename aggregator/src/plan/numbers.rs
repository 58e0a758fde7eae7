//! Numbers that only a plan gives out: whoever holds one finds what it stands for.

use std::ops::Index;

use super::{ConstructPlan, Measure, Plan, PopulationPlan, SourcePlan};

/// Makes a number of the plan: a position in the list of all of its kind.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(super) usize);

        impl $name {
            /// What a list that was made by the plan's holds for it.
            #[expect(clippy::indexing_slicing, reason = "the plan gives out numbers of what it holds alone")]
            pub fn of<T>(self, list: &[T]) -> &T {
                &list[self.0]
            }

            /// The same, to be changed.
            #[expect(clippy::indexing_slicing, reason = "the plan gives out numbers of what it holds alone")]
            pub fn of_mut<T>(self, list: &mut [T]) -> &mut T {
                &mut list[self.0]
            }
        }
    };
}

number!(
    /// A construct.
    ConstructId
);
number!(
    /// A base measure of a construct.
    MeasureId
);
number!(
    /// A population.
    PopulationId
);
number!(
    /// A source.
    SourceId
);

impl Index<ConstructId> for Plan {
    type Output = ConstructPlan;
    fn index(&self, id: ConstructId) -> &ConstructPlan {
        id.of(&self.constructs)
    }
}

impl Index<MeasureId> for Plan {
    type Output = Measure;
    fn index(&self, id: MeasureId) -> &Measure {
        id.of(&self.measures)
    }
}

impl Index<PopulationId> for Plan {
    type Output = PopulationPlan;
    fn index(&self, id: PopulationId) -> &PopulationPlan {
        id.of(&self.populations)
    }
}

impl Index<SourceId> for Plan {
    type Output = SourcePlan;
    fn index(&self, id: SourceId) -> &SourcePlan {
        id.of(&self.sources)
    }
}
