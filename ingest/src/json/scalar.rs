//! Texts and numbers of JSON, exactly as they are written.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::decode::scan::{escape, hex};

/// What stands between two quotes, without its escapes. Half of a surrogate pair is no character, and a raw control
/// character has no place in JSON: the first becomes a replacement character, of the second only those that divide lines
/// and words are kept. Says whether that was done.
pub(crate) fn text(raw: &str) -> (Cow<'_, str>, bool) {
    if !raw.bytes().any(|byte| byte == b'\\' || byte < b' ') {
        return (Cow::Borrowed(raw), false);
    }
    let (mut text, mut replaced) = (String::with_capacity(raw.len()), false);
    let mut rest = raw;
    while let Some(place) = rest.bytes().position(|byte| byte == b'\\' || byte < b' ') {
        let (before, special) = rest.split_at(place);
        text.push_str(before);
        let bytes = special.as_bytes();
        let length = if bytes.first() == Some(&b'\\') {
            let (end, half) = escape(bytes, 0).unwrap_or((bytes.len(), true));
            replaced |= half;
            text.push(if half { char::REPLACEMENT_CHARACTER } else { unescaped(bytes) });
            end
        } else {
            replaced = true;
            let kept = special.chars().next().filter(|found| matches!(found, '\t' | '\n' | '\r'));
            text.push(kept.unwrap_or(char::REPLACEMENT_CHARACTER));
            1
        };
        rest = special.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    (Cow::Owned(text), replaced)
}

/// The character of a whole escape sequence.
fn unescaped(bytes: &[u8]) -> char {
    let found = match bytes.get(1) {
        Some(b'b') => Some('\u{8}'),
        Some(b'f') => Some('\u{c}'),
        Some(b'n') => Some('\n'),
        Some(b'r') => Some('\r'),
        Some(b't') => Some('\t'),
        Some(b'u') => match (hex(bytes, 2), hex(bytes, 8)) {
            (Some(high @ 0xd800..=0xdbff), Some(low)) => {
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff))
            }
            (unit, _) => unit.and_then(char::from_u32),
        },
        Some(other) => Some(char::from(*other)),
        None => None,
    };
    found.unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A number as it is written: a whole number of 64 bits, or a float that says the same. What is neither is handed on as
/// the text of the number, so that nothing of it is lost; says whether that was done.
pub(crate) fn number(text: &str) -> (Value, bool) {
    if let Ok(whole) = text.parse::<i64>() {
        // "-0" is no whole number of its own, but a float is.
        return if whole == 0 && text.starts_with('-') {
            (Value::from(-0.0), false)
        } else {
            (Value::from(whole), false)
        };
    }
    if let Ok(whole) = text.parse::<u64>() {
        return (Value::from(whole), false);
    }
    let whole = !text.contains(['.', 'e', 'E']);
    let float = text.parse::<f64>().ok().filter(|float| !whole && says_the_same(*float, text));
    match float.and_then(Number::from_f64) {
        Some(number) => (Value::Number(number), false),
        None => (Value::from(text), true),
    }
}

/// Whether a float, written with as many digits as the text has, is that text.
fn says_the_same(float: f64, text: &str) -> bool {
    let (digits, exponent) = decimal(text);
    if digits.is_empty() || !float.is_finite() {
        return digits.is_empty();
    }
    let (shortest, at) = decimal(&format!("{float:e}"));
    let written = text.split(['e', 'E']).next().unwrap_or_default();
    let count = written.bytes().filter(u8::is_ascii_digit).count();
    if (&shortest, at) == (&digits, exponent) {
        return true;
    }
    let (same, at) =
        decimal(&format!("{float:.*e}", digits.len().max(count).saturating_sub(leading_zeros(written) + 1)));
    (same, at) == (digits, exponent)
}

fn leading_zeros(written: &str) -> usize {
    written.bytes().filter(u8::is_ascii_digit).take_while(|digit| *digit == b'0').count()
}

/// The digits without zeros at either end, and the power of ten of the first one.
fn decimal(text: &str) -> (String, i64) {
    let (written, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let power: i64 = power.parse().unwrap_or(0);
    let (before, after) =
        written.trim_start_matches('-').split_once('.').unwrap_or((written.trim_start_matches('-'), ""));
    let all = format!("{before}{after}");
    let digits = all.trim_start_matches('0');
    let zeros = i64::try_from(all.len() - digits.len()).unwrap_or(0);
    let first = i64::try_from(before.len()).unwrap_or(0) - 1 - zeros;
    (digits.trim_end_matches('0').to_owned(), first.saturating_add(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_they_say() {
        assert!(matches!(text("plain \u{e9}"), (Cow::Borrowed(_), false)));
        for (raw, expected, replaced) in [
            (r#"a\"\\\/\b\f\n\r\tz"#, "a\"\\/\u{8}\u{c}\n\r\tz", false),
            (r"\u00e9\ud83d\ude00\u0000", "\u{e9}\u{1f600}\0", false),
            (r"\ud800x", "\u{fffd}x", true),
            (r"\udc00\ud800\udbff\udfff", "\u{fffd}\u{fffd}\u{10ffff}", true),
            (r"\ud800\n", "\u{fffd}\n", true),
            ("a\tb\u{1}c", "a\tb\u{fffd}c", true),
        ] {
            assert_eq!(text(raw), (Cow::Borrowed(expected), replaced), "{raw:?}");
        }
    }

    #[test]
    fn every_number_is_kept() {
        for (written, expected) in [
            ("0", "0"),
            ("-7", "-7"),
            ("9223372036854775807", "9223372036854775807"),
            ("9232379236109516800", "9232379236109516800"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "\"18446744073709551616\""),
            ("-9223372036854775809", "\"-9223372036854775809\""),
            ("1.0", "1.0"),
            ("1.77e12", "1770000000000.0"),
            ("9.80", "9.8"),
            ("0.30000001192092896", "0.30000001192092896"),
            ("0.10000000000000001", "0.1"),
            ("0.10000000000000000555", "0.1"),
            ("1e30", "1e+30"),
            ("-0", "-0.0"),
            ("0.0", "0.0"),
            ("0e5", "0.0"),
            ("1e400", "\"1e400\""),
            ("1e-400", "\"1e-400\""),
            ("0.12345678901234567890", "\"0.12345678901234567890\""),
            ("0.1234567890123456789", "\"0.1234567890123456789\""),
            ("5e-324", "5e-324"),
            ("1e99999999999999999999", "\"1e99999999999999999999\""),
        ] {
            let (value, as_text) = number(written);
            assert_eq!(value.to_string(), expected, "{written}");
            assert_eq!(as_text, expected.starts_with('"'), "{written}");
        }
    }
}
