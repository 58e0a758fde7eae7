//! No bytes make ingest panic, and every record is published, not relevant, or refused.

use std::{cell::RefCell, fs};

use ingest::{
    arrival::Arrival,
    config::{Classes, FedBy, Source},
    decode::{Framing, Limits},
    process::process,
};
use measurement::{catalogue::Decode, forms::Reading, time::Timestamp};
use proptest::prelude::*;

use crate::shipped;

const NOW: Timestamp = Timestamp(1_772_366_400_000);

const NATIVE: &str = r#"{"class_uid":5001,"activity_id":2,"time":1772000000000,"metadata":{"uid":"n-1"},"device":{"uid":"A-1","hostname":"h"},"unmapped":{"in_scope":true}}
{"class_uid":27001099,"activity_id":1,"time":1772000000000,"count":2,"metadata":{"product":{"name":"cmdb"}}}
"#;

fn sources() -> Vec<Source> {
    let mut sources: Vec<Source> =
        shipped::SOURCES.iter().map(|(name, decode)| shipped::source(name, *decode)).collect();
    sources.push(Source {
        name: "cmdb".into(),
        topics: vec!["raw.cmdb".to_owned()],
        framing: Framing::plain(Decode::Json),
        mapping: None,
        reading: Reading::default(),
        max_future: 300_000,
        lateness: 300_000,
        limits: Limits::default(),
    });
    sources
}

/// Every line of every sample: what the mutations below start from.
fn samples() -> Vec<Vec<u8>> {
    let mut text = NATIVE.to_owned();
    for (name, _) in shipped::SOURCES {
        let folder = shipped::mappings().join(name);
        for file in ["sample.log", "sample.ndjson"] {
            text.push_str(&fs::read_to_string(folder.join(file)).unwrap_or_default());
        }
    }
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

/// A sample with a few bytes replaced, put in, or cut off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    // Mostly printable: a byte that is not UTF-8 ends the journey at its first stage.
    let byte = prop_oneof![8 => 32..127_u8, 1 => any::<u8>()];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), byte, 0..8_u8), 0..4);
    (prop::sample::select(samples()), edits).prop_map(|(mut bytes, edits)| {
        for (place, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match kind {
                0..=2 => bytes[at] = byte,
                3..=4 => bytes.insert(at, byte),
                5..=6 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

/// JSON of any shape, with the member names that mappings look for.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[a-z0-9:TZ.-]{0,20}".prop_map(Into::into),
        prop::sample::select(vec![
            "heartbeat",
            "incident",
            "finding",
            "scan",
            "person",
            "completion",
            "audit",
            "pentest"
        ])
        .prop_map(Into::into),
        Just("2026-02-03T08:00:00.000Z".into()),
    ];
    let names = prop::sample::select(vec![
        "id",
        "type",
        "at",
        "incident",
        "change",
        "category",
        "finding",
        "asset",
        "score",
        "state",
        "person",
        "audit",
        "planned_for",
        "Records",
        "message",
        "class_uid",
        "time",
        "count",
        "metadata",
        "uid",
        "device",
        "activity_id",
    ]);
    let value = leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    });
    let kinds = prop::sample::select(vec![
        "heartbeat",
        "incident",
        "finding",
        "scan",
        "person",
        "completion",
        "audit",
        "pentest",
    ]);
    (kinds, value, any::<bool>()).prop_map(|(kind, mut value, typed)| {
        // Mostly something that gets past the first line of a mapping.
        if let (true, Some(members)) = (typed, value.as_object_mut()) {
            members.insert("type".to_owned(), kind.into());
            members.insert("at".to_owned(), "2026-02-03T08:00:00.000Z".into());
        }
        serde_json::to_vec(&value).unwrap()
    })
}

thread_local! {
    static SOURCES: RefCell<Vec<Source>> = RefCell::new(sources());
    static CLASSES: Classes =
        Classes::new(&measurement::classes::Classes::known(), [FedBy { class: "vulnerability_finding", population: "assets", partition: "device.uid", to_all: false }]);
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    SOURCES.with_borrow_mut(|sources| {
        CLASSES.with(|classes| {
            for source in sources {
                let arrival =
                    Arrival { topic: "raw", partition: 3, offset: 7, timestamp: NOW, key: None, value: Some(bytes) };
                let first = process(source, classes, &arrival);
                for (event, route) in &first.events {
                    prop_assert!(event.time <= NOW.plus(source.max_future));
                    prop_assert!(!route.primary.is_empty());
                    let published = event.draft.bytes();
                    let value: serde_json::Value = serde_json::from_slice(&published).unwrap();
                    prop_assert!(value["metadata"]["uid"].is_string(), "{value}");
                }
                if let Some(refusal) = first.refusal() {
                    prop_assert!(!refusal.detail.contains("panicked"), "{}", refusal.detail);
                }
                let sum = |of: fn(&ingest::intake::Sign) -> u64| first.signs.iter().map(of).sum::<u64>();
                prop_assert_eq!(first.elements, first.published + first.not_relevant() + first.refused_elements());
                prop_assert!(first.elements > 0 && first.replaced <= first.elements);
                prop_assert_eq!(sum(|sign| sign.read), first.elements, "each element is told once");
                prop_assert_eq!(sum(|sign| sign.refused), first.refused_elements());
                prop_assert_eq!(sum(|sign| sign.replaced), first.replaced);
                for time in first.signs.iter().filter_map(|sign| sign.time) {
                    prop_assert!(time <= NOW.plus(source.max_future));
                }
                let again = process(source, classes, &arrival);
                let texts = |processed: &ingest::process::Processed<'_>| {
                    processed.events.iter().map(|(event, _)| event.draft.bytes()).collect::<Vec<_>>()
                };
                prop_assert_eq!(texts(&first), texts(&again), "reading a record again gives the same events");
                prop_assert_eq!(first.refused, again.refused);
            }
            Ok(())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }

    #[test]
    fn arbitrary_text(text in "\\PC{0,120}") {
        check(text.as_bytes())?;
    }

    #[test]
    fn damaged_samples(bytes in mutated()) {
        check(&bytes)?;
    }

    #[test]
    fn arbitrary_json(bytes in json()) {
        check(&bytes)?;
    }
}
