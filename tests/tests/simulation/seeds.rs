//! Seeds that are kept, and one seed that is asked for.

use pipeline_tests::sim::{catalogue, run, run_with};

const SEEDS: &str = include_str!("seeds.txt");
/// Names a seed whose whole trace is wanted.
const VARIABLE: &str = "VERNIER_SIM_TRACE";

#[test]
fn seeds_that_have_found_something_stay_right() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for line in SEEDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (seed, why) = line.split_once(' ').unwrap_or_else(|| panic!("`{line}` does not say why"));
        let seed = seed.parse().unwrap_or_else(|fault| panic!("`{line}`: {fault}"));
        let report = run(seed, &catalogue, None);
        if !report.wrong.is_empty() {
            println!("{report}\nkept because: {}", why.trim());
            wrong.push(seed);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// With its whole trace: `VERNIER_SIM_TRACE=7 cargo test -p pipeline-tests --test simulation one_seed -- --nocapture`.
#[test]
#[expect(clippy::disallowed_methods, reason = "which seed is for its caller to say")]
fn one_seed() {
    let wanted = std::env::var(VARIABLE).ok();
    let seed = wanted.as_ref().map_or(1, |text| text.parse().unwrap_or_else(|fault| panic!("{VARIABLE}: {fault}")));
    let report = run_with(seed, &catalogue(), None, true);
    if wanted.is_some() {
        println!("{report}");
    }
    assert!(report.wrong.is_empty(), "{report}");
}
