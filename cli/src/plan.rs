//! `vernier plan`: what the files will do to what is in force, before anything is done.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
};

use measurement::{
    catalogue::{Catalogue, Files},
    time::Timestamp,
};
use programme::{Beside, Earlier, Facts, Plan, Programme, Wanted, plan::InForce};
use records::Topics;
use streaming::{Log, TopicPartition};

use crate::{check, command::Ending, connect::ConnectArgs, replay::parse_time};

/// Arguments of `vernier plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes:
  0   the files are what is in force
  2   they differ: `vernier apply` puts them into force
  3   the same, and something cannot be had
  1   the files are not sound, or the log cannot be read")]
pub struct PlanArgs {
    #[command(flatten)]
    pub(crate) asked: AskedArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// What is planned.
#[derive(Debug, clap::Args)]
pub struct AskedArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Folder of the catalogue; default: the configuration's
    #[arg(value_name = "FOLDER")]
    catalogue: Option<PathBuf>,
    /// Build the past of what is new from the events that are there
    #[arg(long)]
    history: bool,
    /// Let what is new count from this instant on, at the earliest (RFC 3339 or a day); default: the first period of
    /// which nothing can be missing
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    effective_from: Option<Timestamp>,
    /// Enter what is new beside the results of the definitions before, from this instant on: with --history, as far back as
    /// events reach
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    backcast_from: Option<Timestamp>,
    /// Enter what is left beside the results of what follows it, for so many periods
    #[arg(long, value_name = "PERIODS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=400))]
    overlap: u32,
}

/// Files that were read and found sound, what they would do, and where.
pub(crate) struct Planned {
    pub(crate) topics: Topics,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) files: Files,
    pub(crate) catalogue: Catalogue,
    pub(crate) wanted: Wanted,
    pub(crate) plan: Plan,
}

impl AskedArgs {
    pub(crate) fn plan(&self) -> anyhow::Result<Planned> {
        let (config, log) = self.connect.open()?;
        let topics = config.topics();
        let folder = self.catalogue.as_ref().unwrap_or(&config.catalogue);
        let catalogue = check::load_all(folder)?;
        let files = Files::read(folder).0;
        let programme = Programme::open(Arc::clone(&log), &topics)?;
        let beside = Beside { backcast_from: self.backcast_from, overlap: self.overlap };
        let wanted = Wanted { beside, effective_from: self.effective_from, history: self.history };
        let plan = planned(log.as_ref(), &topics, &programme, (&files, &catalogue), wanted)?;
        Ok(Planned { topics, log, files, catalogue, wanted, plan })
    }
}

fn planned(
    log: &dyn Log,
    topics: &Topics,
    programme: &Programme,
    new: (&Files, &Catalogue),
    wanted: Wanted,
) -> anyhow::Result<Plan> {
    let facts = facts(log, topics)?;
    let sequence = programme.head();
    let Some(files) = programme.files(sequence) else { return Ok(programme::plan(None, new, wanted, &facts)) };
    let catalogue = programme.catalogue(sequence, &Earlier::new())?;
    let before = InForce { sequence, files: &files, catalogue: &catalogue };
    Ok(programme::plan(Some(before), new, wanted, &facts))
}

/// What there is in the topics.
pub(crate) fn facts(log: &dyn Log, topics: &Topics) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    for partition in 0..log.partitions(&topics.events)? {
        let at = TopicPartition::new(&topics.events, partition);
        facts.events.push((log.first_offset(&at)?, log.end_offset(&at)?));
        if let Some(frontier) = programme::frontier(log, topics, partition)? {
            facts.measured_by = facts.measured_by.max(frontier.sequence);
            facts.newest = facts.newest.max(frontier.newest);
            facts.read.extend(frontier.sources.into_keys().chain(frontier.accounting.into_keys()));
        }
    }
    Ok(facts)
}

/// Prints a plan.
pub fn run(args: &PlanArgs) -> anyhow::Result<()> {
    let Planned { plan, .. } = args.asked.plan()?;
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&plan)?)?,
        Format::Text => {
            for line in lines(&plan) {
                writeln!(out, "{line}")?;
            }
        }
    }
    if plan.same_files {
        return Ok(());
    }
    let how = format!("to put them into force: vernier apply --plan {} --approver NAME --reason TEXT", plan.digest);
    let (code, why) = if plan.is_impossible() {
        (3, format!("something cannot be had; {how}"))
    } else {
        (2, format!("the files differ from what is in force; {how}"))
    };
    Err(Ending { code, why }.into())
}

/// A plan for people.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = vec![match plan.follows {
        0 if plan.lost > 0 => format!(
            "The topic of catalogues is empty, and catalogue {} was in force: it is lost. `vernier apply --after-loss` begins again.",
            plan.lost
        ),
        0 => "No catalogue is in force yet.".to_owned(),
        sequence => format!("Catalogue {sequence} is in force."),
    }];
    if plan.same_files {
        lines.push("The files are the same: nothing to do.".to_owned());
        return lines;
    }
    if plan.edits.is_empty() {
        lines.push("The files differ, and nothing that is measured does.".to_owned());
    }
    let width = plan.edits.iter().map(|edit| edit.about.len()).max().unwrap_or(0);
    for edit in &plan.edits {
        let reads = match edit.reads {
            0 => "reads nothing".to_owned(),
            records => format!("reads {records} records"),
        };
        let from = edit.from.map_or_else(String::new, |from| format!(", counts from {from}"));
        lines.push(format!("  {:<width$}  {:<7}  {reads}{from}", edit.about, edit.class.name()));
        lines.extend(edit.what.iter().map(|what| format!("      {what}")));
        lines.extend(edit.impossible.iter().map(|why| format!("      IMPOSSIBLE: {why}")));
    }
    if plan.seconds > 0 {
        let minutes = plan.seconds.div_ceil(60);
        lines.push(format!("Reading takes {minutes} min or more, beside what comes in; figures go on meanwhile."));
    }
    lines.push(format!("Plan {}", plan.digest));
    lines
}
