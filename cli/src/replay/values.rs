//! A file of JSON to records: one value a line as it is, documents that span lines as wholes, a large array item by item.
//!
//! What the values are is none of its business: it knows strings, brackets and what may stand beside what, so that
//! something broken is seen where it breaks and the next record is read again. Whatever it cannot make out goes on as
//! a record, for ingest to refuse and to count. Memory is bounded by the longest record.

use std::io::{self, Read};

use super::split::Piece;

/// An array that goes on in the next line, or is longer than this, is taken apart here; a shorter one is a record, which
/// ingest takes apart.
const ARRAY: usize = 64 * 1024;
/// Deepest nesting: what is deeper is refused by ingest as well.
const DEEPEST: usize = 128;
/// What is read at once.
const CHUNK: usize = 64 * 1024;

/// What a byte has made of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    More,
    Done,
    Broken,
}

/// Where in a value the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Value,
    FirstItem,
    FirstKey,
    Key,
    Colon,
    Next,
    Text { key: bool },
    Escape { key: bool },
    Scalar,
}

/// Follows one object or array.
#[derive(Debug)]
struct Scanner {
    at: At,
    /// Whether each open bracket is that of an object.
    open: Vec<bool>,
}

impl Scanner {
    const fn new() -> Self {
        Self { at: At::Value, open: Vec::new() }
    }

    #[expect(clippy::match_same_arms, reason = "their order says what comes first")]
    fn feed(&mut self, byte: u8) -> Verdict {
        match (self.at, byte) {
            (At::Text { key }, b'"') => self.at = if key { At::Colon } else { At::Next },
            (At::Text { key }, b'\\') => self.at = At::Escape { key },
            (At::Text { .. } | At::Escape { .. }, b'\n') => return Verdict::Broken,
            (At::Text { .. }, _) => {}
            (At::Escape { key }, _) => self.at = At::Text { key },
            (At::Scalar, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.') => {}
            (At::Scalar, _) => {
                self.at = At::Next;
                return self.feed(byte);
            }
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (At::Value | At::FirstItem, b'{') => return self.enter(true),
            (At::Value | At::FirstItem, b'[') => return self.enter(false),
            (At::Value | At::FirstItem, b'"') => self.at = At::Text { key: false },
            (At::Value | At::FirstItem, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-') => self.at = At::Scalar,
            (At::FirstKey | At::Key, b'"') => self.at = At::Text { key: true },
            (At::Colon, b':') => self.at = At::Value,
            (At::Next, b',') => self.at = if self.open.last() == Some(&true) { At::Key } else { At::Value },
            (At::FirstItem, b']') | (At::FirstKey, b'}') => return self.leave(),
            (At::Next, b']') if self.open.last() == Some(&false) => return self.leave(),
            (At::Next, b'}') if self.open.last() == Some(&true) => return self.leave(),
            _ => return Verdict::Broken,
        }
        Verdict::More
    }

    fn enter(&mut self, object: bool) -> Verdict {
        self.open.push(object);
        self.at = if object { At::FirstKey } else { At::FirstItem };
        if self.open.len() > DEEPEST { Verdict::Broken } else { Verdict::More }
    }

    fn leave(&mut self) -> Verdict {
        self.open.pop();
        self.at = At::Next;
        if self.open.is_empty() { Verdict::Done } else { Verdict::More }
    }
}

/// What was read and not yet taken.
#[derive(Debug)]
struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    start: usize,
    ended: bool,
    /// How many bytes were taken since the beginning.
    taken: usize,
}

impl<R: Read> Window<R> {
    /// The byte at a distance from the first that was not taken.
    fn at(&mut self, distance: usize) -> io::Result<Option<u8>> {
        loop {
            if let Some(byte) = self.bytes.get(self.start + distance) {
                return Ok(Some(*byte));
            }
            if self.ended {
                return Ok(None);
            }
            self.bytes.drain(..self.start);
            self.start = 0;
            let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
            self.ended = self.reader.by_ref().take(limit).read_to_end(&mut self.bytes)? == 0;
        }
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start = (from + count).min(self.bytes.len());
        self.taken += self.start - from;
        self.bytes.get(from..self.start).unwrap_or_default()
    }
}

/// The records of a file of JSON.
#[derive(Debug)]
pub(super) struct Values<R> {
    window: Window<R>,
    limit: usize,
    line: u64,
    /// White space before the first value of the line.
    indent: usize,
    /// Whether nothing but white space has come in this line.
    fresh: bool,
    /// Line of the array that is being taken apart.
    array: Option<u64>,
    /// Whether its next item may come: it is the first, or a comma was read.
    separated: bool,
    /// Up to which byte since the beginning it is known that the line does not end.
    goes_on: usize,
}

impl<R: Read> Values<R> {
    pub(super) const fn new(reader: R, limit: usize) -> Self {
        let window = Window { reader, bytes: Vec::new(), start: 0, ended: false, taken: 0 };
        Self { window, limit, line: 1, indent: 0, fresh: true, array: None, separated: true, goes_on: 0 }
    }

    /// The line of an array of which the end was not met.
    pub(super) const fn open_array(&self) -> Option<u64> {
        self.array
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        while let Some(byte) = self.window.at(0)? {
            match byte {
                b'\n' => {
                    self.line += 1;
                    (self.indent, self.fresh) = (0, true);
                }
                b' ' | b'\t' | b'\r' => self.indent += usize::from(self.fresh),
                b',' if self.array.is_some() => self.separated = true,
                b']' if self.array.is_some() => self.array = None,
                _ if self.array.is_some() && !self.separated => return Ok(self.unended()),
                _ => {
                    self.fresh = false;
                    self.separated = false;
                    let piece = if matches!(byte, b'{' | b'[') { self.value()? } else { self.plain()? };
                    if piece.is_some() {
                        return Ok(piece);
                    }
                    continue;
                }
            }
            self.window.take(1);
        }
        Ok(None)
    }

    /// What comes is no next item: the array was cut off. Its bracket is a record, to be refused where the array begins.
    fn unended(&mut self) -> Option<Piece> {
        Some(Piece { line: self.array.take()?, bytes: b"[".to_vec() })
    }

    /// An object or an array; `None` if it is an array that is taken apart from now on.
    fn value(&mut self) -> io::Result<Option<Piece>> {
        let array = self.array.is_none() && self.window.at(0)? == Some(b'[');
        let mut scanner = Scanner::new();
        let (mut length, mut lines) = (0, 0);
        loop {
            let byte = self.window.at(length)?;
            let verdict = match byte {
                Some(_) if length > self.limit => return self.oversize(scanner).map(Some),
                Some(byte) => {
                    lines += usize::from(byte == b'\n');
                    scanner.feed(byte)
                }
                None => Verdict::Broken,
            };
            match verdict {
                // A line that was cut off is no array over lines: what comes next must fit.
                Verdict::More
                    if array
                        && (length > ARRAY || (lines > 0 && byte.is_some_and(|byte| !byte.is_ascii_whitespace()))) =>
                {
                    self.array = Some(self.line);
                    self.separated = true;
                    self.window.take(1);
                    return Ok(None);
                }
                Verdict::More => length += 1,
                // A line that is whole, or broken in itself, goes on as it is.
                Verdict::Done | Verdict::Broken if self.array.is_none() && self.ends_line(length, lines)? => {
                    return self.plain();
                }
                Verdict::Done => return Ok(Some(self.piece(length + 1))),
                // Too long for a record: what is whole in it is read nevertheless.
                Verdict::Broken if array && lines == 0 => {
                    self.array = Some(self.line);
                    self.separated = true;
                    self.window.take(1);
                    return Ok(None);
                }
                Verdict::Broken => return self.broken(length).map(Some),
            }
        }
    }

    /// Whether what was looked at lies in one line of acceptable length. A string that the end of the line cuts off does.
    fn ends_line(&mut self, length: usize, lines: usize) -> io::Result<bool> {
        if lines > 1 || (lines == 1 && self.window.at(length)? != Some(b'\n')) {
            return Ok(false);
        }
        let known = self.goes_on.saturating_sub(self.window.taken);
        for distance in known.max(length)..=self.limit {
            if matches!(self.window.at(distance)?, None | Some(b'\n')) {
                return Ok(true);
            }
        }
        self.goes_on = self.window.taken + self.limit;
        Ok(false)
    }

    /// From something broken to where the next value may begin: a line that is indented no further and begins with a
    /// bracket, or the next object of the array that is taken apart.
    fn broken(&mut self, at: usize) -> io::Result<Piece> {
        let (mut head, mut line, mut looked) = (Vec::new(), self.line, 0_usize);
        // Its comma may be among what is left out.
        self.separated = true;
        loop {
            let byte = self.window.at(0)?;
            let ends = looked > 0
                && match byte {
                    None => true,
                    Some(b'\n') => self.resumes_in_next_line()?,
                    Some(b',') => self.array.is_some() && looked >= at && self.bracket_follows(1)?.is_some(),
                    Some(_) => false,
                };
            let (Some(byte), false) = (byte, ends) else {
                std::mem::swap(&mut self.line, &mut line);
                return Ok(Piece { line, bytes: trimmed(head) });
            };
            line += u64::from(byte == b'\n');
            if head.len() <= self.limit {
                head.push(byte);
            }
            self.window.take(1);
            looked += 1;
        }
    }

    fn resumes_in_next_line(&mut self) -> io::Result<bool> {
        Ok(self.bracket_follows(1)?.is_some_and(|indent| indent <= self.indent))
    }

    /// How much white space lies before a bracket that comes next.
    fn bracket_follows(&mut self, from: usize) -> io::Result<Option<usize>> {
        for distance in 0..=self.limit {
            match self.window.at(from + distance)? {
                Some(b' ' | b'\t' | b'\r') => {}
                Some(b'{' | b'[') => return Ok(Some(distance)),
                Some(b']') if self.array.is_some() => return Ok(Some(distance)),
                _ => break,
            }
        }
        Ok(None)
    }

    /// A value longer than the limit: its beginning, so that it is refused for its length, and nothing of the rest.
    fn oversize(&mut self, mut scanner: Scanner) -> io::Result<Piece> {
        let piece = self.piece(self.limit + 1);
        // The byte on which the limit was seen was not looked at.
        while let Some(byte) = self.window.at(0)? {
            let verdict = scanner.feed(byte);
            if verdict == Verdict::Broken && byte == b'\n' {
                break;
            }
            self.line += u64::from(byte == b'\n');
            self.window.take(1);
            if verdict != Verdict::More {
                break;
            }
        }
        Ok(piece)
    }

    /// What is no object and no array: the rest of the line, or one item of an array.
    fn plain(&mut self) -> io::Result<Option<Piece>> {
        let text = self.array.is_some() && self.window.at(0)? == Some(b'"');
        let mut length = 0;
        let mut escaped = false;
        while let Some(byte) = self.window.at(length)? {
            let ends = match byte {
                b'\n' => true,
                _ if self.array.is_none() => false,
                b'"' if text && length > 0 && !escaped => {
                    length += 1;
                    true
                }
                _ if text => false,
                b',' | b']' | b' ' | b'\t' | b'\r' => true,
                _ => false,
            };
            escaped = byte == b'\\' && !escaped;
            if ends {
                break;
            }
            if length > self.limit {
                let piece = self.piece(length);
                while self.window.at(0)?.is_some_and(|byte| byte != b'\n') {
                    self.window.take(1);
                }
                return Ok(Some(piece));
            }
            length += 1;
        }
        Ok(Some(self.piece(length)))
    }

    fn piece(&mut self, length: usize) -> Piece {
        let line = self.line;
        let bytes = self.window.take(length).to_vec();
        let lines = bytes.split(|byte| *byte == b'\n').count().saturating_sub(1);
        self.line += u64::try_from(lines).unwrap_or(0);
        Piece { line, bytes }
    }
}

fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last().is_some_and(u8::is_ascii_whitespace) {
        bytes.pop();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, fmt::Write as _, io::Cursor};

    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 100_000;

    fn read(text: &str) -> Vec<(u64, String)> {
        let mut values = Values::new(Cursor::new(text.as_bytes().to_vec()), LIMIT);
        let mut found = Vec::new();
        while let Some(piece) = values.next().unwrap() {
            found.push((piece.line, String::from_utf8_lossy(&piece.bytes).into_owned()));
        }
        found
    }

    fn texts(text: &str) -> Vec<String> {
        read(text).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn lines_go_on_as_they_are() {
        let lines = "{\"a\":1}\n\n{\"a\":\"}{\\\"\"} \n[{\"a\":1},{\"a\":2}]\r\n{\"a\":1}{\"a\":2}\nnot json\n17\n";
        assert_eq!(
            read(lines),
            [
                (1, "{\"a\":1}".to_owned()),
                (3, "{\"a\":\"}{\\\"\"} ".to_owned()),
                (4, "[{\"a\":1},{\"a\":2}]\r".to_owned()),
                (5, "{\"a\":1}{\"a\":2}".to_owned()),
                (6, "not json".to_owned()),
                (7, "17".to_owned()),
            ]
        );
        assert_eq!(texts("{\"a\":1}"), ["{\"a\":1}"]);
        assert_eq!(texts(" \n\n"), Vec::<String>::new());
    }

    #[test]
    fn documents_that_span_lines_are_wholes() {
        let text = "{\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}\n{\n\"a\": 2\n}\n{\"a\":3}\n";
        assert_eq!(
            read(text),
            [
                (1, "{\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}".to_owned()),
                (6, "{\n\"a\": 2\n}".to_owned()),
                (9, "{\"a\":3}".to_owned()),
            ]
        );
        let wrapper = "{\"Records\":[\n{\"a\":1},\n{\"a\":2}\n]}\n";
        assert_eq!(texts(wrapper), [wrapper.trim_end()]);
    }

    #[test]
    fn an_array_over_lines_is_taken_apart() {
        let text = "[\n  {\n    \"a\": [1]\n  },\n  {\"a\": 2}, [3], \"x, ]\", 4\n]\n{\"a\":5}\n";
        assert_eq!(
            read(text),
            [
                (2, "{\n    \"a\": [1]\n  }".to_owned()),
                (5, "{\"a\": 2}".to_owned()),
                (5, "[3]".to_owned()),
                (5, "\"x, ]\"".to_owned()),
                (5, "4".to_owned()),
                (7, "{\"a\":5}".to_owned()),
            ]
        );
    }

    #[test]
    fn a_long_array_in_one_line_is_taken_apart_past_what_is_broken_in_it() {
        let mut text = "[".to_owned();
        for number in 0..20_000 {
            let item = if number == 500 { "{\"n\":,".to_owned() } else { format!("{{\"n\":{number}}},") };
            text.push_str(&item);
        }
        text.push_str("{}]");
        let found = texts(&text);
        assert_eq!(found.len(), 20_001);
        assert_eq!(
            (found[499].as_str(), found[500].as_str(), found[501].as_str()),
            ("{\"n\":499}", "{\"n\":", "{\"n\":501}")
        );
    }

    #[test]
    fn what_is_broken_takes_no_other_with_it() {
        assert_eq!(
            texts("{\"a\":1}\n{\"a\":\n{\"a\":3}\n{\"a\":4}"),
            ["{\"a\":1}", "{\"a\":", "{\"a\":3}", "{\"a\":4}"]
        );
        assert_eq!(texts("{\"a\":\"cut\n{\"a\":3}\n"), ["{\"a\":\"cut", "{\"a\":3}"]);
        assert_eq!(texts("{\"a\":1,}\n{\"a\":[{\n{\"a\":3}\n"), ["{\"a\":1,}", "{\"a\":[{", "{\"a\":3}"]);
        // Of documents, those that follow; of items of an array, those beside it.
        assert_eq!(texts("{\n \"a\": {\n \"b\": ,\n }\n}\n{\n}\n"), ["{\n \"a\": {\n \"b\": ,\n }\n}", "{\n}"]);
        assert_eq!(texts("[\n {\"a\": 1},\n {\"a\": },\n {\"a\": 3}\n]\n"), ["{\"a\": 1}", "{\"a\": },", "{\"a\": 3}"]);
        assert_eq!(texts("{\"a\": [\n1"), ["{\"a\": [\n1"]);
    }

    #[test]
    fn a_line_that_was_cut_off_makes_no_array_of_those_that_follow() {
        assert_eq!(texts("[1, 2\n{\"a\":1}\n{\"a\":2}\n"), ["[1, 2", "{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(texts("[{\"a\":1}\n[{\"a\":2}]\n"), ["[{\"a\":1}", "[{\"a\":2}]"]);
        // Here it shows one value later; nothing that is whole is lost, and what is not is told.
        let found = read("{}\n[{\"a\":1},\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n");
        let found: Vec<(u64, &str)> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
        let wanted = [(1, "{}"), (2, "{\"a\":1}"), (3, "{\"a\":2}"), (2, "["), (4, "{\"a\":3}"), (5, "{\"a\":4}")];
        assert_eq!(found, wanted);
    }

    #[test]
    fn an_array_without_an_end_is_told() {
        for (text, line) in [("[\n{\"a\":1}", Some(1)), ("{}\n[\n{\"a\":1},\n", Some(2)), ("[\n{\"a\":1}]", None)] {
            let mut values = Values::new(Cursor::new(text), LIMIT);
            while values.next().unwrap().is_some() {}
            assert_eq!(values.open_array(), line, "{text}");
        }
    }

    #[test]
    fn what_is_longer_than_the_limit_is_cut_and_nothing_else() {
        let long = "x".repeat(2 * LIMIT);
        for text in [
            format!("{{\"a\":1}}\n{{\"a\":\"{long}\"}}\n{{\"a\":3}}\n"),
            format!("{{\"a\":1}}\n{{\n\"a\":\"{long}\",\n\"b\":[]\n}}\n{{\"a\":3}}\n"),
            format!("{{\"a\":1}}\n{long}\n{{\"a\":3}}\n"),
            format!("[\n{{\"a\":1}},\n{{\"a\":\"{long}\"}},\n{{\"a\":3}}\n]\n"),
            // A string without an end ends with its line.
            format!("{{\"a\":1}}\n{{\n\"a\":\"{long}\n{{\"a\":3}}\n"),
        ] {
            let found = texts(&text);
            assert_eq!(found.len(), 3, "{:?}", found.iter().map(String::len).collect::<Vec<_>>());
            assert_eq!((found[0].as_str(), found[1].len(), found[2].as_str()), ("{\"a\":1}", LIMIT + 1, "{\"a\":3}"));
        }
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        /// Gives the same bytes again and again.
        struct Endless(VecDeque<u8>, usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = buffer.len().min(self.1);
                for slot in buffer.iter_mut().take(count) {
                    *slot = self.0[0];
                    self.0.rotate_left(1);
                }
                self.1 -= count;
                Ok(count)
            }
        }
        for unit in
            ["{\"a\":[", "[", "{\"a\":[1,\n", "{\"a\":\"", "[1,", "[\n", "\"", "{\n", "x", ",", " ", "[{\"a\":1},"]
        {
            let bytes: VecDeque<u8> = unit.bytes().collect();
            let mut values = Values::new(Endless(bytes, 400_000), LIMIT);
            let mut longest = 0;
            while let Some(piece) = values.next().unwrap() {
                longest = longest.max(piece.bytes.len());
            }
            assert!(longest <= LIMIT + 1 && values.window.bytes.capacity() < 4 * LIMIT, "{unit}: {longest}");
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
            ".{0,12}".prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
                prop::collection::btree_map("[a-c{}\\[\\]\",]{1,3}", inner, 0..3)
                    .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn object() -> impl Strategy<Value = serde_json::Value> {
        value().prop_map(|inner| serde_json::json!({ "x": inner }))
    }

    proptest! {
        #[test]
        fn however_values_are_written_they_are_found(values in prop::collection::vec((object(), 0..3_u8), 1..8), array: bool) {
            let mut text = String::new();
            for (index, (value, style)) in values.iter().enumerate() {
                let written = match style { 0 => value.to_string(), _ => serde_json::to_string_pretty(value).unwrap() };
                let between = if array && index > 0 { ",\n" } else { "" };
                write!(text, "{between}{written}{}", if array || *style == 2 { "" } else { "\n" }).unwrap();
            }
            let text = if array { format!("[\n{text}\n]\n") } else { text };
            let found: Vec<serde_json::Value> = texts(&text)
                .iter()
                .flat_map(|text| serde_json::Deserializer::from_str(text).into_iter().map(Result::unwrap).collect::<Vec<_>>())
                .collect();
            let wanted: Vec<_> = values.into_iter().map(|(value, _)| value).collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn nothing_is_lost_of_whatever_text(text in "[{}\\[\\]\",:a1 \n\\\\]{0,60}") {
            let kept = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let found: String = texts(&text).iter().map(|text| kept(text)).collect();
            // Brackets and commas of an array that is taken apart are no part of its items.
            let bare = |text: &str| kept(text).replace(['[', ']', ','], "");
            prop_assert_eq!(bare(&found), bare(&text));
        }
    }
}
