//! Order of arrival, duplicates, partitions, cuts and restarts change no figure.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use crate::bench::{Bench, DAY, Event, Figures, HOUR, MINUTE, START, count, incident, login};

const LOGINS: &str = "vernier/failed-authentication-ratio";
const CATEGORIES: [&str; 3] = ["malware", "phishing", "lost-badge"];

/// What happened, in the order in which it happened, with the number of failed log-ins per hour beside it.
fn happened(seed: &[(u16, u8, u8)]) -> (Vec<Event>, BTreeMap<i64, u64>) {
    let mut events = Vec::new();
    let mut failed = BTreeMap::new();
    for (uid, (minute, what, who)) in seed.iter().enumerate() {
        // Forty days, over the end of a month and the change to summer time in Zurich.
        let time = START - 10 * DAY + i64::from(*minute % 2880) * 20 * MINUTE;
        match what % 4 {
            0 => {
                *failed.entry(time.div_euclid(HOUR) * HOUR).or_default() += 1;
                events.push(login(uid, time, who % 5, true));
            }
            1 => events.push(login(uid, time, who % 5, false)),
            step => {
                let category = CATEGORIES[usize::from(*who % 3)];
                let step = if step == 2 { 1 } else { 1 + what / 4 % 3 };
                events.push(incident(uid, time, who % 7, category, step));
            }
        }
    }
    (events, failed)
}

/// How the events arrive.
#[derive(Clone, Debug)]
struct Arrival {
    /// The events by number, some of them more than once.
    order: Vec<usize>,
    partitions: i32,
    /// Most records of a transaction.
    commit_records: usize,
    /// Steps after which the aggregator is lost without a word, and how seldom it computes population measures.
    lost_after: Vec<(usize, i64)>,
}

fn arrival(events: usize) -> impl Strategy<Value = Arrival> {
    let again = prop::collection::vec(0..events, 0..10);
    let order = again.prop_flat_map(move |again| Just((0..events).chain(again).collect::<Vec<_>>()).prop_shuffle());
    (order, 1..4, 1_usize..40, prop::collection::vec((0_usize..30, 0_i64..40), 0..3)).prop_map(
        |(order, partitions, commit_records, lost_after)| Arrival { order, partitions, commit_records, lost_after },
    )
}

fn story() -> impl Strategy<Value = (Vec<(u16, u8, u8)>, Arrival)> {
    prop::collection::vec(any::<(u16, u8, u8)>(), 1..60).prop_flat_map(|seed| (Just(seed.clone()), arrival(seed.len())))
}

fn figures(events: &[Event], arrival: &Arrival) -> (Figures, Bench) {
    let mut bench = Bench::new(arrival.partitions);
    bench.commit_records = arrival.commit_records;
    let arriving: Vec<Event> = arrival.order.iter().map(|number| events[*number].clone()).collect();
    // Time begins amid the events, and moves on once everything is there: some come late, none too late.
    let (first, second) = arriving.split_at(arriving.len() / 2);
    bench.publish(first);
    bench.progress(START + 15 * DAY);
    bench.publish(second);
    bench.progress(START + 40 * DAY);
    for (steps, refresh_interval) in &arrival.lost_after {
        bench.refresh_interval = *refresh_interval;
        let mut lost = bench.start();
        for _ in 0..*steps {
            lost.step(Duration::ZERO).unwrap();
        }
    }
    bench.refresh_interval = 0;
    Bench::drain(&mut bench.start());
    (bench.figures(), bench)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn figures_are_the_same((seed, arrival) in story()) {
        let (events, failed) = happened(&seed);
        let in_order = Arrival {
            order: (0..events.len()).collect(),
            partitions: 1,
            commit_records: 50_000,
            lost_after: Vec::new(),
        };
        let (expected, _) = figures(&events, &in_order);
        let (found, bench) = figures(&events, &arrival);
        prop_assert_eq!(&found, &expected);
        for (hour, failed) in failed {
            prop_assert_eq!(count(&found, LOGINS, "failed", hour, &[]), failed);
        }
        let (sshd, itsm) = (bench.accounting("sshd"), bench.accounting("itsm"));
        prop_assert_eq!(sshd.read + itsm.read, arrival.order.len() as u64);
        prop_assert_eq!(sshd.duplicate + itsm.duplicate, (arrival.order.len() - events.len()) as u64);
        for counts in [sshd, itsm] {
            let sum = counts.used + counts.not_relevant + counts.late + counts.duplicate + counts.rejected;
            prop_assert_eq!(counts.read, sum);
            prop_assert_eq!((counts.late, counts.rejected), (0, 0));
        }
    }
}
