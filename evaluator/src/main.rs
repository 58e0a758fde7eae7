//! The process; see the library for the path of a record.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main(
        "vernier-evaluator",
        "Base measures in, judged results, ledger and metrics out",
        evaluator::worker::set_up,
    )
}
