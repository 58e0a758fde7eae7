//! A construct measures its own sources, and a population is fed by its own: whoever else sends events of the same class
//! changes nothing.

use std::fs;

use measurement::catalogue::Catalogue;
use records::Since;

use crate::{
    bench::{Bench, DAY, Event, HOUR, MINUTE, START, count, incident, login, schemas},
    rebuild::{LOGINS, copy},
};

/// The shipped catalogue with a source `other` that sends OCSF, and an edit of one file.
fn catalogue(file: &str, from: &str, to: &str) -> Catalogue {
    let folder = tempfile::tempdir().unwrap();
    copy(&schemas(), folder.path());
    let other = fs::read_to_string(folder.path().join("sources/iam.yaml")).unwrap();
    let other = other.replace("source: iam", "source: other").replace("raw.iam", "raw.other").replace("PT1H", "PT5M");
    fs::write(folder.path().join("sources/other.yaml"), other).unwrap();
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file}: {from}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    Catalogue::load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn of_other(event: Event) -> Event {
    Event { source: "other", ..event }
}

/// Four log-ins of one source, three of another.
fn logins(catalogue: Catalogue) -> u64 {
    let mut bench = Bench::new(2);
    bench.catalogue = catalogue;
    let all = (0..7).map(|number| login(number, START + i64::try_from(number).unwrap() * MINUTE, 1, false));
    let all = all.enumerate().map(|(number, event)| if number < 4 { event } else { of_other(event) });
    bench.publish(&all.collect::<Vec<_>>());
    bench.progress_of(&["sshd", "other"], START + HOUR);
    Bench::drain(&mut bench.start());
    let accounting = bench.accounting("other");
    let counted = count(&bench.figures(), LOGINS, "attempts", START, &[]);
    assert_eq!(accounting.read, 3);
    assert_eq!(accounting.not_relevant, if counted == 4 { 3 } else { 0 }, "whoever is not measured is told apart");
    counted
}

#[test]
fn an_event_measure_counts_the_events_of_its_constructs_sources() {
    let file = "constructs/vernier/failed-authentication-ratio.yaml";
    assert_eq!(logins(catalogue(file, "sources: [sshd]", "sources: [sshd]")), 4);
    assert_eq!(logins(catalogue(file, "sources: [sshd]", "sources: [sshd, other]")), 7);
}

/// What a row becomes when another source tells of the same incident.
fn row(catalogue: Catalogue) -> String {
    let mut bench = Bench::new(1);
    bench.catalogue = catalogue;
    let told = of_other(incident(2, START + HOUR, 1, "phishing", 2));
    bench.publish(&[incident(1, START, 1, "malware", 1), told]);
    bench.progress_of(&["itsm", "other"], START + DAY);
    Bench::drain(&mut bench.start());
    bench.incident(1)
}

#[test]
fn a_population_takes_the_events_of_its_own_sources() {
    let file = "populations/incidents.yaml";
    let title = "title: Incidents";
    let by_default = row(catalogue(file, title, title));
    assert!(by_default.contains("malware") && !by_default.contains("phishing"), "{by_default}");
    let named = row(catalogue(file, title, "title: Incidents\nsources: [itsm, isms, other]"));
    assert!(named.contains("phishing"), "{named}");
    // A feed is narrower than its population.
    let feed = "key: finding_info_list[0].uid";
    let narrow = row(catalogue(file, feed, &format!("{feed}\n    sources: [other]")));
    assert!(narrow.contains("phishing") && !narrow.contains("malware"), "{narrow}");
    // A construct that uses the population brings its sources along.
    let construct = "constructs/iso27004/b-33-incident-resolution.yaml";
    let used = row(catalogue(construct, "sources: [itsm]", "sources: [itsm, other]"));
    assert!(used.contains("phishing"), "{used}");
}

/// What was folded under one definition is never gone on with under another, whatever the difference is.
#[test]
fn state_of_another_definition_is_not_gone_on_with() {
    let trend = "constructs/iso27004/b-34-security-incidents-trend.yaml";
    for (file, from, to, construct, measure) in [
        (
            trend,
            "event: \"finding_info_list[0].types[0]\"",
            "event: \"finding_info_list[0].uid\"",
            "isms/security-incidents-trend",
            "incidents",
        ),
        ("rates.yaml", "EUR: 0.95", "EUR: 0.96", "isms/security-incident-cost", "cost"),
    ] {
        let mut bench = Bench::new(1);
        bench.catalogue = catalogue(file, from, from);
        bench.publish(&[login(1, START, 1, false)]);
        bench.progress(START + HOUR);
        Bench::drain(&mut bench.start());
        assert_eq!(bench.whole_since(construct, measure), Since::Beginning, "{file}");
        bench.catalogue = catalogue(file, from, to);
        Bench::drain(&mut bench.start());
        assert!(bench.whole_since(construct, measure) > Since::Beginning, "{file}: it begins anew");
        assert_eq!(bench.whole_since(LOGINS, "failed"), Since::Beginning, "{file}: and it alone");
    }
}
