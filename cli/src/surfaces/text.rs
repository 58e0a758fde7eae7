//! Words of the catalogue in places where some characters mean something.

use std::fmt::Write as _;

/// In a template of Prometheus: two braces begin an action there.
pub fn literal(text: &str) -> String {
    text.replace("{{", r#"{{ "{{" }}"#)
}

/// As a text of YAML, quoted: nothing in it can break out, be folded or be taken for anything but a text.
pub fn yaml(text: &str) -> anyhow::Result<String> {
    let mut quoted = String::new();
    // A JSON string is a YAML string, but for characters that YAML takes for ends of lines or does not take at all.
    for character in serde_json::to_string(text)?.chars() {
        match character {
            '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a String cannot fail.
                write!(quoted, "\\u{:04x}", u32::from(character)).ok();
            }
            _ => quoted.push(character),
        }
    }
    Ok(quoted)
}

/// In a title of Grafana: what looks like a variable would be replaced by its value. An invisible character keeps it from being one.
pub fn title(text: &str) -> String {
    text.replace('$', "$\u{2060}").replace("[[", "[\u{2060}[")
}

/// In a description of Grafana, which is Markdown besides.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '_' | '<' | '`' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    title(&escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_something_does_not() {
        assert_eq!(literal("a {{b}} {{{c"), r#"a {{ "{{" }}b}} {{ "{{" }}{c"#);
        assert_eq!(literal("{ a } $labels"), "{ a } $labels");
        assert_eq!(yaml("\"a\" \u{85}\n\u{7f}ü").unwrap(), r#""\"a\" \u0085\n\u007fü""#);
        assert_eq!(title("in $group and [[group]]"), "in $\u{2060}group and [\u{2060}[group]]");
        assert_eq!(markdown(r"a\b <i> *c*"), r"a\\b \<i> \*c\*");
    }
}
