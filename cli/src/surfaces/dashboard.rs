//! The Grafana dashboard: every indicator with its band, one panel over time for each construct, sources and
//! pipeline.

use measurement::catalogue::{Catalogue, Construct};
use serde_json::{Value, json};

use super::text;

/// Height of a row of panels and their width, in cells of Grafana's grid of 24.
const HEIGHT: usize = 8;
const WIDTH: usize = 12;

/// The dashboard.
pub fn dashboard(catalogue: &Catalogue) -> Value {
    let mut panels = vec![row("Indicators", 0), overview(1), row("Over time", 9)];
    for (index, construct) in catalogue.constructs.iter().enumerate() {
        panels.push(over_time(construct, 10 + (index / 2) * HEIGHT, (index % 2) * WIDTH));
    }
    let below = 10 + catalogue.constructs.len().div_ceil(2) * HEIGHT;
    panels.push(row("Sources and pipeline", below));
    panels.extend(pipeline(below + 1));
    for (id, panel) in panels.iter_mut().enumerate() {
        panel["id"] = json!(id + 1);
    }
    json!({
        "uid": "vernier",
        "title": "Vernier: information-security measurement",
        "description": "Generated from the catalogue by `vernier surfaces`.",
        "tags": ["vernier", "iso27004"],
        "schemaVersion": 42,
        "editable": false,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": { "from": "now-24h", "to": "now" },
        "timezone": "browser",
        "templating": { "list": [
            {
                "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
                "refresh": 1, "hide": 0, "multi": false, "includeAll": false
            },
            {
                "name": "group", "label": "Group", "type": "query", "datasource": source(),
                "query": { "query": "label_values(vernier_indicator_band_code, group)", "refId": "group" },
                "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*",
                "current": { "text": "All", "value": "$__all" }
            }
        ] },
        "annotations": { "list": [] },
        "links": [],
        "panels": panels,
    })
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn row(title: &str, y: usize) -> Value {
    json!({ "type": "row", "title": title, "collapsed": false, "panels": [], "gridPos": place(24, 1, 0, y) })
}

fn place(width: usize, height: usize, x: usize, y: usize) -> Value {
    json!({ "w": width, "h": height, "x": x, "y": y })
}

fn target(reference: &str, expression: &str, legend: &str) -> Value {
    json!({ "refId": reference, "expr": expression, "legendFormat": legend, "datasource": source() })
}

fn instant(reference: &str, expression: &str) -> Value {
    json!({
        "refId": reference, "expr": expression, "legendFormat": "__auto", "instant": true, "range": false,
        "format": "table", "datasource": source()
    })
}

/// What the codes of `vernier_indicator_band_code` mean.
fn bands() -> Value {
    json!([{ "type": "value", "options": {
        "0": { "text": "green", "color": "green", "index": 0 },
        "1": { "text": "yellow", "color": "yellow", "index": 1 },
        "2": { "text": "red", "color": "red", "index": 2 },
        "3": { "text": "other band", "color": "blue", "index": 3 },
        "4": { "text": "no band", "color": "text", "index": 4 }
    } }])
}

fn overview(y: usize) -> Value {
    let by = "construct, group, state";
    json!({
        "type": "table",
        "title": "Indicators",
        "description": "Newest period of every indicator: provisional while it runs, final once it is closed.",
        "datasource": source(),
        "gridPos": place(24, HEIGHT, 0, y),
        "targets": [
            instant("band", &format!(r#"max by ({by}) (vernier_indicator_band_code{{group=~"$group"}})"#)),
            instant("value", &format!(r#"max by ({by}) (vernier_indicator_value{{group=~"$group"}})"#)),
            instant("end", &format!(
                r#"max by ({by}) (vernier_indicator_period_end_timestamp_seconds{{group=~"$group"}}) * 1000"#
            )),
        ],
        "transformations": [
            { "id": "merge", "options": {} },
            { "id": "organize", "options": {
                "excludeByName": { "Time": true },
                "indexByName": {
                    "construct": 0, "group": 1, "state": 2, "Value #band": 3, "Value #value": 4, "Value #end": 5
                },
                "renameByName": {
                    "construct": "Construct", "group": "Group", "state": "State", "Value #band": "Band",
                    "Value #value": "Value", "Value #end": "Period ends"
                }
            } }
        ],
        "fieldConfig": { "defaults": { "unit": "none" }, "overrides": [
            { "matcher": { "id": "byName", "options": "Band" }, "properties": [
                { "id": "mappings", "value": bands() },
                { "id": "custom.cellOptions", "value": { "type": "color-background" } }
            ] },
            { "matcher": { "id": "byName", "options": "Period ends" }, "properties": [
                { "id": "unit", "value": "dateTimeAsIso" }
            ] },
            { "matcher": { "id": "byName", "options": "Value" }, "properties": [{ "id": "decimals", "value": 2 }] }
        ] },
        "options": { "showHeader": true, "sortBy": [{ "displayName": "Band", "desc": true }] }
    })
}

fn over_time(construct: &Construct, y: usize, x: usize) -> Value {
    let id = &construct.id;
    let mut targets = vec![
        target(
            "final",
            &format!(r#"vernier_indicator_value{{construct="{id}",group=~"$group",state="final"}}"#),
            "{{group}} (final)",
        ),
        target(
            "provisional",
            &format!(r#"vernier_indicator_value{{construct="{id}",group=~"$group",state="provisional"}}"#),
            "{{group}} (provisional)",
        ),
    ];
    if construct.targets.iter().any(|target| target.value.is_some()) {
        targets.push(target("target", &format!(r#"vernier_indicator_target{{construct="{id}"}}"#), "target"));
    }
    json!({
        "type": "timeseries",
        "title": text::title(&construct.title),
        "description": text::markdown(&format!(
            "{id}. {} Decision: {}.", construct.need.question, construct.need.decision
        )),
        "datasource": source(),
        "gridPos": place(WIDTH, HEIGHT, x, y),
        "targets": targets,
        "fieldConfig": {
            "defaults": {
                "unit": if construct.unit() == "percent" { "percent" } else { "none" },
                "custom": { "lineInterpolation": "stepAfter", "spanNulls": false }
            },
            "overrides": [{ "matcher": { "id": "byName", "options": "target" }, "properties": [
                { "id": "custom.lineStyle", "value": { "fill": "dash", "dash": [8, 8] } }
            ] }]
        },
        "options": { "legend": { "showLegend": true, "displayMode": "list", "placement": "bottom" } }
    })
}

fn pipeline(y: usize) -> [Value; 4] {
    let panel = |title: &str, description: &str, unit: &str, target: Value, (x, y): (usize, usize)| {
        json!({
            "type": "timeseries", "title": title, "description": description, "datasource": source(),
            "gridPos": place(WIDTH, HEIGHT, x, y), "targets": [target],
            "fieldConfig": { "defaults": { "unit": unit }, "overrides": [] },
            "options": { "legend": { "showLegend": true, "displayMode": "list", "placement": "bottom" } }
        })
    };
    [
        panel(
            "Event time behind the clock",
            "How far the watermark of each construct is behind: lateness of its sources, and lag on top.",
            "s",
            target("lag", "time() - vernier_watermark_timestamp_seconds", "{{construct}}"),
            (0, y),
        ),
        panel(
            "Silent sources",
            "1 where a source has been silent for longer than its rhythm allows.",
            "none",
            target("silent", "vernier_source_silent", "{{source}}"),
            (WIDTH, y),
        ),
        panel(
            "Source records read",
            "Records read by ingest.",
            "cps",
            target("read", "sum by (source) (rate(vernier_ingest_read_total[$__rate_interval]))", "{{source}}"),
            (0, y + HEIGHT),
        ),
        panel(
            "Source records rejected",
            "Records that ended in the dead letters, by reason.",
            "cps",
            target(
                "rejected",
                "sum by (source, reason) (rate(vernier_ingest_rejected_by_reason_total[$__rate_interval]))",
                "{{source}} {{reason}}",
            ),
            (WIDTH, y + HEIGHT),
        ),
    ]
}
