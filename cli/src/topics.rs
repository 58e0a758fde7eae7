//! `vernier topics`: creates Vernier's topics as they must be, and refuses those that differ, and brokers whose settings
//! break what is promised.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use streaming::{Log, TopicSpec, topics::Applied};

use crate::{check, connect::ConnectArgs};

/// Arguments of `vernier topics`.
#[derive(Debug, clap::Args)]
pub struct TopicsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Create the topics that do not exist; refuse those that differ
    Apply(TopicArgs),
    /// Say which settings differ, and change nothing
    Verify(TopicArgs),
}

#[derive(Debug, clap::Args)]
struct TopicArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Create the catalogue's source topics too, with this number of partitions: for trials and tests, as source topics belong to those who write them
    #[arg(long, value_name = "PARTITIONS")]
    sources: Option<i32>,
    /// Folder of the catalogue that names the source topics; default: the configuration's
    #[arg(long, value_name = "FOLDER")]
    catalogue: Option<PathBuf>,
}

/// Applies or verifies.
pub fn run(args: &TopicsArgs) -> anyhow::Result<()> {
    let (Action::Apply(topics) | Action::Verify(topics)) = &args.action;
    let (config, log) = topics.connect.open()?;
    let mut specs: Vec<TopicSpec> =
        service::topics::ours(&config.topics(), config.topics.partitions, config.topics.replication_factor);
    if let Some(partitions) = topics.sources {
        let catalogue = check::load(topics.catalogue.as_ref().unwrap_or(&config.catalogue))?;
        specs.extend(service::topics::of_sources(&catalogue, partitions, config.topics.replication_factor));
    }
    let mut out = io::stdout().lock();
    brokers(log.as_ref())?;
    match args.action {
        Action::Apply(_) => {
            for (name, applied) in streaming::topics::apply(log.as_ref(), &specs)? {
                let done = match applied {
                    Applied::Created => "created",
                    Applied::AsWanted => "as it must be",
                };
                writeln!(out, "{name}: {done}")?;
            }
        }
        Action::Verify(_) => {
            streaming::topics::verify(log.as_ref(), &specs)?;
            writeln!(out, "{} topics are as they must be", specs.len())?;
        }
    }
    Ok(())
}

/// Refuses brokers whose settings break what is promised. Who may not read them is told that they were not looked at.
fn brokers(log: &dyn Log) -> anyhow::Result<()> {
    let settings = match log.broker_settings() {
        Ok(settings) => settings,
        Err(fault) => {
            writeln!(
                io::stderr(),
                "the settings of the brokers were not checked: {fault}; give DESCRIBE_CONFIGS on the cluster, or compare them with docs/guarantees.md"
            )?;
            return Ok(());
        }
    };
    let lines = streaming::topics::broker_differences(&settings);
    anyhow::ensure!(lines.is_empty(), "brokers are not as they must be (docs/guarantees.md):\n{}", lines.join("\n"));
    Ok(())
}
