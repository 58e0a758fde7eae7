//! From when on a construct can be stated: all its base measures are whole, in all partitions.

use measurement::{
    catalogue::{BaseMeasure, BaseOf, Construct},
    time::Timestamp,
};

use crate::collect::{BaseId, Collected, Whole};

/// Whether a construct can be stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Periods that begin then or later; all periods, if that is [`Timestamp::MIN`].
    From(Timestamp),
    /// None: it is being built.
    Building(Building),
}

/// Why nothing can be stated of a construct.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Building {
    /// In words.
    pub why: String,
    /// Whether the aggregator of some partition runs another catalogue, or none yet.
    pub half_deployed: bool,
}

/// By what is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// Digest of the catalogue.
    pub(super) catalogue: &'a str,
    /// Its number; 0 where it does not come from the log.
    pub(super) sequence: u64,
}

/// What the partitions say of a construct.
pub(super) fn standing(
    collected: &Collected,
    bases: &[BaseId],
    construct: &Construct,
    Ground { catalogue, sequence }: Ground<'_>,
) -> Standing {
    let mut first = Timestamp::MIN;
    for (base, id) in construct.base.iter().zip(bases) {
        let name = &base.name;
        let behind = collected.behind(sequence);
        let (why, half_deployed) = match (collected.whole(*id), behind) {
            (Whole::Absent { .. } | Whole::Other { .. }, Some(partition)) if sequence > 0 => {
                (format!("partition {partition} has not come to the marker of catalogue {sequence}"), true)
            }
            (whole, _) => match whole {
                Whole::Since(since) => {
                    first = first.max(first_period(construct, base, since));
                    continue;
                }
                Whole::Absent { partition } => (
                    format!(
                        "partition {partition} has no state of `{name}`: its aggregator has not begun, or runs another catalogue"
                    ),
                    true,
                ),
                Whole::Other { partition, definition } => {
                    let run: Vec<&str> =
                        collected.catalogues().into_iter().filter(|known| *known != catalogue).collect();
                    let run = if run.is_empty() {
                        String::new()
                    } else {
                        format!("; catalogues run there: {}", run.join(", "))
                    };
                    (
                        format!(
                            "partition {partition} has state of another `{name}`: {definition} there, {} in the catalogue {catalogue} that is run here{run}",
                            base.digest
                        ),
                        true,
                    )
                }
                Whole::Building { partition } => (
                    format!(
                        "in partition {partition} events are missing in `{name}`: they are being read, or it is not known until when"
                    ),
                    false,
                ),
                Whole::Lost { partition } => {
                    (format!("in partition {partition} events that `{name}` needs are gone for good"), false)
                }
            },
        };
        return Standing::Building(Building { why, half_deployed });
    }
    Standing::From(first)
}

/// Start of the first period of a construct that a measure is whole for. Events are folded period by period, so that all
/// periods of a window must be; rows are looked at as of a moment, and the measure knows of which windows they are.
fn first_period(construct: &Construct, base: &BaseMeasure, since: Timestamp) -> Timestamp {
    if since == Timestamp::MIN || !matches!(base.of, BaseOf::Event { .. }) {
        return since;
    }
    let mut period = construct.calendar.period_at(construct.period, since);
    for _ in 1..construct.rolling {
        period = construct.calendar.next(construct.period, &period);
    }
    period.start
}
