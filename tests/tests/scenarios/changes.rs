//! A changed definition on a deployment whose services are started again in the wrong order: no entry is ever written that
//! a fresh deployment would contradict.

use std::{collections::BTreeMap, fs, time::Duration};

use measurement::{
    catalogue::{Catalogue, Files},
    time::Timestamp,
};
use pipeline_tests::{Cluster, Deployment, Folder, deployment::schemas, until};
use records::ResultRecord;
use vernier::{generate, replay, results};

use crate::truth::{END, SCALE, organisation, records};

const LOGINS: &str = "vernier/failed-authentication-ratio";
const DAY: i64 = 24 * 3_600_000;

/// The entries of log-ins, all or of one definition.
fn of_logins(entries: &[ResultRecord], definition: Option<&str>) -> Vec<ResultRecord> {
    let wanted = |entry: &&ResultRecord| {
        entry.construct == LOGINS && definition.is_none_or(|definition| entry.definition == definition)
    };
    entries.iter().filter(wanted).cloned().collect()
}

fn wait_for_logins(deployment: &Deployment, until_time: i64) {
    until("log-ins to be judged", Duration::from_mins(3), || {
        let entries = of_logins(&deployment.try_results()?, None);
        let last = entries.iter().map(|entry| entry.period.end).max();
        match last {
            Some(last) if last.0 >= until_time => Ok(()),
            last => Err(format!("{} of them, the last one at {last:?}", entries.len())),
        }
    });
}

#[test]
fn a_changed_definition_is_stated_where_it_is_whole_whoever_starts_first() {
    // No source may count as idle while its second half is held back.
    let deployment = Deployment::idle_after(Cluster::shared(), "changes", "PT30M");
    let organisation = organisation();
    let all: Vec<(&str, Vec<u8>)> = records(&organisation).collect();
    let (first, second) = all.split_at(all.len() / 2);
    deployment.write(first.to_vec());
    let ingest = deployment.start("ingest");
    let aggregator = deployment.start("aggregator");
    let evaluator = deployment.start("evaluator");
    until("some log-ins to be judged", Duration::from_mins(2), || {
        let count = of_logins(&deployment.try_results()?, None).len();
        if count >= 100 { Ok(()) } else { Err(format!("{count}")) }
    });
    evaluator.stop();
    aggregator.stop();
    let before = deployment.ledger();

    let folder = deployment.folder().join("schemas");
    let file = folder.join("constructs/vernier/failed-authentication-ratio.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replace("activity_id == 1 && status_id == 2", "activity_id == 1 && status_id == 1");
    assert_ne!(text, changed);
    fs::write(&file, changed).unwrap();
    let catalogue = Catalogue::load(&folder).unwrap();
    let definition = catalogue.construct(LOGINS).unwrap().digest.clone();

    let plan = deployment.apply("what counts as failed");
    assert!(plan.contains(LOGINS) && plan.contains("events") && plan.contains("counts from"), "{plan}");
    // The evaluator comes first, beside state of the old definition alone: that is stated as before.
    let evaluator = deployment.start("evaluator");
    until("the evaluator to judge by the new catalogue", Duration::from_mins(1), || {
        let output = evaluator.process.output();
        if output.contains("judging by catalogue=2 ") { Ok(()) } else { Err(output) }
    });
    until("it to be shown by the old one", Duration::from_mins(1), || {
        let (_, body) = evaluator.get("/api/results")?;
        if body.contains(LOGINS) { Ok(()) } else { Err(body) }
    });
    assert_eq!(of_logins(&deployment.ledger(), Some(&definition)), []);
    let aggregator = deployment.start("aggregator");
    until("the evaluator to be ready", Duration::from_mins(1), || {
        let (status, body) = evaluator.get("/readyz")?;
        if status == 200 { Ok(()) } else { Err(body) }
    });
    deployment.write(second.to_vec());
    let end = Timestamp::parse(END).unwrap();
    wait_for_logins(&deployment, end.minus(2 * DAY).0);
    for service in [ingest, aggregator, evaluator] {
        service.stop();
    }

    let ledger = deployment.ledger();
    assert_eq!(ledger[..before.len()], before, "what stood stands");
    let stated = of_logins(&ledger, Some(&definition));
    assert!(stated.len() > 100, "{}", stated.len());
    let breaks: Vec<_> = stated.iter().filter_map(|entry| entry.breaks.as_ref()).collect();
    assert!(!breaks.is_empty(), "the break is told");
    assert!(breaks.iter().all(|told| told.catalogue == Some(2) && told.approver == "A. Tester"), "{breaks:?}");
    // A fresh deployment with the changed catalogue, on all records, says the same of every period that is stated.
    let chain = {
        let folder = Folder::new();
        generate::write(folder.path(), &organisation, 7, SCALE).unwrap();
        let mut files = Files::read(&schemas()).0;
        let text = files.0.get_mut("constructs/vernier/failed-authentication-ratio.yaml").unwrap();
        *text = text.replace("activity_id == 1 && status_id == 2", "activity_id == 1 && status_id == 1");
        let catalogue = Catalogue::from_files(&files).unwrap();
        assert_eq!(catalogue.construct(LOGINS).unwrap().digest, definition);
        let files = replay::topic_files(folder.path(), &catalogue).unwrap();
        replay::replay(catalogue, &files, Some(end), service::clock::now()).unwrap()
    };
    let fresh = results::newest(results::entries(chain.log(), &chain.topics().results).unwrap(), false);
    let fresh = said(&fresh, i64::MAX);
    let stated = said(&results::newest(stated, false), end.minus(DAY).0);
    assert!(stated.len() > 100);
    let different: Vec<_> = stated.iter().filter(|(key, said)| fresh.get(*key) != Some(said)).collect();
    assert!(different.is_empty(), "{} differ: {:?}", different.len(), different.first());
}

/// What entries say of themselves, by start of the period and group. The first one of a series has no trend.
fn said(entries: &[ResultRecord], until: i64) -> BTreeMap<(i64, String), String> {
    let entries = entries.iter().filter(|entry| entry.construct == LOGINS && entry.period.end.0 <= until);
    let said =
        |entry: &ResultRecord| format!("{:?} {:?} {:?} {}", entry.base, entry.derived, entry.value, entry.outcome);
    entries.map(|entry| ((entry.period.start.0, entry.group_label()), said(entry))).collect()
}
