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

/// What is wrong with a file that was read as far as it could be.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Rc<RefCell<Option<String>>>);

impl Trouble {
    fn note(&self, what: String) {
        self.0.borrow_mut().get_or_insert(what);
    }

    pub(super) fn take(&self) -> Option<String> {
        self.0.borrow_mut().take()
    }

    pub(super) fn is_there(&self) -> bool {
        self.0.borrow().is_some()
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
        return Ok(raw);
    };
    Ok(Box::new(Lenient { inner, packed, read: 0, trouble: trouble.clone() }))
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
                Ok(read)
            }
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => Err(fault),
            Err(fault) => {
                let Self { packed, read, .. } = self;
                let why = match fault.kind() {
                    io::ErrorKind::UnexpectedEof => "the file is cut off".to_owned(),
                    _ => fault.to_string(),
                };
                self.trouble.note(format!("{packed}: {why} after {read} bytes of content; what comes before is used"));
                Ok(0)
            }
        }
    }
}
