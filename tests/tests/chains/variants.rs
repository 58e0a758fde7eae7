//! Catalogues that differ in every kind of edit.

use measurement::catalogue::{Catalogue, Files};

/// What may be edited; each is one bit of a variant.
pub(crate) const EDITS: [Edit; 10] = [
    ("constructs/logins.yaml", "title: Failed", "title: All failed"),
    ("constructs/logins.yaml", "\"[0, 50)\", red: \"[50, inf)\"", "\"[0, 30)\", red: \"[30, inf)\""),
    ("constructs/logins.yaml", "minimum_denominator: 1", "minimum_denominator: 3"),
    ("constructs/logins.yaml", "count: status_id == 2", "count: status_id != 1"),
    ("constructs/logins.yaml", "values: [h1, h2]", "values: [h1, h2, h3]"),
    ("constructs/attempts.yaml", "", ATTEMPTS),
    ("constructs/accounts.yaml", "count: enabled\n", "count: enabled == false\n"),
    ("populations/accounts.yaml", "enabled: { type: bool, merge: last }", "enabled: { type: bool, merge: first }"),
    ("sources/idp.yaml", "title: Log-ins", "title: All log-ins"),
    ("constructs/days.yaml", "sum: severity_id", "max: severity_id"),
];

/// File, what stands there, what stands there afterwards.
type Edit = (&'static str, &'static str, &'static str);

const HEAD: &str = "version: 1.0.0
reference: { verified: false }
kind: performance
need: { question: Is it, objective: It is, risk: It is not, decision: Mend it }
parties: { owner: A, collector: B, client: C, reviewer: D }
calendar: { zone: Europe/Zurich, fiscal_year_start: 01-01 }
sources: [idp]
target: { value: 1, from: 2025-01-01, approved_by: A }
missing: no-data
evidence: None
report: { chart: line }
";

const LOGINS: &str = "construct: chains/logins
title: Failed log-ins
HEAD
cadence: { period: PT1H, report: P1M, revise: P1Y, close_after: PT10M, restate_for: PT2H }
by: [{ name: host, event: dst_endpoint.hostname, values: [h1, h2] }]
base:
  attempts: { event: authentication, count: activity_id == 1 }
  failed: { event: authentication, count: status_id == 2 }
derived:
  share: { formula: 100 * failed / attempts, unit: percent, minimum_denominator: 1 }
indicator:
  of: share
  bands: { green: \"[0, 50)\", red: \"[50, inf)\" }
";

const ATTEMPTS: &str = "construct: chains/attempts
title: Attempts
HEAD
cadence: { period: PT30M, report: P1M, revise: P1Y, close_after: PT10M, restate_for: PT2H }
base:
  attempts: { event: authentication, count: activity_id == 1 }
indicator:
  of: attempts
  bands: { green: \"[0, 4)\", red: \"[4, inf)\" }
";

const DAYS: &str = "construct: chains/days
title: A window
HEAD
cadence: { period: PT30M, rolling: 2, report: P1M, revise: P1Y, close_after: PT10M, restate_for: PT2H }
base:
  worst: { event: authentication, sum: severity_id }
indicator:
  of: worst
  bands: { green: \"[0, 9)\", red: \"[9, inf)\" }
";

const ACCOUNTS: &str = "construct: chains/accounts
title: Accounts
HEAD
cadence: { period: PT1H, report: P1M, revise: P1Y, close_after: PT10M, restate_for: PT3H }
base:
  enabled: { population: accounts, count: enabled
 }
indicator:
  of: enabled
  bands: { green: \"[0, 3)\", red: \"[3, inf)\" }
";

const POPULATION: &str = "population: accounts
title: Accounts
sources: [idp]
columns:
  enabled: { type: bool, merge: last }
feeds:
  - class: isms_account
    key: account.uid
    set: { enabled: account.enabled }
";

const SOURCE: &str = "source: idp
title: Log-ins
owner: Nobody
topics: [raw.idp]
decode: json
mapping: ocsf
lateness: PT5M
idle: PT30S
max_future: PT5M
rhythm: P30D
deduplicate: P30D
";

/// The files of a variant.
pub(crate) fn files(variant: u16) -> Files {
    let plain = [
        ("constructs/logins.yaml", LOGINS),
        ("constructs/days.yaml", DAYS),
        ("constructs/accounts.yaml", ACCOUNTS),
        ("populations/accounts.yaml", POPULATION),
        ("sources/idp.yaml", SOURCE),
    ];
    let mut files = Files(plain.map(|(path, text)| (path.to_owned(), text.replace("HEAD\n", HEAD))).into());
    for (bit, (path, from, to)) in EDITS.iter().enumerate() {
        if variant & (1 << bit) != 0 {
            let text = files.0.entry((*path).to_owned()).or_default();
            assert!(text.contains(from), "{path}: {from}");
            *text = text.replacen(from, &to.replace("HEAD\n", HEAD), 1);
        }
    }
    files
}

/// What it is.
pub(crate) fn catalogue(variant: u16) -> Catalogue {
    Catalogue::from_files(&files(variant)).unwrap_or_else(|faults| panic!("variant {variant:b}:\n{faults}"))
}

#[test]
fn every_edit_alone_is_sound() {
    for bit in 0..EDITS.len() {
        assert!(!catalogue(1 << bit).constructs.is_empty());
    }
}
