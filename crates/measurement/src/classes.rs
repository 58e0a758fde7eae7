//! Event classes: OCSF's and the `isms` extension's, with the entity that each is about.

use std::collections::BTreeMap;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../schemas/ocsf/classes.yaml");

/// One event class.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// OCSF `class_uid`.
    pub uid: u32,
    /// OCSF `category_uid`.
    pub category: u32,
    /// Path of the primary key.
    pub key: String,
    /// Paths of attributes without which an event of the class is refused.
    #[serde(default)]
    pub required: Vec<String>,
}

/// The classes by name.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Classes(BTreeMap<String, Class>);

impl Classes {
    /// The classes that this build knows. The table is part of the program and checked by a test.
    pub fn known() -> Self {
        Self(serde_saphyr::from_str(TABLE).unwrap_or_default())
    }

    /// The class of a name.
    pub fn by_name(&self, name: &str) -> Option<&Class> {
        self.0.get(name)
    }

    /// The class of a `class_uid`, with its name.
    pub fn by_uid(&self, uid: u32) -> Option<(&str, &Class)> {
        self.0.iter().find(|(_, class)| class.uid == uid).map(|(name, class)| (name.as_str(), class))
    }

    /// All names, for hints.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_readable_and_its_numbers_are_unique() {
        let classes = Classes::known();
        assert_eq!(classes.by_name("authentication").map(|class| class.uid), Some(3002));
        for name in classes.names() {
            let class = classes.by_name(name).unwrap();
            assert_eq!(classes.by_uid(class.uid).map(|(found, _)| found), Some(name));
        }
    }
}
