//! Seeds that are kept, and one seed by hand.

use pipeline_tests::sim::{catalogue, run, run_with};

const SEEDS: &str = include_str!("seeds.txt");
/// The variable that names the seed for [`one_seed`].
const VARIABLE: &str = "VERNIER_SIM_SEED";

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

/// `VERNIER_SIM_SEED=7 cargo test -p pipeline-tests --test simulation one_seed -- --ignored --nocapture`
#[test]
#[ignore = "by hand: the whole trace of one seed"]
#[expect(clippy::disallowed_methods, reason = "which seed is for its caller to say")]
fn one_seed() {
    let seed = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    let report = run_with(seed.expect(VARIABLE), &catalogue(), None, true);
    println!("{report}");
    assert!(report.wrong.is_empty());
}
