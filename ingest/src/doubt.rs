//! Whether it is certain what a mapping made of an element in which characters had to be replaced: it is if it cannot
//! have looked at them.

use serde_json::Value;

use crate::map::Mapping;

/// What stands for what could not be read.
const REPLACED: char = '\u{fffd}';

/// Whether the program may have looked at something that was replaced. A name that was replaced may have been any.
pub(crate) fn may_have_seen(mapping: &Mapping, element: &Value) -> bool {
    below(element, None, &|name| mapping.names(name))
}

fn below(value: &Value, named: Option<bool>, asks: &dyn Fn(&str) -> bool) -> bool {
    match value {
        // Without a member around it, there is nothing but the text itself to look at.
        Value::String(text) => named.unwrap_or(true) && text.contains(REPLACED),
        Value::Array(items) => items.iter().any(|item| below(item, named, asks)),
        Value::Object(members) => members.iter().any(|(name, value)| {
            // Whoever takes an object by its name may look at all that it holds.
            let seen = named == Some(true) || asks(name);
            name.contains(REPLACED) || below(value, Some(seen), asks)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_looks_at_leaves_no_doubt() {
        let mapping = Mapping::compile(".result == \"failure\" || exists(.actor.user) ", chrono_tz::UTC).unwrap();
        let seen = |element| may_have_seen(&mapping, &element);
        assert!(seen(json!({"result": "fail\u{fffd}re"})));
        assert!(seen(json!({"res\u{fffd}lt": "failure"})), "it may have been the one that is asked for");
        assert!(seen(json!({"actor": {"name": "a\u{fffd}"}})), "the actor is looked at");
        assert!(seen(json!({"x": {"user": ["\u{fffd}"]}})), "the name of a part is enough");
        assert!(!seen(json!({"user_name": "adm\u{fffd}in", "result": "failure"})));
        assert!(!seen(json!({"results": ["\u{fffd}"], "result": 1})));
    }
}
