//! `format_timestamp(value, format, [timezone])`, for which `local` is the source's zone.

use chrono::format::{Item, StrftimeItems};
use vrl::prelude::{ArgumentList, Context, Expression, FunctionExpression as _, Resolved, VrlValueConvert as _};

use super::{
    functions::{Replacement, Run},
    stamps::Stamps,
};

/// A call.
pub(super) fn call(arguments: &ArgumentList, stdlib: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = FormatTimestamp {
        value: arguments.required("value"),
        format: arguments.required("format"),
        timezone: arguments.optional("timezone"),
    };
    Replacement { stdlib, run }.as_expr()
}

#[derive(Clone, Debug)]
struct FormatTimestamp {
    value: Box<dyn Expression>,
    format: Box<dyn Expression>,
    timezone: Option<Box<dyn Expression>>,
}

impl Run for FormatTimestamp {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let format = self.format.resolve(ctx)?;
        let time = self.value.resolve(ctx)?.try_timestamp()?;
        let zone = match &self.timezone {
            None => chrono_tz::UTC,
            Some(zone) => {
                let zone = zone.resolve(ctx)?;
                Stamps::of(ctx).in_zone(&zone)?.zone
            }
        };
        let format = format.try_bytes_utf8_lossy()?;
        let items: Vec<Item<'_>> = StrftimeItems::new(&format).collect();
        if items.contains(&Item::Error) {
            return Err("invalid format".into());
        }
        Ok(time.with_timezone(&zone).format_with_items(items.into_iter()).to_string().into())
    }
}
