//! Prometheus exposition. Services name their families once, with help; values are read when a page is
//! asked for. Text format 0.0.4.

use std::{collections::HashMap, fmt};

use prometheus::{
    Encoder as _, Registry, TextEncoder,
    core::{Collector, Desc},
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};
use streaming::RunnerStats;

/// One series of a family.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Labels with their values.
    pub labels: Vec<(&'static str, String)>,
    /// Value.
    pub value: f64,
}

impl Sample {
    /// A series without labels.
    pub const fn plain(value: f64) -> Self {
        Self { labels: Vec::new(), value }
    }
}

/// Whether a family only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A family of series.
pub struct Family {
    /// Name.
    pub name: &'static str,
    /// Help.
    pub help: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Reads the series.
    pub read: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

impl fmt::Debug for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Family").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Family {
    /// A counter.
    pub fn counter(
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self { name, help, kind: Kind::Counter, read: Box::new(read) }
    }

    /// A gauge.
    pub fn gauge(
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self { name, help, kind: Kind::Gauge, read: Box::new(read) }
    }
}

/// An exact count as a sample's value: counts stay below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub const fn count(number: u64) -> f64 {
    number as f64
}

/// Families of the transactional loop.
pub fn of_runner(stats: &RunnerStats) -> Vec<Family> {
    type Read = fn(&RunnerStats) -> u64;
    let family = |name, help, kind, read: Read| {
        let stats = stats.clone();
        Family { name, help, kind, read: Box::new(move || vec![Sample::plain(count(read(&stats)))]) }
    };
    vec![
        family("vernier_records_read_total", "Records read from input topics.", Kind::Counter, RunnerStats::records),
        family("vernier_transactions_committed_total", "Transactions committed.", Kind::Counter, RunnerStats::commits),
        family(
            "vernier_transactions_aborted_total",
            "Transactions aborted and done again.",
            Kind::Counter,
            RunnerStats::aborts,
        ),
        family(
            "vernier_producers_replaced_total",
            "Producers replaced because the outcome of a transaction was unknown or the client had repeated a request.",
            Kind::Counter,
            RunnerStats::rebuilds,
        ),
        family(
            "vernier_changelog_records_restored_total",
            "Changelog records read by restores.",
            Kind::Counter,
            RunnerStats::restored,
        ),
        family(
            "vernier_partitions_assigned",
            "Input partitions assigned to this instance.",
            Kind::Gauge,
            RunnerStats::assigned,
        ),
        family(
            "vernier_partitions_refused",
            "Input partitions that are not read, because the topic has grown beyond what the state is bound to.",
            Kind::Gauge,
            RunnerStats::refused,
        ),
    ]
}

struct Families {
    families: Vec<Family>,
    descriptions: Vec<Desc>,
}

impl Collector for Families {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families.iter().filter_map(collect).collect()
    }
}

fn collect(family: &Family) -> Option<MetricFamily> {
    let samples = (family.read)();
    if samples.is_empty() {
        return None;
    }
    let mut page = MetricFamily::default();
    page.set_name(family.name.to_owned());
    page.set_help(family.help.to_owned());
    page.set_field_type(if family.kind == Kind::Counter { MetricType::COUNTER } else { MetricType::GAUGE });
    page.set_metric(samples.into_iter().map(|sample| metric(family.kind, sample)).collect());
    Some(page)
}

fn metric(kind: Kind, sample: Sample) -> Metric {
    let mut metric = Metric::default();
    match kind {
        Kind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(sample.value);
            metric.set_counter(counter);
        }
        Kind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(sample.value);
            metric.set_gauge(gauge);
        }
    }
    let labels = sample.labels.into_iter().map(|(name, value)| {
        let mut label = LabelPair::default();
        label.set_name(name.to_owned());
        label.set_value(value);
        label
    });
    metric.set_label(labels.collect());
    metric
}

/// All families of a process.
#[derive(Clone, Debug, Default)]
pub struct Page {
    registry: Registry,
}

impl Page {
    /// Adds families. Two of one name are an error of the program.
    pub fn add(&self, families: Vec<Family>) -> Result<(), prometheus::Error> {
        let descriptions = families
            .iter()
            .map(|family| Desc::new(family.name.to_owned(), family.help.to_owned(), Vec::new(), HashMap::new()))
            .collect::<Result<_, _>>()?;
        self.registry.register(Box::new(Families { families, descriptions }))
    }

    /// The page in text format 0.0.4.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_absent_families_left_out() {
        let page = Page::default();
        let sample = || vec![Sample { labels: vec![("group", "a\"b\\c\nd".to_owned())], value: 1.5 }];
        page.add(vec![Family::gauge("vernier_x", "Help.", sample), Family::gauge("vernier_y", "Help.", Vec::new)])
            .unwrap();
        page.add(of_runner(&RunnerStats::default())).unwrap();
        let text = page.render().unwrap();
        assert!(text.contains("vernier_x{group=\"a\\\"b\\\\c\\nd\"} 1.5\n"), "{text}");
        assert!(!text.contains("vernier_y"), "{text}");
        assert!(text.contains("# TYPE vernier_transactions_committed_total counter"), "{text}");
    }
}
