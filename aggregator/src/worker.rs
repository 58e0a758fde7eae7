//! The aggregator as a service: its loop and its metrics.

use std::{sync::Arc, time::Duration};

use measurement::number::Exact;
use records::Accounting;
use service::{
    Context, Failure,
    metrics::{Family, Sample, count, of_runner},
    shell::Worker,
};
use streaming::RunError;

use crate::{
    pipeline::{Options, start},
    stats::Stats,
};

/// Sets the service up.
pub fn set_up(context: &Context) -> Result<Worker, Failure> {
    let config = &context.config;
    let options = Options {
        prefix: config.topics.prefix.clone(),
        ordinal: config.instance,
        commit_interval: config.commit_interval_ms,
        ..Options::default()
    };
    let (mut runner, stats) =
        start(Arc::clone(&context.log), context.catalogue.clone(), &options, Arc::clone(&context.clock))
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

fn families(stats: &Stats) -> Vec<Family> {
    type Read = fn(&Accounting) -> u64;
    const OUTCOMES: [(&str, Read); 5] = [
        ("used", |counts| counts.used),
        ("not-relevant", |counts| counts.not_relevant),
        ("late", |counts| counts.late),
        ("duplicate", |counts| counts.duplicate),
        ("rejected", |counts| counts.rejected),
    ];
    let accounting = stats.clone();
    let watermarks = stats.clone();
    vec![
        Family::gauge(
            "vernier_aggregator_events",
            "Events of the partitions of this instance since the beginning, by what became of them.",
            move || {
                let of_source = |(source, counts): (String, Accounting)| {
                    OUTCOMES.map(|(outcome, read)| Sample {
                        labels: vec![("source", source.clone()), ("outcome", outcome.to_owned())],
                        value: count(read(&counts)),
                    })
                };
                accounting.accounting().into_iter().flat_map(of_source).collect()
            },
        ),
        Family::gauge(
            "vernier_aggregator_watermark_timestamp_seconds",
            "Least watermark of a source over the partitions of this instance.",
            move || {
                let sample = |(source, time): (String, measurement::time::Timestamp)| Sample {
                    labels: vec![("source", source)],
                    value: Exact::ratio(time.0, 1000).map_or(f64::NAN, |seconds| seconds.to_f64()),
                };
                watermarks.watermarks().into_iter().map(sample).collect()
            },
        ),
    ]
}
