//! The sources that the project ships mappings for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ingest::{
    config::Source,
    decode::{Framing, Limits},
    map::Mapping,
};
use measurement::{catalogue::Decode, forms::Reading};

pub(crate) const SOURCES: [(&str, Decode); 6] = [
    ("sshd", Decode::Text),
    ("itsm", Decode::Json),
    ("scanner", Decode::Json),
    ("hr", Decode::Json),
    ("lms", Decode::Json),
    ("grc", Decode::Json),
];

pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

pub(crate) fn mappings() -> PathBuf {
    schemas().join("mappings")
}

pub(crate) fn source(name: &str, decode: Decode) -> Source {
    source_in(name, decode, chrono_tz::UTC)
}

pub(crate) fn source_in(name: &str, decode: Decode, zone: chrono_tz::Tz) -> Source {
    let file = mappings().join(name).join("map.vrl");
    let program = fs::read_to_string(&file).unwrap();
    let mapping = Mapping::compile(&program, zone).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", file.display())).collect();
        panic!("{}", faults.join("\n"))
    });
    Source {
        name: name.into(),
        topics: vec![format!("raw.{name}")],
        framing: Framing::plain(decode),
        mapping: Some(mapping),
        reading: Reading { zone, ..Reading::default() },
        max_future: 300_000,
        lateness: 300_000,
        limits: Limits::default(),
    }
}
