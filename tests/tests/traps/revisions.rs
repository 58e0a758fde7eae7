//! Corrections of what was published.

use measurement::time::Timestamp;
use records::Reason;
use vernier::{chain::Chain, results, test::as_ocsf};

use crate::bench::shipped;

#[test]
fn trap_7_06_restatements() {
    // After a correction the first revision still stands, the chain verifies, and the second says what it replaces and why.
    let catalogue = as_ocsf(&shipped(&[]).only("isms/physical-entry-effectiveness").unwrap());
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let mut chain = Chain::new(catalogue, 2, at("2026-07-01T00:00:00Z")).unwrap();
    let entry = |uid: &str, time: &str| {
        let event = serde_json::json!({"class_uid": 27_001_015, "category_uid": 27_001, "activity_id": 2, "severity_id": 1,
            "time": at(time).0, "metadata": {"uid": uid, "version": "1.8.0"}, "entry": {"room_uid": uid}});
        ("raw.facility".into(), event.to_string().into_bytes())
    };
    let first =
        [entry("a", "2025-11-10T00:00:00Z"), entry("b", "2026-02-10T00:00:00Z"), entry("c", "2026-03-31T00:00:00Z")];
    chain.write(first, at("2026-07-01T00:00:00Z")).unwrap();
    chain.settle(|_| ()).unwrap();
    chain.pass_time(at("2026-04-15T00:00:00Z")).unwrap();
    chain.write([entry("d", "2026-03-30T00:00:00Z")], at("2026-07-01T00:00:00Z")).unwrap();
    chain.settle(|_| ()).unwrap();
    chain.pass_time(at("2026-04-16T00:00:00Z")).unwrap();
    // Reading the ledger checks its chain of hashes on the way.
    let entries = results::entries(chain.log(), &chain.topics().results).unwrap();
    let quarter: Vec<_> = entries
        .iter()
        .filter(|entry| entry.period.start == at("2026-01-01T00:00:00+01:00"))
        .map(|entry| {
            let value = entry.value.as_ref().map(ToString::to_string);
            (entry.revision, entry.supersedes, entry.reason, value)
        })
        .collect();
    let two = |number: i64| Some(number.to_string());
    assert_eq!(quarter, [(1, None, Reason::PeriodClosed, two(2)), (2, Some(1), Reason::LateData, two(3))]);
}
