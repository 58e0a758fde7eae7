//! Random logs, random chains of catalogues, random cuts and kills, against fresh deployments.

use std::collections::{BTreeMap, HashMap};

use measurement::{catalogue::Catalogue, time::Timestamp};
use programme::Beside;
use proptest::prelude::*;
use records::{LedgerState, Reason, ResultRecord};
use serde_json::json;

use crate::{
    variants::{self, EDITS},
    world::{By, HOUR, MINUTE, START, Told, World},
};

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Happens {
    /// So many minutes pass, in which events are told of: host and status of each log-in, or account and whether enabled.
    Events(u8, Vec<(u8, u8)>),
    /// An event of so many minutes ago comes.
    Late(u8, u8, u8),
    /// The bits of a variant are turned over, with or without its past.
    Change(u16, bool),
    /// The same, entered beside what was before, and for so many periods beside what follows.
    Beside(u16, u32),
    /// An aggregator goes on, and commits or not.
    Step(u8, bool),
    /// An aggregator dies.
    Kill(u8),
    /// The evaluator goes on.
    Judge,
    /// It dies.
    KillEvaluator,
}

pub(crate) fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (1..50_u8, prop::collection::vec((0..8_u8, 0..6_u8), 0..5)).prop_map(|(minutes, told)| Happens::Events(minutes, told)),
        1 => (10..200_u8, 0..4_u8, 0..6_u8).prop_map(|(ago, host, status)| Happens::Late(ago, host, status)),
        1 => (0..1_u16 << EDITS.len(), 0..1_u16 << EDITS.len(), any::<bool>())
            .prop_map(|(one, other, history)| Happens::Change(one & other, history)),
        6 => (0..2_u8, any::<bool>()).prop_map(|(ordinal, commit)| Happens::Step(ordinal, commit)),
        1 => (0..2_u8).prop_map(Happens::Kill),
        3 => Just(Happens::Judge),
        1 => Just(Happens::KillEvaluator),
    ]
}

/// The same without events that come late: then no figure may ever be revised.
fn without_late(all: Vec<Happens>) -> Vec<Happens> {
    all.into_iter().filter(|one| !matches!(one, Happens::Late(..))).collect()
}

fn login(number: usize, time: i64, host: u8, status: u8) -> Told {
    let host = format!("h{}", 1 + host % 4);
    let event = json!({"class_uid": 3002, "activity_id": 1, "type_uid": 300_201, "time": time, "severity_id": 1 + status % 3,
        "status_id": status % 3, "metadata": {"uid": format!("l-{number}")}, "dst_endpoint": {"hostname": host},
        "user": {"uid": "u"}});
    Told::Event(host, event.to_string())
}

fn account(number: usize, time: i64, account: u8, status: u8) -> Told {
    let account = format!("a{}", account % 4);
    let event = json!({"class_uid": 27_001_023, "activity_id": 1, "type_uid": 2_700_102_301_i64, "time": time, "severity_id": 1,
        "metadata": {"uid": format!("a-{number}")}, "account": {"uid": account, "enabled": status.is_multiple_of(2)}});
    Told::Event(account, event.to_string())
}

/// What came of it.
pub(crate) struct Run {
    pub(crate) world: World,
    told: Vec<Vec<Told>>,
    chain: Vec<u16>,
    end: i64,
}

/// Lets everything happen, and then enough time pass for the last catalogue to be whole.
pub(crate) fn run(all: &[Happens], mut world: World) -> Run {
    let mut variant = 0;
    let mut chain = vec![variant];
    let mut told: Vec<Vec<Told>> = Vec::new();
    let mut now = START;
    let mut number = 0;
    world.put(variant, false);
    let mut tell = |world: &World, batch: Vec<Told>| {
        world.tell(&batch);
        told.push(batch);
    };
    let mut events = |from: i64, minutes: i64, about: &[(u8, u8)]| {
        let mut batch = Vec::new();
        for (place, (what, status)) in about.iter().enumerate() {
            number += 1;
            let time = from + (i64::try_from(place).unwrap() + 1) * minutes * MINUTE / 6;
            batch.push(if what % 3 == 2 {
                account(number, time, *what, *status)
            } else {
                login(number, time, *what, *status)
            });
        }
        batch.push(Told::Progress(from + minutes * MINUTE));
        batch
    };
    for one in all {
        match one {
            Happens::Events(minutes, about) => {
                let batch = events(now, i64::from(*minutes), about);
                now += i64::from(*minutes) * MINUTE;
                world.at(now);
                tell(&world, batch);
            }
            Happens::Late(ago, host, status) => {
                let late = events(now - i64::from(*ago) * MINUTE, 1, &[(*host * 3, *status)]);
                tell(&world, late.into_iter().take(1).collect());
            }
            Happens::Change(bits, history) => {
                variant ^= bits;
                chain.push(variant);
                world.put(variant, *history);
            }
            Happens::Beside(bits, overlap) => {
                variant ^= bits;
                chain.push(variant);
                let backcast_from = Some(Timestamp(START));
                world.put_beside(variant, *overlap == 0, Beside { backcast_from, overlap: *overlap });
            }
            Happens::Step(ordinal, commit) => drop(world.step(usize::from(*ordinal), *commit)),
            Happens::Kill(ordinal) => world.kill(usize::from(*ordinal)),
            Happens::Judge => drop(world.judge()),
            Happens::KillEvaluator => world.kill_evaluator(),
        }
    }
    // Long enough for every definition to begin, and for the last period of the one before to be closed.
    for hour in 0..16 {
        let batch = events(now, 60, &[(hour, hour), (hour + 1, 2), (2, hour)]);
        now += HOUR;
        world.at(now);
        tell(&world, batch);
        world.settle();
    }
    Run { world, told, chain, end: now }
}

/// A fresh deployment of one catalogue that reads the same.
fn fresh(run: &Run, catalogue: Catalogue) -> World {
    let mut world = World::new(By::Given(Box::new(catalogue)), 1, |log| log);
    run.told.iter().for_each(|batch| world.tell(batch));
    world.at(run.end);
    world.settle();
    world
}

type Place = (String, i64, String);

fn place(entry: &ResultRecord) -> Place {
    (entry.construct.clone(), entry.period.start.0, entry.group_label())
}

/// The newest of each, what was entered beside being one of its own.
fn newest(ledger: Vec<ResultRecord>) -> BTreeMap<(Place, Option<String>), ResultRecord> {
    let beside = |entry: &ResultRecord| (entry.state == LedgerState::Beside).then(|| entry.definition.clone());
    ledger.into_iter().map(|entry| ((place(&entry), beside(&entry)), entry)).collect()
}

/// Periods between two that were stated and are not, of constructs that are in every catalogue.
fn holes(ledger: &[ResultRecord]) -> Vec<String> {
    let mut holes = Vec::new();
    for id in ["chains/logins", "chains/days", "chains/accounts"] {
        let own = |entry: &&ResultRecord| entry.group.is_empty() && entry.state != LedgerState::Beside;
        let of = ledger.iter().filter(|entry| entry.construct == id).filter(own);
        let periods: BTreeMap<i64, i64> = of.map(|entry| (entry.period.start.0, entry.period.end.0)).collect();
        for ((_, end), (next, _)) in periods.iter().zip(periods.iter().skip(1)) {
            if end != next {
                holes.push(format!("{id}: nothing is stated from {end} to {next}"));
            }
        }
    }
    holes
}

/// What is wrong with what was published and is shown; nothing if all is well.
pub(crate) fn wrongs(run: &Run, with_late: bool) -> Vec<String> {
    let mut wrongs: Vec<String> = run.world.ended.iter().map(|why| format!("ended: {why}")).collect();
    let ledger = run.world.ledger();
    for entry in &ledger {
        let place = format!("{} {} {}", entry.construct, entry.period.start, entry.group_label());
        if entry.reason == Reason::Rebuilt || (!with_late && entry.revision > 1) {
            wrongs.push(format!("{place}: revision {} for {:?}", entry.revision, entry.reason));
        }
    }
    wrongs.extend(holes(&ledger));
    let mut fresh_ledgers: HashMap<u16, BTreeMap<(Place, Option<String>), ResultRecord>> = HashMap::new();
    for ((key, _), entry) in newest(ledger) {
        let is_of = |variant: &&u16| {
            let catalogue = variants::catalogue(**variant);
            catalogue.construct(&entry.construct).is_some_and(|construct| {
                construct.digest == entry.definition
                    && construct.indicator.criteria.iter().any(|criteria| criteria.digest == entry.criteria)
            })
        };
        let Some(variant) = run.chain.iter().find(is_of) else {
            wrongs.push(format!("{key:?}: of a definition that was never in force"));
            continue;
        };
        let known =
            fresh_ledgers.entry(*variant).or_insert_with(|| newest(fresh(run, variants::catalogue(*variant)).ledger()));
        match known.get(&(key.clone(), None)) {
            None => wrongs.push(format!("{key:?}: a fresh deployment states nothing, here it is {:?}", entry.value)),
            Some(other)
                if (&other.base, &other.value, &other.outcome) != (&entry.base, &entry.value, &entry.outcome) =>
            {
                wrongs.push(format!(
                    "{key:?} by variant {variant:b}: {:?} {} here, {:?} {} fresh",
                    entry.value, entry.outcome, other.value, other.outcome
                ));
            }
            Some(_) => {}
        }
    }
    let last = fresh(run, variants::catalogue(*run.chain.last().unwrap()));
    let shown = |world: &World| -> Vec<String> {
        let row = |row: &evaluator::table::Row| {
            format!("{} {} {} {:?} {}", row.construct, row.period, row.group, row.exact, row.outcome)
        };
        world.current().iter().map(row).collect()
    };
    if shown(&run.world) != shown(&last) {
        wrongs.push(format!("shown here\n{:#?}\nshown fresh\n{:#?}", shown(&run.world), shown(&last)));
    }
    wrongs.extend(run.world.building().into_iter().map(|construct| format!("{construct} is never whole")));
    wrongs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_figure_is_published_that_a_fresh_deployment_would_contradict(all in prop::collection::vec(happens(), 10..60)) {
        let run = run(&all, World::new(By::Log, 2, |log| log));
        let wrongs = wrongs(&run, true);
        prop_assert!(wrongs.is_empty(), "{:?}\n{}", run.chain, wrongs.join("\n"));
    }

    #[test]
    fn where_nothing_comes_late_nothing_is_ever_revised(all in prop::collection::vec(happens(), 10..60)) {
        let run = run(&without_late(all), World::new(By::Log, 2, |log| log));
        let wrongs = wrongs(&run, false);
        prop_assert!(wrongs.is_empty(), "{:?}\n{}", run.chain, wrongs.join("\n"));
    }
}

/// What was changed is told where the new series begins, once, with who approved it.
#[test]
fn a_break_is_told_where_a_series_begins() {
    let busy = |minutes| Happens::Events(minutes, vec![(0, 0), (1, 2), (2, 1)]);
    let steps = || [Happens::Step(0, true), Happens::Step(1, true), Happens::Judge].into_iter().cycle().take(60);
    let mut all: Vec<Happens> = (0..8).map(|_| busy(30)).collect();
    all.extend(steps());
    all.push(Happens::Change(1 << 3, false));
    all.extend((0..8).map(|_| busy(30)));
    all.extend(steps());
    let run = run(&all, World::new(By::Log, 2, |log| log));
    assert_eq!(wrongs(&run, false), Vec::<String>::new());
    let of = |variant: u16| variants::catalogue(variant).construct("chains/logins").unwrap().digest.clone();
    let mut breaks = Vec::new();
    for entry in run.world.ledger().iter().filter(|entry| entry.construct == "chains/logins" && entry.group.is_empty())
    {
        if let Some(told) = &entry.breaks {
            assert_eq!((&told.previous, &entry.definition), (&of(0), &of(1 << 3)));
            assert_eq!((told.catalogue, told.approver.as_str(), told.reason.as_str()), (Some(2), "A", "why"));
            breaks.push(entry.period.start);
        }
    }
    assert_eq!(breaks.len(), 1, "{breaks:?}");
}

/// On request the new definition is entered beside what was published before it, and the old one beside what follows: both
/// as fresh deployments have them, and neither in the place of anything.
#[test]
fn a_back_cast_and_an_overlap_are_entered_beside() {
    // With its past the new one is whole from the beginning: then there is no boundary behind which the old one overlaps.
    [0, 2].into_iter().for_each(entered_beside);
}

fn entered_beside(overlap: u32) {
    let busy = |minutes| Happens::Events(minutes, vec![(0, 0), (1, 2), (2, 1)]);
    let steps = || [Happens::Step(0, true), Happens::Step(1, true), Happens::Judge].into_iter().cycle().take(60);
    let mut all: Vec<Happens> = (0..8).map(|_| busy(30)).collect();
    all.extend(steps());
    all.push(Happens::Beside(1 << 3, overlap));
    all.extend((0..8).map(|_| busy(30)));
    all.extend(steps());
    let run = run(&all, World::new(By::Log, 2, |log| log));
    assert_eq!(wrongs(&run, false), Vec::<String>::new());
    let of = |variant: u16| variants::catalogue(variant).construct("chains/logins").unwrap().digest.clone();
    let ledger = run.world.ledger();
    let periods = |definition: &str, beside: bool| -> Vec<i64> {
        let wanted = |entry: &&ResultRecord| {
            (entry.construct.as_str(), entry.definition.as_str()) == ("chains/logins", definition)
                && entry.group.is_empty()
                && (entry.state == LedgerState::Beside) == beside
        };
        ledger.iter().filter(wanted).map(|entry| entry.period.start.0).collect()
    };
    let (old, new) = (periods(&of(0), false), periods(&of(1 << 3), false));
    assert!(old.iter().all(|start| start < &new[0]), "{old:?} {new:?}");
    if overlap == 0 {
        assert_eq!(periods(&of(1 << 3), true), old, "the back-cast reaches as far as the events");
    } else {
        assert_eq!(periods(&of(0), true), new[..2], "two periods overlap");
    }
}
