//! Which classes a source sends, as far as its mapping says so in plain numbers.

use std::collections::BTreeSet;

use super::Source;

impl Source {
    /// The classes of its events; `None` where nobody can tell.
    pub(super) fn sends(&self) -> Option<BTreeSet<u32>> {
        let program = self.program.as_deref()?;
        let mut classes = BTreeSet::new();
        for line in program.lines() {
            let code = line.split('#').next().unwrap_or_default();
            for (at, name) in code.match_indices("class_uid") {
                let rest = code.get(at + name.len()..).unwrap_or_default().trim_start_matches(['"', '\'', ' ', '\t']);
                // Only where it is set: reading it tells nothing, and a comparison is no assignment.
                let value = match rest.strip_prefix(':').or_else(|| rest.strip_prefix('=')) {
                    Some(value) if !value.starts_with('=') => value.trim_start(),
                    _ => continue,
                };
                let digits: String =
                    value.chars().filter(|letter| *letter != '_').take_while(char::is_ascii_digit).collect();
                classes.insert(digits.parse().ok()?);
            }
        }
        (!classes.is_empty()).then_some(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, Files};

    fn sends(program: &str) -> Option<Vec<u32>> {
        let (mut files, _) = Files::read(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all-keys")));
        files.0.insert("mappings/a/map.vrl".to_owned(), program.to_owned());
        let catalogue = Catalogue::from_files(&files).unwrap();
        let source: &Source = &catalogue.sources["a"];
        source.sends().map(|classes| classes.into_iter().collect())
    }

    #[test]
    fn classes_are_read_where_they_are_set() {
        for (program, wanted) in [
            (".class_uid = 3002", Some(vec![3002])),
            ("{ \"class_uid\": 2005, \"type_uid\": 200501 }", Some(vec![2005])),
            ("if a { .class_uid = 3_002 } else { . = {\"class_uid\":2004} }", Some(vec![2004, 3002])),
            ("# .class_uid = 1\n.class_uid = 2", Some(vec![2])),
            ("if .class_uid == 7 { .class_uid = 2 }", Some(vec![2])),
            (".class_uid = to_int!(.kind)", None),
            (". = parse_json!(.message)", None),
        ] {
            assert_eq!(sends(program), wanted, "{program}");
        }
    }
}
