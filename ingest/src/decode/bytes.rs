//! Bytes to characters, by the encoding that the source declares. Nothing is guessed: what looks like an encoding that
//! was not declared is refused by its name, and what cannot be a character is replaced and counted.

use std::borrow::Cow;

use measurement::catalogue::Encoding;

use crate::reject::{Reason, Refusal};

/// How much of a record is looked at to recognise an encoding.
const SAMPLE: usize = 256;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A record in UTF-8, as far as it is that.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether a replacement character in it may be ours.
    pub(super) replaced: bool,
}

/// The text of a record, without byte order mark and padding.
pub(super) fn text(bytes: &[u8], encoding: Encoding) -> Result<Text<'_>, Refusal> {
    let bytes = match encoding {
        Encoding::Utf8 => {
            let text = without_mark(trimmed(bytes));
            return match foreign(trimmed(bytes)) {
                Some(found) => Err(wrong(found, encoding.name())),
                None => Ok(Text { bytes: Cow::Borrowed(text), replaced: false }),
            };
        }
        Encoding::Latin1 => {
            let text: String = trimmed(bytes).iter().map(|byte| char::from(*byte)).collect();
            return Ok(Text { bytes: Cow::Owned(text.into_bytes()), replaced: false });
        }
        Encoding::Utf16 | Encoding::Utf16Le | Encoding::Utf16Be => bytes,
    };
    let declared = encoding.name();
    if is_utf8(bytes) {
        return Err(wrong("utf-8", declared));
    }
    let big = match encoding {
        Encoding::Utf16 => marked(bytes) == Some(true),
        Encoding::Utf16Be => true,
        _ => false,
    };
    match foreign(bytes) {
        Some(found) if found != if big { "utf-16be" } else { "utf-16le" } => Err(wrong(found, declared)),
        _ => Ok(from_utf16(bytes, big)),
    }
}

/// The encoding that the bytes look like, if it is none in which each character of ASCII is its byte.
pub fn foreign(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Some("utf-32");
    }
    if let Some(big) = marked(bytes) {
        return Some(if big { "utf-16be" } else { "utf-16le" });
    }
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    if sample.len() < 4 {
        return None;
    }
    let mut zeros = [0_usize; 4];
    for (place, _) in sample.iter().enumerate().filter(|(_, byte)| **byte == 0) {
        if let Some(count) = zeros.get_mut(place % 4) {
            *count += 1;
        }
    }
    // Three of four characters of the sample, all at places of one kind.
    let most = |count: usize, places: usize| 4 * count >= 3 * places;
    let [first, second, third, fourth] = zeros;
    let of_utf32 = sample.len() >= 8 && zeros.iter().filter(|count| most(**count, sample.len() / 4)).count() == 3;
    match (first + third, second + fourth) {
        (0, odd) if most(odd, sample.len() / 2) => Some("utf-16le"),
        (even, 0) if most(even, sample.len() / 2) => Some("utf-16be"),
        _ => of_utf32.then_some("utf-32"),
    }
}

fn wrong(found: &str, declared: &str) -> Refusal {
    let detail = match found {
        "utf-32" => format!("the bytes look like utf-32, not {declared}, and ingest does not read that"),
        "utf-16le" | "utf-16be" if !declared.starts_with("utf-16") => {
            format!("the bytes look like {found}, not {declared}: declare `encoding: utf-16`")
        }
        _ => format!("the bytes look like {found}, not {declared}: declare `encoding: {found}`"),
    };
    Refusal::new(Reason::WrongEncoding, detail)
}

/// What a byte order mark of UTF-16 says: whether the big end comes first.
fn marked(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0xff, 0xfe, ..] => Some(false),
        [0xfe, 0xff, ..] => Some(true),
        _ => None,
    }
}

/// Whether bytes are UTF-8 and hold no zero, of which UTF-16 is full wherever there are Latin letters or ends of lines.
fn is_utf8(bytes: &[u8]) -> bool {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let cut = |fault: std::str::Utf8Error| fault.error_len().is_none() && bytes.len() > SAMPLE;
    bytes.len() > 3 && !sample.contains(&0) && std::str::from_utf8(sample).map_or_else(cut, |_| true)
}

fn from_utf16(bytes: &[u8], big: bool) -> Text<'static> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    let mut replaced = !odd.is_empty() && odd != [0];
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(units) {
        replaced |= character.is_err();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    text.truncate(text.trim_end_matches('\0').len());
    if replaced && !odd.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
    Text { bytes: Cow::Owned(text.into_bytes()), replaced }
}

/// The bytes without the zeros that pad a record to its length.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes.get(..bytes.len() - padding).unwrap_or_default()
}

/// The bytes without a byte order mark at their start.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// The characters of a part of a text, and whether some had to be replaced.
pub(super) fn characters(bytes: &[u8], doubtful: bool) -> (Cow<'_, str>, bool) {
    let text = String::from_utf8_lossy(bytes);
    let replaced = matches!(text, Cow::Owned(_)) || (doubtful && text.contains(char::REPLACEMENT_CHARACTER));
    (text, replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    fn read(bytes: &[u8], encoding: Encoding) -> (String, bool) {
        let text = text(bytes, encoding).unwrap();
        (String::from_utf8(text.bytes.into_owned()).unwrap(), text.replaced)
    }

    fn refused(bytes: &[u8], encoding: Encoding) -> String {
        let refusal = text(bytes, encoding).unwrap_err();
        assert_eq!(refusal.reason, Reason::WrongEncoding);
        refusal.detail
    }

    #[test]
    fn declared_encodings_are_read() {
        let line = "user \u{e9}\u{1f600} ok";
        assert_eq!(read(line.as_bytes(), Encoding::Utf8), (line.to_owned(), false));
        assert_eq!(read("\u{feff}a\0\0".as_bytes(), Encoding::Utf8), ("a".to_owned(), false));
        assert_eq!(read(b"caf\xe9 \x80", Encoding::Latin1), ("caf\u{e9} \u{80}".to_owned(), false));
        for (mark, big, encoding) in [
            ("", false, Encoding::Utf16Le),
            ("", true, Encoding::Utf16Be),
            ("", false, Encoding::Utf16),
            ("\u{feff}", false, Encoding::Utf16),
            ("\u{feff}", true, Encoding::Utf16),
            ("\u{feff}", false, Encoding::Utf16Le),
        ] {
            assert_eq!(
                read(&utf16(&format!("{mark}{line}\0"), big), encoding),
                (line.to_owned(), false),
                "{encoding:?}"
            );
        }
        let mut cut = utf16("ab", false);
        cut.extend([0x00, 0xd8, 0x41]);
        assert_eq!(read(&cut, Encoding::Utf16Le), ("ab\u{fffd}\u{fffd}".to_owned(), true));
    }

    #[test]
    fn undeclared_encodings_are_refused_by_name() {
        for text in ["<38>1 2026-03-10T08:00:00Z gate-1 sshd", "{\"a\":1}", "\u{feff}ab"] {
            assert!(refused(&utf16(text, false), Encoding::Utf8).contains("utf-16le"), "{text}");
            assert!(refused(&utf16(text, true), Encoding::Utf8).contains("declare `encoding: utf-16`"), "{text}");
            let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
            assert!(refused(&wide, Encoding::Utf8).contains("utf-32"), "{text}");
        }
        assert!(refused(b"{\"a\": 1}", Encoding::Utf16).contains("`encoding: utf-8`"));
        assert!(refused("\u{e9}t\u{e9} \u{20ac}".as_bytes(), Encoding::Utf16Le).contains("`encoding: utf-8`"));
        let line = "one line and another";
        assert!(refused(&utf16(line, true), Encoding::Utf16).contains("declare `encoding: utf-16be`"));
        assert!(refused(&utf16(line, false), Encoding::Utf16Be).contains("declare `encoding: utf-16le`"));
        assert!(refused(&utf16("\u{feff}ab", true), Encoding::Utf16Le).contains("declare `encoding: utf-16be`"));
        let wide: Vec<u8> = line.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert!(refused(&wide, Encoding::Utf16).contains("utf-32"));
    }

    #[test]
    fn zeros_alone_are_no_encoding() {
        for bytes in
            [b"abc\0def".as_slice(), b"root\0\0\0\0\0\0", b"a\0b", b"\0abcdefgh", b"caf\xe9 au lait", &[0; 300]]
        {
            assert_eq!(foreign(trimmed(bytes)), None, "{bytes:?}");
        }
        assert_eq!(
            foreign(&[[0; 300].as_slice(), b"a line"].concat()),
            None,
            "a log that was cut short while it was written"
        );
    }
}
