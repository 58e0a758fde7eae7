//! What Vernier's topics must be like.

use std::collections::BTreeMap;

use measurement::catalogue::Catalogue;
use records::Topics;
use streaming::{Cleanup, TopicSpec};

/// Vernier's own topics: the three that share their partitions, dead letters, late events, the ledger, the catalogues.
pub fn ours(topics: &Topics, partitions: i32, replication_factor: i32) -> Vec<TopicSpec> {
    // A commit that was confirmed must outlive the broker that confirmed it.
    let mut durable = vec![("unclean.leader.election.enable", "false")];
    if replication_factor > 2 {
        durable.push(("min.insync.replicas", "2"));
    }
    let spec = |name: &str, partitions: i32, cleanup: Cleanup, configs: &[(&str, &str)]| TopicSpec {
        name: name.to_owned(),
        partitions,
        replication_factor,
        cleanup,
        configs: durable.iter().chain(configs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    // State is rebuilt from the events if it has to be: they are kept as long as results can be restated.
    let thirteen_months = "34560000000";
    // Compaction must not remove what a slow reader of the changelog has not seen.
    let compacted = [("min.compaction.lag.ms", "3600000")];
    vec![
        spec(&topics.events, partitions, Cleanup::Delete, &[("retention.ms", thirteen_months)]),
        spec(&topics.measures, partitions, Cleanup::Compact, &compacted),
        spec(&topics.populations, partitions, Cleanup::Compact, &compacted),
        spec(&topics.dead_letter, partitions, Cleanup::Delete, &[("retention.ms", thirteen_months)]),
        spec(&topics.late, partitions, Cleanup::Delete, &[("retention.ms", thirteen_months)]),
        spec(&topics.results, 1, Cleanup::Delete, &[("retention.ms", "-1"), ("retention.bytes", "-1")]),
        spec(&topics.catalogue, 1, Cleanup::Delete, &[("retention.ms", "-1"), ("retention.bytes", "-1")]),
    ]
}

/// The topics of the catalogue's sources. They belong to those who write them: Vernier creates them for
/// demos and tests only.
pub fn of_sources(catalogue: &Catalogue, partitions: i32, replication_factor: i32) -> Vec<TopicSpec> {
    let mut names: Vec<&String> = catalogue.sources.values().flat_map(|source| &source.topics).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| TopicSpec {
            name: name.clone(),
            partitions,
            replication_factor,
            cleanup: Cleanup::Delete,
            configs: BTreeMap::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_three_copies_a_commit_needs_two() {
        let settings = |copies: i32, name: &str| -> Vec<Option<String>> {
            ours(&Topics::default(), 4, copies).iter().map(|spec| spec.configs.get(name).cloned()).collect()
        };
        assert_eq!(settings(3, "min.insync.replicas"), vec![Some("2".to_owned()); 7]);
        assert_eq!(settings(1, "min.insync.replicas"), vec![None; 7], "one copy cannot be two");
        assert_eq!(settings(1, "unclean.leader.election.enable"), vec![Some("false".to_owned()); 7]);
    }
}
