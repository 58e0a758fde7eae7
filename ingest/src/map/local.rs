//! Functions of the library whose stamps are set right afterwards.

use vrl::prelude::{ArgumentList, Context, Expression, FunctionExpression as _, Resolved, Value};

use super::{
    functions::{Replacement, Run},
    stamps::{Stamps, settle},
};

/// A call whose stamps the library reads in the source's zone.
pub(super) fn settled(_: &ArgumentList, library: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = Afterwards { library: library.clone(), shift: false };
    Replacement { library, run }.as_expr()
}

/// A call whose stamps have no offset, and which the library takes for UTC.
pub(super) fn shifted(_: &ArgumentList, library: Box<dyn Expression>) -> Box<dyn Expression> {
    let run = Afterwards { library: library.clone(), shift: true };
    Replacement { library, run }.as_expr()
}

#[derive(Clone, Debug)]
struct Afterwards {
    library: Box<dyn Expression>,
    shift: bool,
}

impl Run for Afterwards {
    fn run(&self, ctx: &mut Context<'_>) -> Resolved {
        let mut value = self.library.resolve(ctx)?;
        let stamps = Stamps::of(ctx);
        if let Value::Object(members) = &mut value {
            for time in members.values_mut() {
                if let Value::Timestamp(time) = time {
                    *time = match self.shift {
                        true => stamps.local(time.naive_utc()).ok_or("a local time of no instant")?,
                        false => settle(*time),
                    };
                }
            }
        }
        Ok(value)
    }
}
