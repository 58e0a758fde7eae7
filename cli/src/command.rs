//! The command line.

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};

use crate::{
    apply, check, demo, diff, explain, generate, map, plan, produce, replay, results, schema, surfaces, test, topics,
};

/// What every page of help ends with.
pub const CODES: &str = "Exit codes:
  0   done
  1   faults were found, or it could not be done: the error stream says which and what to do; for replay, nothing could be read
  2   plan: the files differ from what is in force; replay --strict: something was refused, mistyped, in conflict or had characters replaced
  3   plan: something of it cannot be had; replay, produce, map try: a file could be read in part only, as one that is cut off; what was read is in the figures
  64  the command line is not understood";

/// An end with a code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Ending {
    /// The exit code.
    pub code: u8,
    /// Why.
    pub why: String,
}

/// Continuous information-security measurement after ISO/IEC 27004:2016.
#[derive(Debug, clap::Parser)]
#[command(name = "vernier", version, propagate_version = true, after_help = CODES)]
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
    /// Say what a construct measures, how it is judged and what would change the band
    Explain(explain::ExplainArgs),
    /// Compare two catalogues in words, and say which series break
    Diff(diff::DiffArgs),
    /// Say what the files will do to what is in force: what is read for it, from when on it counts, what is impossible
    Plan(plan::PlanArgs),
    /// Put the files into force that were planned
    Apply(apply::ApplyArgs),
    /// Have all state built anew from the events, where what there is is not to be trusted
    Rebuild(apply::RebuildArgs),
    /// List every catalogue that was ever in force, or write one's files out
    Catalogues(apply::CataloguesArgs),
    /// Print the JSON Schema of a kind of file, for editors
    Schema(schema::SchemaArgs),
    /// Write the records of a synthetic organisation, and the true answers beside them
    Generate(generate::GenerateArgs),
    /// Run the whole chain on files of raw source records, without a broker
    Replay(replay::ReplayArgs),
    /// Try a source's mapping on a file of its records
    Map(map::MapArgs),
    /// Create or verify Vernier's topics on Apache Kafka
    Topics(topics::TopicsArgs),
    /// Write files of raw records, or a synthetic organisation, into source topics
    Produce(produce::ProduceArgs),
    /// Print the ledger of results
    Results(results::ResultsArgs),
    /// Write dashboard, alert rules and reference pages, generated from the catalogue
    Surfaces(surfaces::SurfacesArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the man pages, one for each command
    Man {
        /// Folder to write to
        #[arg(long, value_name = "FOLDER")]
        out: std::path::PathBuf,
    },
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
        Command::Explain(args) => explain::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Apply(args) => apply::run(&args, now),
        Command::Rebuild(args) => apply::rebuild(&args, now),
        Command::Catalogues(args) => apply::list(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Generate(args) => generate::run(&args, now),
        Command::Replay(args) => replay::run(&args, now),
        Command::Map(args) => map::run(&args, now),
        Command::Topics(args) => topics::run(&args),
        Command::Produce(args) => produce::run(&args, now),
        Command::Results(args) => results::run(&args),
        Command::Surfaces(args) => surfaces::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "vernier", &mut script);
            std::io::stdout().write_all(&script).map_err(Into::into)
        }
        Command::Man { out } => man(&out),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has seen enough, as `head` does.
        Err(fault) if is_broken_pipe(&fault) => ExitCode::SUCCESS,
        Err(fault) => {
            writeln!(std::io::stderr(), "vernier: {fault:#}").ok();
            fault.downcast_ref::<Ending>().map_or(ExitCode::FAILURE, |ending| ExitCode::from(ending.code))
        }
    }
}

fn is_broken_pipe(fault: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let of_io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let of_csv = || match cause.downcast_ref::<csv::Error>()?.kind() {
            csv::ErrorKind::Io(fault) => Some(fault.kind()),
            _ => None,
        };
        of_io.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind()).or_else(of_csv)
    };
    fault.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

fn man(folder: &std::path::Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command(), folder)?;
    Ok(())
}
