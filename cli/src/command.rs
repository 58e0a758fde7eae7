//! The command line.

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::Parser as _;

use crate::{check, demo, generate, produce, replay, results, surfaces, test, topics};

/// Continuous information-security measurement after ISO/IEC 27004:2016.
#[derive(Debug, clap::Parser)]
#[command(name = "vernier", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// A synthetic organisation through the whole chain in one process, no broker needed
    Demo(demo::DemoArgs),
    /// Report every fault of a catalogue, as <file:line:column>
    Check(check::CheckArgs),
    /// Run the cases that are written beside the constructs
    Test(test::TestArgs),
    /// Write the records of a synthetic organisation, and the true answers beside them
    Generate(generate::GenerateArgs),
    /// Run the whole chain on files of raw source records, without a broker
    Replay(replay::ReplayArgs),
    /// Create or verify Vernier's topics on Apache Kafka
    Topics(topics::TopicsArgs),
    /// Write files of raw records, or a synthetic organisation, into source topics
    Produce(produce::ProduceArgs),
    /// Print the ledger of results
    Results(results::ResultsArgs),
    /// Write dashboard and alert rules, generated from the catalogue
    Surfaces(surfaces::SurfacesArgs),
}

/// Parses the arguments, runs the command, prints one error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(fault) => {
            let code = if fault.use_stderr() { 64 } else { 0 };
            fault.print().ok();
            return ExitCode::from(code);
        }
    };
    let now = service::clock::now();
    let outcome = match arguments.command {
        Command::Demo(args) => demo::run(&args, now),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Generate(args) => generate::run(&args, now),
        Command::Replay(args) => replay::run(&args, now),
        Command::Topics(args) => topics::run(&args),
        Command::Produce(args) => produce::run(&args, now),
        Command::Results(args) => results::run(&args),
        Command::Surfaces(args) => surfaces::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            writeln!(std::io::stderr(), "vernier: {fault:#}").ok();
            ExitCode::FAILURE
        }
    }
}
