//! Which classes a source sends, as far as its mapping says so in plain numbers.

use std::collections::BTreeSet;

use super::super::Source;

/// The classes; `None` where nobody can tell: OCSF as it comes, or a class that the program works out.
pub(super) fn sends(source: &Source) -> Option<BTreeSet<u32>> {
    let program = source.program.as_deref()?;
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
