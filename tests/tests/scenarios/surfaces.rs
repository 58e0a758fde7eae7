//! What Prometheus sees: a real one scrapes, loads the generated rules, answers for the band, and fires.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use measurement::catalogue::Catalogue;
use pipeline_tests::{Cluster, Deployment, Folder, deployment::project, prometheus::Prometheus, until};
use serde_json::Value;

use crate::time::{attempts, hours_back};

#[test]
fn prometheus_sees_the_band_and_the_alert_fires() {
    let deployment = Deployment::new(Cluster::shared(), "prometheus");
    // Two hours in which two of three attempts fail: the newest that is closed is one of them, whatever the minute.
    deployment.write(attempts(hours_back(2), 60, 40).into_iter().chain(attempts(hours_back(1), 60, 40)));
    let ingest = deployment.start("ingest");
    let aggregator = deployment.start("aggregator");
    let evaluator = deployment.start("evaluator");
    let rules = project().join("deploy/generated/alerts.rules.yml");
    let jobs = [
        ("vernier-ingest", ingest.address.as_str()),
        ("vernier-aggregator", aggregator.address.as_str()),
        ("vernier-evaluator", evaluator.address.as_str()),
    ];
    let prometheus = Prometheus::start(deployment.folder(), &rules, &jobs);

    let wait_for = |query: &str| -> Vec<(Value, String)> {
        until(query, Duration::from_mins(2), || match prometheus.query(query)? {
            series if series.is_empty() => {
                Err(format!("no series; up: {:?}", prometheus.query("up").unwrap_or_default()))
            }
            series => Ok(series),
        })
    };
    let ratio = r#"construct="vernier/failed-authentication-ratio",group="all",state="final""#;
    let band = wait_for(&format!(r#"vernier_indicator_band{{{ratio},band="red"}} == 1"#));
    assert_eq!(band.len(), 1);
    let value = wait_for(&format!("vernier_indicator_value{{{ratio}}} > 66 < 67"));
    assert_eq!(value[0].1.get(..7), Some("66.6666"));
    let firing = wait_for(
        r#"ALERTS{alertname="VernierBandRed",alertstate="firing",construct="vernier/failed-authentication-ratio"}"#,
    );
    assert_eq!(firing[0].0["owner"], "Infrastructure operations");
    for (job, _) in jobs {
        wait_for(&format!("up{{job=\"{job}\"}} == 1"));
    }

    // Every query of the dashboard is sound, and asks for a metric that is there.
    let dashboard: Value =
        serde_json::from_slice(&std::fs::read(project().join("deploy/generated/dashboard.json")).unwrap()).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$group", ".*").replace("$__rate_interval", "1m");
            prometheus.query(&query).unwrap_or_else(|fault| panic!("{query}: {fault}"));
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} queries");

    for service in [&ingest, &aggregator, &evaluator] {
        let (_, page) = service.get("/metrics").unwrap();
        check_metrics(&page);
    }
    for service in [ingest, aggregator, evaluator] {
        service.stop();
    }
}

/// `promtool check metrics` on a page.
fn check_metrics(page: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs: scripts/install-tools.sh installs it");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.trim().is_empty(), "{told}");
}

#[test]
fn the_rules_pass_promtool() {
    for arguments in [
        ["check", "rules", "deploy/generated/alerts.rules.yml"],
        ["test", "rules", "deploy/alerts.test.yml"],
        ["check", "config", "deploy/prometheus.yml"],
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(project()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Texts that would mean something to a template, to YAML or to a query.
const HOSTILE: [&str; 6] = [
    "Open a ticket with template {{incident.severity}} in the desk",
    "{{ realm }}{{{ $labels.group }} {{- end -}} }}",
    "Losses in $group over 100 % of ${datasource} and [[group]]",
    r#"Ask "finance" \ CFO: 'now' \n #1"#,
    "{{ template \"x\" }} {{ range . }} {{/* no end",
    "- yes: [no] & *anchor !tag |\ttab\u{7f}\u{85}\u{2028}",
];

#[test]
fn whatever_texts_a_catalogue_has_the_rules_are_sound_and_show_them() {
    let mut catalogue = Catalogue::load(&project().join("schemas")).unwrap();
    catalogue.constructs.truncate(HOSTILE.len());
    let texts: Vec<String> = catalogue.constructs.iter().zip(HOSTILE).map(|(_, text)| text.to_owned()).collect();
    for (construct, text) in catalogue.constructs.iter_mut().zip(&texts) {
        construct.title.clone_from(text);
        construct.need.decision.clone_from(text);
        construct.parties.owner.clone_from(text);
        construct.parties.collector.clone_from(text);
    }
    for (source, text) in catalogue.sources.values_mut().zip(texts.iter().cycle()) {
        source.title.clone_from(text);
        source.owner.clone_from(text);
    }
    let folder = Folder::new();
    let files = vernier::surfaces::files(&catalogue).unwrap();
    for (name, content) in &files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    // What a receiver of the alert reads is the text, brace by brace.
    let mut test = "rule_files: [alerts.rules.yml]\nevaluation_interval: 1m\ntests:\n".to_owned();
    for (construct, text) in catalogue.constructs.iter().zip(&texts) {
        let escaped = |character: char| match character {
            ' '..='~' if !matches!(character, '"' | '\\') => character.to_string(),
            _ => format!("\\u{:04x}", u32::from(character)),
        };
        let quoted = |text: String| format!("\"{}\"", text.chars().map(escaped).collect::<String>());
        let series = format!(
            r#"vernier_indicator_outcome{{construct="{}",group="all",state="final",outcome="out-of-bands"}}"#,
            construct.id
        );
        test += &format!(
            "  - interval: 1m\n    input_series: [{{ series: {}, values: 1 1 }}]\n    alert_rule_test:\n      - eval_time: 1m\n        \
             alertname: VernierOutOfBands\n        exp_alerts:\n          - exp_labels: {{ severity: warning, construct: {}, owner: {}, \
             group: all, state: final, outcome: out-of-bands }}\n            exp_annotations: {{ summary: {}, description: {}, \
             runbook: \"docs/runbooks.md#out-of-bands\" }}\n",
            quoted(series),
            quoted(construct.id.clone()),
            quoted(text.clone()),
            quoted(format!("{text}: beyond all bands (all, final)")),
            quoted(format!("{} Decision to take: {text}.", construct.need.question)),
        );
    }
    std::fs::write(folder.join("test.yml"), test).unwrap();
    for arguments in [["check", "rules", "alerts.rules.yml"], ["test", "rules", "test.yml"]] {
        let output = Command::new("promtool").args(arguments).current_dir(folder.path()).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {told}");
    }
    let dashboard: Value = serde_json::from_str(&files[1].1).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap_or_default();
        assert!(!title.contains("$group") && !title.contains("[[group]]"), "{title}");
    }
}
