//! A sound chain, looked at while it runs and at the end.

use std::time::Duration;

use pipeline_tests::Observer;
use streaming::OutRecord;

use crate::chain::{Chain, PREFIX, again, topics};

#[test]
fn nothing_is_wrong_with_a_sound_chain_at_any_moment() {
    for (seed, idle) in [(1, "PT10M"), (2, "PT30S"), (3, "P1D")] {
        let mut chain = Chain::new(seed, idle);
        let mut observer = Observer::new(PREFIX);
        for round in 0..20 {
            chain.feed(if round % 5 == 0 { 3 } else { 60 });
            observer.poll(chain.log.as_ref(), Duration::ZERO).unwrap();
            if round % 6 == 0 {
                assert_eq!(chain.checker().check_topics(chain.log.as_ref()).unwrap(), [], "seed {seed}, round {round}");
                assert_eq!(chain.check(), [], "seed {seed}, round {round}");
            }
            if round == 12 {
                chain.close();
            }
            if round % 4 == 3 {
                chain.restart();
            }
        }
        chain.close();
        observer.poll(chain.log.as_ref(), Duration::ZERO).unwrap();
        assert_eq!(chain.check(), [], "seed {seed}");
        assert_eq!(observer.anomalies(), [], "seed {seed}");
        assert!(observer.seen() > 1000, "{observer:?}");
    }
}

/// What a stranger has written into the state makes the task build it anew, and nothing remains of that.
#[test]
fn a_state_that_was_built_anew_is_right_again() {
    let mut chain = Chain::run(5);
    let rows = chain.records(&topics().populations);
    for row in rows.iter().rev().take(20) {
        chain.tamper(OutRecord { value: None, ..again(row) });
    }
    chain.restart();
    chain.feed(60);
    chain.close();
    assert_eq!(chain.check(), []);
}

/// A check of nothing would find nothing.
#[test]
fn the_load_reaches_every_corner() {
    let chain = Chain::run(4);
    let recount = chain.input().recount(&chain.catalogue);
    for (source, tally) in &recount.sources {
        let least = tally.duplicates.min(tally.poison).min(tally.future).min(tally.irrelevant);
        assert!(least > 5 && tally.events > 500, "{source}: {tally:?}");
    }
    let topics = topics();
    for (topic, least) in
        [(&topics.late, 5), (&topics.dead_letter, 50), (&topics.populations, 100), (&topics.results, 100)]
    {
        let found = chain.records(topic).len();
        assert!(found >= least, "{topic} has {found} records");
    }
    let ledger = chain.records(&topics.results);
    let revised = ledger.iter().filter(|record| record.value.as_ref().is_some_and(|value| has(value, "late-data")));
    assert!(revised.count() > 5, "corrections are part of it");
}

fn has(value: &[u8], text: &str) -> bool {
    value.windows(text.len()).any(|part| part == text.as_bytes())
}
