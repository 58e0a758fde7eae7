//! Ingest as a service: its loop and its metrics.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use measurement::time::Timestamp;
use programme::{Earlier, ProgrammeError};
use service::{
    Context, Failure,
    metrics::{Family, Sample, count, of_runner},
    shell::Worker,
};
use streaming::{LogError, RunError, Runner};

use crate::{
    decode::Limits,
    pipeline::Ingest,
    reject::Reason,
    start::{Options, adopt, start},
    stats::{Stats, Tally},
};

/// Sets the service up.
pub fn set_up(context: &Context) -> Result<Worker, Failure> {
    let config = &context.config;
    let options = Options {
        prefix: config.topics.prefix.clone(),
        ordinal: config.instance,
        commit_interval: config.commit_interval_ms,
        progress_interval: config.progress_interval_ms,
        limits: Limits {
            record_bytes: config.limits.record_bytes,
            element_bytes: config.limits.element_bytes,
            elements: config.limits.elements,
        },
        ..Options::default()
    };
    let (mut runner, stats) = start(Arc::clone(&context.log), &context.catalogue, &options, Arc::clone(&context.clock))
        .map_err(|fault| Failure::Setup(fault.into()))?;
    let mut families = of_runner(&runner.stats());
    families.extend(self::families(&stats));
    context.page.add(families).map_err(|fault| Failure::Internal(fault.into()))?;
    let context = context.clone();
    let worker = move || {
        let runner_stats = runner.stats();
        let mut following = Following::new(&context);
        while context.go_on(runner_stats.ready() && following.is_sound) {
            following.look(&context, &mut runner, &options)?;
            runner.step(Duration::from_millis(100)).map_err(failure)?;
        }
        runner.commit().map(|_| ()).map_err(failure)
    };
    let accounting = move || async move { axum::Json(stats.accounts()) };
    Ok((axum::Router::new().route("/api/accounting", axum::routing::get(accounting)), Box::new(worker)))
}

/// How often the topic of catalogues is looked at, in milliseconds.
const LOOK: i64 = 1000;

/// Which catalogue is read by.
struct Following {
    sequence: u64,
    looked: Timestamp,
    /// Whether the newest one could be taken up.
    is_sound: bool,
}

impl Following {
    fn new(context: &Context) -> Self {
        Self { sequence: context.sequence, looked: (context.clock)(), is_sound: true }
    }

    /// Takes another catalogue up, if one is in force. One that this build cannot read changes nothing, and is told.
    fn look(&mut self, context: &Context, runner: &mut Runner<Ingest>, options: &Options) -> Result<(), Failure> {
        let now = (context.clock)();
        // A clock that was set back must not hold it up.
        if now.0.saturating_sub(self.looked.0).saturating_abs() < LOOK {
            return Ok(());
        }
        self.looked = now;
        let head = match context.programme.follow() {
            Ok(head) => head,
            Err(ProgrammeError::Log(fault @ LogError::Unavailable { .. })) => {
                tracing::warn!(%fault, "the topic of catalogues cannot be reached; going on by what is known");
                return Ok(());
            }
            Err(fault) => return Err(Failure::Internal(fault.into())),
        };
        if head != self.sequence {
            self.sequence = head;
            self.is_sound = take_up(context, runner, options, head);
        }
        Ok(())
    }
}

/// Reads by another catalogue, if this build can; whether it can.
fn take_up(context: &Context, runner: &mut Runner<Ingest>, options: &Options, head: u64) -> bool {
    let catalogue = context.programme.catalogue(head, &Earlier::new()).map_err(|fault| fault.to_string());
    let adopted = catalogue.and_then(|catalogue| {
        adopt(runner, &catalogue, options).map_err(|faults| format!("its mappings cannot be used:\n{faults}"))
    });
    if let Err(fault) = adopted {
        tracing::error!(sequence = head, fault, "the catalogue in force is not read by; going on by the one before");
        return false;
    }
    tracing::info!(sequence = head, "reading by another catalogue");
    true
}

fn failure(fault: RunError) -> Failure {
    match fault {
        RunError::Fenced(_) => Failure::Fenced(fault.into()),
        RunError::Log(_) | RunError::Stage(_) => Failure::Internal(fault.into()),
    }
}

fn families(stats: &Arc<Stats>) -> Vec<Family> {
    let mut families = of_records(stats);
    families.extend(of_elements(stats));
    families.push(mistyped(stats));
    families.push(waiting(stats));
    families
}

/// A counter of each source.
fn counter(stats: &Arc<Stats>, name: &'static str, help: &'static str, read: fn(&Tally) -> u64) -> Family {
    let stats = Arc::clone(stats);
    Family::counter(name, help, move || {
        let sample =
            |(source, tally): (String, Tally)| Sample { labels: vec![("source", source)], value: count(read(&tally)) };
        stats.counts().map(|(source, tally)| sample((source.to_string(), tally))).collect()
    })
}

/// A counter of each source and reason.
fn by_reason(
    stats: &Arc<Stats>,
    name: &'static str,
    help: &'static str,
    reasons: fn(Tally) -> BTreeMap<Reason, u64>,
) -> Family {
    let stats = Arc::clone(stats);
    Family::counter(name, help, move || {
        let samples = stats.counts().flat_map(|(source, tally)| {
            let source = source.to_string();
            reasons(tally).into_iter().map(move |(reason, number)| Sample {
                labels: vec![("source", source.clone()), ("reason", reason.name().to_owned())],
                value: count(number),
            })
        });
        samples.collect()
    })
}

fn of_records(stats: &Arc<Stats>) -> Vec<Family> {
    let family = |name, help, read| counter(stats, name, help, read);
    vec![
        family("vernier_ingest_read_total", "Source records read: published + not relevant + rejected.", |tally| {
            tally.read
        }),
        family("vernier_ingest_published_total", "Source records whose relevant content was published.", |tally| {
            tally.published
        }),
        family("vernier_ingest_not_relevant_total", "Sound source records that hold nothing of interest.", |tally| {
            tally.not_relevant
        }),
        family("vernier_ingest_rejected_total", "Source records sent to the dead letters.", |tally| tally.rejected),
        family("vernier_ingest_events_total", "Events published.", |tally| tally.events),
        family("vernier_ingest_references_total", "Reference copies published.", |tally| tally.references),
        family(
            "vernier_ingest_unnamed_total",
            "Reference copies that were not made, because the event does not name the entity.",
            |tally| tally.unnamed,
        ),
        by_reason(
            stats,
            "vernier_ingest_rejected_by_reason_total",
            "Records sent to the dead letters, by the reason of their first refused element.",
            |tally| tally.reasons,
        ),
    ]
}

fn of_elements(stats: &Arc<Stats>) -> Vec<Family> {
    let family = |name, help, read| counter(stats, name, help, read);
    vec![
        family(
            "vernier_ingest_elements_total",
            "Elements of source records (lines, JSON values, items of arrays) read: published + not relevant + refused.",
            |tally| tally.elements.read,
        ),
        family("vernier_ingest_elements_published_total", "Elements whose events were published.", |tally| {
            tally.elements.published
        }),
        family("vernier_ingest_elements_not_relevant_total", "Sound elements of no interest.", |tally| {
            tally.elements.not_relevant
        }),
        family("vernier_ingest_replaced_total", "Elements in which bytes or characters had to be replaced.", |tally| {
            tally.replaced
        }),
        by_reason(stats, "vernier_ingest_refused_total", "Refused elements, by reason.", |tally| tally.refused),
    ]
}

fn mistyped(stats: &Arc<Stats>) -> Family {
    let stats = Arc::clone(stats);
    Family::counter(
        "vernier_ingest_mistyped_total",
        "Values of attributes that could not be read as the type of the class table.",
        move || {
            let samples = stats.counts().flat_map(|(source, tally)| {
                let source = source.to_string();
                tally.mistyped.into_iter().map(move |((class, attribute), number)| Sample {
                    labels: vec![("source", source.clone()), ("class", class.to_string()), ("attribute", attribute)],
                    value: count(number),
                })
            });
            samples.collect()
        },
    )
}

fn waiting(stats: &Arc<Stats>) -> Family {
    let stats = Arc::clone(stats);
    Family::gauge(
        "vernier_ingest_waiting",
        "1 while a topic of the source is not read, or not as a whole; the log says why.",
        move || {
            let sample = |(source, topic, waits): (String, String, bool)| Sample {
                labels: vec![("source", source), ("topic", topic)],
                value: f64::from(u8::from(waits)),
            };
            stats.waiting().topics().into_iter().map(sample).collect()
        },
    )
}
