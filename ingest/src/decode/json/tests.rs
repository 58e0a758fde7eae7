use proptest::prelude::*;

use super::*;

fn sound(parts: &[Part<'_>]) -> Vec<String> {
    let is = |part: &&Part<'_>| matches!(part.state, State::Sound { .. });
    parts.iter().filter(is).map(|part| String::from_utf8_lossy(part.bytes).into_owned()).collect()
}

fn broken(parts: &[Part<'_>]) -> Vec<String> {
    let is = |part: &&Part<'_>| matches!(part.state, State::Broken { .. });
    parts.iter().filter(is).map(|part| String::from_utf8_lossy(part.bytes).into_owned()).collect()
}

fn of_values(text: &str) -> (Vec<String>, Vec<String>) {
    let parts = values(text.as_bytes());
    (sound(&parts), broken(&parts))
}

fn of_items(text: &str) -> (Vec<String>, Vec<String>) {
    let parts = items(text.as_bytes(), 0, &[]);
    (sound(&parts), broken(&parts))
}

#[test]
fn values_follow_one_another_in_any_layout() {
    for text in [
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1} {\"b\":2} ",
        "{\"a\":1}\n\n{\"b\":2}\r\n",
        "\u{feff}{\"a\":1}\n\u{feff}{\"b\":2}",
        "\u{1e}{\"a\":1}\n\u{1e}{\"b\":2}\n",
        "{\"a\":1},\n{\"b\":2},\n",
        "{\"a\":1}\0\n{\"b\":2}\0",
    ] {
        assert_eq!(of_values(text), (vec!["{\"a\":1}".to_owned(), "{\"b\":2}".to_owned()], Vec::new()), "{text:?}");
    }
    let pretty = "{\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]\n}\n{\n  \"c\": 2\n}\n";
    assert_eq!(of_values(pretty).0.len(), 2);
    assert_eq!(of_values("1\n\"x\"\nnull"), (vec!["1".to_owned(), "\"x\"".to_owned(), "null".to_owned()], Vec::new()));
}

#[test]
fn a_broken_line_takes_no_other_with_it() {
    for bad in [
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":\"x}",
        "{\"a\":NaN}",
        "{a:1}",
        "prose",
        "{\"a\":[1}",
        "\"",
        "{\"a\":1}}",
        "]",
        "{\"a\":1},\"b\":2}",
    ] {
        let text =
            format!("{{\"n\":1}}\n{bad}\n{{\"n\":2}}\n{bad}\n{bad}\n{{\"n\":3,\"m\":[{{\"k\":1}},{{\"k\":2}}]}}\n");
        let (sound, broken) = of_values(&text);
        assert_eq!(sound, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3,\"m\":[{\"k\":1},{\"k\":2}]}"], "{bad}");
        assert!(!broken.is_empty(), "{bad}");
        assert_eq!(
            broken.concat().len() + sound.concat().len(),
            text.replace('\n', "").len() + broken.concat().matches('\n').count(),
            "{bad}"
        );
    }
}

#[test]
fn a_line_without_an_end_is_counted_by_lines() {
    let text = "{\"a\":1\n".repeat(5);
    let parts = values(text.as_bytes());
    let State::Broken { values, .. } = parts[0].state else { panic!("it is broken") };
    assert_eq!((parts.len(), values), (1, 5));
}

#[test]
fn a_broken_document_ends_with_its_brackets() {
    let document = |value: &str| format!("{{\n  \"a\": [\n    {{ \"b\": {value} }},\n    {{ \"b\": 2 }}\n  ]\n}}\n");
    let text = format!("{}{}{}", document("1"), document("NaN"), document("3"));
    let (sound, broken) = of_values(&text);
    assert_eq!((sound.len(), broken.len()), (2, 1));
}

#[test]
fn a_broken_item_takes_no_other_with_it() {
    for bad in [
        "{\"a\":NaN}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":'x'}",
        "{\"a\":\"x\\y\"}",
        "NaN",
        "undefined",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":[{\"x\":1},{\"x\":2}],\"b\":BAD}",
        "{\"a\":[{\"x\":1},{\"x\":2},BAD,{\"x\":3}]}",
        "{\"a\":1",
        "\"n\":1}",
        "{\"a\":\"x}",
        "{\"a\":x\"}",
        "{\"a\":{\"x\":1}",
        "{\"a\":[{\"x\":1},{\"x\":2}",
        "{\"a\":[{\"x\":1},{\"x\":2}}",
        "{\"a\":\"x,\"l\":[{\"x\":1},{\"x\":2}],\"c\":1}",
        "X\"b\":2,\"k\":[{\"z\":1},{\"w\":1}]}",
        "{\"a\":1},\"b\":2}",
        "{\"a\":1]",
        "{\"a\":{\"x\":1}}\"b\":2}",
    ] {
        let text = format!("[{{\"n\":1}},{{\"n\":2}},\n{bad}, {{\"n\":3}},{bad},{{\"n\":4}},{{\"n\":5}} ]");
        let (sound, broken) = of_items(&text);
        assert_eq!(sound, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}", "{\"n\":5}"], "{bad}: {broken:?}");
        assert!((2..=4).contains(&broken.len()), "{bad}: {broken:?}");
    }
}

#[test]
fn the_first_and_the_last_item_may_be_broken() {
    for (text, kept) in [
        ("[NaN,{\"n\":1}]", 1),
        ("[{\"n\":1},NaN]", 1),
        ("[{\"n\":1},{\"a\":]", 1),
        ("[\"a\":1},{\"n\":1}]", 1),
        ("[{\"n\":1},{\"a\":1]", 1),
        ("[{\"n\":1},{\"a\":[1]", 1),
        ("[{\"n\":1}", 1),
        ("[{\"n\":1},", 1),
        ("[{\"n\":1},{\"a\"", 1),
        ("[", 0),
        ("[{", 0),
        ("[{\"n\":1}]]", 1),
        ("[{\"n\":1}],{\"n\":2}]", 2),
        ("[{\"n\":1}X{\"n\":2}]", 2),
        ("[{\"n\":1}{\"n\":2}]", 2),
    ] {
        let (sound, broken) = of_items(text);
        assert_eq!(sound.len(), kept, "{text}: {sound:?} {broken:?}");
        assert!(!broken.is_empty() || text.contains("}{"), "{text}");
    }
    assert_eq!(of_items("[]"), (Vec::new(), Vec::new()));
    assert_eq!(of_items("[{\"n\":1},]").0.len(), 1);
}

#[test]
fn an_array_in_a_wrapper_ends_where_the_wrapper_goes_on() {
    let text =
        r#"{"x":1,"Records":[{"n":1},{"l":[{"y":1},{"y":2}],"b":BAD,{"n":2}],"next":[{"no":1},{"no":2}],"z":{}}"#;
    let open = text.find("[{\"n\"").unwrap();
    let parts = items(text.as_bytes(), open, b"{");
    assert_eq!(sound(&parts), ["{\"n\":1}", "{\"n\":2}"]);
    assert_eq!(broken(&parts).len(), 1);
    let text = r#"{"Records":[{"n":1},{"n":2}],"next":BAD}"#;
    let parts = items(text.as_bytes(), 11, b"{");
    assert_eq!((sound(&parts).len(), broken(&parts).len()), (2, 1));
}

#[test]
fn hostile_texts_cost_no_more_than_their_length() {
    let long = 300_000;
    for text in [
        "{\n".repeat(long),
        "[".repeat(long),
        "[{\"a\":[1,".repeat(long / 9),
        "{\"a\":[1,\n".repeat(long / 9),
        "[x,{".repeat(long / 4),
        format!("[{}", "{},".repeat(long / 3)),
        format!("[{{\"a\":[{}BAD", "{},".repeat(long / 3)),
        "[{\"a\":\"x},".repeat(long / 10),
        format!("[{}]", "{\"a\":\"x},".repeat(long / 9)),
        "{\"a\":[{}x}\n".repeat(long / 12),
        format!("[{{\"a\":[{}", "{\"k\":[1,".repeat(long / 8)),
        format!("[{}{}", "{\"a\":[{}],".repeat(long / 10), "\"z\":BAD"),
        ",{".repeat(long),
        "[]".repeat(long),
        "]".repeat(long),
        format!("[{}]", "{\"a\":1],".repeat(long / 8)),
    ] {
        for part in values(text.as_bytes()) {
            if part.bytes.first() == Some(&b'[') {
                items(part.bytes, 0, &[]);
            }
        }
        items(format!("[{text}").as_bytes(), 0, &[]);
    }
}

fn event() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(serde_json::Value::from),
        "[a-z \\\\\"{},\\[\\]:é]{0,12}".prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-e]", value, 1..4)
        .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()))
}

/// A line that opens and closes as much is a value of its own only if nothing of what it stands in goes on behind it.
#[test]
fn a_bracket_in_the_place_of_white_space_costs_its_own_item() {
    let text = b"[{\"number\":0,\n  \"a\": 0\n},\n{\"number\":1,}  \"a\": {}\n},\n{\"number\":2,\n  \"a\": 0\n}]";
    let whole = values(text);
    assert_eq!(whole.len(), 1, "{whole:?}");
    let parts = items(whole[0].bytes, 0, &[]);
    assert_eq!(sound(&parts), ["{\"number\":0,\n  \"a\": 0\n}", "{\"number\":2,\n  \"a\": 0\n}"], "{parts:?}");
}

#[test]
fn an_item_that_closes_the_array_too_early_costs_itself_alone() {
    let text = b"[{\"number\":0,\n  \"a\": [\n    ]}\n  ],\n  \"b\": []\n},{\"number\":1,\n  \"a\": 0\n}]";
    let whole = values(text);
    assert_eq!(whole.len(), 1, "{whole:?}");
    let parts = items(whole[0].bytes, 0, &[]);
    assert!(sound(&parts).contains(&"{\"number\":1,\n  \"a\": 0\n}".to_owned()), "{parts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// One byte of one item is another one: all others are untouched.
    #[test]
    fn one_byte_costs_one_item(
        events in prop::collection::vec(event(), 3..8), which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(), byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\"\\".to_vec())],
        pretty in any::<bool>(), between in prop::sample::select(vec![",", ",\n", "\n, "]),
    ) {
        let texts: Vec<String> = events.iter().enumerate().map(|(number, event)| {
            let text = if pretty { serde_json::to_string_pretty(event) } else { serde_json::to_string(event) }.unwrap();
            format!("{{\"number\":{number},{}", text.strip_prefix('{').unwrap())
        }).collect();
        let which = which.index(texts.len());
        let mut bytes = b"[".to_vec();
        for (number, text) in texts.iter().enumerate() {
            bytes.extend(if number > 0 { between.as_bytes() } else { b"" });
            let start = bytes.len();
            bytes.extend(text.as_bytes());
            if number == which {
                bytes[start + place.index(text.len())] = byte;
            }
        }
        bytes.push(b']');
        let parts: Vec<Part<'_>> = values(&bytes)
            .into_iter()
            .flat_map(|part| if part.bytes.first() == Some(&b'[') { items(part.bytes, 0, &[]) } else { vec![part] })
            .collect();
        let found = sound(&parts);
        let others = texts.iter().enumerate().filter(|(number, _)| *number != which);
        let lost: Vec<&String> = others.map(|(_, text)| text).filter(|text| !found.contains(text)).collect();
        prop_assert!(lost.is_empty(), "lost {:?}\nfound {:?}\nof {}", lost, parts, String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_byte_vanishes(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\"\\ \n1a".to_vec())], 0..60)) {
        let passed = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x1e | 0);
        let held: usize = values(&bytes).iter().map(|part| part.bytes.iter().filter(|byte| passed(byte)).count()).sum();
        let marks = bytes.windows(3).filter(|three| *three == [0xef, 0xbb, 0xbf]).count();
        prop_assert!(held + 3 * marks >= bytes.iter().filter(|byte| passed(byte)).count());
        items(&[b"[", bytes.as_slice()].concat(), 0, &[]);
    }
}
