//! What a run is like, drawn from its seed: not every fault in every run, so that none hides another.

use super::{
    faults::Faults,
    process::Setup,
    random::Random,
    sabotage::Bug,
    world::{PREFIX, Plan},
};

/// Draws how long a run is and what happens in it.
pub(super) fn draw(random: &mut Random, bug: Option<Bug>) -> Plan {
    let mut some = |most: i64| if random.chance(6000) { random.below(most + 1) } else { 0 };
    let faults = Faults {
        delayed: some(1500),
        unanswered: some(800),
        lost: some(800),
        added_late: some(300),
        unavailable: some(200),
        empty_poll: some(3000),
        amnesia: some(1500),
        marker_delay: 10 + some(6000),
        copy_delay: 50 + some(12_000),
        rebalance_delay: 10 + some(1500),
        call: 2,
        ..Faults::NONE
    };
    let plan = Plan {
        steps: 6000,
        faults,
        kill: 10 + some(90),
        stop: some(10),
        pause: 10 + some(90),
        twin: some(12),
        loss: some(8),
        leap: 40 + some(120),
    };
    bug.map_or(plan, |bug| bug.plan(plan, random))
}

/// Draws what processes are started with.
pub(super) fn setup(random: &mut Random) -> Setup {
    Setup {
        prefix: PREFIX.to_owned(),
        commit_interval: 50 + random.below(600),
        progress_interval: 1500 + random.below(2500),
        refresh_interval: if random.chance(5000) { 0 } else { random.below(2000) },
        commit_records: if random.chance(7000) { 10_000 } else { 10 + usize::try_from(random.below(30)).expect("small") },
    }
}
