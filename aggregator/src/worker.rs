//! The aggregator as a service: its loop, its metrics, its accounting over HTTP.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
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
    stats::{Account, Stats},
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
        start(Arc::clone(&context.log), context.programme.clone(), &options, Arc::clone(&context.clock))
            .map_err(|fault| Failure::Setup(fault.into()))?;
    let mut families = of_runner(&runner.stats());
    families.extend(self::families(&stats, context.catalogue.sources.keys().cloned().collect()));
    context.page.add(families).map_err(|fault| Failure::Internal(fault.into()))?;
    let context = context.clone();
    let worker = move || {
        let runner_stats = runner.stats();
        while context.go_on(runner_stats.ready()) {
            runner.step(Duration::from_millis(100)).map_err(failure)?;
        }
        runner.commit().map(|_| ()).map_err(failure)
    };
    Ok((router(stats), Box::new(worker)))
}

fn failure(fault: RunError) -> Failure {
    match fault {
        RunError::Fenced(_) => Failure::Fenced(fault.into()),
        RunError::Log(_) | RunError::Stage(_) => Failure::Internal(fault.into()),
    }
}

/// Reads one number of an account.
type Read = fn(&Accounting) -> u64;

/// What becomes of an event that is not counted, and whoever should hear of it.
const LEFT_OUT: [(&str, Read); 4] = [
    ("late", |counts| counts.late),
    ("duplicate", |counts| counts.duplicate),
    ("conflict", |counts| counts.conflict),
    ("rejected", |counts| counts.rejected),
];

/// What becomes of an event that is read.
const COUNTED: [(&str, Read); 2] = [("used", |counts| counts.used), ("not-relevant", |counts| counts.not_relevant)];

fn samples<'a>(
    accounting: impl IntoIterator<Item = (String, Accounting)>,
    outcomes: &(impl Iterator<Item = &'a (&'static str, Read)> + Clone),
) -> Vec<Sample> {
    let of_source = |(source, counts): (String, Accounting)| {
        let sample = |(outcome, read): &(&'static str, Read)| Sample {
            labels: vec![("source", source.clone()), ("outcome", (*outcome).to_owned())],
            value: count(read(&counts)),
        };
        outcomes.clone().map(sample).collect::<Vec<_>>()
    };
    accounting.into_iter().flat_map(of_source).collect()
}

fn families(stats: &Stats, sources: Vec<String>) -> Vec<Family> {
    let (accounting, since, watermarks, builds) = (stats.clone(), stats.clone(), stats.clone(), stats.clone());
    vec![
        Family::gauge(
            "vernier_aggregator_build_remaining",
            "Offsets of the events that are still to be read again for what was not asked for before, by partition; 0 where nothing is built.",
            move || {
                let sample = |(partition, left): (i32, i64)| Sample {
                    labels: vec![("partition", partition.to_string())],
                    value: count(u64::try_from(left).unwrap_or(0)),
                };
                builds.builds().into_iter().map(sample).collect()
            },
        ),
        Family::gauge(
            "vernier_aggregator_events",
            "Events of the partitions of this instance since the beginning, by what became of them.",
            move || samples(accounting.accounting(), &COUNTED.iter().chain(&LEFT_OUT)),
        ),
        Family::counter(
            "vernier_aggregator_left_out_total",
            "Events that were read since this process started and are in no figure, by why.",
            move || {
                let mut since = since.since_start();
                // From zero on: the first one must be seen to come.
                let all = sources.iter().map(|source| (source.clone(), since.remove(source).unwrap_or_default()));
                let mut all: Vec<(String, Accounting)> = all.collect();
                all.extend(since);
                samples(all, &LEFT_OUT.iter())
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

/// `/api/accounting`: what became of the events of every source, and where the first of those lies that were not counted.
pub(crate) fn router(stats: Stats) -> Router {
    Router::new().route("/api/accounting", get(accounting)).with_state(stats)
}

async fn accounting(State(stats): State<Stats>) -> Json<Vec<Account>> {
    Json(stats.accounts())
}
