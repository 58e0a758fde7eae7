//! A case that gives base measures: they are judged as the evaluator judges them.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use measurement::{
    calendar::{Period, PeriodLength},
    catalogue::Construct,
    expression::History,
    judge::{self, SourceInput, Sources, Unread},
    number::Exact,
    value::Value,
};

use super::{
    Case, Found,
    events::instant,
    file::{Number, State},
};

/// The period that is judged unless the case says otherwise.
const PERIOD: &str = "2026-03-01";

/// The period of a case.
pub(super) fn period(construct: &Construct, case: &Case) -> anyhow::Result<Period> {
    let text = case.period.as_deref().unwrap_or(PERIOD);
    let quarter = text.split_once("-Q").and_then(|(year, quarter)| {
        let month = quarter.parse::<u32>().ok()?.checked_sub(1)? * 3 + 1;
        Some(format!("{year}-{month:02}-01"))
    });
    let dated = quarter.unwrap_or_else(|| match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    });
    let at = instant(construct, &dated)?;
    // A year is asked for by its number, wherever in it the fiscal year begins.
    let at = match construct.period {
        PeriodLength::Months(12) if text.len() == 4 => {
            let (month, day) = construct.calendar.fiscal_year_start;
            instant(construct, &format!("{text}-{month:02}-{day:02}"))?
        }
        _ => at,
    };
    Ok(construct.calendar.period_at(construct.period, at))
}

/// Judges the base measures of a case.
pub(super) fn run(
    construct: &Construct,
    case: &Case,
    given: &BTreeMap<String, Option<Number>>,
) -> anyhow::Result<Found> {
    let period = period(construct, case)?;
    for name in given.keys().chain(case.history.iter().flat_map(BTreeMap::keys)) {
        if !construct.measures().any(|known| known == name) {
            bail!("`{name}` is no measure of the construct: {}", construct.measures().collect::<Vec<_>>().join(", "));
        }
    }
    let mut base: Vec<Option<Exact>> = Vec::new();
    for measure in &construct.base {
        let value =
            given.get(&measure.name).with_context(|| format!("the base measure `{}` is not given", measure.name))?;
        base.push(value.as_ref().map(|number| number.0.clone()));
    }
    let n: Vec<u64> = base
        .iter()
        .map(|value| value.as_ref().and_then(Exact::to_i64).and_then(|n| u64::try_from(n).ok()).unwrap_or(1))
        .collect();
    let mut group = Vec::new();
    for dimension in &construct.dimensions {
        group.push(case.group.get(&dimension.name).map_or(Value::Null, |value| Value::text(value)));
    }
    let sources = match case.sources {
        None => Sources::Alive,
        Some(State::Silent) => Sources::Silent("a source sent nothing".to_owned()),
        Some(State::Stale) => Sources::Stale("a source fell silent".to_owned()),
    };
    let unread = unread(construct, case)?;
    let earlier = Earlier { construct, history: &case.history };
    let judgement = judge::judge(&judge::Case {
        construct,
        period,
        window: construct.window(&period),
        as_of: period.end,
        group: &group,
        base: &base,
        n: &n,
        sources: &sources,
        unread: &unread,
        earlier: &earlier,
    });
    let names = construct.base.iter().map(|base| base.name.clone());
    Ok(Found {
        outcome: judgement.outcome.name().to_owned(),
        value: judgement.value,
        numerator: judgement.fraction.as_ref().map(|(top, _)| top.clone()),
        denominator: judgement.fraction.map(|(_, bottom)| bottom),
        base: names.zip(base).collect(),
        undecided: case.undecided.clone(),
        trend: judgement.trend.map(str::to_owned),
        because: judgement.because,
        revision: None,
        interval: judgement.interval,
        target: construct.target(&period).and_then(|target| target.value.clone()),
    })
}

/// What a case says of input that could not be read. A source of which it says no more sent so much that the share is
/// within any tolerance.
fn unread(construct: &Construct, case: &Case) -> anyhow::Result<Unread> {
    let mut input = Vec::new();
    for (source, refused) in &case.refused {
        if !construct.sources.contains(source) {
            bail!("`{source}` is no source of the construct: {}", construct.sources.join(", "));
        }
        let (refused, read) = refused.counts();
        input.push(SourceInput { source: source.clone(), read, refused, doubtful: 0 });
    }
    for name in case.undecided.keys() {
        if !construct.base.iter().any(|known| known.name == *name) {
            bail!("`{name}` is no base measure of the construct");
        }
    }
    let undecided = construct.base.iter().map(|base| case.undecided.get(&base.name).copied().unwrap_or(0));
    Ok(Unread { events: input.clone(), rows: input, undecided: undecided.collect() })
}

struct Earlier<'a> {
    construct: &'a Construct,
    history: &'a [BTreeMap<String, Number>],
}

impl History for Earlier<'_> {
    fn value(&self, slot: usize, back: u32) -> Option<Value> {
        let values = self.history.get(usize::try_from(back).ok()?.checked_sub(1)?)?;
        let name = self.construct.measures().nth(slot)?;
        values.get(name).map(|number| Value::from_exact(number.0.clone()))
    }
}
