//! Whatever is damaged, red never turns green: it stays red, or loses its band with a reason.

use crate::bench::{Bench, DAY, log_ins, ocsf, ssh_lines};

/// A generator that gives the same numbers everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        // SplitMix64, Steele, Lea, Flood, 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(below).unwrap()).unwrap()
    }
}

/// One line, damaged in a way that can be seen: what is changed into another thing that is sound, such as one hour into
/// another, no reader can tell from the truth.
fn damaged(line: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = line.as_bytes().to_vec();
    let at = numbers.next(bytes.len());
    match numbers.next(9) {
        0 => bytes[at] = u8::try_from(128 + numbers.next(128)).unwrap(),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, 0),
        3 => bytes.insert(at, b'"'),
        4 => bytes = line.replace("\"failure\"", "7").replace("\"status_id\":2", "\"status_id\":\"two\"").into_bytes(),
        5 => bytes = line.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        6 => bytes = line.replace("2026-03-10", "2027-03-10").replace("17731", "17931").into_bytes(),
        7 => bytes = format!("\u{feff}{line}\r").into_bytes(),
        _ => bytes = line.replace("2026-03-10T08", "yesterday").replace("\"time\":1", "\"time\":\"x1").into_bytes(),
    }
    bytes.retain(|byte| *byte != b'\n');
    bytes
}

/// Damages a share of the lines, the failed ones first of all, and looks at the outcome.
fn never_green(bench: &Bench, construct: &str, start: &str, text: &str, failed: &str) {
    let mut numbers = Numbers(7);
    for round in 0..40 {
        let mut input = Vec::new();
        for line in text.lines() {
            let hit = if line.contains(failed) { numbers.next(100) < 3 * round } else { numbers.next(100) < round / 4 };
            input.extend(if hit { damaged(line, &mut numbers) } else { line.as_bytes().to_vec() });
            input.push(b'\n');
        }
        let said =
            if construct == "t/failed" || construct == "t/n" { bench.replay(&input) } else { bench.sshd(&input) };
        if said.code != 0 && said.periods(construct).is_empty() {
            continue;
        }
        let figure = said.figure(construct, start);
        assert!(
            figure.outcome == "red"
                || !figure.because.is_empty() && figure.outcome != "green" && figure.outcome != "yellow",
            "round {round}: {figure:?}\n{}\n{}",
            said.errors,
            String::from_utf8_lossy(&input)
        );
    }
}

#[test]
fn a_share_of_log_ins_stays_red_or_says_why_not() {
    // Who takes everything that is not a failure for a success cannot be helped: this mapping knows both words.
    let strict = crate::bench::APP.replace(
        r#"if .result == "failure" { 2 } else { 1 }"#,
        r#"if .result == "failure" { 2 } else if .result == "success" { 1 } else { abort "result is neither" }"#,
    );
    never_green(&Bench::app().mapping("app", &strict), "t/failed", DAY, &log_ins(str::to_owned), "failure");
}

#[test]
fn lines_of_a_server_stay_red_or_say_why_not() {
    never_green(&Bench::new(), crate::bench::SSHD, crate::bench::HOUR, &ssh_lines(str::to_owned), "Failed");
}

#[test]
fn a_count_of_events_stays_red_or_says_why_not() {
    let failed = "base:\n  n: { event: authentication, count: status_id == 2 }\nindicator:\n  of: n\n  bands: { green: \"[0, 10)\", red: \"[10, inf)\" }\n";
    let text: Vec<String> = (0..40)
        .map(|minute| {
            ocsf(minute, "").replace("\"status_id\":1", if minute < 12 { "\"status_id\":2" } else { "\"status_id\":1" })
        })
        .collect();
    never_green(&Bench::ocsf(failed), "t/n", DAY, &text.join("\n"), "\"status_id\":2");
}

#[test]
fn what_a_mapping_may_have_looked_at_leaves_doubt() {
    // This mapping takes whatever is not a failure for a success.
    for damaged in ["f\u{0}ilure", "\\ud800failure", "failur\u{0}"] {
        let text = log_ins(|line| line.replace("failure", damaged));
        let figure = Bench::app().replay(text).failed();
        assert_eq!((figure.value.as_deref(), &*figure.outcome), (Some("0"), "unvalidated"), "{figure:?}");
    }
    let said = Bench::app().replay(log_ins(str::to_owned).replace("idp-1", "idp\u{0}"));
    assert_eq!(said.failed().outcome, "red", "an alarm stands");
}
