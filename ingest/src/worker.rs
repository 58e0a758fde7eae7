//! Ingest as a service: its loop and its metrics.

use std::{sync::Arc, time::Duration};

use service::{
    Context, Failure,
    metrics::{Family, Sample, count, of_runner},
    shell::Worker,
};
use streaming::RunError;

use crate::{
    decode::Limits,
    start::{Options, start},
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
        while context.go_on(runner_stats.ready()) {
            runner.step(Duration::from_millis(100)).map_err(failure)?;
        }
        runner.commit().map(|_| ()).map_err(failure)
    };
    Ok((axum::Router::new(), Box::new(worker)))
}

fn failure(fault: RunError) -> Failure {
    match fault {
        RunError::Fenced(_) => Failure::Fenced(fault.into()),
        RunError::Log(_) | RunError::Stage(_) => Failure::Internal(fault.into()),
    }
}

fn families(stats: &Arc<Stats>) -> Vec<Family> {
    type Read = fn(&Tally) -> u64;
    let family = |name, help, read: Read| {
        let stats = Arc::clone(stats);
        Family::counter(name, help, move || {
            let sample = |(source, tally): (String, Tally)| Sample {
                labels: vec![("source", source)],
                value: count(read(&tally)),
            };
            stats.counts().map(|(source, tally)| sample((source.to_string(), tally))).collect()
        })
    };
    let reasons = {
        let stats = Arc::clone(stats);
        Family::counter(
            "vernier_ingest_rejected_by_reason_total",
            "Records sent to the dead letters, by reason.",
            move || {
                stats
                    .counts()
                    .flat_map(|(source, tally)| {
                        let source = source.to_string();
                        tally.reasons.into_iter().map(move |(reason, number)| Sample {
                            labels: vec![("source", source.clone()), ("reason", reason.name().to_owned())],
                            value: count(number),
                        })
                    })
                    .collect()
            },
        )
    };
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
        reasons,
    ]
}
