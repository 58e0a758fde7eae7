use super::*;

fn limits() -> Limits {
    Limits::default()
}

fn framing(decode: Decode, unwrap: Option<&[Unwrap]>) -> Framing {
    let unwrap = unwrap.map(|unwrap| unwrap.iter().filter_map(Wrapper::of).collect());
    Framing { unwrap, ..Framing::plain(decode) }
}

fn records(path: &str) -> Unwrap {
    Unwrap::Records(path.to_owned())
}

fn text(path: &str) -> Unwrap {
    Unwrap::Text(path.to_owned())
}

/// Texts of the elements; a broken one is the name of its reason, a replaced one is marked.
fn shown(framing: &Framing, bytes: &[u8]) -> Vec<String> {
    let show = |element: Element<'_>| match element.form {
        Form::Line(text) | Form::Json(text) => format!("{text}{}", if element.replaced { " (replaced)" } else { "" }),
        Form::Broken(refusal) => format!("! {}", refusal.reason.name()),
    };
    decode(framing, Some(bytes), limits()).unwrap().into_iter().map(show).collect()
}

fn json(text: &str) -> Vec<String> {
    shown(&framing(Decode::Json, None), text.as_bytes())
}

fn lines(bytes: &[u8]) -> Vec<String> {
    shown(&framing(Decode::Text, None), bytes)
}

fn reason(decode: Decode, bytes: &[u8]) -> Reason {
    super::decode(&framing(decode, None), Some(bytes), limits()).unwrap_err().reason
}

#[test]
fn every_usual_shape_of_json_is_taken_apart() {
    assert_eq!(json(r#" {"a":1} "#), [r#"{"a":1}"#]);
    assert_eq!(json("{\n\"a\":1\n}"), ["{\n\"a\":1\n}"]);
    assert_eq!(json(r#"[{"a":1},{"a":2}]"#), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(json("{\"a\":1}\n\n{\"a\":2}\r\n"), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(json("[{\"a\":1}]\n[{\"a\":2}]"), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(json("\u{feff}[\r\n  {\"a\":1},\r\n  {\"a\":2}\r\n]\r\n"), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(json(r#"{"Records":[{"a":1},{"a":2}]}"#), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(json("{\n  \"Records\": [\n    {\"a\":1},\n    {\"a\":2}\n  ]\n}"), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(json(r#"[[{"a":1}],[],[[{"a":2},{"a":3}]]]"#), [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]);
    assert_eq!(json(&format!("{}{{}}{}", "[".repeat(9), "]".repeat(9))), ["[{}]"], "not at any depth");
    assert_eq!(json("[]"), Vec::<String>::new());
    assert_eq!(json(r#"{"Records":[]}"#), Vec::<String>::new());
}

#[test]
fn nothing_is_taken_off_that_is_not_declared() {
    for text in [
        r#"{"message":"{\"a\":1}","host":"h"}"#,
        r#"{"message":"[root: sign-in failure"}"#,
        r#"{"message":"{user=root}","x":1}"#,
        r#"{"Records":[{"a":1}],"x":1}"#,
        r#"{"events":[{"a":1}]}"#,
        r#"{"class_uid":1,"message":"{\"a\":1}"}"#,
    ] {
        assert_eq!(json(text), [text]);
        assert_eq!(lines(text.as_bytes()), [text]);
    }
    let none = framing(Decode::Json, Some(&[]));
    assert_eq!(
        shown(&none, br#"{"Records":[{"a":1}]}"#),
        [r#"{"Records":[{"a":1}]}"#],
        "an empty list takes nothing off"
    );
}

#[test]
fn what_is_declared_is_taken_off() {
    let events = framing(Decode::Json, Some(&[records("detail.events")]));
    assert_eq!(
        shown(&events, br#"{"id":1,"detail":{"n":2,"events":[{"a":1},{"a":2}],"z":[]}}"#),
        [r#"{"a":1}"#, r#"{"a":2}"#]
    );
    assert_eq!(
        shown(&events, br#"[{"detail":{"events":[{"a":1}]}},{"b":1},{"detail":{"events":3}}]"#),
        [r#"{"a":1}"#, r#"{"b":1}"#, r#"{"detail":{"events":3}}"#],
        "what lacks the wrapper is taken as it is"
    );
    let message = framing(Decode::Json, Some(&[text("event.original")]));
    assert_eq!(
        shown(&message, br#"{"event":{"original":"{\"a\":1}\n{\"a\":2}"},"x":1}"#),
        [r#"{"a":1}"#, r#"{"a":2}"#]
    );
    assert_eq!(shown(&message, br#"{"event":{"original":"not json"},"x":1}"#), ["! invalid-json"]);
    let both = framing(Decode::Json, Some(&[records("logEvents"), text("message")]));
    assert_eq!(
        shown(&both, br#"{"owner":"1","logEvents":[{"message":"{\"a\":1}"},{"message":"[{\"a\":2}]"},{"a":3}]}"#),
        [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]
    );
}

#[test]
fn lines_are_unwrapped_where_that_is_declared() {
    let message = framing(Decode::Text, Some(&[text("message")]));
    assert_eq!(shown(&message, br#"{"@timestamp":1.5,"message":"one\ntwo\r"}"#), ["one", "two"]);
    assert_eq!(shown(&message, b"{\n  \"message\": \"one\"\n}\n{\"message\":\"two\"}"), ["one", "two"]);
    assert_eq!(shown(&message, br#"[{"message":"one"},{"message":"two"}]"#), ["one", "two"]);
    assert_eq!(shown(&message, b"one\n{\"message\":\"two\"}\n{half\n[three"), ["one", "two", "{half", "[three"]);
    assert_eq!(shown(&message, br#"{"other":"one"}"#), [r#"{"other":"one"}"#]);
    assert_eq!(shown(&message, br#"{"message":{"a":1}}"#), [r#"{"message":{"a":1}}"#]);
    assert_eq!(shown(&message, b"{\"message\":\"caf\xe9\"}\n{\"message\":\"two\"}"), ["caf\u{fffd} (replaced)", "two"]);
    assert_eq!(shown(&message, br#"{"message":"a\ud800b\nc"}"#), ["a\u{fffd}b (replaced)", "c"]);
    let both = framing(Decode::Text, Some(&[records("logEvents"), text("message")]));
    assert_eq!(shown(&both, br#"{"logEvents":[{"message":"one"},{"message":"two"}]}"#), ["one", "two"]);
    let texts = framing(Decode::Text, Some(&[records("lines")]));
    assert_eq!(
        shown(&texts, br#"{"lines":["one","two\nthree \"3\"",["four"]]}"#),
        ["one", "two", "three \"3\"", "four"]
    );
    assert_eq!(shown(&texts, b"\"one\""), ["\"one\""], "quotes of a line are its own");
}

#[test]
fn what_ends_a_line_is_no_part_of_it() {
    assert_eq!(lines(b"one\r\n\n two\n"), ["one", " two"]);
    assert_eq!(lines(b"one\r\ntwo\r"), ["one", "two"]);
    assert_eq!(lines(b"one\r\r\ntwo\r\0\n\r\n\0\n"), ["one", "two"]);
    assert_eq!(lines("\u{feff}one\n\u{feff}two\n\u{feff}\n".as_bytes()), ["one", "two"]);
    assert_eq!(lines(b"one\0\0\0\0"), ["one"]);
    assert_eq!(lines(b"\0\0\0\0one\n\0\xef\xbb\xbftwo\n\0\0\n"), ["one", "two"]);
    assert_eq!(lines(b"one\rtwo"), ["one\u{fffd}two (replaced)"], "it may have been meant to end one");
}

#[test]
fn bytes_that_are_no_characters_cost_one_element_its_name() {
    assert_eq!(lines(b"ok\nfor \xff\xfe from\nok"), ["ok", "for \u{fffd}\u{fffd} from (replaced)", "ok"]);
    assert_eq!(lines(b"ok\nfor a\0b from"), ["ok", "for a\u{fffd}b from (replaced)"]);
    assert_eq!(lines("genuine \u{fffd}".as_bytes()), ["genuine \u{fffd}"]);
    let all = framing(Decode::Json, None);
    assert_eq!(
        shown(&all, b"[{\"a\":\"x\"},{\"a\":\"\xff\"},{\"a\":\"y\"}]"),
        ["{\"a\":\"x\"}", "{\"a\":\"\u{fffd}\"} (replaced)", "{\"a\":\"y\"}"]
    );
    assert_eq!(json(r#"{"a":"\ud800"}"#), [r#"{"a":"\ud800"} (replaced)"#]);
    assert_eq!(json("{\"a\":\"x\ty\"}"), ["{\"a\":\"x\ty\"} (replaced)"]);
    assert_eq!(shown(&all, b"{\"a\":1}\n{\"a\":\xff}\n{\"a\":3}"), ["{\"a\":1}", "! invalid-json", "{\"a\":3}"]);
}

#[test]
fn a_declared_encoding_is_read_element_by_element() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let utf16 = Framing { encoding: Encoding::Utf16, ..framing(Decode::Json, None) };
    assert_eq!(shown(&utf16, &wide("\u{feff}[{\"a\":\"\u{e9}\"},{\"a\":2}]")), ["{\"a\":\"\u{e9}\"}", "{\"a\":2}"]);
    let latin = Framing { encoding: Encoding::Latin1, ..framing(Decode::Text, None) };
    assert_eq!(shown(&latin, b"caf\xe9\r\nna\xefve"), ["caf\u{e9}", "na\u{ef}ve"]);
    let mut half = wide("one\n\u{1f600}two\nthree");
    half.drain(10..12);
    let utf16 = Framing { encoding: Encoding::Utf16Le, ..framing(Decode::Text, None) };
    assert_eq!(
        shown(&utf16, &half),
        ["one", "\u{fffd}wo (replaced)", "three"].map(|line| line.replace("\u{fffd}wo", "\u{fffd}two"))
    );
    // From the first byte too many on, no end of line is one.
    let mut shifted = wide("one\ntwo\nthree\nfour");
    shifted.insert(10, 0);
    let refused = |format| {
        let utf16 = Framing { encoding: Encoding::Utf16Le, ..framing(format, None) };
        let elements = decode(&utf16, Some(&shifted), limits()).unwrap();
        elements
            .iter()
            .map(|element| match &element.form {
                Form::Broken(refusal) => refusal.elements,
                Form::Line(_) | Form::Json(_) => 0,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!((refused(Decode::Text), refused(Decode::Json).last()), (vec![0, 3], Some(&3)));
    let refusal = decode(&framing(Decode::Text, None), Some(&wide("one\ntwo\nthree")), limits()).unwrap_err();
    assert_eq!((refusal.reason, refusal.elements), (Reason::WrongEncoding, 3));
}

#[test]
fn a_wrapper_that_names_a_member_twice_is_one_bad_element() {
    let message = |duplicates| Framing { duplicates, ..framing(Decode::Json, Some(&[text("message")])) };
    let record = br#"[{"a":1},{"message":"{\"b\":1}","tag":1,"tag":2},{"message":"{\"c\":1}"}]"#;
    assert_eq!(shown(&message(DuplicateMembers::Refuse), record), [r#"{"a":1}"#, "! duplicate-key", r#"{"c":1}"#]);
    assert_eq!(shown(&message(DuplicateMembers::First), record), [r#"{"a":1}"#, r#"{"b":1}"#, r#"{"c":1}"#]);
}

#[test]
fn a_cut_record_keeps_its_whole_elements() {
    assert_eq!(json(r#"[{"a":1},{"a":"#), [r#"{"a":1}"#, "! invalid-json"]);
    assert_eq!(json(r#"{"Records":[{"a":1},{"a":2},{"#), [r#"{"a":1}"#, r#"{"a":2}"#, "! invalid-json"]);
    assert_eq!(json(r#"{"Records":[{"a":1},{"a":2}"#), [r#"{"a":1}"#, r#"{"a":2}"#, "! invalid-json"]);
    let events = framing(Decode::Json, Some(&[records("events")]));
    assert_eq!(shown(&events, br#"{"n":1,"events":[{"a":1},{"a":2"#), [r#"{"a":1}"#, "! invalid-json"]);
    assert_eq!(json(r#"{"a":"#), ["! invalid-json"]);
}

#[test]
fn one_byte_in_nine_hundred_costs_one() {
    let events: Vec<String> =
        (0..900).map(|n| format!(r#"{{"eventID":"e-{n}","eventName":"GetObject","requestParameters":{{"key":"k{n}","tags":[{{"t":1}},{{"t":2}}]}}}}"#)).collect();
    let record = format!("{{\"Records\": [{}]}}", events.join(", "));
    let start = record.find(&events[400]).unwrap();
    for offset in (0..events[400].len()).step_by(5) {
        for byte in [0xff, 0, b'"', b'{', b'}', b'[', b']', b',', b':', b'\\', b'\n', b'x'] {
            let mut bytes = record.clone().into_bytes();
            bytes[start + offset] = byte;
            let elements = decode(&framing(Decode::Json, None), Some(&bytes), limits()).unwrap();
            let whole =
                elements.iter().filter(|element| element.text().is_some_and(|text| text.contains("eventID"))).count();
            let others = events.iter().enumerate().filter(|(n, _)| *n != 400);
            let texts: std::collections::HashSet<&str> = elements.iter().filter_map(Element::text).collect();
            let lost = others.filter(|(_, event)| !texts.contains(event.as_str())).count();
            assert!(whole >= 899 && lost == 0, "{offset} {byte}: {whole} whole, {lost} lost");
        }
    }
}

#[test]
fn limits_refuse_what_is_beyond_them_alone() {
    let small = Limits { record_bytes: 1000, element_bytes: 20, elements: 3 };
    let show = |format, text: &str| {
        let elements = decode(&framing(format, None), Some(text.as_bytes()), small).unwrap();
        elements
            .into_iter()
            .map(|element| match element.form {
                Form::Line(text) | Form::Json(text) => text.into_owned(),
                Form::Broken(refusal) => format!("! {} {}", refusal.reason.name(), refusal.elements),
            })
            .collect::<Vec<_>>()
    };
    let long = "x".repeat(21);
    assert_eq!(show(Decode::Text, &format!("one\n{long}\nthree")), ["one", "! too-large 1", "three"]);
    assert_eq!(show(Decode::Json, &format!("[{{}},{{\"a\":\"{long}\"}},{{}}]")), ["{}", "! too-large 1", "{}"]);
    assert_eq!(show(Decode::Json, "[1,2,3,4,5]"), ["1", "2", "3", "! too-many-values 2"]);
    assert_eq!(show(Decode::Json, r#"[{},{"events":[{},{},{},{}]},{}]"#), ["{}", "! too-large 4", "{}"]);
    assert_eq!(show(Decode::Json, "{\"a\":[1,2,3,4,5,6,7,8]}"), ["! too-large 1"]);
    let held = |format, text: &str| {
        let refusal = decode(&framing(format, None), Some(text.as_bytes()), small).unwrap_err();
        assert_eq!(refusal.reason, Reason::TooLarge);
        refusal.elements
    };
    assert_eq!(held(Decode::Text, &"ab\n".repeat(400)), 400);
    assert_eq!(held(Decode::Json, &format!("{{\"Records\":[{}", "{\"a\":1}, ".repeat(400))), 400);
    assert_eq!(held(Decode::Json, &"{\"a\":1}\n".repeat(400)), 400);
}

#[test]
fn large_records_are_read_whole() {
    let event = format!(r#"{{"eventID":"e","x":"{}"}}"#, "b".repeat(200));
    let record = format!("{{\"Records\":[{}]}}", vec![event; 30_000].join(","));
    assert!(record.len() > 6_000_000);
    assert_eq!(json(&record).len(), 30_000);
}

#[test]
fn hopeless_records_are_refused_whole() {
    assert_eq!(decode(&framing(Decode::Json, None), None, limits()).unwrap_err().reason, Reason::Empty);
    assert_eq!(reason(Decode::Json, b""), Reason::Empty);
    assert_eq!(reason(Decode::Text, b" \n\t"), Reason::Empty);
    assert_eq!(reason(Decode::Text, b"\0\0\0\0\0\0"), Reason::Empty);
    assert_eq!(reason(Decode::Json, "\u{feff}".as_bytes()), Reason::Empty);
    assert_eq!(reason(Decode::Text, &vec![b'a'; limits().record_bytes + 1]), Reason::TooLarge);
}
