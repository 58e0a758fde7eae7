//! Seeds.

use pipeline_tests::sim::{catalogue, run, run_with};

#[test]
#[ignore = "by hand: one seed, its whole trace"]
#[expect(clippy::disallowed_methods, reason = "by hand")]
fn one_seed() {
    let seed = std::env::var("SEED").unwrap().parse().unwrap();
    let report = run_with(seed, &catalogue(), None, true);
    println!("{report}");
    assert!(report.wrong.is_empty());
}

#[test]
#[ignore = "by hand: many seeds"]
#[expect(clippy::disallowed_methods, reason = "by hand")]
fn many_seeds() {
    let from: u64 = std::env::var("FROM").unwrap().parse().unwrap();
    let count: u64 = std::env::var("COUNT").unwrap().parse().unwrap();
    let catalogue = catalogue();
    let start = std::time::Instant::now();
    let (mut kills, mut pauses, mut commits) = (0, 0, 0);
    let mut wrong = Vec::new();
    for seed in from..from + count {
        let report = run(seed, &catalogue, None);
        kills += report.kills;
        pauses += report.pauses;
        commits += report.counts.commits;
        if !report.wrong.is_empty() {
            println!("blind {}", report.blind);
            let kinds: Vec<_> = report.wrong.iter().map(|wrong| wrong.kind()).collect();
            println!(
                "seed {seed}: {:?} {}",
                kinds.iter().take(3).collect::<Vec<_>>(),
                format!("{:?}", report.wrong[0]).chars().take(250).collect::<String>()
            );
            wrong.push(seed);
        } else if seed < from + 5 {
            println!(
                "seed {seed}: steps {} kills {} pauses {} ended {} records {} {:?}",
                report.steps, report.kills, report.pauses, report.ended, report.records, report.counts
            );
        }
    }
    println!(
        "{count} seeds, {kills} kills, {pauses} pauses, {commits} commits in {:?}; wrong: {} {:?}",
        start.elapsed(),
        wrong.len(),
        wrong
    );
}
