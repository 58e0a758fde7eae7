//! Bytes and texts: marks, line ends, encodings, compression.

use std::io::Write as _;

use crate::bench::{Bench, HOUR, SSHD, log_ins, ssh_lines};

#[track_caller]
fn half_of_thirty(bytes: impl AsRef<[u8]>) {
    Bench::new().sshd(bytes).is_red(SSHD, HOUR, "50", "30");
}

#[track_caller]
fn half_of_twenty(bytes: impl AsRef<[u8]>) {
    Bench::app().replay(bytes).is_red("t/failed", crate::bench::DAY, "50", "20");
}

fn rfc5424(mark: &str) -> String {
    let mut text = String::new();
    for minute in 0..30 {
        let (what, mark) = if minute < 15 { ("Accepted publickey", "") } else { ("Failed password", mark) };
        text += &format!(
            "<38>1 2026-03-10T08:{minute:02}:00Z gate-1 sshd 8 - - {mark}{what} for root from 192.0.2.1 port 400 ssh2\n"
        );
    }
    text
}

#[test]
fn the_mark_before_the_message_of_rfc_5424_hides_nothing() {
    half_of_thirty(rfc5424(""));
    half_of_thirty(rfc5424("\u{feff}"));
    half_of_thirty(rfc5424("\u{feff}").replace("- - ", "- [meta seq=\"1\"] "));
    half_of_thirty(rfc5424("\u{feff}").replace("<38>", "\u{feff}<38>"));
    half_of_thirty(rfc5424("\u{feff}").replace('\n', "\r\n"));
}

#[test]
fn ends_of_lines_are_no_part_of_them() {
    half_of_thirty(ssh_lines(|line| format!("{line}\r")));
    half_of_thirty(ssh_lines(str::to_owned).replace('\n', "\r\n"));
    half_of_thirty(ssh_lines(|line| format!("{line} \r")));
    half_of_thirty(ssh_lines(|line| line.replace("ssh2", "ssh2\r\r")));
    // A shipper's envelope whose text keeps the end of its line.
    let text = ssh_lines(|line| format!(r#"{{"@timestamp":"2026-03-10T08:59:00Z","message":"{line}\r"}}"#));
    half_of_thirty(text);
    half_of_thirty(ssh_lines(|line| format!(r#"{{"message":"{line}\r\n","host":{{"name":"web-1"}}}}"#)));
    half_of_twenty(log_ins(str::to_owned).replace('\n', "\r\n"));
    let mut lines = ssh_lines(str::to_owned).lines().take(16).map(str::to_owned).collect::<Vec<_>>();
    lines[15] = lines[15].replace("Failed", "message repeated 15 times: [ Failed").replace("ssh2", "ssh2]");
    half_of_thirty(lines.join("\r\n") + "\r");
    half_of_thirty(lines.iter().map(|line| format!("{{\"message\":\"{line}\\r\"}}\n")).collect::<String>());
}

#[test]
fn a_user_name_takes_no_attempt_out_of_the_figure() {
    let lines = ssh_lines(|line| line.replace("root", "r\u{1}t"));
    for byte in [&b"\xff"[..], b"\0", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\x1b[31m"] {
        let hostile: Vec<u8> =
            lines.bytes().flat_map(|found| if found == 1 { byte.to_vec() } else { vec![found] }).collect();
        half_of_thirty(hostile);
    }
    let lines = log_ins(|line| line.replace(r#""host""#, "\"user\":\"r\u{1}t\",\"host\""));
    for byte in [&b"\xff"[..], b"\\u0000", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\0", b"\t"] {
        let hostile: Vec<u8> =
            lines.bytes().flat_map(|found| if found == 1 { byte.to_vec() } else { vec![found] }).collect();
        half_of_twenty(hostile);
    }
}

#[test]
fn lone_surrogates_are_replaced_where_nobody_wants_them_too() {
    half_of_twenty(log_ins(|line| line.replace('}', r#","user":"adm\ud800in"}"#)));
    half_of_twenty(log_ins(|line| line.replace('}', r#","user":"adm\udc00\ud800"}"#)));
    half_of_twenty(log_ins(|line| line.replace('}', r#","\ud8ab":1}"#)));
    let array: Vec<String> =
        log_ins(|line| line.replace('}', r#","user":"\ud800x"}"#)).lines().map(str::to_owned).collect();
    half_of_twenty(format!("[{}]", array.join(",")));
}

#[test]
fn replaced_characters_are_told() {
    let said = Bench::app().replay(log_ins(|line| line.replace('}', r#","user":"adm\ud800in"}"#)));
    assert!(said.errors.contains("replaced"), "{}", said.errors);
    assert_eq!(Bench::app().with("--strict").replay(log_ins(|line| line.replace('}', r#","u":"\ud800"}"#))).code, 2);
    assert_eq!(Bench::app().with("--strict").replay(log_ins(str::to_owned)).code, 0);
}

#[test]
fn marks_at_the_start_of_files_are_no_part_of_them() {
    half_of_thirty(format!("\u{feff}{}", ssh_lines(str::to_owned)));
    half_of_twenty(format!("\u{feff}{}", log_ins(str::to_owned)));
    half_of_twenty(log_ins(|line| format!("\u{feff}{line}")));
    let array: Vec<String> = log_ins(str::to_owned).lines().map(str::to_owned).collect();
    half_of_twenty(format!("\u{feff}[{}]", array.join(", ")));
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

#[test]
fn other_encodings_are_read_by_declaration_and_named_without_one() {
    let declared = |encoding: &str, bytes: Vec<u8>| {
        let keys = format!("decode: json\nmapping: vrl\nencoding: {encoding}");
        Bench::app().source("app", &keys).replay(bytes).is_red("t/failed", crate::bench::DAY, "50", "20");
    };
    let text = log_ins(|line| line.replace("idp-1", "z\u{fc}rich"));
    declared("utf-16le", utf16(&text, u16::to_le_bytes));
    declared("utf-16be", utf16(&text, u16::to_be_bytes));
    declared("utf-16", utf16(&format!("\u{feff}{text}"), u16::to_le_bytes));
    declared("utf-16", utf16(&format!("\u{feff}{text}"), u16::to_be_bytes));
    declared("latin-1", text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect());
    let said = Bench::app().replay(utf16(&format!("\u{feff}{text}"), u16::to_le_bytes));
    assert_ne!(said.code, 0, "{said:#?}");
    assert!(said.errors.contains("encoding: utf-16"), "{}", said.errors);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_files_are_read_whatever_their_name_and_end() {
    let text = ssh_lines(str::to_owned);
    let bytes = text.as_bytes();
    let (one, two) = bytes.split_at(bytes.len() / 2);
    let zstd = zstd::encode_all(bytes, 1).unwrap();
    let mut padded = gzip(bytes);
    padded.extend([0; 512]);
    for (name, bytes) in [
        ("whole.log.gz", gzip(bytes)),
        ("members.log.gz", [gzip(one), gzip(two)].concat()),
        ("padded.log.gz", padded),
        ("empty-member.log.gz", [gzip(b""), gzip(bytes), gzip(b"")].concat()),
        ("plain.log.gz", bytes.to_vec()),
        ("renamed.log", gzip(bytes)),
        ("whole.log.zst", zstd.clone()),
        ("renamed-too.log", zstd),
    ] {
        let said = Bench::new()
            .source("app", "decode: text\nmapping: vrl")
            .mapping("app", include_str!("../../../schemas/mappings/sshd/map.vrl"))
            .daily("t/failed", "app", crate::bench::FAILED_SHARE)
            .replay_file("app", name, bytes);
        said.is_red("t/failed", crate::bench::DAY, "50", "30");
    }
}

#[test]
fn spaces_are_as_wide_as_they_are() {
    half_of_thirty(ssh_lines(|line| line.replace(": Failed", ":  Failed")));
    half_of_thirty(ssh_lines(|line| line.replace(": Failed password", ":\tFailed   password")));
    half_of_thirty(ssh_lines(|line| line.replace("sshd[7]", "/usr/sbin/sshd[7]")));
    half_of_thirty(ssh_lines(|line| line.replace("sshd[7]", "SSHD[7]")));
}

#[test]
fn carriage_returns_alone_end_no_line_and_leave_no_band() {
    let sshd = include_str!("../../../schemas/mappings/sshd/map.vrl");
    let bench = Bench::new().source("app", "decode: text\nmapping: vrl").mapping("app", sshd);
    let bench = bench.daily("t/failed", "app", crate::bench::FAILED_SHARE);
    let said = bench.replay(ssh_lines(str::to_owned).replace('\n', "\r"));
    assert_eq!((said.failed().outcome.as_str(), said.n("t/failed", crate::bench::DAY).as_str()), ("unvalidated", "1"));
    assert!(said.errors.contains("1 replaced"), "{}", said.errors);
}

/// The lines in UTF-16, least significant byte first.
fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn bytes_of_utf_16_that_are_shifted_are_never_green() {
    let sshd = include_str!("../../../schemas/mappings/sshd/map.vrl");
    let bench = Bench::new().source("app", "decode: text\nmapping: vrl\nencoding: utf-16le").mapping("app", sshd);
    let bench = bench.daily("t/failed", "app", crate::bench::FAILED_SHARE);
    let whole = wide(&ssh_lines(str::to_owned));
    bench.replay(&whole).is_red("t/failed", crate::bench::DAY, "50", "30");
    for (at, insert) in [(1300, true), (2700, true), (1301, false), (2500, false)] {
        let mut shifted = whole.clone();
        if insert {
            shifted.insert(at, 0);
        } else {
            shifted.remove(at);
        }
        let said = bench.replay(&shifted);
        assert_eq!(said.failed().outcome, "unvalidated", "{at}: {}", said.errors);
        assert!(said.errors.contains("wrong-encoding"), "{at}: {}", said.errors);
    }
}

#[test]
fn what_is_not_the_declared_encoding_is_named() {
    let of = |encoding: &str, bytes: &[u8]| {
        let keys = format!("decode: json\nmapping: vrl\nencoding: {encoding}");
        Bench::app().source("app", &keys).replay(bytes)
    };
    let text = log_ins(|line| line.replace("idp-1", "id\u{e9}"));
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    for (encoding, bytes, told) in [
        ("utf-16", big.clone(), "encoding: utf-16be"),
        ("utf-16le", big, "encoding: utf-16be"),
        ("utf-16be", wide(&text), "encoding: utf-16le"),
        ("utf-16", text.clone().into_bytes(), "encoding: utf-8"),
        ("utf-8", utf32.clone(), "UTF-32"),
        ("utf-16", [vec![0xff, 0xfe, 0, 0], utf32].concat(), "UTF-32"),
    ] {
        let said = of(encoding, &bytes);
        assert!(said.code == 1 && said.errors.contains(told), "{encoding}: {said:?}");
    }
}

#[test]
fn archives_are_named_and_not_searched_for_lines() {
    let text = ssh_lines(str::to_owned);
    let mut tar = text.clone().into_bytes();
    tar.splice(0..0, [[0; 257].as_slice(), b"ustar\x0000", [0; 247].as_slice()].concat());
    for (bytes, told) in [
        ([b"PK\x03\x04".as_slice(), text.as_bytes()].concat(), "a zip archive"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "xz"),
        (b"BZh91AY&SY".to_vec(), "bzip2"),
        (tar.clone(), "a tar archive"),
        (gzip(&tar), "a tar archive"),
        (gzip(&gzip(text.as_bytes())), "packed twice"),
    ] {
        let said = Bench::new().sshd(bytes);
        assert!(said.code == 1 && said.errors.contains(told) && said.errors.contains("unpack it"), "{told}: {said:?}");
    }
}

#[test]
fn a_last_line_that_is_whole_is_used() {
    let whole = gzip(log_ins(str::to_owned).as_bytes());
    for bytes in [whole[..whole.len() - 3].to_vec(), [whole.as_slice(), b"no gzip\n"].concat()] {
        let said = Bench::app().replay(bytes);
        assert_eq!((said.code, said.n("t/failed", crate::bench::DAY).as_str()), (3, "20"), "{}", said.errors);
        assert_eq!(said.failed().outcome, "unvalidated");
    }
}

#[test]
fn a_file_that_was_cut_short_while_it_was_written_begins_with_zeros() {
    half_of_thirty([vec![0; 5000], ssh_lines(str::to_owned).into_bytes()].concat());
    half_of_twenty([vec![0; 5000], log_ins(str::to_owned).into_bytes()].concat());
}

#[test]
fn what_was_cut_off_is_told_and_what_is_there_is_used() {
    let whole = gzip(log_ins(str::to_owned).as_bytes());
    let said = Bench::app().replay_file("app", "cut.log.gz", &whole[..whole.len() - 9]);
    assert_ne!(said.code, 0, "{said:#?}");
    assert!(said.errors.contains("cut.log.gz"), "{}", said.errors);
}
