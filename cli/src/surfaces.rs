//! `vernier surfaces`: a Grafana dashboard and Prometheus alert rules, generated from the catalogue. The same
//! catalogue gives the same bytes, so that they can be kept under version control and compared.
//!
//! 1. [`rules`]: alert rules;
//! 2. [`dashboard`]: the dashboard.

pub mod dashboard;
pub mod rules;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use measurement::catalogue::Catalogue;

use crate::check;

/// Arguments of `vernier surfaces`.
#[derive(Debug, clap::Args)]
pub struct SurfacesArgs {
    /// Folder of the catalogue
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    pub catalogue: PathBuf,
    /// Folder to write to
    #[arg(long, default_value = "deploy/generated", value_name = "FOLDER")]
    pub out: PathBuf,
    /// Change nothing; fail if the files are not what the catalogue gives
    #[arg(long)]
    pub check: bool,
}

/// Writes the files, or compares them.
pub fn run(args: &SurfacesArgs) -> anyhow::Result<()> {
    let catalogue = check::load(&args.catalogue)?;
    let mut stale = Vec::new();
    for (name, content) in files(&catalogue)? {
        let path = args.out.join(name);
        if !args.check {
            fs::create_dir_all(&args.out).with_context(|| format!("create {}", args.out.display()))?;
            fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
            writeln!(io::stdout(), "{}", path.display())?;
        } else if !is_same(&path, &content) {
            stale.push(path.display().to_string());
        }
    }
    if !stale.is_empty() {
        bail!("not what the catalogue gives: {}; run `vernier surfaces`", stale.join(", "));
    }
    Ok(())
}

fn is_same(path: &Path, content: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|found| found == content)
}

/// Names and contents of the files.
pub fn files(catalogue: &Catalogue) -> anyhow::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("alerts.rules.yml", rules::alerts(catalogue)?),
        ("dashboard.json", serde_json::to_string_pretty(&dashboard::dashboard(catalogue))? + "\n"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_surfaces_are_what_the_catalogue_gives() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let catalogue = Catalogue::load(&root.join("schemas")).unwrap();
        for (name, content) in files(&catalogue).unwrap() {
            let path = root.join("deploy/generated").join(name);
            assert!(is_same(&path, &content), "{} is stale: run `vernier surfaces`", path.display());
        }
    }

    #[test]
    fn every_construct_and_source_has_its_alerts_and_panel() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let catalogue = Catalogue::load(&root.join("schemas")).unwrap();
        let files = files(&catalogue).unwrap();
        for construct in &catalogue.constructs {
            for (name, content) in &files {
                assert!(content.contains(&construct.id), "{} is not in {name}", construct.id);
            }
        }
        for source in catalogue.sources.keys() {
            assert!(files[0].1.contains(&format!("source=\\\"{source}\\\"")), "{source} has no alert");
        }
    }
}
