//! Fields of events by path, numbered once per catalogue: an event is read into one row of slots,
//! and every compiled expression knows its slots.

use std::collections::BTreeMap;

use crate::{classes::Classes, value::Type};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array.
    Index(usize),
}

/// Reads `finding_info_list[0].uid` into steps; `None` if it is no path.
pub fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut rest) = part.split_at_checked(part.find('[').unwrap_or(part.len()))?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        steps.push(Step::Name(name.to_owned()));
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Index(index.parse().ok().filter(|index| *index < 1000)?));
            rest = after;
        }
    }
    (steps.len() <= 16).then_some(steps)
}

/// The fields that a catalogue asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    slots: BTreeMap<String, usize>,
    /// The type of each slot; `None` where only the value tells.
    types: Vec<Option<Type>>,
}

impl Fields {
    /// Fields that every event is asked for: what it is, when, and which.
    pub const CLASS: usize = 0;
    /// Slot of `time`.
    pub const TIME: usize = 1;
    /// Slot of `metadata.uid`.
    pub const UID: usize = 2;
    /// Slot of `metadata.sequence`, the source's own order among equal times.
    pub const SEQUENCE: usize = 3;

    /// The fixed fields alone.
    pub fn new() -> Self {
        let mut fields = Self::default();
        for path in ["class_uid", "time", "metadata.uid", "metadata.sequence"] {
            fields.slot(path);
        }
        fields
    }

    /// The slot of a path, which is new if nobody asked for it before; `None` if it is no path.
    pub fn slot(&mut self, path: &str) -> Option<usize> {
        if let Some(slot) = self.slots.get(path) {
            return Some(*slot);
        }
        parse_path(path)?;
        let slot = self.slots.len();
        self.slots.insert(path.to_owned(), slot);
        self.types.push(None);
        Some(slot)
    }

    /// The path of a slot. Slots are numbered by who asked first: what names a field for good is its path.
    pub fn path(&self, slot: usize) -> Option<&str> {
        self.slots.iter().find(|(_, known)| **known == slot).map(|(path, _)| path.as_str())
    }

    /// Takes the types from the table of classes: that of a path is the same in all of them.
    #[must_use]
    pub fn typed(mut self, classes: &Classes) -> Self {
        for (path, slot) in &self.slots {
            if let Some(kind) = self.types.get_mut(*slot) {
                *kind = classes.type_of(path);
            }
        }
        self
    }

    /// The type of a slot; `None` where only the value tells.
    pub fn type_of(&self, slot: usize) -> Option<Type> {
        self.types.get(slot).copied().flatten()
    }

    /// How many slots a row has.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Paths with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.slots.iter().map(|(path, slot)| (path.as_str(), *slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let name = |text: &str| Step::Name(text.to_owned());
        assert_eq!(
            parse_path("a.b[0][2].c"),
            Some(vec![name("a"), name("b"), Step::Index(0), Step::Index(2), name("c")])
        );
        for path in ["", "a.", ".a", "a[", "a[x]", "a[0", "a b", "a[99999]"] {
            assert_eq!(parse_path(path), None, "{path}");
        }
    }

    #[test]
    fn the_fixed_fields_have_fixed_slots() {
        let mut fields = Fields::new();
        assert_eq!(fields.slot("time"), Some(Fields::TIME));
        assert_eq!(fields.slot("metadata.sequence"), Some(Fields::SEQUENCE));
        assert_eq!(fields.slot("device.uid"), Some(4));
        assert_eq!(fields.len(), 5);
    }
}
