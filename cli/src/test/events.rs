//! Events as cases write them, to OCSF.
//!
//! A line is a map of attribute paths to values, with a few words of its own: `class`, `at`, `use` (a template),
//! `repeat` (so many times, `{n}` in texts counting from 1), `step` (how much later each repetition is), `source`,
//! `uid`. Times are written as local times of the construct's zone, or as RFC 3339.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use chrono::{NaiveDate, NaiveDateTime};
use measurement::{
    catalogue::{Catalogue, Construct},
    classes::Class,
    fields::{Step, parse_path},
    time::{Span, Timestamp},
    value::Type,
};
use serde_json::{Map, Value, json};

use super::TestFile;

/// Most events that one line may stand for.
const MAX_REPEAT: u64 = 100_000;

/// An event with the source that sends it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) source: String,
    pub(super) time: Timestamp,
    pub(super) event: Value,
}

/// Reads an instant: RFC 3339, or the construct's local time.
pub(super) fn instant(construct: &Construct, text: &str) -> anyhow::Result<Timestamp> {
    if let Some(time) = Timestamp::parse(text) {
        return Ok(time);
    }
    let formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let local = local.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    local
        .and_then(|local| construct.calendar.instant_of(local))
        .with_context(|| format!("`{text}` is no time: write 2026-03-05, 2026-03-05 14:30 or RFC 3339"))
}

/// The events of a case's lines.
pub(super) fn events(
    catalogue: &Catalogue,
    construct: &Construct,
    file: &TestFile,
    lines: &[BTreeMap<String, Value>],
    prefix: &str,
) -> anyhow::Result<Vec<Sent>> {
    let mut all = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut whole = BTreeMap::new();
        if let Some(name) = line.get("use") {
            let name = name.as_str().context("`use` names a template")?;
            whole.extend(file.templates.get(name).with_context(|| format!("no template `{name}`"))?.clone());
        }
        whole.extend(line.clone());
        whole.remove("use");
        let repeat = take_u64(&mut whole, "repeat")?.unwrap_or(1).min(MAX_REPEAT);
        for n in 1..=repeat {
            let reader = Reader { catalogue, construct, n };
            let uid = format!("{prefix}-{}-{n}", index + 1);
            all.push(reader.event(whole.clone(), uid).with_context(|| format!("event {}", index + 1))?);
        }
    }
    Ok(all)
}

fn take_u64(line: &mut BTreeMap<String, Value>, name: &str) -> anyhow::Result<Option<u64>> {
    line.remove(name).map(|value| value.as_u64().with_context(|| format!("`{name}` is no whole number"))).transpose()
}

struct Reader<'a> {
    catalogue: &'a Catalogue,
    construct: &'a Construct,
    n: u64,
}

impl Reader<'_> {
    fn event(&self, mut line: BTreeMap<String, Value>, uid: String) -> anyhow::Result<Sent> {
        let class_name = self.text(line.remove("class"), "class")?.context("an event has a class")?;
        let class = self.catalogue.classes.by_name(&class_name).with_context(|| {
            let known: Vec<String> = self.catalogue.classes.names().map(str::to_owned).collect();
            format!("unknown event class `{class_name}`: {}", measurement::diagnostic::meant(&class_name, &known))
        })?;
        let at = self.text(line.remove("at"), "at")?.context("an event has a time: `at: 2026-03-05`")?;
        let mut time = instant(self.construct, &at)?;
        if let Some(step) = self.text(line.remove("step"), "step")? {
            let span: Span = step.parse()?;
            for _ in 1..self.n {
                time = self.construct.calendar.add(time, span);
            }
        }
        let source = self.text(line.remove("source"), "source")?;
        let source = source.or_else(|| self.construct.sources.first().cloned()).context("no source")?;
        if !self.construct.sources.contains(&source) {
            bail!("`{source}` is no source of the construct: {}", self.construct.sources.join(", "));
        }
        let uid = self.text(line.remove("uid"), "uid")?.unwrap_or(uid);
        let activity = line.remove("activity_id").unwrap_or_else(|| json!(1));
        let mut event = json!({
            "class_uid": class.uid, "category_uid": class.category, "activity_id": activity, "time": time.0,
            "severity_id": 1, "metadata": {"uid": uid, "version": "1.8.0", "product": {"name": source}},
        });
        for (path, value) in line {
            let value = self.value(class, &path, value)?;
            put(&mut event, &path, value)?;
        }
        Ok(Sent { source, time, event })
    }

    fn text(&self, value: Option<Value>, name: &str) -> anyhow::Result<Option<String>> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(self.counted(&text))),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => bail!("`{name}` is no text"),
        }
    }

    fn counted(&self, text: &str) -> String {
        text.replace("{n}", &self.n.to_string())
    }

    /// A value in the type of its attribute.
    fn value(&self, class: &Class, path: &str, value: Value) -> anyhow::Result<Value> {
        let Some(kind) = self.catalogue.classes.attribute(class, path) else {
            let known: Vec<String> = self.catalogue.classes.attributes(class).map(str::to_owned).collect();
            bail!("the event class has no attribute `{path}`: {}", measurement::diagnostic::meant(path, &known));
        };
        Ok(match (kind, value) {
            (Some(Type::Time), Value::String(text)) => json!(instant(self.construct, &self.counted(&text))?.0),
            (_, Value::String(text)) => Value::String(self.counted(&text)),
            (_, value) => value,
        })
    }
}

/// Puts a value at a path, making objects and lists on the way.
fn put(event: &mut Value, path: &str, value: Value) -> anyhow::Result<()> {
    let mut place = event;
    for step in parse_path(path).with_context(|| format!("`{path}` is no path"))? {
        place = match step {
            Step::Name(name) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut().context("an object")?.entry(name).or_insert(Value::Null)
            }
            Step::Index(index) => {
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                let list = place.as_array_mut().context("a list")?;
                while list.len() <= index {
                    list.push(Value::Null);
                }
                list.get_mut(index).context("an element")?
            }
        };
    }
    *place = value;
    Ok(())
}
