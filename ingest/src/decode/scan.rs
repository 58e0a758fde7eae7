//! Where JSON values end, found without reading them: by the grammar as long as a value is whole, and by its brackets
//! alone where it is not. Raw control characters, bytes that are not UTF-8 and halves of surrogate pairs do not make a
//! value broken: they are replaced when it is read.

/// Bytes that may be looked at again while broken values are passed, for each byte of the text: what a record costs
/// must stay within bounds, whatever it holds.
const AGAIN: usize = 32;

/// Where a sound value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The first byte behind it.
    pub(crate) end: usize,
    /// Whether something in it will be replaced when it is read.
    pub(crate) replaced: bool,
}

/// A text that is looked at.
#[derive(Debug)]
pub(crate) struct Scanner<'t> {
    bytes: &'t [u8],
    /// Brackets that are open; kept between values to save its memory.
    open: Vec<u8>,
    /// What is left of [`AGAIN`].
    again: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Self { bytes, open: Vec::new(), again: bytes.len().saturating_mul(AGAIN) }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The first byte from here on that is not white space.
    pub(crate) fn space(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
    }

    /// Whether looking ahead is still allowed.
    pub(crate) fn may_look_again(&self) -> bool {
        self.again > 0
    }

    /// That many bytes were looked at again.
    pub(crate) fn looked(&mut self, bytes: usize) {
        self.again = self.again.saturating_sub(bytes);
    }

    /// [`Scanner::value`] for a place that may be looked at more than once.
    pub(crate) fn value_again(&mut self, at: usize) -> Result<Extent, usize> {
        if self.again == 0 {
            return Err(at);
        }
        let found = self.value(at);
        let (Ok(Extent { end, .. }) | Err(end)) = found;
        self.looked(1 + end.saturating_sub(at));
        found
    }

    /// The end of the value that begins here, or the place where it is no JSON any more.
    pub(crate) fn value(&mut self, start: usize) -> Result<Extent, usize> {
        self.open.clear();
        let (mut at, mut replaced) = (start, false);
        loop {
            at = self.space(at);
            let first = self.byte(at).ok_or(at)?;
            match first {
                b'{' | b'[' => {
                    let inside = self.space(at + 1);
                    if self.byte(inside) == Some(closing(first)) {
                        at = inside + 1;
                    } else {
                        self.open.push(first);
                        at = if first == b'{' { self.name(inside, &mut replaced)? } else { inside };
                        continue;
                    }
                }
                b'"' => at = self.string(at, &mut replaced)?,
                b'-' | b'0'..=b'9' => at = self.number(at)?,
                b't' => at = self.word(at, b"true")?,
                b'f' => at = self.word(at, b"false")?,
                b'n' => at = self.word(at, b"null")?,
                _ => return Err(at),
            }
            // A value is complete: so may be what it stands in.
            loop {
                let Some(&open) = self.open.last() else { return Ok(Extent { end: at, replaced }) };
                at = self.space(at);
                match self.byte(at) {
                    Some(b',') if open == b'{' => {
                        at = self.name(self.space(at + 1), &mut replaced)?;
                        break;
                    }
                    Some(b',') => {
                        at += 1;
                        break;
                    }
                    Some(found) if found == closing(open) => {
                        self.open.pop();
                        at += 1;
                    }
                    _ => return Err(at),
                }
            }
        }
    }

    /// A member's name and the colon behind it.
    fn name(&self, at: usize, replaced: &mut bool) -> Result<usize, usize> {
        if self.byte(at) != Some(b'"') {
            return Err(at);
        }
        let end = self.space(self.string(at, replaced)?);
        if self.byte(end) == Some(b':') { Ok(end + 1) } else { Err(end) }
    }

    /// The end of the text whose opening quote stands here.
    pub(crate) fn string(&self, start: usize, replaced: &mut bool) -> Result<usize, usize> {
        let mut at = start + 1;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                return Err(self.bytes.len());
            };
            at += plain;
            match self.byte(at) {
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => {
                    let (end, half) = escape(self.bytes, at).ok_or(at)?;
                    *replaced |= half;
                    at = end;
                }
                _ => {
                    *replaced = true;
                    at += 1;
                }
            }
        }
    }

    pub(crate) fn number(&self, start: usize) -> Result<usize, usize> {
        let digits = |at: usize| {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 { Err(at) } else { Ok(at + count) }
        };
        let mut at = start + usize::from(self.byte(start) == Some(b'-'));
        at = if self.byte(at) == Some(b'0') { at + 1 } else { digits(at)? };
        if self.byte(at) == Some(b'.') {
            at = digits(at + 1)?;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(self.byte(at + 1), Some(b'+' | b'-')));
            at = digits(at + 1 + signed)?;
        }
        // "01", "1x" and "1.2.3" are no numbers with something behind them.
        match self.byte(at) {
            Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_') => Err(at),
            _ => Ok(at),
        }
    }

    pub(crate) fn word(&self, at: usize, word: &[u8]) -> Result<usize, usize> {
        let end = at + word.len();
        if self.slice(at, end) == word { Ok(end) } else { Err(at) }
    }

    /// The end of a broken value by its brackets alone, if they close one another. A line that begins with a bracket of
    /// its own, where `lines` are values, and an end of line within a text say that they do not.
    pub(crate) fn brackets(&mut self, start: usize, lines: bool) -> Option<usize> {
        self.open.clear();
        let mut at = start;
        let mut end = None;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'{' | b'[' => self.open.push(byte),
                b'}' | b']' => {
                    if self.open.pop().map(closing) != Some(byte) {
                        break;
                    }
                    if self.open.is_empty() {
                        end = Some(at + 1);
                        break;
                    }
                }
                b'"' => match self.end_of_text(at, lines) {
                    Some(quote) => at = quote,
                    None => break,
                },
                b'\n' if lines && matches!(self.byte(at + 1), Some(b'{' | b'[')) => break,
                _ => {}
            }
            at += 1;
        }
        self.looked(1 + at.saturating_sub(start));
        end
    }

    /// The closing quote of a text, whatever stands in it.
    fn end_of_text(&self, start: usize, lines: bool) -> Option<usize> {
        let mut at = start + 1;
        loop {
            match self.byte(at)? {
                b'"' => return Some(at),
                b'\\' => at += 2,
                b'\n' if lines => return None,
                _ => at += 1,
            }
        }
    }
}

pub(crate) const fn closing(open: u8) -> u8 {
    if open == b'{' { b'}' } else { b']' }
}

/// The end of the escape sequence that begins here, and whether it is half of a surrogate pair without the other half.
pub(crate) fn escape(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some((at + 2, false)),
        b'u' => match hex(bytes, at + 2)? {
            0xd800..=0xdbff => {
                let low = bytes.get(at + 6..at + 8) == Some(b"\\u".as_slice())
                    && hex(bytes, at + 8).is_some_and(|unit| (0xdc00..=0xdfff).contains(&unit));
                Some(if low { (at + 12, false) } else { (at + 6, true) })
            }
            0xdc00..=0xdfff => Some((at + 6, true)),
            _ => Some((at + 6, false)),
        },
        _ => None,
    }
}

/// Four hexadecimal digits.
pub(crate) fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Result<usize, usize> {
        Scanner::new(text.as_bytes()).value(0).map(|extent| extent.end)
    }

    #[test]
    fn a_sound_value_ends_where_it_ends() {
        for text in [
            "{}",
            "[]",
            " [ ] ",
            "{ \"a\" : [1, {\"b\": null}] , \"c\":\"}]\\\"\" }",
            "-0.5e+10",
            "\"\\u00e9\\\\\"",
            "true",
            "[[[[]]],[]]",
            "\"\\ud83d\\ude00\"",
            "9232379236109516800",
            "1e400",
        ] {
            assert_eq!(end(text), Ok(text.trim_end().len()), "{text}");
            assert_eq!(end(&format!("{text} , 1")), Ok(text.trim_end().len()), "{text}");
        }
        assert_eq!(end(&"[".repeat(1_000_000)), Err(1_000_000), "depth costs no stack");
    }

    #[test]
    fn a_broken_value_says_where() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{\"a\":1,}", 7),
            ("nul", 0),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1e", 2),
            ("\"abc", 4),
            ("\"\\x\"", 1),
            ("\"\\u12\"", 1),
            ("{'a':1}", 1),
            ("[1}", 2),
            ("NaN", 0),
            ("[\u{feff}1]", 1),
        ] {
            assert_eq!(end(text), Err(at), "{text}");
        }
    }

    #[test]
    fn what_will_be_replaced_is_seen() {
        let replaced = |text: &str| Scanner::new(text.as_bytes()).value(0).unwrap().replaced;
        for text in ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "{\"a\\udfff\":1}", "[\"a\tb\"]", "\"\0\""] {
            assert!(replaced(text), "{text:?}");
        }
        for text in ["\"\\ud83d\\ude00\"", "\"\\u0000\"", "[\n\t1]", "\"\u{fffd}\"", "\"\\\\ud800\""] {
            assert!(!replaced(text), "{text:?}");
        }
    }

    #[test]
    fn brackets_close_a_broken_value() {
        let brackets = |text: &str, lines| Scanner::new(text.as_bytes()).brackets(0, lines);
        assert_eq!(brackets("{\"a\":NaN,\"b\":[\"}\"]},{}", false), Some(19));
        assert_eq!(brackets("{\"a\":[1}", false), None);
        assert_eq!(brackets("{\"a\":1", false), None);
        assert_eq!(brackets("{\"a\":x\n{\"b\":1}}", false), Some(15));
        assert_eq!(brackets("{\"a\":x\n{\"b\":1}}", true), None);
        assert_eq!(brackets("{\"a\":x\"\n\"}", true), None);
    }
}
