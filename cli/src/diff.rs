//! `vernier diff`: what is different between two catalogues, in words, and which series break.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::bail;
use measurement::catalogue;

use crate::check;

/// Arguments of `vernier diff`.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// Folder of the catalogue that is in force
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Folder of the catalogue that is to follow
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// End with code 1 if a series breaks
    #[arg(long)]
    pub exit_code: bool,
}

/// Prints the differences by construct.
pub fn run(args: &DiffArgs) -> anyhow::Result<()> {
    let (old, new) = (check::load(&args.old)?, check::load(&args.new)?);
    let changes = catalogue::diff(&old, &new);
    let mut out = io::stdout().lock();
    let mut last = None;
    for change in &changes {
        if last != Some(&change.construct) {
            let of_construct = changes.iter().filter(|other| other.construct == change.construct);
            let breaks = of_construct.into_iter().any(|other| other.breaks);
            let verdict =
                if breaks { "the series breaks: figures before and after cannot be compared" } else { "comparable" };
            writeln!(out, "{}: {verdict}", change.construct)?;
            last = Some(&change.construct);
        }
        writeln!(out, "  {} {}", if change.breaks { "!" } else { "-" }, change.what)?;
    }
    let broken: std::collections::BTreeSet<&str> =
        changes.iter().filter(|change| change.breaks).map(|change| change.construct.as_str()).collect();
    writeln!(out, "{} differences, {} series break", changes.len(), broken.len())?;
    if args.exit_code && !broken.is_empty() {
        bail!("{} series break", broken.len());
    }
    Ok(())
}
