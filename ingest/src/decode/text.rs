//! Text taken apart: lines, without what ends them.

use super::{
    Element, Form,
    bytes::{characters, trimmed, without_mark},
};

/// The lines of a text that hold something.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(content).filter(|line| !line.trim_ascii().is_empty())
}

/// Carriage returns and zeros at the end of a line belong to what ends it, a byte order mark at its start to a file that
/// it was once the first line of, zeros at its start to one that was cut short while somebody went on writing.
fn content(line: &[u8]) -> &[u8] {
    let zeros = line.iter().take_while(|byte| **byte == 0).count();
    let mut line = line.get(zeros..).unwrap_or_default();
    loop {
        let shorter = trimmed(line);
        let shorter = shorter.strip_suffix(b"\r").unwrap_or(shorter);
        if shorter.len() == line.len() {
            return without_mark(line);
        }
        line = shorter;
    }
}

/// A line as an element. A zero in it is no character of a text, and neither is a carriage return: whoever wrote it may have
/// meant the end of a line. They are replaced like bytes that are none.
pub(super) fn element(line: &[u8], doubtful: bool) -> Option<Element<'_>> {
    let (text, replaced) = characters(line, doubtful);
    if text.trim().is_empty() {
        return None;
    }
    if text.contains(['\0', '\r']) {
        return Some(Element { form: Form::Line(text.replace(['\0', '\r'], "\u{fffd}").into()), replaced: true });
    }
    Some(Element { form: Form::Line(text), replaced })
}
