//! The records of a file, with the line that each begins in.

use std::{
    io::{BufRead, BufReader, Read as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use measurement::catalogue::{Catalogue, Decode, Encoding};

use super::{
    bytes::{Trouble, open, peek},
    encoding::{self, Form},
    values::Values,
};

/// What must be known of a source to take its files apart.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Name of the source.
    pub source: Arc<str>,
    /// Lines, or JSON.
    pub decode: Decode,
    /// Whether something is taken off, which may span lines.
    pub wrapped: bool,
    /// How its bytes become characters.
    pub encoding: Encoding,
    /// Longest record; what is longer is cut one byte after it, so that it is refused for its length.
    pub limit: usize,
}

impl Shape {
    /// That of the source that a topic belongs to.
    pub fn of_topic(catalogue: &Catalogue, topic: &str, limit: usize) -> anyhow::Result<Self> {
        let source = catalogue.sources.values().find(|source| source.topics.iter().any(|known| known == topic));
        let source = source.with_context(|| format!("the topic {topic} belongs to no source"))?;
        let wrapped = source.unwrap.as_ref().is_some_and(|steps| !steps.is_empty());
        Ok(Self {
            source: source.name.as_str().into(),
            decode: source.decode,
            wrapped,
            encoding: source.encoding,
            limit,
        })
    }
}

/// A record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Line that it begins in, from 1 on.
    pub line: u64,
    /// Its bytes, without the end of the line.
    pub bytes: Vec<u8>,
}

/// Reads a file, `-` being standard input, record by record; blank lines are none. Gives what is wrong with the file where it
/// could be read in part.
pub fn read_file(
    path: &Path,
    shape: &Shape,
    mut sink: impl FnMut(Piece) -> anyhow::Result<()>,
) -> anyhow::Result<Option<String>> {
    let trouble = Trouble::default();
    let raw = open(path, &trouble).with_context(|| format!("read {}", path.display()))?;
    let (content, form) = encoding::content(raw, shape.encoding, (path, &shape.source))?;
    let mut sink = |mut piece: Piece, form: Form| {
        piece.bytes = encoding::record(piece.bytes, form);
        sink(piece)
    };
    let mut held: Option<Piece> = None;
    let mut unclosed = None;
    // The last record of a file that is cut off within a line is no record: it is held back until more has come.
    let mut give = |piece: Piece| held.replace(piece).map_or(Ok(()), |piece| sink(piece, form));
    let reading = || format!("read {}", path.display());
    let (head, content) = peek(content).with_context(reading)?;
    // A shipper's envelope, which a source of lines declares, is JSON as any other.
    let opens = shape.wrapped && matches!(head.trim_ascii_start(), [b'{' | b'[', ..]);
    match shape.decode {
        Decode::Text if !opens => {
            let mut lines = Lines { reader: BufReader::with_capacity(1 << 16, content), limit: shape.limit, line: 0 };
            while let Some(piece) = lines.next().with_context(reading)? {
                give(piece)?;
            }
        }
        Decode::Text | Decode::Json => {
            let mut values = Values::new(content, shape.limit);
            while let Some(piece) = values.next().with_context(reading)? {
                give(piece)?;
            }
            unclosed = values.open_array();
        }
    }
    if let Some(piece) = held.filter(|_| !trouble.is_within_a_line()) {
        sink(piece, form)?;
    }
    let fault = trouble.take();
    let unclosed =
        || unclosed.map(|line| format!("the array that begins in line {line} has no end; its items were read"));
    Ok(fault.or_else(unclosed))
}

/// Lines that hold something.
struct Lines<R> {
    reader: R,
    limit: usize,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> std::io::Result<Option<Piece>> {
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1);
        loop {
            let mut bytes = Vec::new();
            if self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            } else if bytes.len() > self.limit {
                self.skip_line()?;
            }
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Piece { line: self.line, bytes }));
            }
        }
    }

    fn skip_line(&mut self) -> std::io::Result<()> {
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}
