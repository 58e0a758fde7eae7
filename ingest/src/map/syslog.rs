//! `parse_syslog(value)` and its second name `parse_linux_authorization`: BSD stamps have no zone and mostly no year.
//! They are written out in full before the library's own parser sees the line, so that it has nothing to guess.

use std::{borrow::Cow, sync::LazyLock};

use chrono::SecondsFormat;
use regex::Regex;
use syslog_loose::{Message, ProcId, Protocol, Variant};
use vrl::prelude::{
    ArgumentList, Context, Expression, FunctionExpression as _, ObjectMap, Resolved, Value, VrlValueConvert as _,
};

use super::{
    functions::{Replacement, Run},
    stamps::{Stamps, settle},
};

/// `<38>Mar 10 08:00:00`, perhaps with a year before the time or a fraction of seconds after it.
static BSD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let day = r"(?P<day>[A-Za-z]{3}\s+\d{1,2})(?:\s+(?P<year>\d{4}))?";
    Regex::new(&format!(
        r"^(?P<head>(?:<\d{{1,3}}>)?\s*){day}\s+(?P<time>\d{{1,2}}:\d{{1,2}}:\d{{1,2}}(?:\.\d{{1,9}})?):?"
    ))
    .ok()
});

/// A call.
pub(super) fn call(arguments: &ArgumentList, stdlib: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = ParseSyslog { value: arguments.required("value") };
    Replacement { stdlib, run }.as_expr()
}

#[derive(Clone, Debug)]
struct ParseSyslog {
    value: Box<dyn Expression>,
}

impl Run for ParseSyslog {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let value = self.value.resolve(ctx)?;
        let line = value.try_bytes_utf8_lossy()?;
        let stamps = Stamps::of(ctx);
        let dated = dated(line.trim(), stamps).ok_or("the time stamp is not a time")?;
        // The year function is never asked: all stamps have one by now.
        let message =
            syslog_loose::parse_message_with_year_exact_tz(&dated, |_| 0, Some(stamps.zone), Variant::Either)?;
        Ok(Value::Object(parts(message)))
    }
}

/// The line with its stamp written out; as it came if that is no BSD stamp; `None` if it is no time.
fn dated(line: &str, stamps: Stamps) -> Option<Cow<'_, str>> {
    let Some(found) = BSD.as_ref().and_then(|form| form.captures(line)) else {
        return Some(Cow::Borrowed(line));
    };
    let part = |name: &str| found.name(name).map(|part| part.as_str());
    let (day, time) = (part("day")?, part("time")?);
    let instant = match part("year") {
        Some(year) => stamps.read(&format!("{day} {year} {time}"), "%b %e %Y %H:%M:%S%.f"),
        None => stamps.read(&format!("{day} {time}"), "%b %e %H:%M:%S%.f"),
    }?;
    let rest = line.get(found.get(0)?.end()..)?;
    let space = if rest.starts_with(' ') { "" } else { " " };
    let stamp = instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    Some(Cow::Owned(format!("{}{stamp}{space}{rest}", part("head")?)))
}

/// The members that the library's function gives.
fn parts(message: Message<&str>) -> ObjectMap {
    let mut parts = ObjectMap::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            parts.insert(name.into(), value);
        }
    };
    // RFC 5424 puts a byte order mark before a text of UTF-8; it is no part of it.
    put("message", Some(message.msg.strip_prefix('\u{feff}').unwrap_or(message.msg).into()));
    put("hostname", message.hostname.map(Into::into));
    put("severity", message.severity.map(|severity| severity.as_str().into()));
    put("facility", message.facility.map(|facility| facility.as_str().into()));
    if let Protocol::RFC5424(version) = message.protocol {
        put("version", Some(version.into()));
    }
    put("appname", message.appname.map(Into::into));
    put("msgid", message.msgid.map(Into::into));
    put("timestamp", message.timestamp.map(|time| Value::Timestamp(settle(time.to_utc()))));
    put(
        "procid",
        message.procid.map(|process| match process {
            ProcId::PID(number) => number.into(),
            ProcId::Name(name) => name.into(),
        }),
    );
    for element in message.structured_data {
        let members: ObjectMap = element.params().map(|(name, value)| ((*name).into(), value.into())).collect();
        put(element.id, Some(Value::Object(members)));
    }
    parts
}
