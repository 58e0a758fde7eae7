//! What a run is like, drawn from its seed: not every fault in every run, so that none hides another.

use super::{
    faults::{Blind, Faults},
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
        amnesia: some(4000),
        marker_delay: 10 + some(8000),
        copy_delay: 50 + some(12_000),
        rebalance_delay: 10 + some(1500),
        call: 2,
        ..Faults::NONE
    };
    let plan = Plan {
        steps: 6000,
        faults,
        kill: 30 + some(120),
        stop: some(10),
        pause: 20 + some(100),
        twin: some(12),
        loss: some(8),
        leap: 40 + some(120),
        longest_leap: if random.chance(2000) { 2_400_000 } else { 280_000 },
    };
    let plan = if random.chance(2500) { blind(plan) } else { plan };
    bug.map_or(plan, |bug| bug.plan(plan))
}

/// The same where nobody is told that requests to commit are repeated.
pub(super) fn blind(plan: Plan) -> Plan {
    let faults = Faults { delayed: 3000, copy_delay: 4000, blind: Blind::State, ..plan.faults };
    Plan { faults, ..plan }
}

/// Draws what processes are started with.
pub(super) fn setup(random: &mut Random, plan: &Plan) -> Setup {
    // A late copy does harm if the next transaction is open when it comes.
    let longest = if plan.faults.blind == Blind::No { 600 } else { 100 };
    Setup {
        prefix: PREFIX.to_owned(),
        commit_interval: 50 + random.below(longest),
        progress_interval: 1500 + random.below(2500),
        refresh_interval: if random.chance(5000) { 0 } else { random.below(2000) },
        commit_records: if random.chance(7000) {
            10_000
        } else {
            10 + usize::try_from(random.below(30)).expect("small")
        },
    }
}
