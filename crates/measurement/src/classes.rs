//! Event classes: OCSF's and the `isms` extension's, with the entity that each is about.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::value::Type;

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
    /// Types of its attributes by path, those that all classes have left out.
    #[serde(default)]
    attributes: BTreeMap<String, AttributeType>,
}

/// The type of an attribute; any where only the value tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AttributeType {
    Bool,
    Number,
    Text,
    Time,
    Any,
}

impl AttributeType {
    const fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "text",
            Self::Time => "time",
            Self::Any => "any",
        }
    }

    const fn known(self) -> Option<Type> {
        match self {
            Self::Bool => Some(Type::Bool),
            Self::Number => Some(Type::Number),
            Self::Text => Some(Type::Text),
            Self::Time => Some(Type::Time),
            Self::Any => None,
        }
    }
}

/// The classes by name.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    common: BTreeMap<String, AttributeType>,
    classes: BTreeMap<String, Class>,
}

impl Classes {
    /// The classes that this build knows. The table is part of the program and checked by a test.
    pub fn known() -> Self {
        serde_saphyr::from_str(TABLE).unwrap_or_default()
    }

    /// The class of a name.
    pub fn by_name(&self, name: &str) -> Option<&Class> {
        self.classes.get(name)
    }

    /// The class of a `class_uid`, with its name.
    pub fn by_uid(&self, uid: u32) -> Option<(&str, &Class)> {
        self.classes.iter().find(|(_, class)| class.uid == uid).map(|(name, class)| (name.as_str(), class))
    }

    /// What each class is, line by line: what is kept of events depends on their types.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, String)> {
        let Self { common, classes } = self;
        let types = |attributes: &BTreeMap<String, AttributeType>| {
            let typed = attributes.iter().map(|(path, kind)| format!("{path} {}", kind.word()));
            typed.collect::<Vec<_>>().join(", ")
        };
        let of_class = move |(name, class): (&String, &Class)| {
            let Class { uid, category, key, required, attributes } = class;
            format!("{name} {uid} {category} by {key} requires {}:{}", required.join(" "), types(attributes))
        };
        let common = ("common", types(common));
        let classes = classes.iter().map(move |(name, class)| (name.as_str(), of_class((name, class))));
        std::iter::once(common).chain(classes)
    }

    /// All names, for hints.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.classes.keys().map(String::as_str)
    }

    /// The type of an attribute of a class: `Some(None)` where only the value tells, `None` where the class has no
    /// such attribute.
    pub fn attribute(&self, class: &Class, path: &str) -> Option<Option<Type>> {
        let path = any_index(path);
        let own = class.attributes.get(&path).or_else(|| self.common.get(&path));
        let unmapped = || path.starts_with("unmapped.").then_some(&AttributeType::Any);
        own.or_else(unmapped).map(|attribute| attribute.known())
    }

    /// The type of a path in whatever class has it; `None` where only the value tells.
    pub fn type_of(&self, path: &str) -> Option<Type> {
        let path = any_index(path);
        let own = self.classes.values().filter_map(|class| class.attributes.get(&path));
        let mut kinds = own.chain(self.common.get(&path)).map(|kind| kind.known());
        let first = kinds.next()?;
        first.filter(|_| kinds.all(|kind| kind == first))
    }

    /// Paths of the attributes of a class, for hints and documents.
    pub fn attributes<'a>(&'a self, class: &'a Class) -> impl Iterator<Item = &'a str> {
        class.attributes.keys().chain(self.common.keys()).map(String::as_str)
    }
}

/// `a[0].b` as `a[].b`.
fn any_index(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        text.push(letter);
    }
    text
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
            for path in [&class.key].into_iter().chain(&class.required) {
                assert!(classes.attribute(class, path).is_some(), "{name}: {path}");
            }
        }
    }

    /// An event is read before it is known which of its classes' measures ask for it.
    #[test]
    fn a_path_has_one_type_in_all_classes() {
        let classes = Classes::known();
        for class in classes.names().filter_map(|name| classes.by_name(name)) {
            for path in classes.attributes(class) {
                assert_eq!(classes.attribute(class, path), Some(classes.type_of(path)), "{path}");
            }
        }
        assert_eq!(classes.type_of("vulnerabilities[3].cvss[0].base_score"), Some(Type::Number));
        assert_eq!(classes.type_of("unmapped.whatever"), None);
    }

    #[test]
    fn attributes_have_types() {
        let classes = Classes::known();
        let finding = classes.by_name("vulnerability_finding").unwrap();
        let of = |path| classes.attribute(finding, path);
        assert_eq!(of("vulnerabilities[3].cvss[0].base_score"), Some(Some(Type::Number)));
        assert_eq!(of("time"), Some(Some(Type::Time)));
        assert_eq!(of("unmapped.whatever.there.is"), Some(None));
        assert_eq!(of("person.uid"), None);
    }
}
