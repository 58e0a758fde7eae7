//! A definition is all that decides its figure, and nothing else: every key that authors may write is changed once, and
//! what changes with it is compared with what is said here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use measurement::catalogue::{Catalogue, Construct, Files, Schema, schema};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Golden digests of everything that is shipped: a series that breaks is seen before it is shipped.
/// `UPDATE_GOLDEN=1 cargo test -p measurement --test definitions` writes them anew; the commit says why.
#[test]
fn the_shipped_definitions_are_as_they_were() {
    let catalogue = Catalogue::load(&here("../../schemas")).unwrap_or_else(|faults| panic!("{faults}"));
    let line = |construct: &Construct| {
        let criteria: Vec<&str> = construct.indicator.criteria.iter().map(|entry| entry.digest.as_str()).collect();
        format!("{} {} {}\n", construct.id, construct.digest, criteria.join(" "))
    };
    let lines: Vec<String> = catalogue.constructs.iter().map(line).collect();
    let found = format!("# construct, definition, decision criteria\n{}", lines.concat());
    let golden = here("tests/golden/definitions.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &found).unwrap();
    }
    let wanted = fs::read_to_string(&golden).unwrap_or_default();
    let other: Vec<&str> = found.lines().filter(|line| !wanted.lines().any(|known| known == *line)).collect();
    assert!(wanted == found, "these series break, or their criteria have changed:\n{}", other.join("\n"));
}

/// The criteria of bands and rules are told apart, and of what is written in another order there is one digest.
#[test]
fn order_and_comments_have_no_say() {
    let plain = digests(&files());
    let changes = [
        ("constructs/main.yaml", "sources: [a, b]", "sources: [b, a] # the other way round"),
        ("constructs/main.yaml", "values: [x, y]", "values: [y, x]"),
        ("constructs/main.yaml", "days: [mon, tue]", "days: [tue, mon, mon]"),
        ("sources/a.yaml", "topics: [raw.a]", "topics: [raw.a] # one"),
    ];
    for (file, from, to) in changes {
        assert_eq!(digests(&changed(&[(file, from, to)])), plain, "{to}");
    }
}

/// One more population, earlier in the alphabet, that asks for fields of its own: all others stay as they were.
#[test]
fn what_others_ask_for_has_no_say() {
    let plain = digests(&files());
    let mut more = files();
    let other = "population: aaa\ntitle: Others\ncolumns:\n  port: { type: number, merge: last }\nfeeds:\n  \
                 - { class: authentication, key: src_endpoint.ip, set: { port: src_endpoint.port } }\n\
                 snapshot: { class: isms_snapshot, taken_at: end_time }\n";
    more.0.insert("populations/aaa.yaml".to_owned(), other.replace("set: {", "lists: true, set: {"));
    let found = digests(&more);
    assert_eq!((&found.definitions, &found.criteria), (&plain.definitions, &plain.criteria));
}

#[test]
fn where_rows_lie_has_its_say() {
    let alone = (THINGS, "joins: { others: kind }\n", "");
    let plain = digests(&changed(&[alone]));
    let moved = digests(&changed(&[alone, (THINGS, "partition: device.uid", "partition: device.name")]));
    assert_ne!(moved.definitions, plain.definitions);
}

/// What changes with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// A base measure, and so the definition: another series begins, of events that are folded anew.
    Definition,
    /// The definition, and no base measure: another series of the same aggregates.
    Derived,
    /// The settings of a source: what is read from now on, and no measure.
    Settings,
    /// The decision criteria alone.
    Criteria,
    /// What is kept of rows, so that their measures begin anew, and neither definition nor criteria.
    Kept,
    /// Nothing: words for people, or what is wanted.
    Nothing,
    /// Its parts are keys themselves.
    Parts,
}

use Says::{Criteria, Definition, Derived, Kept, Nothing, Parts, Settings};

const MAIN: &str = "constructs/main.yaml";
const RULES: &str = "constructs/rules.yaml";
const THINGS: &str = "populations/things.yaml";
const OTHERS: &str = "populations/others.yaml";
const A: &str = "sources/a.yaml";

/// Every key of every file, an edit of it, and what the edit changes.
#[rustfmt::skip]
const KEYS: &[(&str, Says, &str, &str, &str)] = &[
    ("ConstructSpec.construct", Nothing, "", "", ""), // the name of the series itself
    ("ConstructSpec.title", Nothing, MAIN, "title: Main", "title: Other"),
    ("ConstructSpec.version", Nothing, MAIN, "version: 1.0.0", "version: 1.0.1"),
    ("ConstructSpec.reference", Parts, "", "", ""),
    ("ConstructSpec.kind", Nothing, MAIN, "kind: performance", "kind: effectiveness"),
    ("ConstructSpec.need", Parts, "", "", ""),
    ("ConstructSpec.parties", Parts, "", "", ""),
    ("ConstructSpec.cadence", Parts, "", "", ""),
    ("ConstructSpec.calendar", Parts, "", "", ""),
    ("ConstructSpec.sources", Definition, MAIN, "sources: [a, b]", "sources: [a]"),
    ("ConstructSpec.by", Parts, "", "", ""),
    ("ConstructSpec.parameters", Definition, MAIN, "duty: 3", "duty: 4"),
    ("ConstructSpec.base", Definition, MAIN, "  least: {", "  smallest: {"),
    ("ConstructSpec.derived", Derived, MAIN, "  twice: {", "  double: {"),
    ("ConstructSpec.indicator", Parts, "", "", ""),
    ("ConstructSpec.target", Parts, "", "", ""),
    ("ConstructSpec.missing", Nothing, "", "", ""), // one value is allowed
    ("ConstructSpec.tolerance", Criteria, MAIN, "tolerance: 0.02", "tolerance: 0.03"),
    ("ConstructSpec.privacy", Parts, "", "", ""),
    ("ConstructSpec.evidence", Nothing, MAIN, "evidence: E", "evidence: F"),
    ("ConstructSpec.interpretation", Nothing, MAIN, "interpretation: [I]", "interpretation: [J]"),
    ("ConstructSpec.report", Parts, "", "", ""),
    ("ReferenceSpec.iso27004", Nothing, MAIN, "iso27004: 2016/B.1", "iso27004: 2016/B.2"),
    ("ReferenceSpec.iso27001", Nothing, MAIN, "iso27001: [A.5.1]", "iso27001: [A.5.2]"),
    ("ReferenceSpec.verified", Nothing, MAIN, "verified: false", "verified: true"),
    ("NeedSpec.question", Nothing, MAIN, "question: Q", "question: R"),
    ("NeedSpec.objective", Nothing, MAIN, "objective: O", "objective: P"),
    ("NeedSpec.risk", Nothing, MAIN, "risk: R", "risk: S"),
    ("NeedSpec.decision", Nothing, MAIN, "decision: D", "decision: E"),
    ("PartiesSpec.owner", Nothing, MAIN, "owner: Owner", "owner: Other"),
    ("PartiesSpec.collector", Nothing, MAIN, "collector: Collector", "collector: Other"),
    ("PartiesSpec.client", Nothing, MAIN, "client: Client", "client: Other"),
    ("PartiesSpec.reviewer", Nothing, MAIN, "reviewer: Reviewer", "reviewer: Other"),
    ("CadenceSpec.period", Definition, MAIN, "period: P1M", "period: P3M"),
    ("CadenceSpec.rolling", Definition, MAIN, "rolling: 2", "rolling: 3"),
    ("CadenceSpec.report", Nothing, MAIN, "report: P1M", "report: P3M"),
    ("CadenceSpec.revise", Nothing, MAIN, "revise: P1Y", "revise: P2Y"),
    ("CadenceSpec.close_after", Nothing, MAIN, "close_after: P2D", "close_after: P3D"),
    ("CadenceSpec.restate_for", Kept, MAIN, "restate_for: P5D", "restate_for: P6D"),
    ("CalendarSpec.zone", Definition, MAIN, "zone: Europe/Zurich", "zone: Europe/Vienna"),
    ("CalendarSpec.fiscal_year_start", Definition, MAIN, "fiscal_year_start: 01-01", "fiscal_year_start: 04-01"),
    ("CalendarSpec.working_hours", Parts, "", "", ""),
    ("WorkingHoursSpec.days", Definition, MAIN, "days: [mon, tue]", "days: [mon]"),
    ("WorkingHoursSpec.from", Definition, MAIN, "from: \"08:00\"", "from: \"09:00\""),
    ("WorkingHoursSpec.to", Definition, MAIN, "to: \"17:00\"", "to: \"18:00\""),
    ("WorkingHoursSpec.holidays", Definition, MAIN, "holidays: [2026-12-25]", "holidays: [2026-12-26]"),
    ("DimensionSpec.name", Definition, MAIN, "name: kind, event", "name: sort, event"),
    ("DimensionSpec.event", Definition, MAIN, "event: device.type,", "event: device.name,"),
    ("DimensionSpec.column", Definition, MAIN, "column: kind,", "column: sort,"),
    ("DimensionSpec.values", Definition, MAIN, "values: [x, y]", "values: [x]"),
    ("RequiredParameter.required", Nothing, "", "", ""), // the organisation's value takes its place
    ("ParameterTable.by", Nothing, "", "", ""), // there is one dimension here: its line says it
    ("ParameterTable.values", Definition, RULES, "values: { p: 1 }", "values: { p: 4 }"),
    ("ParameterTable.default", Definition, RULES, "default: 2 }", "default: 3 }"),
    ("BaseSpec.event", Definition, MAIN, "counted: { event: incident_finding", "counted: { event: authentication"),
    ("BaseSpec.population", Definition, MAIN, "rows: { population: things", "rows: { population: others"),
    ("BaseSpec.basis", Definition, MAIN, "basis: end", "basis: start"),
    ("BaseSpec.count", Definition, MAIN, "count: activity_id == duty", "count: activity_id > duty"),
    ("BaseSpec.sum", Definition, MAIN, "sum: count", "mean: count"),
    ("BaseSpec.min", Definition, MAIN, "min: count", "max: count"),
    ("BaseSpec.max", Definition, MAIN, "max: count + 1", "min: count + 1"),
    ("BaseSpec.mean", Definition, MAIN, "mean: count + 2", "sum: count + 2"),
    ("BaseSpec.variance", Definition, MAIN, "variance: count", "mean: count"),
    ("BaseSpec.distinct", Definition, MAIN, "distinct: user.uid", "distinct: user.name"),
    ("BaseSpec.quantile", Definition, MAIN, "quantile: count", "quantile: severity_id"),
    ("BaseSpec.at", Definition, MAIN, "at: 0.9", "at: 0.8"),
    ("BaseSpec.union", Parts, "", "", ""),
    ("BaseSpec.where", Definition, MAIN, "where: severity_id > 1", "where: severity_id > 2"),
    ("BaseSpec.open", Definition, MAIN, "open: leave-out", "open: as-of"),
    ("BaseSpec.unit", Definition, MAIN, "unit: pieces", "unit: bits"),
    ("UnionSpec.from", Definition, MAIN, "from: start_time", "from: time"),
    ("UnionSpec.to", Definition, MAIN, "to: end_time", "to: time"),
    ("UnionSpec.per", Definition, MAIN, "per: device.uid", "per: device.name"),
    ("DerivedSpec.formula", Derived, MAIN, "100 * counted / rows", "100 * least / rows"),
    ("DerivedSpec.unit", Derived, MAIN, "unit: percent", "unit: ratio"),
    ("DerivedSpec.minimum_denominator", Derived, MAIN, "minimum_denominator: 1", "minimum_denominator: 2"),
    ("DerivedSpec.confidence", Nothing, MAIN, "confidence: none", "confidence: wilson"),
    ("IndicatorSpec.of", Derived, MAIN, "of: share", "of: twice"),
    ("IndicatorSpec.gates", Parts, "", "", ""),
    ("IndicatorSpec.bands", Criteria, MAIN, "red: \"[0, limit)\", green: \"[limit, inf)\"", "red: \"[0, limit]\", green: \"(limit, inf)\""),
    ("IndicatorSpec.rules", Parts, "", "", ""),
    ("IndicatorSpec.adjust", Parts, "", "", ""),
    ("IndicatorSpec.criteria", Parts, "", "", ""),
    ("CriteriaSpec.from", Nothing, RULES, "from: 2026-02-01", "from: 2026-03-01"),
    ("CriteriaSpec.gates", Criteria, RULES, "gates: [{ outcome: not-applicable, when: n == 7 }]", "gates: []"),
    ("CriteriaSpec.bands", Criteria, RULES, "low: \"[0, 7)\", high: \"[7, inf)\"", "low: \"[0, 8)\", high: \"[8, inf)\""),
    ("CriteriaSpec.rules", Criteria, RULES, "{ band: low, when: n < 9 }", "{ band: low, when: n < 10 }"),
    ("CriteriaSpec.adjust", Criteria, RULES, "adjust: [{ band: low, to: high, when: \"previous(n, 1) > 3\" }]", "adjust: []"),
    ("CriteriaSpec.approved_by", Nothing, RULES, "approved_by: One", "approved_by: Two"),
    ("GateSpec.outcome", Criteria, MAIN, "outcome: unvalidated", "outcome: insufficient-n"),
    ("GateSpec.when", Criteria, MAIN, "when: rows == 0", "when: rows == 1"),
    ("RuleSpec.band", Criteria, RULES, "{ band: high }", "{ band: higher }"),
    ("RuleSpec.when", Criteria, RULES, "when: n < 9", "when: n <= 9"),
    ("AdjustSpec.band", Criteria, RULES, "{ band: low, to: high, when", "{ band: high, to: high, when"),
    ("AdjustSpec.to", Criteria, RULES, "to: high, when", "to: low, when"),
    ("AdjustSpec.when", Criteria, RULES, "previous(n, 1)", "previous(n, 2)"),
    ("TargetSpec.value", Nothing, MAIN, "value: 50", "value: 60"),
    ("TargetSpec.from", Nothing, MAIN, "from: 2026-01-01", "from: 2026-01-02"),
    ("TargetSpec.until", Nothing, MAIN, "until: 2027-01-01", "until: 2027-01-02"),
    ("TargetSpec.approved_by", Nothing, MAIN, "approved_by: Board", "approved_by: Other"),
    ("PrivacySpec.subject", Nothing, MAIN, "subject: people", "subject: staff"),
    ("PrivacySpec.minimum_group", Derived, MAIN, "minimum_group: 5", "minimum_group: 6"),
    ("ReportSpec.chart", Nothing, MAIN, "chart: line", "chart: bar"),
    ("PopulationSpec.population", Nothing, "", "", ""), // who measures it names it: see BaseSpec.population
    ("PopulationSpec.title", Nothing, THINGS, "title: Things", "title: Stuff"),
    ("PopulationSpec.columns", Parts, "", "", ""),
    ("PopulationSpec.sources", Definition, THINGS, "sources: [a, b]", "sources: [a]"),
    ("PopulationSpec.feeds", Parts, "", "", ""),
    ("PopulationSpec.joins", Definition, THINGS, "joins: { others: kind }", "joins: { others: sort }"),
    ("PopulationSpec.snapshot", Parts, "", "", ""),
    ("ColumnSpec.type", Definition, THINGS, "free: { type: text", "free: { type: number"),
    ("ColumnSpec.merge", Definition, THINGS, "merge: first }", "merge: last }"),
    ("ColumnSpec.scale", Definition, THINGS, "scale: ordinal", "scale: ratio"),
    ("ColumnSpec.unit", Definition, THINGS, "unit: pieces", "unit: bits"),
    ("FeedSpec.class", Definition, OTHERS, "class: compliance_finding", "class: detection_finding"),
    ("FeedSpec.key", Definition, THINGS, "key: device.hostname", "key: device.name"),
    ("FeedSpec.partition", Nothing, "", "", ""), // joined populations share it: a test of its own
    ("FeedSpec.sources", Definition, THINGS, "sources: [a], when", "sources: [b], when"),
    ("FeedSpec.when", Definition, THINGS, "when: activity_id == 1", "when: activity_id == 2"),
    ("FeedSpec.remove", Definition, THINGS, "remove: activity_id == 3", "remove: activity_id == 4"),
    ("FeedSpec.lists", Definition, THINGS, "lists: true, set", "lists: false, set"),
    ("FeedSpec.set", Definition, THINGS, "level: severity_id", "level: status_id"),
    ("ConditionalSet.value", Definition, THINGS, "value: device.type", "value: device.name"),
    ("ConditionalSet.when", Definition, THINGS, "when: severity_id == 1", "when: severity_id == 2"),
    ("SnapshotSpec.class", Definition, THINGS, "class: isms_snapshot", "class: isms_heartbeat"),
    ("SnapshotSpec.sources", Definition, THINGS, "sources: [a], taken_at", "sources: [b], taken_at"),
    ("SnapshotSpec.when", Definition, THINGS, "when: activity_id == 5", "when: activity_id == 6"),
    ("SnapshotSpec.taken_at", Definition, THINGS, "taken_at: start_time", "taken_at: end_time"),
    ("SourceSpec.source", Nothing, "", "", ""), // who measures it names it: see ConstructSpec.sources
    ("SourceSpec.title", Nothing, A, "title: A", "title: Aa"),
    ("SourceSpec.owner", Nothing, A, "owner: O", "owner: P"),
    ("SourceSpec.topics", Settings, A, "topics: [raw.a]", "topics: [raw.a, raw.aa]"),
    ("SourceSpec.decode", Settings, A, "decode: json", "decode: text"),
    ("SourceSpec.unwrap", Settings, A, "records: events", "records: items"),
    ("SourceSpec.encoding", Settings, A, "encoding: utf-8", "encoding: utf-16"),
    ("SourceSpec.duplicate_members", Settings, A, "duplicate_members: refuse", "duplicate_members: last"),
    ("SourceSpec.time_unit", Settings, A, "time_unit: milliseconds", "time_unit: seconds"),
    ("SourceSpec.zone", Settings, A, "zone: UTC", "zone: Europe/Zurich"),
    ("SourceSpec.alive_by", Settings, A, "alive_by: isms_heartbeat", "alive_by: authentication"),
    ("SourceSpec.mapping", Settings, A, "mapping: vrl", "mapping: ocsf"),
    ("SourceSpec.lateness", Settings, A, "lateness: PT1H", "lateness: PT2H"),
    ("SourceSpec.idle", Settings, A, "idle: PT30S", "idle: PT31S"),
    ("SourceSpec.max_future", Settings, A, "max_future: PT5M", "max_future: PT6M"),
    ("SourceSpec.rhythm", Settings, A, "rhythm: P2D", "rhythm: P3D"),
    ("SourceSpec.deduplicate", Settings, A, "deduplicate: P7D", "deduplicate: P8D"),
    ("OrganisationSpec.parameters", Definition, "organisation.yaml", "asked: 5", "asked: 6"),
    ("RatesSpec.currency", Definition, "rates.yaml", "currency: CHF", "currency: USD"),
    ("RatesSpec.zone", Definition, "rates.yaml", "zone: Europe/Zurich", "zone: UTC"),
    ("RatesSpec.rates", Parts, "", "", ""),
    ("RateSpec.from", Definition, "rates.yaml", "from: 2026-01-01", "from: 2026-01-02"),
    ("RateSpec.of", Definition, "rates.yaml", "EUR: 0.95", "EUR: 0.96"),
    ("a mapping", Settings, "mappings/a/map.vrl", ".class_uid = 2005", ".class_uid = 3002"),
];

#[test]
fn every_key_has_its_say_or_none() {
    let mut keys: BTreeSet<String> = BTreeSet::from(["a mapping".to_owned()]);
    for of in [Schema::Construct, Schema::Population, Schema::Source, Schema::Organisation, Schema::Rates] {
        let schema = schema(of);
        let nested = schema["$defs"].as_object().into_iter().flatten().map(|(name, of)| (name.as_str(), of));
        for (name, of) in nested.chain([(schema["title"].as_str().unwrap(), &schema)]) {
            keys.extend(of["properties"].as_object().into_iter().flatten().map(|(key, _)| format!("{name}.{key}")));
        }
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|(key, ..)| (*key).to_owned()).collect();
    let missing: Vec<&String> = keys.symmetric_difference(&listed).collect();
    assert!(missing.is_empty(), "say here what these keys decide, or that there are none: {missing:?}");
    let plain = digests(&files());
    let mut wrong = Vec::new();
    for (key, says, file, from, to) in KEYS.iter().filter(|(_, _, file, ..)| !file.is_empty()) {
        let found = digests(&changed(&[(file, from, to)]));
        let changes = (
            found.definitions != plain.definitions,
            found.bases != plain.bases,
            found.criteria != plain.criteria,
            found.settings != plain.settings,
            found.catalogue != plain.catalogue,
        );
        let wanted = match says {
            // Parameters of bands may be among what changes: criteria are free to follow.
            Definition => (true, true, changes.2, false, true),
            Derived => (true, false, changes.2, false, true),
            Settings => (false, false, false, true, true),
            Criteria => (false, false, true, false, false),
            Kept => (false, true, false, false, true),
            Nothing | Parts => (false, false, false, false, false),
        };
        if changes != wanted {
            wrong.push(format!(
                "{key} says {says:?}; definition, base, criteria, settings, what is kept change: {changes:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[derive(Debug, PartialEq, Eq)]
struct Digests {
    definitions: BTreeMap<String, String>,
    /// Of base measures and of populations.
    bases: Vec<String>,
    settings: Vec<String>,
    criteria: Vec<String>,
    catalogue: String,
}

fn digests(files: &Files) -> Digests {
    let catalogue = Catalogue::from_files(files).unwrap_or_else(|faults| panic!("{faults}"));
    let of = |construct: &Construct| (construct.id.clone(), construct.digest.clone());
    let criteria = catalogue.constructs.iter().flat_map(|construct| &construct.indicator.criteria);
    Digests {
        definitions: catalogue.constructs.iter().map(of).collect(),
        bases: {
            let measures = catalogue.constructs.iter().flat_map(|construct| &construct.base);
            let populations = catalogue.populations.values().map(|population| population.digest.clone());
            measures.map(|base| base.digest.clone()).chain(populations).collect()
        },
        settings: catalogue.sources.values().map(|source| source.digest.clone()).collect(),
        criteria: criteria.map(|criteria| criteria.digest.clone()).collect(),
        catalogue: catalogue.digest.clone(),
    }
}

fn changed(edits: &[(&str, &str, &str)]) -> Files {
    let mut files = files();
    for (file, from, to) in edits {
        let text = files.0.get_mut(*file).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{file}: `{from}`");
        *text = text.replace(from, to);
    }
    files
}

/// A catalogue that uses every key.
fn files() -> Files {
    let folder = here("tests/all-keys");
    let (files, faults) = Files::read(&folder);
    assert!(faults.is_empty(), "{faults:?}");
    files
}
