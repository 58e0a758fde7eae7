//! The process; see the library for the path of a record.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main("vernier-aggregator", "Events in, base measures per period and group out", aggregator::set_up)
}
