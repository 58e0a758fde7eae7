//! Frames: four bytes of length, then so many bytes.

use std::io::{self, Read, Write};

/// Longest frame that is taken for one.
const LONGEST: usize = 256 << 20;
/// How far into a request names are looked for: groups, topics and transactional ids come first.
const NAMES_WITHIN: usize = 8192;

/// The next frame, without its length; `None` at the end of the stream.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(fault) => return Err(fault),
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}

/// Writes a frame, in one piece.
pub(super) fn write(stream: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(4 + frame.len());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(frame);
    stream.write_all(&bytes)
}

/// Head of a request: which call it is, and its number on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: i16,
    pub(super) correlation: i32,
}

/// The head of a request.
pub(super) fn head(request: &[u8]) -> Option<Head> {
    // Key of the call, its version, the number.
    let (key, rest) = request.split_first_chunk()?;
    let (_, rest) = rest.split_first_chunk::<2>()?;
    let correlation = rest.first_chunk()?;
    Some(Head { key: i16::from_be_bytes(*key), correlation: i32::from_be_bytes(*correlation) })
}

/// The number of the request that a frame answers.
pub(super) fn answered(answer: &[u8]) -> Option<i32> {
    answer.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
}

/// Whether a request holds a name: an id of a client, a transactional id, a group, a topic or the id of a topic.
pub(super) fn holds(request: &[u8], name: &[u8]) -> bool {
    let within = request.get(..NAMES_WITHIN).unwrap_or(request);
    name.is_empty() || within.windows(name.len()).any(|window| window == name)
}
