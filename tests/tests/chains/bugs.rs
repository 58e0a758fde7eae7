//! Wrongs that a change of catalogues could do: each is done on purpose, and must be found by what looks at the chains.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use measurement::time::Timestamp;
use records::{Aggregate, AggregateKey, CatalogueRecord, Frontier, Since, Unit, UnitKey, decode, encode, headers};
use streaming::{Log, OutRecord, Record};

use crate::{
    bent::Bent,
    chain::{Happens, run, wrongs},
    world::{By, HOUR, START, World},
};

/// A busy day with a changed filter, a changed population and the past of a new measure in it, and a way back.
fn day() -> Vec<Happens> {
    let busy = || Happens::Events(20, vec![(0, 0), (1, 2), (2, 1), (4, 2), (5, 4), (0, 2)]);
    let steps = |count: usize| {
        let round = [Happens::Step(0, true), Happens::Step(1, true), Happens::Judge];
        round.into_iter().cycle().take(3 * count)
    };
    let mut all = Vec::new();
    // The filter of a measure; a population; a new construct with its past; one is gone; and back.
    for change in [None, Some((1 << 3, false)), Some((1 << 7, false)), Some((1 << 5, true)), Some((1 << 3, false))] {
        all.extend(change.map(|(bits, history)| Happens::Change(bits, history)));
        for _ in 0..15 {
            all.push(busy());
            all.extend(steps(4));
        }
        all.extend(steps(30));
        all.push(Happens::Kill(0));
    }
    all
}

fn is_marker(record: &Record) -> bool {
    record.header_is(headers::CATALOGUE)
}

trait Headed {
    fn header_is(&self, kind: &[u8]) -> bool;
}

impl Headed for Record {
    fn header_is(&self, kind: &[u8]) -> bool {
        self.headers.iter().any(|(name, value)| name == headers::KIND && value == kind)
    }
}

impl Headed for OutRecord {
    fn header_is(&self, kind: &[u8]) -> bool {
        self.headers.iter().any(|(name, value)| name == headers::KIND && value == kind)
    }
}

fn unit_of(record: &OutRecord) -> Option<(UnitKey, Unit)> {
    let key = decode("unit", record.key.as_deref()?).ok()?;
    Some((key, decode("unit", record.value.as_deref()?).ok()?))
}

/// Alters units of base measures as they are written, where the evaluator reads them.
fn with_units(inner: Arc<dyn Log>, alter: impl Fn(&UnitKey, &mut Unit) + Send + Sync + 'static) -> Bent {
    Bent::new(inner).reading(move |mut record| {
        let both = record.key.as_deref().and_then(|key| decode::<UnitKey>("unit", key).ok());
        let unit = record.value.as_deref().and_then(|value| decode::<Unit>("unit", value).ok());
        if let (Some(key), Some(mut unit)) = (both, unit) {
            alter(&key, &mut unit);
            record.value = Some(encode(&unit));
        }
        vec![record]
    })
}

fn found(name: &str, bend: impl FnOnce(Arc<dyn Log>) -> Arc<dyn Log>) {
    let run = run(&day(), World::new(By::Log, 2, bend));
    let wrongs = wrongs(&run, false);
    assert!(!wrongs.is_empty(), "{name}: nobody has noticed");
}

#[test]
fn without_a_wrong_nothing_is_found() {
    let run = run(&day(), World::new(By::Log, 2, |log| log));
    assert_eq!(wrongs(&run, false), Vec::<String>::new());
}

#[test]
fn a_marker_in_some_partitions_only() {
    found("marker", |log| {
        Arc::new(Bent::new(log).writing(|record| {
            let lost = record.header_is(headers::CATALOGUE) && record.partition == Some(1);
            if lost { Vec::new() } else { vec![record] }
        }))
    });
}

#[test]
fn what_comes_behind_a_marker_is_missed() {
    let behind = AtomicBool::new(false);
    found("missed", move |log| {
        Arc::new(Bent::new(log).polling(move |record| {
            let first = behind.swap(is_marker(&record), Ordering::Relaxed);
            if first && record.header_is(headers::EVENT) { Vec::new() } else { vec![record] }
        }))
    });
}

/// The same event again, as another one.
fn once_more(record: &Record) -> Record {
    let text = String::from_utf8(record.value.clone().unwrap()).unwrap();
    Record { value: Some(text.replacen("\"uid\":\"l-", "\"uid\":\"again-l-", 1).into_bytes()), ..record.clone() }
}

#[test]
fn what_comes_before_a_marker_is_counted_by_both() {
    found("twice", |log| {
        let last: std::sync::Mutex<Option<Record>> = std::sync::Mutex::default();
        Arc::new(Bent::new(log).polling(move |record| {
            let mut last = last.lock().unwrap();
            if is_marker(&record) {
                // Handed over behind the marker, under the marker's own place.
                let again = last.take().map(|event| Record {
                    offset: record.offset,
                    partition: record.partition.clone(),
                    ..once_more(&event)
                });
                return std::iter::once(record.clone())
                    .chain(again.map(|again| Record { offset: record.offset + 1, ..again }))
                    .collect();
            }
            if record.header_is(headers::EVENT)
                && record.value.as_deref().is_some_and(|value| value.windows(9).any(|part| part == b"\"uid\":\"l-"))
            {
                *last = Some(record.clone());
            }
            vec![record]
        }))
    });
}

#[test]
fn a_build_forgets_duplicates_and_reads_every_event_twice() {
    found("build twice", |log| {
        Arc::new(Bent::new(log).reading(|record| {
            if record.header_is(headers::EVENT) { vec![record.clone(), once_more(&record)] } else { vec![record] }
        }))
    });
}

#[test]
fn a_build_leaves_something_out() {
    found("build misses", |log| {
        Arc::new(Bent::new(log).reading(|record| {
            let left_out = record.header_is(headers::EVENT) && record.offset % 7 == 3;
            if left_out { Vec::new() } else { vec![record] }
        }))
    });
}

#[test]
fn a_new_measure_says_that_it_was_always_whole() {
    found("always whole", |log| Arc::new(with_units(log, |_, unit| unit.since = Since::Beginning)));
}

#[test]
fn a_new_measure_begins_before_its_boundary() {
    found("too early", |log| {
        Arc::new(with_units(log, |_, unit| {
            if let Since::From(from) = unit.since {
                unit.since = Since::From(from.minus(3 * HOUR));
            }
        }))
    });
}

#[test]
fn what_is_being_built_says_that_it_is_whole() {
    found("not built", |log| {
        // The build never comes to an end.
        let log = Arc::new(
            Bent::new(log).reading(|record| if record.header_is(headers::EVENT) { Vec::new() } else { vec![record] }),
        );
        Arc::new(with_units(log, |_, unit| {
            if unit.since == Since::Building {
                unit.since = Since::Beginning;
            }
        }))
    });
}

#[test]
fn state_that_goes_is_read_as_zero() {
    // The unit stays where its aggregates are removed.
    found("zero", |log| {
        Arc::new(
            Bent::new(log)
                .reading(|record| {
                    let key = record.key.as_deref().unwrap_or_default();
                    let gone = record.value.is_none() && decode::<UnitKey>("unit", key).is_ok();
                    if gone { Vec::new() } else { vec![record] }
                })
                .writing(|record| {
                    // And it goes at once.
                    let mut out = vec![record];
                    if let Some((key, unit)) = unit_of(&out[0]).filter(|(_, unit)| unit.ended.is_some()) {
                        let start = Timestamp(START + 2 * HOUR);
                        for host in ["h1", "h2", "other"] {
                            let aggregate = AggregateKey {
                                construct: key.construct.clone(),
                                definition: unit.definition.clone(),
                                measure: key.measure.clone(),
                                period_start: start,
                                group: vec![host.to_owned()],
                            };
                            out.push(OutRecord { key: Some(encode(&aggregate)), value: None, ..out[0].clone() });
                        }
                    }
                    out
                }),
        )
    });
}

#[test]
fn an_earlier_definition_goes_before_its_last_period_is_over() {
    found("gone early", |log| {
        Arc::new(Bent::new(log).reading(|mut record| {
            let unit = record.value.as_deref().and_then(|value| decode::<Unit>("unit", value).ok());
            if unit.is_some_and(|unit| unit.ended.is_some()) {
                record.value = None;
            }
            vec![record]
        }))
    });
}

#[test]
fn a_restart_goes_back_to_an_earlier_catalogue() {
    found("back", |log| {
        Arc::new(Bent::new(log).writing(|mut record| {
            if record.key.as_deref() == Some(Frontier::KEY)
                && let Ok(mut frontier) = decode::<Frontier>("frontier", record.value.as_deref().unwrap())
            {
                frontier.sequence = frontier.sequence.min(1);
                record.value = Some(encode(&frontier));
            }
            vec![record]
        }))
    });
}

#[test]
fn a_catalogue_is_altered_in_the_log() {
    let read = AtomicI64::new(0);
    found("altered", move |log| {
        Arc::new(Bent::new(log).reading(move |mut record| {
            if record.key.as_deref() == Some(CatalogueRecord::KEY)
                && let Ok(mut known) = decode::<CatalogueRecord>("catalogue", record.value.as_deref().unwrap())
                && known.sequence == 2
                && read.fetch_add(1, Ordering::Relaxed) > 1
            {
                known.approver = "B".to_owned();
                record.value = Some(encode(&known));
            }
            vec![record]
        }))
    });
}

#[test]
fn an_aggregate_is_restored_with_the_half_of_its_value() {
    let count = AtomicI64::new(0);
    found("half", move |log| {
        Arc::new(Bent::new(log).reading(move |record| {
            let key = record.key.as_deref().unwrap_or_default();
            let is_aggregate = decode::<AggregateKey>("aggregate", key).is_ok();
            let value = record.value.as_deref().and_then(|value| decode::<Aggregate>("aggregate", value).ok());
            if is_aggregate && value.is_some() && count.fetch_add(1, Ordering::Relaxed) % 50 == 49 {
                return Vec::new();
            }
            vec![record]
        }))
    });
}
