//! The judgement of all groups of one period.

use std::collections::BTreeMap;

use measurement::{
    accumulate::Accumulator,
    calendar::Period,
    catalogue::{BaseMeasure, BaseOf, Catalogue, Construct, Dimension},
    judge::{Case, SourceInput, Sources, Unread, judge as judge_case},
    time::Timestamp,
    value::Value,
};
use records::{BaseValue, Quality, SourceQuality};

use super::{
    evaluated::Evaluated,
    history::Earlier,
    state::{ConstructState, PeriodState},
    suppress,
};
use crate::collect::{BaseId, Collected};

type Groups = BTreeMap<Vec<String>, Evaluated>;

/// What a period is judged on.
pub(super) struct Ground<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) collected: &'a Collected,
    /// Sources of which something is missing, with the reason.
    pub(super) incomplete: &'a BTreeMap<String, String>,
    pub(super) construct: &'a Construct,
    /// Its base measures, as they were collected.
    pub(super) bases: &'a [BaseId],
    /// Its periods.
    pub(super) known: Option<&'a ConstructState>,
}

impl Ground<'_> {
    /// The value of one of its base measures in a period, over the groups that are wanted; `None` if nothing was counted.
    fn counted(
        &self,
        measure: &BaseMeasure,
        start: Timestamp,
        wanted: impl Fn(&[String]) -> bool,
    ) -> Option<Accumulator> {
        let place = self.construct.base.iter().position(|base| base.name == measure.name)?;
        self.collected.merged(*self.bases.get(place)?, start, wanted)
    }
}

pub(super) fn judge(ground: &Ground<'_>, state: &PeriodState, watermark: Timestamp) -> (Groups, Quality) {
    let construct = ground.construct;
    let (sources, quality) = sources(ground, state, watermark);
    let mut unread = inputs(ground, &state.period);
    let mut groups = Groups::new();
    for group in groups_of(ground, state) {
        let mut base = BTreeMap::new();
        let (mut values, mut counts) = (Vec::with_capacity(construct.base.len()), Vec::new());
        unread.undecided.clear();
        for measure in &construct.base {
            let merged = merged(ground, measure, &state.period, &group);
            // Events and rows of which not even the group is known may belong to this one.
            let undecided =
                if group.is_empty() { merged.undecided() } else { undecided(ground, measure, &state.period, &group) };
            unread.undecided.push(undecided);
            let value = merged.value(&measure.fold);
            counts.push(merged.n());
            let shown = BaseValue {
                value: value.clone(),
                n: merged.n(),
                without: merged.without(),
                undecided,
                error: merged.error(),
            };
            base.insert(measure.name.clone(), shown);
            values.push(value);
        }
        let dimension_values: Vec<Value> = if group.is_empty() {
            vec![Value::Null; construct.dimensions.len()]
        } else {
            group.iter().map(|value| Value::text(value)).collect()
        };
        let earlier = Earlier { construct, state: ground.known, start: state.period.start, group: &group };
        let judgement = judge_case(&Case {
            construct,
            period: state.period,
            window: construct.window(&state.period),
            as_of: if watermark == Timestamp::MIN { state.period.end } else { state.period.end.min(watermark) },
            group: &dimension_values,
            base: &values,
            n: &counts,
            sources: &sources,
            unread: &unread,
            earlier: &earlier,
        });
        if matches!(sources, Sources::Silent(_)) {
            base.clear();
        }
        groups.insert(group, Evaluated::new(base, judgement));
    }
    suppress::complement(construct, &mut groups);
    (groups, quality)
}

/// What the sources sent over the time that measures look at. Rows of populations are what they became before it, as far
/// back as they may still be corrected.
fn inputs(ground: &Ground<'_>, period: &Period) -> Unread {
    let construct = ground.construct;
    let window = construct.window(period);
    let of = |from: Timestamp| {
        let input = |source: &String| {
            let counts = ground.collected.intake(source, from, window.end);
            SourceInput {
                source: source.clone(),
                read: counts.read,
                refused: counts.refused,
                doubtful: counts.replaced,
            }
        };
        construct.sources.iter().map(input).collect::<Vec<_>>()
    };
    let has = |wanted: fn(&BaseOf) -> bool| construct.base.iter().any(|measure| wanted(&measure.of));
    let mut unread = Unread::default();
    if has(|of| matches!(of, BaseOf::Event { .. })) {
        unread.events = of(window.start);
    }
    if has(|of| matches!(of, BaseOf::Population(_))) {
        let earliest = construct.calendar.subtract(window.start, construct.restate_for);
        unread.rows = of(construct.calendar.period_at(construct.period, earliest).start);
    }
    unread
}

/// How many could not be decided for one base measure and group: its own, and those whose group is not known.
fn undecided(ground: &Ground<'_>, measure: &BaseMeasure, period: &Period, group: &[String]) -> u64 {
    let fits = |found: &[String]| {
        found.len() == group.len()
            && found.iter().zip(group).all(|(found, own)| found == own || found == Dimension::OTHER)
    };
    whole(ground, measure, period, fits).undecided()
}

/// The value of one base measure for one group (the total for no group), over all periods that a result looks at.
fn merged(ground: &Ground<'_>, measure: &BaseMeasure, period: &Period, group: &[String]) -> Accumulator {
    whole(ground, measure, period, |found| group.is_empty() || found == group)
}

fn whole(
    ground: &Ground<'_>,
    measure: &BaseMeasure,
    period: &Period,
    wanted: impl Fn(&[String]) -> bool,
) -> Accumulator {
    // Rows are looked at over the whole window at once; events are folded period by period.
    let construct = ground.construct;
    let periods = if matches!(measure.of, BaseOf::Event { .. }) { construct.rolling } else { 1 };
    // The sources were alive, so that what nobody reported did not happen.
    let mut whole = Accumulator::new(measure);
    let mut each = *period;
    for _ in 0..periods {
        if let Some(part) = ground.counted(measure, each.start, &wanted) {
            whole.merge(&part);
        }
        each = construct.calendar.previous(construct.period, &each, 1);
    }
    whole
}

/// Declared groups, `other` where something was counted there, and the total.
fn groups_of(ground: &Ground<'_>, state: &PeriodState) -> Vec<Vec<String>> {
    let construct = ground.construct;
    let period = &state.period;
    let mut groups = vec![Vec::new()];
    for dimension in &construct.dimensions {
        let values: Vec<String> = dimension.values.iter().cloned().chain([Dimension::OTHER.to_owned()]).collect();
        groups = groups
            .into_iter()
            .flat_map(|group| {
                values.iter().map(move |value| {
                    let mut longer = group.clone();
                    longer.push(value.clone());
                    longer
                })
            })
            .collect();
    }
    if construct.dimensions.is_empty() {
        return groups;
    }
    let counted = |group: &Vec<String>| {
        construct.base.iter().any(|measure| {
            let merged = ground.counted(measure, period.start, |found| found == group.as_slice());
            merged.is_some_and(|merged| merged.n() > 0)
        })
    };
    let is_other = |group: &Vec<String>| group.iter().any(|value| value == Dimension::OTHER);
    groups.retain(|group| !is_other(group) || (state.silence.is_none() && counted(group)));
    groups.push(Vec::new());
    groups
}

/// Whether the sources were alive to the end of the period, or to the watermark while it runs.
fn sources(ground: &Ground<'_>, state: &PeriodState, watermark: Timestamp) -> (Sources, Quality) {
    let period = &state.period;
    let until = period.end.min(watermark);
    let is_silence = state.silence.is_some();
    let mut quality = Quality::default();
    let mut silent = Vec::new();
    let mut stale = Vec::new();
    for name in &ground.construct.sources {
        let rhythm = ground.catalogue.sources.get(name).map_or(0, |source| source.rhythm);
        let last = ground.collected.last_activity(name, period.end);
        let alive = !is_silence && last.is_some_and(|last| last >= until.minus(rhythm));
        // What makes a silence one is that no source counts as alive in any of its periods.
        let within = !is_silence && last.is_some_and(|last| last >= until.minus(rhythm.max(period.length())));
        if !within {
            silent.push(format!(
                "{name} sent nothing since {}",
                last.map_or_else(|| "ever".to_owned(), |last| last.to_string())
            ));
        } else if !alive {
            stale.push(format!("{name} fell silent at {}", last.unwrap_or(period.start)));
        }
        if let Some(why) = ground.incomplete.get(name) {
            stale.push(format!("{name} is incomplete: {why}"));
        }
        let events = ground.collected.events(name, period);
        let intake = ground.collected.intake(name, period.start, period.end);
        let (read, refused, replaced) = (intake.read, intake.refused, intake.replaced);
        let mappings = ground.collected.mappings(name, period);
        quality.sources.insert(name.clone(), SourceQuality { events, last, alive, read, refused, replaced, mappings });
    }
    let sources = if !silent.is_empty() {
        Sources::Silent(silent.join("; "))
    } else if state.stalled {
        let since = if watermark == Timestamp::MIN {
            "time has not begun: not all partitions of its sources were read".to_owned()
        } else {
            format!("time stood still at {watermark}")
        };
        Sources::Stale(format!("{since}: a source lags or ingest is down"))
    } else if !stale.is_empty() {
        Sources::Stale(stale.join("; "))
    } else {
        Sources::Alive
    };
    (sources, quality)
}
