//! `parse_klog(value)`: Kubernetes' lines have neither a year nor a zone.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};
use vrl::prelude::{
    ArgumentList, Context, Expression, FunctionExpression as _, KeyString, Resolved, Value, VrlValueConvert as _,
};

use super::{
    functions::{Replacement, Run},
    stamps::Stamps,
};

/// `I0505 17:59:40.692994   28133 klog.go:70] hello from klog`
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let head = r"^\s*(?P<level>\w)(?P<timestamp>\d{4}\s\d{2}:\d{2}:\d{2}\.\d{6})\s+(?P<id>\d+)\s";
    Regex::new(&format!(r"{head}(?P<file>.+):(?P<line>\d+)\]\s(?P<message>.*?)\s*$")).ok()
});

/// A call.
pub(super) fn call(arguments: &ArgumentList, stdlib: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = ParseKlog { value: arguments.required("value") };
    Replacement { stdlib, run }.as_expr()
}

#[derive(Clone, Debug)]
struct ParseKlog {
    value: Box<dyn Expression>,
}

impl Run for ParseKlog {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let value = self.value.resolve(ctx)?;
        let line = value.try_bytes_utf8_lossy()?;
        let found = LINE.as_ref().and_then(|form| form.captures(&line)).ok_or("failed parsing klog message")?;
        parts(&found, Stamps::of(ctx)).map(Value::Object).map_err(Into::into)
    }
}

fn parts(found: &Captures<'_>, stamps: Stamps) -> Result<BTreeMap<KeyString, Value>, &'static str> {
    let part = |name: &str| found.name(name).map(|part| part.as_str()).unwrap_or_default();
    let number = |name: &str| part(name).parse::<i64>().ok().map(Value::Integer);
    let level = match part("level") {
        "I" => "info",
        "W" => "warning",
        "E" => "error",
        "F" => "fatal",
        _ => return Err("unrecognized log level"),
    };
    let time = stamps.read(part("timestamp"), "%m%d %H:%M:%S%.f").ok_or("failed parsing timestamp")?;
    Ok([
        ("level".into(), level.into()),
        ("timestamp".into(), Value::Timestamp(time)),
        ("id".into(), number("id").ok_or("failed parsing id")?),
        ("file".into(), part("file").into()),
        ("line".into(), number("line").ok_or("failed parsing line")?),
        ("message".into(), part("message").into()),
    ]
    .into())
}
