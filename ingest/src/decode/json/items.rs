//! The items of arrays. A broken one ends where its brackets close, or else before the next object from which on sound
//! objects follow one another: up to the end of the array, or up to the next broken one.

use super::{Part, State, trimmed};
use crate::decode::scan::{Extent, Scanner, closing};

/// The items of the array that opens at a place of a value, whole or not. `levels` are the brackets around it, from the
/// outside in, which close behind it.
pub(in crate::decode) fn items<'t>(bytes: &'t [u8], open: usize, levels: &[u8]) -> Vec<Part<'t>> {
    let mut items = Items { scanner: Scanner::new(bytes), levels, parts: Vec::new(), last: None, known: None };
    let mut at = items.scanner.space(open + 1);
    while let Some(byte) = items.scanner.byte(at) {
        at = match byte {
            b',' => items.scanner.space(at + 1),
            b']' if items.closes(at + 1) => return items.parts,
            b']' => {
                let Some(next) = items.next_object(at + 1) else {
                    let rest = items.scanner.space(at + 1);
                    if rest < bytes.len() {
                        items.broken(rest, bytes.len(), rest);
                    }
                    return items.parts;
                };
                items.broken(at, next, at)
            }
            _ => items.item(at),
        };
    }
    // The array does not close: something of it is missing, if only the bracket.
    if !matches!(items.parts.last(), Some(Part { state: State::Broken { .. }, .. })) {
        items.parts.push(Part { bytes: &[], state: State::Broken { at: 0, values: 1 } });
    }
    items.parts
}

/// How far sound objects follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Up to the end of the array: what follows is known to be its items.
    ToTheEnd,
    /// Up to something else that is broken, but the first member is named as in the other items.
    Alike,
    /// Up to something else that is broken.
    Any,
}

/// Sound objects that follow one another.
struct Run {
    /// How far they do, if they may be items.
    kind: Option<Next>,
    /// Up to where that was tried.
    tried: usize,
    /// The first one that begins like the items before.
    known: Option<usize>,
}

/// What is open at a place of a broken item, as far as its quotes can be trusted.
struct Place {
    at: usize,
    open: Vec<u8>,
    text: bool,
}

impl Place {
    const fn new(at: usize) -> Self {
        Self { at, open: Vec::new(), text: false }
    }

    /// Goes on to a place; says whether an array of the item is open there.
    fn is_in_an_array(&mut self, scanner: &Scanner<'_>, to: usize) -> bool {
        while self.at < to {
            match scanner.byte(self.at) {
                Some(b'\\') => self.at += 1,
                Some(b'"') => self.text = !self.text,
                Some(open @ (b'{' | b'[')) if !self.text => self.open.push(open),
                Some(b'}' | b']') if !self.text => drop(self.open.pop()),
                _ => {}
            }
            self.at += 1;
        }
        !self.text && self.open.last() == Some(&b'[')
    }
}

struct Items<'t, 'l> {
    scanner: Scanner<'t>,
    levels: &'l [u8],
    parts: Vec<Part<'t>>,
    /// Where the last item began, if it is sound.
    last: Option<usize>,
    /// What the first member of the first sound item is named.
    known: Option<&'t [u8]>,
}

impl<'t> Items<'t, '_> {
    /// Takes the item that begins here; says where the next one may begin.
    fn item(&mut self, start: usize) -> usize {
        let found = self.scanner.value(start);
        let opens = matches!(self.scanner.byte(start), Some(b'{' | b'['));
        let fault = match found {
            Ok(Extent { end, replaced }) => {
                let next = self.scanner.space(end);
                let whole = match self.scanner.byte(next) {
                    None | Some(b',' | b']') => true,
                    Some(b'{') => opens,
                    Some(_) => opens && self.word(next).is_some(),
                };
                if whole {
                    self.last = Some(start);
                    self.known = self.known.or_else(|| self.first_name(start));
                    let bytes = self.scanner.slice(start, end);
                    self.parts.push(Part { bytes, state: State::Sound { replaced } });
                    return next;
                }
                next
            }
            Err(fault) => fault,
        };
        // A member where an item should begin: the item before it was torn by a bracket too many, unless the member is
        // the one that items begin with and its own bracket is missing.
        let member = self.scanner.byte(start) == Some(b'"') && self.scanner.byte(fault) == Some(b':');
        let from = match self.last.take() {
            Some(last) if member && self.known != Some(self.scanner.slice(start, fault)) => {
                self.parts.pop();
                last
            }
            _ => start,
        };
        let end = self.end_of_broken(start, opens);
        self.broken(from, end, fault)
    }

    /// The name of the first member of an object, in its quotes.
    fn first_name(&self, object: usize) -> Option<&'t [u8]> {
        let first = self.scanner.space(object + 1);
        if self.scanner.byte(object) != Some(b'{') || self.scanner.byte(first) != Some(b'"') {
            return None;
        }
        Some(self.scanner.slice(first, self.scanner.string(first, &mut false).ok()?))
    }

    fn broken(&mut self, start: usize, end: usize, fault: usize) -> usize {
        let bytes = self.scanner.slice(start, end);
        let bytes = trimmed(bytes).strip_suffix(b",").unwrap_or(bytes);
        let values = if end < self.scanner.len() { 1 } else { boundaries(bytes.iter().copied()) + 1 };
        self.last = None;
        self.parts.push(Part { bytes, state: State::Broken { at: fault.saturating_sub(start), values } });
        end
    }

    /// Where a broken item ends. From the next item on, objects must follow one another up to the end of the array; where
    /// they do not, because another one is broken, it ends with its brackets; and where those do not close either, before
    /// the next object.
    fn end_of_broken(&mut self, start: usize, opens: bool) -> usize {
        if !opens && let Some(end) = self.word(start) {
            return end;
        }
        let closed = if opens && self.scanner.may_look_again() { self.scanner.brackets(start, false) } else { None };
        let closed = closed.filter(|end| matches!(self.scanner.byte(self.scanner.space(*end)), Some(b',' | b']')));
        if let Some(end) = closed {
            return self.candidate(start, end, &[Next::ToTheEnd, Next::Alike]).unwrap_or(end);
        }
        self.next_object(start).or_else(|| self.last_bracket(start)).unwrap_or(self.scanner.len())
    }

    /// The next object that is an item, as far as that can be known.
    fn next_object(&mut self, start: usize) -> Option<usize> {
        let end = self.scanner.len();
        self.candidate(start, end, &[Next::ToTheEnd, Next::Alike])
            .or_else(|| self.candidate(start, end, &[Next::ToTheEnd, Next::Alike, Next::Any]))
    }

    /// The end of something that is no value but holds no brackets, quotes or colons either: `NaN`, `undefined`.
    fn word(&mut self, start: usize) -> Option<usize> {
        let rest = self.scanner.slice(start, self.scanner.len());
        let length = rest.iter().position(|byte| matches!(byte, b',' | b']' | b'{' | b'}' | b'[' | b'"' | b':'))?;
        let end = start + length;
        let known = match self.scanner.byte(end) {
            Some(b']') => self.closes(end + 1),
            Some(b',') => matches!(self.scanner.byte(self.scanner.space(end + 1)), Some(b'{' | b'[')),
            Some(b'{') => true,
            _ => false,
        };
        (known && length > 0).then_some(end)
    }

    /// The bracket that closes the array, if nothing but what encloses it follows.
    fn last_bracket(&mut self, start: usize) -> Option<usize> {
        let last = |rest: &[u8]| rest.iter().rposition(|byte| *byte == b']').map(|found| start + found);
        let mut end = last(self.scanner.slice(start, self.scanner.len()))?;
        for _ in self.levels.iter().filter(|level| **level == b'[') {
            end = last(self.scanner.slice(start, end))?;
        }
        self.closes(end + 1).then_some(end)
    }

    /// The first object behind a comma, and before a place, from which on objects follow one another.
    fn candidate(&mut self, start: usize, before: usize, wanted: &[Next]) -> Option<usize> {
        let mut place = Place::new(start);
        let mut at = start;
        while at < before {
            let rest = self.scanner.slice(at, before);
            let comma = at + rest.iter().position(|byte| *byte == b',')?;
            let next = self.scanner.space(comma + 1);
            at = next.max(comma + 1);
            if self.scanner.byte(next) != Some(b'{') {
                continue;
            }
            let nested = place.is_in_an_array(&self.scanner, comma);
            let Run { kind, tried, known } = self.follows(next);
            let found = match known {
                // It may be an item of an array within the broken item, whose end is lost with it.
                Some(known) if nested => Some((known, Next::Alike)),
                None if nested && self.known.is_some() => None,
                _ => Some((next, kind.unwrap_or(Next::Any))),
            };
            match found {
                Some((found, as_what))
                    if kind.is_some_and(|kind| wanted.contains(&kind) || wanted.contains(&as_what)) =>
                {
                    return Some(found);
                }
                _ if !self.scanner.may_look_again() => return None,
                _ => at = at.max(tried),
            }
        }
        None
    }

    /// How sound objects follow one another from here.
    fn follows(&mut self, start: usize) -> Run {
        let (mut at, mut known) = (start, None);
        let run = |kind, tried, known: Option<usize>| {
            let alike = kind == Some(Next::Any) && known == Some(start);
            Run { kind: if alike { Some(Next::Alike) } else { kind }, tried, known }
        };
        loop {
            let Ok(extent) = self.scanner.value_again(at) else {
                return run((at > start).then_some(Next::Any), at, known);
            };
            if known.is_none() && self.known.is_some() && self.first_name(at) == self.known {
                known = Some(at);
            }
            let next = self.scanner.space(extent.end);
            match self.scanner.byte(next) {
                None => return run(Some(Next::Any), next, known),
                Some(b']') => return run(self.closes(next + 1).then_some(Next::ToTheEnd), next, known),
                Some(b',') => at = self.scanner.space(next + 1),
                Some(b'{') => at = next,
                Some(_) => return run((at > start || self.word(next).is_some()).then_some(Next::Any), next, known),
            }
            if matches!(self.scanner.byte(at), Some(b'"' | b'[')) {
                return run(known.map(|_| Next::Any), at, known);
            }
        }
    }

    /// Whether everything that is open around the array closes from here on, and nothing follows.
    fn closes(&mut self, start: usize) -> bool {
        if !self.scanner.may_look_again() {
            return false;
        }
        let mut rest = Scanner::new(self.scanner.slice(start, self.scanner.len()));
        let mut at = rest.space(0);
        let closes = Self::close(&mut rest, &mut at, self.levels);
        self.scanner.looked(at + 1);
        closes
    }

    fn close(rest: &mut Scanner<'_>, at: &mut usize, levels: &[u8]) -> bool {
        for level in levels.iter().rev() {
            while rest.byte(*at) == Some(b',') {
                *at = rest.space(*at + 1);
                if *level == b'{' {
                    if rest.byte(*at) != Some(b'"') {
                        return false;
                    }
                    let (Ok(end) | Err(end)) = rest.string(*at, &mut false);
                    *at = rest.space(end);
                    if rest.byte(*at) != Some(b':') {
                        return false;
                    }
                    *at = rest.space(*at + 1);
                }
                match rest.value(*at) {
                    Ok(extent) => *at = rest.space(extent.end),
                    Err(fault) => {
                        *at = fault;
                        return false;
                    }
                }
            }
            if rest.byte(*at) != Some(closing(*level)) {
                return false;
            }
            *at = rest.space(*at + 1);
        }
        *at == rest.len()
    }
}

/// How often an object follows another one.
pub(in crate::decode) fn boundaries(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let mut count = 0;
    let mut closed = false;
    for byte in bytes {
        match byte {
            b'}' => closed = true,
            b'{' if closed => {
                count += 1;
                closed = false;
            }
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {}
            _ => closed = false,
        }
    }
    count
}
