use serde_json::{Value, json};

use super::*;

fn run(program: &str, element: Value) -> Result<Vec<Value>, Refusal> {
    let mut mapping = Mapping::compile(program).map_err(|faults| format!("{faults:?}")).unwrap();
    let first = mapping.apply(element.clone(), "lab", Timestamp(1_700_000_000_000));
    let second = mapping.apply(element, "lab", Timestamp(1_700_000_000_000));
    assert_eq!(first, second, "nothing stays behind in the runtime");
    first.map(|events| events.into_iter().map(Value::Object).collect())
}

fn faults(program: &str) -> Vec<ProgramFault> {
    Mapping::compile(program).unwrap_err()
}

#[test]
fn the_program_sees_the_element_and_where_it_came_from() {
    let events = run("{ \"a\": .a, \"source\": %source, \"at\": %received_ms }", json!({"a": 7})).unwrap();
    assert_eq!(events, [json!({"a": 7, "source": "lab", "at": 1_700_000_000_000_i64})]);
}

#[test]
fn a_program_returns_one_event_several_or_none() {
    let element = || json!({"a": 1});
    assert_eq!(run(".", element()).unwrap(), [json!({"a": 1})]);
    assert_eq!(run("[{\"b\": 1}, null, {\"b\": 2}]", element()).unwrap(), [json!({"b": 1}), json!({"b": 2})]);
    for nothing in ["null", "{}", "[]", "[null]"] {
        assert_eq!(run(nothing, element()).unwrap(), Vec::<Value>::new(), "{nothing}");
    }
    for wrong in ["1", "\"text\"", "[1]", "{\"a\": to_float!(\"1e308\") * 10}", "{\"a\": r'x'}"] {
        assert_eq!(run(wrong, element()).unwrap_err().reason, Reason::MappingResult, "{wrong}");
    }
}

#[test]
fn abort_refuses_with_its_message() {
    let refused = run("if .a == 1 {\n  abort \"no such type\"\n}\n.", json!({"a": 1})).unwrap_err();
    assert_eq!(refused, Refusal::new(Reason::MappingAborted, "no such type (map.vrl line 2)"));
}

#[test]
fn a_failure_names_the_place_and_keeps_the_record_to_itself() {
    let refused = run("x = 1\n. = {\"n\": to_int!(.secret), \"x\": x}\n.", json!({"secret": "hunter2"})).unwrap_err();
    assert_eq!(refused.reason, Reason::MappingFailed);
    assert_eq!(refused.detail, "function call error for \"to_int\" (map.vrl line 2)");
}

#[test]
fn endless_work_is_cut_off() {
    let items = vec![0; 300];
    let program =
        "n = 0\nfor_each(array!(.a)) -> |_i, _v| {\n for_each(array!(.a)) -> |_j, _w| {\n n = n + 1 } }\n{\"n\": n}";
    assert_eq!(run(program, json!({"a": items})).unwrap_err().reason, Reason::MappingTooLong);
}

#[test]
fn faults_have_their_place() {
    let fault = faults(".a = 1\n.b = to_int(.c)\n.").remove(0);
    assert_eq!((fault.line, fault.column), (2, 6), "{fault}");
    let fault = faults(".a = 1\n.b = (").remove(0);
    assert_eq!(fault.line, 2, "{fault}");
    assert!(faults(&"(".repeat(BRACKET_LIMIT + 1))[0].message.contains("nested"));
    assert!(faults(&"#".repeat(PROGRAM_LIMIT + 1))[0].message.contains("longer"));
}

#[test]
fn forbidden_functions_are_unknown() {
    for call in [
        "get_env_var!(\"HOME\")",
        "http_request!(\"http://127.0.0.1\")",
        "dns_lookup!(\"localhost\")",
        "reverse_dns!(\"127.0.0.1\")",
        "get_hostname!()",
        "now()",
        "uuid_v4()",
        "random_int!(1, 2)",
        "parse_grok!(\"a\", \"%{GREEDYDATA}\")",
        "log(\"a\")",
        "decode_zstd!(\"a\")",
        "map_values({}, recursive: true) -> |v| { v }",
    ] {
        let fault = faults(&format!(".a = {call}")).remove(0);
        assert!(fault.message.contains("undefined function"), "{call}: {fault}");
    }
}

#[test]
fn every_allowed_function_exists() {
    let known: Vec<&str> = vrl::stdlib::all().iter().map(|function| function.identifier()).collect();
    for name in FUNCTIONS {
        assert!(known.contains(name), "{name}");
    }
}
