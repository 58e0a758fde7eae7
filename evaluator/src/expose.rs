//! The view: Prometheus metrics from one consistent snapshot.
//!
//! Gauges only; the ledger is the truth. `state="provisional"` is the period that runs,
//! `state="final"` the newest closed one. A value that does not exist is absent, and the outcome says why.
//! Labels are declared values alone, so that the number of series is bounded by the catalogue.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use measurement::{catalogue::Construct, number::Exact, outcome::Outcome, time::Timestamp};
use service::metrics::{Family, Sample};

use crate::{
    decide::{Building, Evaluated, Evaluation, PeriodState, Phase, Standing},
    ledger::Ledger,
    table::{self, Row},
};

/// What can be seen.
#[derive(Debug, Default)]
pub struct Snapshot {
    samples: HashMap<&'static str, Vec<Sample>>,
    /// The current period of every construct.
    pub current: Vec<Row>,
    /// Whether everything was read that was written before the start, and no aggregator runs another catalogue.
    pub ready: bool,
    /// Constructs of which nothing can be stated, and why.
    pub building: BTreeMap<String, Building>,
}

/// What others may see of the evaluator while it runs.
#[derive(Clone, Debug, Default)]
pub struct View(Arc<Mutex<Arc<Snapshot>>>);

impl View {
    /// The newest snapshot.
    pub fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set(&self, snapshot: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// Families: name and help, in the order of the page.
pub const FAMILIES: &[(&str, &str)] = &[
    ("vernier_indicator_info", "Constructs: title, reference, unit, owner and kind. Always 1."),
    ("vernier_indicator_value", "Value of the indicator in its own unit; absent where there is none."),
    ("vernier_indicator_numerator", "Numerator of the indicator, where it is a ratio."),
    ("vernier_indicator_denominator", "Denominator of the indicator, where it is a ratio."),
    ("vernier_indicator_target", "Target in the indicator's unit."),
    (
        "vernier_indicator_band",
        "1 for the band that the indicator is in, 0 for the others; all 0 where there is no band.",
    ),
    ("vernier_indicator_band_code", "Band as a number: 0 green, 1 yellow or orange, 2 red, 3 another band, 4 no band."),
    ("vernier_indicator_outcome", "1 for the reason why there is no band, 0 for the others."),
    (
        "vernier_measure_undecided",
        "Events or rows of a base measure of which it is not known whether and how they count, because something in them is mistyped or replaced.",
    ),
    (
        "vernier_source_read",
        "Elements (lines, values, items) that a source of a construct sent in the period, where it is known.",
    ),
    ("vernier_source_refused", "Elements among them that are in no figure because they could not be read."),
    ("vernier_indicator_period_start_timestamp_seconds", "Start of the period."),
    ("vernier_indicator_period_end_timestamp_seconds", "End of the period."),
    ("vernier_indicator_revision", "Revision of the newest final result."),
    ("vernier_source_last_event_timestamp_seconds", "Event time of the newest event of a source."),
    ("vernier_source_silent", "1 if a source has been silent for longer than its rhythm allows."),
    (
        "vernier_indicator_being_built",
        "1 while nothing can be stated of a construct, because its state is not whole in some partition.",
    ),
    (
        "vernier_indicator_half_deployed",
        "1 while the aggregator of some partition runs another definition of a construct, or none.",
    ),
    (
        "vernier_indicator_whole_since_timestamp_seconds",
        "Start of the first period that can be stated, where a construct was not measured from the beginning.",
    ),
    (
        "vernier_indicator_break_timestamp_seconds",
        "Start of the newest series of a construct that had another definition before: what lies before it cannot be compared.",
    ),
    ("vernier_watermark_timestamp_seconds", "Event time up to which a construct is complete."),
    ("vernier_ledger_entries", "Entries of the ledger."),
    (
        "vernier_evaluator_ready",
        "1 once everything was read that was written before the start, and no aggregator runs another catalogue.",
    ),
];

/// Takes a snapshot.
pub fn snapshot(evaluation: &Evaluation, ledger: &Ledger, read: bool) -> Snapshot {
    let ready = read && evaluation.is_deployed();
    let current = table::current(evaluation);
    let mut snapshot = Snapshot { samples: HashMap::new(), current, ready, building: BTreeMap::new() };
    snapshot.add("vernier_evaluator_ready", Vec::new(), f64::from(u8::from(ready)));
    snapshot.add("vernier_ledger_entries", Vec::new(), Exact::from(ledger.len()).to_f64());
    if !read {
        return snapshot;
    }
    for (index, construct) in evaluation.series() {
        snapshot.construct(evaluation, index, construct);
        if let Some(start) = ledger.last_break(&construct.id) {
            let id = vec![("construct", construct.id.clone())];
            snapshot.add("vernier_indicator_break_timestamp_seconds", id, seconds(start));
        }
        snapshot.standing(construct, evaluation.standing(index), evaluation.is_stated(&construct.id));
        let newest = evaluation.newest(index, |_| true).filter(|(_, state)| state.phase != Phase::Final);
        let last_final = evaluation.newest(index, |state| state.phase == Phase::Final);
        for (found, name) in [(newest, "provisional"), (last_final, "final")] {
            // In the definition that the period is stated by.
            let stated = found.and_then(|(index, state)| Some((evaluation.catalogue().constructs.get(index)?, state)));
            if let Some((construct, state)) = stated {
                snapshot.period(construct, state, name, ledger);
            }
        }
    }
    for (name, source) in &evaluation.catalogue().sources {
        let last = evaluation.collected().last_activity(name, Timestamp::MAX);
        let watermark = evaluation.collected().source_watermark(name);
        if let Some(last) = last {
            snapshot.add("vernier_source_last_event_timestamp_seconds", vec![("source", name.clone())], seconds(last));
        }
        if let Some(watermark) = watermark {
            let silent = last.is_none_or(|last| last < watermark.minus(source.rhythm));
            snapshot.add("vernier_source_silent", vec![("source", name.clone())], f64::from(u8::from(silent)));
        }
    }
    snapshot
}

fn seconds(time: Timestamp) -> f64 {
    Exact::ratio(time.0, 1000).map_or(f64::NAN, |seconds| seconds.to_f64())
}

impl Snapshot {
    fn add(&mut self, family: &'static str, labels: Vec<(&'static str, String)>, value: f64) {
        self.samples.entry(family).or_default().push(Sample { labels, value });
    }

    fn construct(&mut self, evaluation: &Evaluation, index: usize, construct: &Construct) {
        let id = || ("construct", construct.id.clone());
        let kind = format!("{:?}", construct.kind).to_lowercase();
        let info = vec![
            id(),
            ("title", construct.title.clone()),
            ("reference", construct.iso27004.clone().unwrap_or_default()),
            ("unit", construct.unit().to_owned()),
            ("owner", construct.parties.owner.clone()),
            ("kind", kind),
        ];
        self.add("vernier_indicator_info", info, 1.0);
        let newest = evaluation.newest(index, |_| true).and_then(|(_, state)| construct.target(&state.period));
        if let Some(target) = newest.and_then(|target| target.value.as_ref()) {
            self.add("vernier_indicator_target", vec![id()], target.to_f64());
        }
        if let Some(watermark) = evaluation.collected().watermark(&construct.sources) {
            self.add("vernier_watermark_timestamp_seconds", vec![id()], seconds(watermark));
        }
    }

    fn standing(&mut self, construct: &Construct, standing: Option<&Standing>, is_stated: bool) {
        let id = || vec![("construct", construct.id.clone())];
        let (building, half) = match standing {
            // What it was before is stated meanwhile.
            Some(Standing::Building(_)) if is_stated => (false, false),
            Some(Standing::Building(building)) => {
                self.building.insert(construct.id.clone(), building.clone());
                (true, building.half_deployed)
            }
            Some(Standing::From(since)) => {
                if *since > Timestamp::MIN {
                    self.add("vernier_indicator_whole_since_timestamp_seconds", id(), seconds(*since));
                }
                (false, false)
            }
            None => (true, false),
        };
        self.add("vernier_indicator_being_built", id(), f64::from(u8::from(building)));
        self.add("vernier_indicator_half_deployed", id(), f64::from(u8::from(half)));
    }

    fn period(&mut self, construct: &Construct, state: &PeriodState, name: &str, ledger: &Ledger) {
        for (source, quality) in state.quality.sources.iter().filter(|(_, quality)| quality.read > 0) {
            let labels =
                vec![("construct", construct.id.clone()), ("source", source.clone()), ("state", name.to_owned())];
            self.add("vernier_source_read", labels.clone(), Exact::from(quality.read).to_f64());
            self.add("vernier_source_refused", labels, Exact::from(quality.refused).to_f64());
        }
        for (group, evaluated) in &state.groups {
            let names = construct.dimensions.iter().map(|dimension| dimension.name.clone());
            let group = records::result::group_label(&names.zip(group.iter().cloned()).collect());
            let labels =
                vec![("construct", construct.id.clone()), ("group", group.clone()), ("state", name.to_owned())];
            self.judgement(construct, evaluated, &labels);
            // The total alone, so that the number of series stays small.
            let counted = if group == "all" { Some(evaluated.figures().base) } else { None };
            for (measure, base) in counted.into_iter().flatten() {
                let labels =
                    vec![("construct", construct.id.clone()), ("measure", measure.clone()), ("state", name.to_owned())];
                self.add("vernier_measure_undecided", labels, Exact::from(base.undecided).to_f64());
            }
            self.add("vernier_indicator_period_start_timestamp_seconds", labels.clone(), seconds(state.period.start));
            self.add("vernier_indicator_period_end_timestamp_seconds", labels.clone(), seconds(state.period.end));
            if let Some(entry) = ledger.newest(&construct.id, state.period.start, &group).filter(|_| name == "final") {
                self.add("vernier_indicator_revision", labels, f64::from(entry.revision));
            }
        }
    }

    fn judgement(&mut self, construct: &Construct, evaluated: &Evaluated, labels: &[(&'static str, String)]) {
        let (figures, outcome) = (evaluated.figures(), evaluated.outcome());
        let with = |name: &'static str, value: &str| {
            let mut labels = labels.to_vec();
            labels.push((name, value.to_owned()));
            labels
        };
        if let Some(value) = figures.value {
            self.add("vernier_indicator_value", labels.to_vec(), value.to_f64());
        }
        if let Some((numerator, denominator)) = figures.fraction {
            self.add("vernier_indicator_numerator", labels.to_vec(), numerator.to_f64());
            self.add("vernier_indicator_denominator", labels.to_vec(), denominator.to_f64());
        }
        for band in construct.indicator.band_names() {
            let here = *outcome == Outcome::Band(band.to_owned());
            self.add("vernier_indicator_band", with("band", band), f64::from(u8::from(here)));
        }
        for without in Outcome::WITHOUT_BAND {
            let here = outcome.name() == without;
            self.add("vernier_indicator_outcome", with("outcome", without), f64::from(u8::from(here)));
        }
        let code = match outcome {
            Outcome::Band(band) => match band.as_str() {
                "green" => 0,
                "yellow" | "orange" => 1,
                "red" => 2,
                _ => 3,
            },
            _ => 4,
        };
        self.add("vernier_indicator_band_code", labels.to_vec(), f64::from(code));
    }
}

/// The families of the page; each reads the newest snapshot.
pub fn families(view: &View) -> Vec<Family> {
    FAMILIES
        .iter()
        .map(|(name, help)| {
            let view = view.clone();
            Family::gauge(name, help, move || view.get().samples.get(name).cloned().unwrap_or_default())
        })
        .collect()
}
