//! The author's, auditor's and operator's tool.

use std::process::ExitCode;

fn main() -> ExitCode {
    vernier::run(std::env::args_os())
}
