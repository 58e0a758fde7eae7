//! Bytes to what can be split into lines: byte order marks, and UTF-16 where it is declared.
//!
//! UTF-16 is split in a form in which each of its units takes one to three bytes and a new line is one byte, and goes
//! back into UTF-16 record by record: whatever was in it, lone surrogates too, reaches ingest as it was.

use std::{io::Read, path::Path};

use anyhow::bail;
use measurement::catalogue::Encoding;

use super::bytes::peek;

/// How records of a file go on to ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Bytes,
    /// In UTF-16, most significant byte last.
    Little,
    /// In UTF-16, most significant byte first.
    Big,
}

/// The content of a file without a byte order mark, in a form that can be split. A file that is not what its source
/// declares is refused: a guess would be right until it is not.
pub(super) fn content(
    raw: Box<dyn Read>,
    encoding: Encoding,
    (path, source): (&Path, &str),
) -> anyhow::Result<(Box<dyn Read>, Form)> {
    let (head, mut raw) = peek(raw)?;
    let (mark, found) = detect(&head);
    let mut skip = |count: usize| -> std::io::Result<()> {
        raw.by_ref().take(u64::try_from(count).unwrap_or(0)).read_exact(&mut vec![0; count])
    };
    let refuse = |found: Found| -> anyhow::Result<(Box<dyn Read>, Form)> {
        let (path, reads) = (path.display(), name(encoding));
        let (looks, key) = found.name(mark > 0, reads);
        match key {
            Some(key) => bail!(
                "{path}: it looks like {looks}, and the source reads {reads}: write `encoding: {key}` into sources/{source}.yaml, or convert the file"
            ),
            None => bail!("{path}: it looks like {looks}, which is not read: convert the file"),
        }
    };
    let big = match (encoding, found) {
        (Encoding::Utf8 | Encoding::Latin1, None) => return Ok((raw, Form::Bytes)),
        (Encoding::Utf8 | Encoding::Latin1, Some(Found::Utf8)) => {
            skip(mark)?;
            return Ok((raw, Form::Bytes));
        }
        (Encoding::Utf8 | Encoding::Latin1, Some(found))
        | (_, Some(found @ (Found::Utf8 | Found::Wide)))
        | (Encoding::Utf16Le, Some(found @ Found::Big))
        | (Encoding::Utf16Be, Some(found @ Found::Little)) => return refuse(found),
        (Encoding::Utf16, Some(found @ Found::Big)) if mark == 0 => return refuse(found),
        (Encoding::Utf16, found) => found == Some(Found::Big),
        (Encoding::Utf16Le, _) => false,
        (Encoding::Utf16Be, _) => true,
    };
    skip(mark)?;
    let form = if encoding == Encoding::Utf16Be { Form::Big } else { Form::Little };
    Ok((Box::new(Units { raw, big, out: Vec::new(), at: 0 }), form))
}

fn name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16 => "UTF-16",
        Encoding::Utf16Le => "UTF-16LE",
        Encoding::Utf16Be => "UTF-16BE",
        Encoding::Latin1 => "Latin-1",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Utf8,
    Little,
    Big,
    Wide,
}

impl Found {
    /// What it is and by what that was seen, and what to declare.
    fn name(self, by_mark: bool, reads: &str) -> (&'static str, Option<&'static str>) {
        let any = by_mark && !reads.starts_with("UTF-16");
        match (self, by_mark) {
            (Self::Utf8, _) => ("UTF-8 (by its byte order mark)", Some("utf-8")),
            (Self::Little | Self::Big, true) if any => ("UTF-16 (by its byte order mark)", Some("utf-16")),
            (Self::Little, true) => ("UTF-16LE (by its byte order mark)", Some("utf-16le")),
            (Self::Big, true) => ("UTF-16BE (by its byte order mark)", Some("utf-16be")),
            (Self::Little, false) => ("UTF-16LE (every second byte is zero)", Some("utf-16le")),
            (Self::Big, false) => ("UTF-16BE (every second byte is zero)", Some("utf-16be")),
            (Self::Wide, _) => ("UTF-32", None),
        }
    }
}

/// Length of the byte order mark, and what the file begins like. Text in Latin letters without a mark shows UTF-16 by the
/// zeros in it: read as bytes it would be lines in which nothing is found.
fn detect(head: &[u8]) -> (usize, Option<Found>) {
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        return (3, Some(Found::Utf8));
    }
    let mark = if matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) { 2 } else { 0 };
    match ingest::decode::foreign(head) {
        Some("utf-16le") => (mark, Some(Found::Little)),
        Some("utf-16be") => (mark, Some(Found::Big)),
        Some(_) => (0, Some(Found::Wide)),
        None => (0, None),
    }
}

/// Reads UTF-16 and gives each of its units as UTF-8 would give the character of that number.
struct Units {
    raw: Box<dyn Read>,
    big: bool,
    out: Vec<u8>,
    at: usize,
}

impl Read for Units {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.out.len() {
            let mut chunk = Vec::with_capacity(1 << 15);
            self.raw.by_ref().take(1 << 15).read_to_end(&mut chunk)?;
            let (pairs, odd) = chunk.as_chunks::<2>();
            self.out.clear();
            self.at = 0;
            for pair in pairs {
                spread(if self.big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) }, &mut self.out);
            }
            if !odd.is_empty() {
                // Half a unit at the end of the file: it is not left out without a trace.
                spread(0xfffd, &mut self.out);
            }
        }
        let rest = self.out.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += count;
        Ok(count)
    }
}

fn spread(unit: u16, out: &mut Vec<u8>) {
    let low = |bits: u16| u8::try_from(bits & 0x3f).unwrap_or(0);
    match unit {
        0..0x80 => out.push(low(unit) | u8::try_from(unit & 0x40).unwrap_or(0)),
        0x80..0x800 => out.extend([0xc0 | u8::try_from(unit >> 6).unwrap_or(0), 0x80 | low(unit)]),
        _ => out.extend([0xe0 | u8::try_from(unit >> 12).unwrap_or(0), 0x80 | low(unit >> 6), 0x80 | low(unit)]),
    }
}

/// A record as ingest reads it.
pub(super) fn record(bytes: Vec<u8>, form: Form) -> Vec<u8> {
    if form == Form::Bytes {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() * 2);
    let mut rest = bytes.into_iter();
    while let Some(first) = rest.next() {
        let unit = match first {
            0..0x80 => u16::from(first),
            0x80..0xe0 => u16::from(first & 0x1f) << 6 | next(&mut rest),
            _ => u16::from(first & 0x0f) << 12 | next(&mut rest) << 6 | next(&mut rest),
        };
        out.extend(if form == Form::Big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    }
    out
}

fn next(rest: &mut impl Iterator<Item = u8>) -> u16 {
    u16::from(rest.next().unwrap_or(0) & 0x3f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(bytes: &[u8], encoding: Encoding) -> Result<(Vec<u8>, Form), String> {
        let raw = Box::new(Cursor::new(bytes.to_vec()));
        let (mut reader, form) =
            content(raw, encoding, (Path::new("a.log"), "app")).map_err(|fault| fault.to_string())?;
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        Ok((out, form))
    }

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn every_unit_comes_back_as_it_was() {
        let all: Vec<u8> = (1..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let (spread, form) = read(&[b"\xff\xfe".as_slice(), &all].concat(), Encoding::Utf16).unwrap();
        assert_eq!(form, Form::Little);
        assert_eq!(record(spread.clone(), Form::Little), all);
        assert_eq!(spread.split(|byte| *byte == b'\n').count(), 2, "U+0A0A and U+0A00 are no line ends");
        let big: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_be_bytes).collect();
        let (spread, form) = read(&big, Encoding::Utf16Be).unwrap();
        assert_eq!((record(spread, Form::Big), form), (big, Form::Big));
    }

    #[test]
    fn marks_are_taken_off_and_say_the_order() {
        assert_eq!(read(b"\xef\xbb\xbfone", Encoding::Utf8).unwrap(), (b"one".to_vec(), Form::Bytes));
        assert_eq!(read(b"one", Encoding::Latin1).unwrap(), (b"one".to_vec(), Form::Bytes));
        for big in [false, true] {
            let bytes = utf16("\u{feff}one\ntwo", big);
            assert_eq!(read(&bytes, Encoding::Utf16).unwrap(), (b"one\ntwo".to_vec(), Form::Little));
        }
        assert_eq!(read(&utf16("one two", false), Encoding::Utf16).unwrap().0, b"one two");
        assert_eq!(read(b"o\0n", Encoding::Utf16Le).unwrap().0, "o\u{fffd}".as_bytes());
    }

    #[test]
    fn a_file_that_is_not_what_is_declared_is_refused_with_the_key() {
        for (bytes, encoding, told) in [
            (utf16("\u{feff}one", false), Encoding::Utf8, "looks like UTF-16 (by its byte order mark)"),
            (utf16("\u{feff}one", true), Encoding::Latin1, "write `encoding: utf-16` into sources/app.yaml"),
            (utf16("several letters", false), Encoding::Utf8, "write `encoding: utf-16le` into"),
            (utf16("several letters", true), Encoding::Utf8, "write `encoding: utf-16be` into"),
            (b"\xef\xbb\xbfone".to_vec(), Encoding::Utf16, "write `encoding: utf-8` into"),
            (utf16("\u{feff}one", true), Encoding::Utf16Le, "write `encoding: utf-16be` into"),
            (utf16("several letters", true), Encoding::Utf16, "write `encoding: utf-16be` into"),
            (utf16("several letters", false), Encoding::Utf16Be, "write `encoding: utf-16le` into"),
            (b"\xff\xfe\0\0o\0\0\0n\0\0\0".to_vec(), Encoding::Utf8, "it looks like UTF-32, which is not read"),
            (b"o\0\0\0n\0\0\0e\0\0\0".to_vec(), Encoding::Utf16Le, "it looks like UTF-32, which is not read"),
        ] {
            let fault = read(&bytes, encoding).unwrap_err();
            assert!(fault.contains(told) && fault.starts_with("a.log: "), "{fault}");
        }
        // NUL bytes here and there are no UTF-16.
        assert!(read(b"user \0\0\0 root failed once more", Encoding::Utf8).is_ok());
    }
}
