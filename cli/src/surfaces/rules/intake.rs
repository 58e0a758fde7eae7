//! Alerts about what became of records: whatever is in no figure, or may not be as it was sent, is told.
//!
//! Sources send by the second or once a night. What counts is therefore how much a counter has grown within an hour, not
//! a rate, and a rule fires at once and for that hour: a burst is over before anybody could wait for it.

use super::{File, Rule};

/// What a rule looks at.
struct Share<'a> {
    alert: &'a str,
    /// Counter of what should not be, with its selector.
    of: &'a str,
    /// Labels that tell what it is about.
    by: &'a str,
    /// More than this share of that counter; everything where the share is empty.
    least: (&'a str, &'a str),
    severity: &'a str,
    summary: &'a str,
    description: &'a str,
    runbook: &'a str,
}

const SHARES: [Share<'static>; 6] = [
    Share {
        alert: "VernierRecordsRejected",
        of: "vernier_ingest_rejected_total",
        by: "source",
        least: ("0.01", "vernier_ingest_read_total"),
        severity: "warning",
        summary: "{{ $labels.source }}: within an hour, more than one record in a hundred could not be used",
        description: "They are in the dead letters, with the reason, and in no figure.",
        runbook: "records-rejected",
    },
    Share {
        alert: "VernierEventsLate",
        of: r#"vernier_aggregator_left_out_total{outcome="late"}"#,
        by: "source",
        least: ("0.01", "vernier_ingest_events_total"),
        severity: "warning",
        summary: "{{ $labels.source }}: within an hour, more than one event in a hundred came too late to be counted",
        description: "They came after the period was beyond correction, and are in no figure.",
        runbook: "events-late",
    },
    Share {
        alert: "VernierEventsDuplicate",
        of: r#"vernier_aggregator_left_out_total{outcome="duplicate"}"#,
        by: "source",
        least: ("0.1", "vernier_ingest_events_total"),
        severity: "warning",
        summary: "{{ $labels.source }}: within an hour, more than one event in ten came again",
        description: "They are counted once. A source whose identities are not unique would lose events this way.",
        runbook: "events-duplicate",
    },
    Share {
        alert: "VernierIdentityConflict",
        of: r#"vernier_aggregator_left_out_total{outcome="conflict"}"#,
        by: "source",
        least: ("", ""),
        severity: "warning",
        summary: "{{ $labels.source }}: different events have the same identity",
        description: "The first one of each identity is counted, the others are in the dead letters and in no figure.",
        runbook: "identity-conflict",
    },
    Share {
        alert: "VernierAttributesMistyped",
        of: "vernier_ingest_mistyped_total",
        by: "source, class, attribute",
        least: ("", ""),
        severity: "warning",
        summary: "{{ $labels.source }}: {{ $labels.attribute }} of {{ $labels.class }} is not of its type",
        description: "What asks for the attribute cannot be decided for these events; beyond its tolerance an indicator has no band.",
        runbook: "attributes-mistyped",
    },
    Share {
        alert: "VernierCharactersReplaced",
        of: "vernier_ingest_replaced_total",
        by: "source",
        least: ("0.01", "vernier_ingest_elements_total"),
        severity: "warning",
        summary: "{{ $labels.source }}: within an hour, more than one record in a hundred had bytes that are no characters",
        description: "They were replaced. Another encoding than the declared one looks like this, and so does an attack.",
        runbook: "characters-replaced",
    },
];

pub(super) fn alerts(file: &mut File) -> anyhow::Result<()> {
    for share in SHARES {
        let grown = grown(share.of, share.by);
        let expression = match share.least {
            ("", _) => format!("{grown} > 0"),
            (least, of) => format!("{grown} > {least} * {}", self::grown(of, share.by)),
        };
        file.rule(&Rule {
            alert: share.alert,
            expression,
            wait: "0s",
            labels: vec![("severity", share.severity)],
            summary: share.summary.to_owned(),
            description: share.description.to_owned(),
            runbook: share.runbook,
        })?;
    }
    Ok(())
}

/// How much a counter has grown within an hour. A series that was not there an hour ago has grown from nothing: that a new
/// process had counted before it was first looked at is not left out.
fn grown(counter: &str, by: &str) -> String {
    format!("sum by ({by}) (({counter} unless {counter} offset 1h) or increase({counter}[1h]))")
}
