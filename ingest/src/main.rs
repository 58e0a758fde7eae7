//! The process; see the library for the path of a record.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main("vernier-ingest", "Source records in, OCSF events under their keys out", ingest::worker::set_up)
}
