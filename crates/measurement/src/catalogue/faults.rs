//! Faults while they are being collected, and names that stand for something faulty.

use std::collections::BTreeMap;

use serde_saphyr::Location;

use crate::diagnostic::Diagnostic;

/// Faults while they are being collected, for one file.
pub(super) struct Faults<'a> {
    pub(super) list: &'a mut Vec<Diagnostic>,
    pub(super) file: String,
    pub(super) subject: String,
}

impl Faults<'_> {
    pub(super) fn add(&mut self, at: &Location, reason: impl Into<String>, hint: impl Into<String>) {
        self.add_at(at.line(), at.column(), reason, hint);
    }

    pub(super) fn add_at(&mut self, line: u64, column: u64, reason: impl Into<String>, hint: impl Into<String>) {
        self.list.push(Diagnostic {
            file: self.file.clone(),
            line: line.max(1),
            column: column.max(1),
            subject: self.subject.clone(),
            reason: reason.into(),
            hint: hint.into(),
        });
    }
}

/// Everything under one name, what is faulty included: who refers to it is not at fault.
#[derive(Debug)]
pub(super) struct Named<T>(BTreeMap<String, Option<T>>);

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Found<'a, T> {
    /// Nothing.
    Unknown,
    /// Something that is faulty itself, which is said elsewhere.
    Faulty,
    Sound(&'a T),
}

impl<'a, T> Found<'a, T> {
    pub(super) const fn sound(self) -> Option<&'a T> {
        match self {
            Self::Sound(value) => Some(value),
            Self::Unknown | Self::Faulty => None,
        }
    }
}

impl<T> Named<T> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// False if the name was taken.
    pub(super) fn insert(&mut self, name: String, value: Option<T>) -> bool {
        self.0.insert(name, value).is_none()
    }

    /// A file that cannot be read stands for what it is named by: who refers to that is not at fault.
    pub(super) fn faulty(&mut self, file: &str) {
        let name = file.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or(file);
        self.0.entry(name.to_owned()).or_insert(None);
    }

    pub(super) fn get(&self, name: &str) -> Found<'_, T> {
        match self.0.get(name) {
            None => Found::Unknown,
            Some(None) => Found::Faulty,
            Some(Some(value)) => Found::Sound(value),
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn sound(self) -> BTreeMap<String, T> {
        self.0.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}
