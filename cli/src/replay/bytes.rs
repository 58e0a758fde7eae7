//! Files to bytes: compressed or not, by how they begin and not by their names, and what is wrong with them.
//!
//! What can be read of a damaged file is read; what is wrong is told beside it ([`Trouble`]).

use std::{
    cell::RefCell,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    rc::Rc,
};

use flate2::bufread::GzDecoder;

/// How much is looked at to see what a file is.
const HEAD: usize = 512;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How files begin that are packed in ways that are not undone here.
const FOREIGN: &[(&str, &[u8])] = &[
    ("a zip archive", b"PK\x03\x04"),
    ("an empty zip archive", b"PK\x05\x06"),
    ("packed with bzip2", b"BZh"),
    ("packed with xz", b"\xfd7zXZ\0"),
    ("packed with 7-Zip", b"7z\xbc\xaf\x27\x1c"),
    ("packed with lz4", b"\x04\x22\x4d\x18"),
    ("packed twice", GZIP),
    ("packed twice", ZSTD),
];
/// What a tar archive has, and where.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// What is wrong with a file that was read as far as it could be.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Rc<RefCell<Option<Fault>>>);

#[derive(Clone, Debug)]
struct Fault {
    what: String,
    /// Whether a line had just ended.
    line_ended: bool,
}

impl Trouble {
    fn note(&self, fault: Fault) {
        self.0.borrow_mut().get_or_insert(fault);
    }

    pub(super) fn take(&self) -> Option<String> {
        self.0.borrow_mut().take().map(|fault| fault.what)
    }

    pub(super) fn is_there(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Whether the last record was read in part.
    pub(super) fn is_within_a_line(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|fault| !fault.line_ended)
    }
}

/// The bytes of a file, `-` being standard input, without what they were packed in.
pub(super) fn open(path: &Path, trouble: &Trouble) -> io::Result<Box<dyn Read>> {
    let raw: Box<dyn Read> = if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let (head, raw) = peek(raw)?;
    let (packed, inner): (_, Box<dyn Read>) = if head.starts_with(GZIP) {
        ("gzip", Box::new(Gunzip { member: Some(GzDecoder::new(BufReader::with_capacity(1 << 16, raw))) }))
    } else if head.starts_with(ZSTD) {
        ("zstd", Box::new(zstd::Decoder::new(raw)?))
    } else {
        refuse_foreign(&head)?;
        return Ok(raw);
    };
    let (head, content) = peek(Box::new(Lenient { inner, packed, read: 0, last: 0, trouble: trouble.clone() }))?;
    refuse_foreign(&head)?;
    Ok(content)
}

/// Lines and values would be found in anything; in an archive they mean nothing.
fn refuse_foreign(head: &[u8]) -> io::Result<()> {
    let (at, sign) = TAR;
    let is_tar = head.get(at..).is_some_and(|rest| rest.starts_with(sign)).then_some("a tar archive");
    match is_tar.or_else(|| FOREIGN.iter().find(|(_, sign)| head.starts_with(sign)).map(|(name, _)| *name)) {
        Some(name) => Err(io::Error::other(format!("it is {name}: unpack it, and give what was in it"))),
        None => Ok(()),
    }
}

/// How a reader begins, and the reader from its beginning.
pub(super) fn peek(mut reader: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(u64::try_from(HEAD).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(reader))))
}

/// Members of a gzip file, one after the other, with zeros around them as tapes and block devices leave them.
struct Gunzip<R: BufRead> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            loop {
                let bytes = rest.fill_buf()?;
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                match bytes.get(zeros) {
                    None if zeros == 0 => return Ok(0),
                    Some(0x1f) => {
                        rest.consume(zeros);
                        self.member = Some(GzDecoder::new(rest));
                        break;
                    }
                    Some(_) => return Err(io::Error::other("what follows the last member is no gzip")),
                    None => rest.consume(zeros),
                }
            }
        }
        Ok(0)
    }
}

/// Ends where reading fails, and remembers why.
struct Lenient {
    inner: Box<dyn Read>,
    packed: &'static str,
    read: u64,
    /// The last byte that was read.
    last: u8,
    trouble: Trouble,
}

impl Read for Lenient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.trouble.is_there() {
            return Ok(0);
        }
        match self.inner.read(buffer) {
            Ok(read) => {
                self.read = self.read.saturating_add(u64::try_from(read).unwrap_or(0));
                self.last = read.checked_sub(1).and_then(|last| buffer.get(last)).copied().unwrap_or(self.last);
                Ok(read)
            }
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => Err(fault),
            Err(fault) => {
                let Self { packed, read, last, .. } = self;
                let why = match fault.kind() {
                    io::ErrorKind::UnexpectedEof => "the file is cut off".to_owned(),
                    _ => fault.to_string(),
                };
                let what = format!("{packed}: {why} after {read} bytes of content; what comes before is used");
                self.trouble.note(Fault { what, line_ended: *last == b'\n' });
                Ok(0)
            }
        }
    }
}
