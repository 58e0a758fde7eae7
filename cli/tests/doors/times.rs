//! Times: years that nobody wrote, zones, clocks, orders of arrival.

use crate::bench::{APP, Bench, COUNT, FAILED_SHARE, SSHD, log_ins};

const FIREWALL: &str = r#"parts = parse_syslog!(.message)
text = string!(parts.message)
status_id = if starts_with(text, "deny") { 2 } else { 1 }
{
  "category_uid": 3, "class_uid": 3002, "activity_id": 1, "type_uid": 300201, "severity_id": 1,
  "time": to_unix_timestamp(timestamp!(parts.timestamp), unit: "milliseconds"), "status_id": status_id,
  "metadata": { "version": "1.8.0" }, "dst_endpoint": { "hostname": string!(parts.hostname) }
}
"#;

fn firewall(received: &str, day: &str) -> crate::bench::Said {
    let text: String = (0..10)
        .map(|minute| {
            format!(
                "<38>{day} 08:{minute:02}:00 gw-1 filter[7]: {} tcp\n",
                if minute % 2 == 0 { "permit" } else { "deny" }
            )
        })
        .collect();
    Bench::new()
        .source("app", "decode: text\nmapping: vrl")
        .mapping("app", FIREWALL)
        .daily("t/failed", "app", FAILED_SHARE)
        .at(received, received)
        .replay(text)
}

#[test]
fn a_stamp_without_a_year_takes_it_from_its_record() {
    firewall("2027-04-01T00:00:00Z", "Mar 10").is_red("t/failed", "2027-03-10T00:00:00Z", "50", "10");
    firewall("2027-03-09T12:00:00Z", "Dec 10").is_red("t/failed", "2026-12-10T00:00:00Z", "50", "10");
    firewall("2027-01-02T00:00:00Z", "Dec 31").is_red("t/failed", "2026-12-31T00:00:00Z", "50", "10");
    firewall("2024-03-02T00:00:00Z", "Feb 29").is_red("t/failed", "2024-02-29T00:00:00Z", "50", "10");
    firewall("2023-03-02T00:00:00Z", "Feb 29").is_red("t/failed", "2020-02-29T00:00:00Z", "50", "10");
}

#[test]
fn functions_that_read_the_machines_clock_may_not_be_called_or_take_the_records_time() {
    for (program, line) in [
        (
            r#"parts = parse_linux_authorization!(.message)"#,
            "Mar 10 08:00:00 gw-1 sshd[7]: Accepted publickey for root from 192.0.2.1 port 400 ssh2",
        ),
        (r#"parts = parse_klog!(.message)"#, "I0310 08:00:00.000000       1 main.go:1] hello"),
    ] {
        let mapping = format!(
            "{program}\n{{ \"category_uid\": 3, \"class_uid\": 3002, \"activity_id\": 1, \"time\": to_unix_timestamp(timestamp!(parts.timestamp), unit: \"milliseconds\"), \"status_id\": 1, \"metadata\": {{ \"version\": \"1.8.0\" }}, \"dst_endpoint\": {{ \"hostname\": \"h\" }} }}"
        );
        let said = Bench::new()
            .source("app", "decode: text\nmapping: vrl")
            .mapping("app", &mapping)
            .daily("t/n", "app", COUNT)
            .at("2021-03-11T00:00:00Z", "2021-03-11T12:00:00Z")
            .replay(line);
        if said.errors.contains("undefined function") {
            continue;
        }
        said.counts("t/n", "2021-03-10T00:00:00Z", "1");
    }
}

fn bsd(day: u32, month: &str, minutes: u32, what: &str) -> String {
    (0..minutes)
        .map(|minute| format!("{month} {day:>2} 08:{:02}:{:02} db-1 sshd[1]: {what} password for deploy from 192.0.2.1 port 40 ssh2\n", minute / 60, minute % 60))
        .collect()
}

#[test]
fn a_turn_of_the_year_and_a_leap_day_are_placed() {
    let text = [
        bsd(30, "Dec", 30, "Failed"),
        bsd(31, "Dec", 30, "Failed"),
        bsd(1, "Jan", 30, "Failed"),
        bsd(2, "Jan", 30, "Failed"),
    ]
    .concat();
    let said = Bench::new().at("2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z").sshd(text);
    for day in ["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"] {
        said.is_red(SSHD, &format!("{day}T08:00:00Z"), "100", "30");
    }
    let text = [bsd(28, "Feb", 30, "Failed"), bsd(29, "Feb", 30, "Failed"), bsd(1, "Mar", 30, "Failed")].concat();
    let said = Bench::new().at("2024-03-05T00:00:00Z", "2024-03-05T00:00:00Z").sshd(text);
    for day in ["2024-02-28", "2024-02-29", "2024-03-01"] {
        said.is_red(SSHD, &format!("{day}T08:00:00Z"), "100", "30");
    }
}

#[test]
fn files_and_lines_may_lie_in_any_order() {
    let line = |month: u32, second: u32, what: &str| {
        // Farther apart than the construct's horizon for corrections.
        let day = if month == 2 { 10 } else { 20 };
        format!(
            "2026-{month:02}-{day}T08:{:02}:{:02}Z web-1 sshd[1]: {what} for deploy from 192.0.2.1 port 40 ssh2\n",
            second / 60,
            second % 60
        )
    };
    for march in [60, 600, 900, 3000] {
        let mut text: String = (0..march).map(|second| line(3, second % 3600, "Accepted publickey")).collect();
        text.extend((0..30).map(|second| line(2, second, "Failed password")));
        let said = Bench::new().at("2026-03-21T12:00:00Z", "2026-03-21T12:00:00Z").sshd(&text);
        said.is_red(SSHD, "2026-02-10T08:00:00Z", "100", "30");
        let backwards: String = text.lines().rev().map(|line| format!("{line}\n")).collect();
        let said = Bench::new().at("2026-03-21T12:00:00Z", "2026-03-21T12:00:00Z").sshd(backwards);
        said.is_red(SSHD, "2026-02-10T08:00:00Z", "100", "30");
    }
}

#[test]
fn one_stray_clock_makes_nothing_late() {
    let mut lines: Vec<String> = (0..3000)
        .map(|number| {
            let (minute, second) = (number / 60, number % 60);
            let what = if number % 2 == 0 { "Accepted publickey" } else { "Failed password" };
            format!(
                "2026-03-10T08:{minute:02}:{second:02}Z web-1 sshd[1]: {what} for deploy from 192.0.2.1 port 40 ssh2"
            )
        })
        .collect();
    lines.insert(
        100,
        "2026-06-10T08:00:00Z web-2 sshd[1]: Failed password for deploy from 192.0.2.1 port 40 ssh2".to_owned(),
    );
    for arguments in [&[][..], &["--as-it-came"]] {
        let bench = Bench::new().at("2026-06-11T12:00:00Z", "2026-06-11T12:00:00Z");
        let bench = arguments.iter().fold(bench, |bench, argument| bench.with(argument));
        bench.sshd(lines.join("\n")).is_red(SSHD, "2026-03-10T08:00:00Z", "50", "3000");
    }
}

fn erp(zone: &str, program: &str, lines: &[&str]) -> crate::bench::Said {
    let text: Vec<String> =
        lines.iter().map(|at| format!(r#"{{"at":"{at}","host":"h","result":"success"}}"#)).collect();
    Bench::new()
        .source("app", &format!("decode: json\nmapping: vrl\nzone: {zone}"))
        .mapping("app", program)
        .construct("t/n", "app", ("PT1H", "UTC"), COUNT)
        .at("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z")
        .replay(text.join("\n"))
}

#[test]
fn a_stamp_without_a_zone_is_in_that_of_its_source() {
    let local = APP.replace(r#""%+""#, r#""%Y-%m-%d %H:%M:%S""#);
    erp("Europe/Zurich", &local, &["2026-03-10 14:00:00"]).counts("t/n", "2026-03-10T13:00:00Z", "1");
    erp("America/New_York", &local, &["2026-03-10 09:30:00"]).counts("t/n", "2026-03-10T13:00:00Z", "1");
    erp("UTC", &local, &["2026-03-10 13:10:00"]).counts("t/n", "2026-03-10T13:00:00Z", "1");
    // The hour that exists twice is the first of the two; the one that does not exist is moved on by the gap.
    let said = erp(
        "Europe/Zurich",
        &local,
        &["2026-10-25 01:59:59", "2026-10-25 02:30:00", "2026-10-25 02:30:01", "2026-10-25 03:00:00"],
    );
    said.counts("t/n", "2026-10-24T23:00:00Z", "1");
    said.counts("t/n", "2026-10-25T00:00:00Z", "2");
    said.counts("t/n", "2026-10-25T02:00:00Z", "1");
    erp("Europe/Zurich", &local, &["2026-03-29 02:30:00"]).counts("t/n", "2026-03-29T01:00:00Z", "1");
    let named = local.replace(r#"%S""#, r#"%S", timezone: "Europe/Zurich""#);
    erp("UTC", &named, &["2026-10-25 02:30:00"]).counts("t/n", "2026-10-25T00:00:00Z", "1");
}

#[test]
fn a_leap_second_belongs_to_its_day() {
    for (at, day) in [
        ("2016-12-31T23:59:60Z", "2016-12-31T00:00:00Z"),
        ("2026-03-31T23:59:60Z", "2026-03-31T00:00:00Z"),
        ("2017-01-01T00:59:60+01:00", "2016-12-31T00:00:00Z"),
        ("2016-12-31T23:59:60.500Z", "2016-12-31T00:00:00Z"),
    ] {
        let line = format!(r#"{{"at":"{at}","host":"h","result":"success"}}"#);
        let bench = Bench::app().daily("t/n", "app", COUNT).at("2026-04-02T00:00:00Z", "2026-04-02T00:00:00Z");
        bench.replay(line).counts("t/n", day, "1");
        let native = crate::bench::ocsf(0, "").replace("1773129600000", &format!("\"{at}\""));
        Bench::ocsf(COUNT).at("2026-04-02T00:00:00Z", "2026-04-02T00:00:00Z").replay(native).counts("t/n", day, "1");
    }
}

#[test]
fn hours_tile_time_where_clocks_change_by_half_an_hour() {
    for (zone, from, to) in [
        ("Australia/Lord_Howe", "2026-04-04T13:10:00Z", "2026-04-04T18:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T13:10:00Z", "2026-10-03T18:00:00Z"),
        ("Asia/Kathmandu", "2026-04-04T13:10:00Z", "2026-04-04T16:00:00Z"),
        ("America/St_Johns", "2026-03-08T03:10:00Z", "2026-03-08T08:00:00Z"),
    ] {
        for period in ["PT30M", "PT1H", "P1D"] {
            let line = |at: &str| format!(r#"{{"at":"{at}","host":"h","result":"success"}}"#);
            let said = Bench::new()
                .source("app", "decode: json\nmapping: vrl")
                .mapping("app", APP)
                .construct("t/n", "app", (period, zone), COUNT)
                .at("2026-10-10T00:00:00Z", "2026-10-10T00:00:00Z")
                .replay([line(from), line(to)].join("\n"));
            let mut periods = said.periods("t/n");
            periods.sort_unstable();
            assert!(periods.len() > 1, "{said:#?}");
            for two in periods.windows(2) {
                assert_eq!(two[0].1, two[1].0, "{zone} {period}: periods touch and do not overlap");
            }
        }
    }
}

#[test]
fn a_record_of_long_ago_makes_no_entry_for_each_silent_hour() {
    let old = r#"{"at":"2016-03-10T08:00:00Z","host":"h","result":"success"}"#;
    let text = format!("{old}\n{}", log_ins(str::to_owned));
    let said = Bench::new()
        .source("app", "decode: json\nmapping: vrl")
        .mapping("app", APP)
        .construct("t/failed", "app", ("PT5M", "UTC"), FAILED_SHARE)
        .replay(text);
    let entries = said.periods("t/failed").len();
    assert!(entries < 1000, "{entries} entries");
    assert_eq!(said.figure("t/failed", "2026-03-10T08:15:00Z").outcome, "red");
}

#[test]
fn an_event_is_judged_against_its_records_time() {
    let line = r#"{"at":"2026-03-11T12:06:00Z","host":"h","result":"success"}"#;
    let said = Bench::app().replay(format!("{}{line}\n", log_ins(str::to_owned)));
    assert!(said.errors.contains("implausible-time"), "{}", said.errors);
    let figure = said.failed();
    assert_eq!((figure.value.as_deref(), &*figure.outcome), (Some("50"), "unvalidated"), "one of 21 is in no figure");
    assert_eq!(figure.because, "1 of 21 elements of app could not be read");
}
