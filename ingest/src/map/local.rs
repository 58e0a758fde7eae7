//! Functions of the library whose stamps are set right afterwards.

use chrono::{DateTime, TimeZone as _, Utc};
use vrl::prelude::{
    ArgumentList, Context, Expression, ExpressionError, FunctionExpression as _, Resolved, TimeZone, Value,
};

use super::{
    functions::{Replacement, Run},
    stamps::{Stamps, settle},
};

/// A call whose stamps the library reads in the source's zone, where it refuses those of the hour that exists twice.
pub(super) fn settled(_: &ArgumentList, stdlib: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = Settled { stdlib: stdlib.clone() };
    Replacement { stdlib, run }.as_expr()
}

/// A call whose stamps have no offset, and which the library takes for UTC.
pub(super) fn shifted(_: &ArgumentList, stdlib: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = Shifted { stdlib: stdlib.clone() };
    Replacement { stdlib, run }.as_expr()
}

#[derive(Clone, Debug)]
struct Settled {
    stdlib: Box<dyn Expression>,
}

impl Run for Settled {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let stamps = Stamps::of(ctx);
        match self.stdlib.resolve(ctx) {
            Ok(value) => each_stamp(value, |time| Some(settle(time))),
            Err(fault @ ExpressionError::Error { .. }) => {
                // Read as UTC, the stamp shows what the zone's clocks showed twice, or never. If they did not, it failed for
                // another reason.
                let is_single =
                    |time: DateTime<Utc>| stamps.zone.from_local_datetime(&time.naive_utc()).single().is_some();
                let placed = |time| (!is_single(time)).then(|| stamps.local(time.naive_utc())).flatten();
                in_utc(&*self.stdlib, ctx).and_then(|value| each_stamp(value, placed)).or(Err(fault))
            }
            Err(end) => Err(end),
        }
    }
}

#[derive(Clone, Debug)]
struct Shifted {
    stdlib: Box<dyn Expression>,
}

impl Run for Shifted {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let value = self.stdlib.resolve(ctx)?;
        let stamps = Stamps::of(ctx);
        each_stamp(value, |time| stamps.local(time.naive_utc()))
    }
}

fn in_utc(stdlib: &dyn Expression, ctx: &mut Context<'_>) -> Resolved {
    let mut state = std::mem::take(ctx.state_mut());
    let utc = TimeZone::Named(chrono_tz::UTC);
    let result = stdlib.resolve(&mut Context::new(ctx.target_mut(), &mut state, &utc));
    *ctx.state_mut() = state;
    result
}

fn each_stamp(mut value: Value, place: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>) -> Resolved {
    if let Value::Object(members) = &mut value {
        for member in members.values_mut() {
            if let Value::Timestamp(time) = member {
                *time = place(*time).ok_or("the time stamp is not a time")?;
            }
        }
    }
    Ok(value)
}
