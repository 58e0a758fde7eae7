//! What exactly-once costs and how soon it is back: commits, freshness, recovery. On real brokers, with real
//! processes; `make bench` runs it. One part: `cargo bench -p pipeline-tests --bench exactly_once -- recovery`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and says what is wrong by a panic"
)]

mod commits;
mod events;
mod freshness;
mod recovery;

use std::time::Duration;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let parts: [(&str, fn()); 3] =
        [("commits", commits::run), ("freshness", freshness::run), ("recovery", recovery::run)];
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            println!("== {name}");
            run();
        }
    }
}

/// Median, 99th percentile and maximum, in milliseconds.
fn told(samples: &mut [Duration]) -> String {
    samples.sort_unstable();
    let at = |share: usize| samples[(samples.len() * share / 100).min(samples.len() - 1)].as_micros() / 100;
    let ms = |tenths: u128| format!("{}.{}", tenths / 10, tenths % 10);
    format!("{} samples: p50 {} ms, p99 {} ms, most {} ms", samples.len(), ms(at(50)), ms(at(99)), ms(at(100)))
}
