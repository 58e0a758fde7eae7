//! `vernier apply`: puts the files into force that were planned, with who approved them and why; and `vernier catalogues`:
//! what was ever in force.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, bail, ensure};
use measurement::time::Timestamp;
use programme::{Beside, Change, Earlier, Programme, put};

use crate::{
    connect::ConnectArgs,
    plan::{AskedArgs, Planned, facts, lines},
    results,
};

/// Arguments of `vernier apply`.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Digest of the plan that was approved, as `vernier plan` prints it
    #[arg(long, value_name = "DIGEST", required_unless_present = "revoke")]
    plan: Option<String>,
    /// Who approved it
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Begin again where the topic of catalogues has lost what was in force
    #[arg(long, conflicts_with = "revoke")]
    after_loss: bool,
    /// Put the catalogue before the one in force into force again, while nothing was published by what is in force
    #[arg(long, conflicts_with_all = ["plan", "history", "effective_from", "backcast_from", "overlap", "catalogue"])]
    revoke: bool,
}

/// Puts files into force.
pub fn run(args: &ApplyArgs, now: Timestamp) -> anyhow::Result<()> {
    ensure!(!args.approver.trim().is_empty(), "--approver is empty: name who answers for it");
    ensure!(!args.reason.trim().is_empty(), "--reason is empty: whoever reads it in years wants to know why");
    if args.revoke {
        return revoke(args, now);
    }
    let Planned { topics, log, files, catalogue, wanted, plan } = args.asked.plan()?;
    let mut out = io::stdout().lock();
    if plan.same_files {
        writeln!(out, "catalogue {} is in force already, with the same files", plan.follows)?;
        return Ok(());
    }
    ensure!(
        plan.lost == 0 || args.after_loss,
        "the topic of catalogues is empty, and catalogue {} was in force: get the topic back if you can; if it is lost for good, say so with --after-loss",
        plan.lost
    );
    let approved = args.plan.as_deref().unwrap_or_default();
    if approved != plan.digest {
        for line in lines(&plan) {
            writeln!(io::stderr(), "{line}")?;
        }
        bail!(
            "plan {approved} is not what would be done now: the files, what is in force or the log have changed since; look at the plan above and approve {}",
            plan.digest
        );
    }
    let change = Change {
        files: &files,
        digest: &catalogue.digest,
        follows: plan.follows,
        lost: plan.lost,
        rebuild: false,
        effective_from: wanted.effective_from,
        history: wanted.history,
        beside: wanted.beside,
        approver: &args.approver,
        reason: &args.reason,
        plan: Some(&plan.digest),
        at: now,
    };
    let sequence = put(&log, &topics, &change)?;
    writeln!(
        out,
        "catalogue {sequence} is in force: services take it up where they read its marker, without a restart"
    )?;
    Ok(())
}

/// Goes back, as long as nobody has seen a result of what is in force.
fn revoke(args: &ApplyArgs, now: Timestamp) -> anyhow::Result<()> {
    let (config, log) = args.asked.connect.open()?;
    let topics = config.topics();
    let programme = Programme::open(std::sync::Arc::clone(&log), &topics)?;
    let head = programme.head();
    ensure!(head > 1, "there is nothing to go back to: catalogue {head} is in force");
    let (last, before) = (programme.catalogue(head, &Earlier::new())?, programme.catalogue(head - 1, &Earlier::new())?);
    let definitions = |catalogue: &measurement::catalogue::Catalogue| -> BTreeSet<(String, String)> {
        catalogue.constructs.iter().map(|construct| (construct.id.clone(), construct.digest.clone())).collect()
    };
    let brought: BTreeSet<(String, String)> = definitions(&last).difference(&definitions(&before)).cloned().collect();
    let published = results::entries(log.as_ref(), &topics.results)?
        .into_iter()
        .find(|entry| brought.contains(&(entry.construct.clone(), entry.definition.clone())));
    if let Some(entry) = published {
        bail!(
            "catalogue {head} has brought a result that was published: {} from {} on; what was published stands, so plan and apply a further catalogue instead",
            entry.construct,
            entry.period.start
        );
    }
    let files = programme.files(head - 1).context("the files of the catalogue before are not in the log")?;
    let reason = format!("revokes catalogue {head}: {}", args.reason);
    let change = Change {
        files: &files,
        digest: &before.digest,
        follows: head,
        lost: 0,
        rebuild: false,
        effective_from: None,
        history: false,
        beside: Beside::default(),
        approver: &args.approver,
        reason: &reason,
        plan: None,
        at: now,
    };
    let sequence = put(&log, &topics, &change)?;
    writeln!(io::stdout(), "catalogue {sequence} is in force, with the files of catalogue {}", head - 1)?;
    Ok(())
}

/// Arguments of `vernier rebuild`.
#[derive(Debug, clap::Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Who approved it
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// Why what there is is not to be trusted
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Has all state built anew from the events that are there.
pub fn rebuild(args: &RebuildArgs, now: Timestamp) -> anyhow::Result<()> {
    let (config, log) = args.connect.open()?;
    let topics = config.topics();
    let programme = Programme::open(std::sync::Arc::clone(&log), &topics)?;
    let head = programme.head();
    let record = programme.record(head).context("no catalogue is in force: start the services")?;
    let files = programme.files(head).context("the files of the catalogue in force are not in the log")?;
    let change = Change {
        files: &files,
        digest: &record.digest,
        follows: head,
        lost: 0,
        rebuild: true,
        effective_from: None,
        history: false,
        beside: Beside::default(),
        approver: &args.approver,
        reason: &args.reason,
        plan: None,
        at: now,
    };
    let facts = facts(log.as_ref(), &topics)?;
    let sequence = put(&log, &topics, &change)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "catalogue {sequence}, with the same files, has all state built anew from {} records: {} min or more, beside what comes in",
        facts.records(),
        facts.seconds().div_ceil(60)
    )?;
    if !facts.all_there() {
        writeln!(
            out,
            "the first events are gone: measures of events begin behind the gap, and nothing is stated that looks at rows"
        )?;
    }
    writeln!(out, "nothing is stated meanwhile; how far it is: vernier_aggregator_build_remaining of the aggregators")?;
    Ok(())
}

/// Arguments of `vernier catalogues`.
#[derive(Debug, clap::Args)]
pub struct CataloguesArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Write the files of this catalogue into a folder
    #[arg(long, value_name = "NUMBER", requires = "out")]
    export: Option<u64>,
    /// The folder; it must not exist
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Lists what was ever in force, the chain of its records checked.
pub fn list(args: &CataloguesArgs) -> anyhow::Result<()> {
    let (config, log) = args.connect.open()?;
    let programme = Programme::open(log, &config.topics())?;
    let mut out = io::stdout().lock();
    if let (Some(sequence), Some(folder)) = (args.export, &args.out) {
        let files = programme.files(sequence).with_context(|| format!("there is no catalogue {sequence}"))?;
        ensure!(!folder.exists(), "{} exists already: name a folder that does not", folder.display());
        for (path, text) in &files.0 {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
        writeln!(out, "{} files of catalogue {sequence} in {}", files.0.len(), folder.display())?;
        return Ok(());
    }
    for record in programme.records() {
        writeln!(
            out,
            "{:>4}  {}  {}  {} files  {}: {}",
            record.sequence,
            record.at,
            record.digest,
            record.files.len(),
            record.approver,
            record.reason
        )?;
    }
    Ok(())
}
