//! A seed is a run.

use pipeline_tests::sim::{catalogue, run};

#[test]
fn the_same_seed_gives_the_same_run() {
    let catalogue = catalogue();
    for seed in 1..=6 {
        let (one, two) = (run(seed, &catalogue, None), run(seed, &catalogue, None));
        assert_eq!((one.trace, one.steps, one.kills), (two.trace, two.steps, two.kills), "seed {seed}");
        assert_eq!(one.counts, two.counts, "seed {seed}");
    }
    assert_ne!(run(7, &catalogue, None).trace, run(8, &catalogue, None).trace);
}
