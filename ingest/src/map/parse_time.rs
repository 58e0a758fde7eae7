//! `parse_timestamp(value, format, [timezone])`.

use vrl::prelude::{ArgumentList, Context, Expression, FunctionExpression as _, Resolved, Value, VrlValueConvert as _};

use super::{
    functions::{Replacement, Run},
    stamps::Stamps,
};

/// A call.
pub(super) fn call(arguments: &ArgumentList, stdlib: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = ParseTimestamp {
        value: arguments.required("value"),
        format: arguments.required("format"),
        timezone: arguments.optional("timezone"),
    };
    Replacement { stdlib, run }.as_expr()
}

#[derive(Clone, Debug)]
struct ParseTimestamp {
    value: Box<dyn Expression>,
    format: Box<dyn Expression>,
    timezone: Option<Box<dyn Expression>>,
}

impl Run for ParseTimestamp {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let value = self.value.resolve(ctx)?;
        let format = self.format.resolve(ctx)?;
        let zone = self.timezone.as_ref().map(|zone| zone.resolve(ctx)).transpose()?;
        if matches!(value, Value::Timestamp(_)) {
            return Ok(value);
        }
        let mut stamps = Stamps::of(ctx);
        if let Some(zone) = zone {
            stamps = stamps.in_zone(&zone)?;
        }
        let time = stamps.read(&value.try_bytes_utf8_lossy()?, &format.try_bytes_utf8_lossy()?);
        time.map(Value::Timestamp).ok_or_else(|| "the text is no timestamp of this format".into())
    }
}
