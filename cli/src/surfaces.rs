//! `vernier surfaces`: a Grafana dashboard, Prometheus alert rules and reference pages, generated from the catalogue.
//! The same catalogue gives the same bytes, so that they can be kept under version control and compared.
//!
//! 1. [`rules`]: alert rules;
//! 2. [`dashboard`]: the dashboard;
//! 3. [`reference`](mod@reference): pages for people;
//! 4. [`text`]: words of the catalogue in places where some characters mean something.

pub mod dashboard;
pub mod reference;
pub mod rules;
pub mod text;

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
    /// Folder of the dashboard and the alert rules
    #[arg(long, default_value = "deploy/generated", value_name = "FOLDER")]
    pub out: PathBuf,
    /// Folder of the reference pages
    #[arg(long, default_value = "docs/constructs/reference", value_name = "FOLDER")]
    pub reference: PathBuf,
    /// Change nothing; fail if the files are not what the catalogue gives
    #[arg(long)]
    pub check: bool,
}

/// Writes the files, or compares them.
pub fn run(args: &SurfacesArgs) -> anyhow::Result<()> {
    let catalogue = check::load(&args.catalogue)?;
    let mut stale = Vec::new();
    let surfaces = files(&catalogue)?.into_iter().map(|(name, content)| (args.out.join(name), content));
    let pages = reference::pages(&catalogue)?.into_iter().map(|(name, content)| (args.reference.join(name), content));
    for (path, content) in surfaces.chain(pages) {
        if !args.check {
            let folder = path.parent().unwrap_or(&args.out);
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
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
        let pages = reference::pages(&catalogue).unwrap();
        let folder = root.join("docs/constructs/reference");
        for (name, content) in &pages {
            assert!(is_same(&folder.join(name), content), "{name} is stale: run `vernier surfaces`");
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), pages.len(), "pages of constructs that are gone");
        let without = pages.iter().filter(|(name, page)| name != "README.md" && !page.contains("## An example"));
        assert_eq!(without.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn every_alert_has_its_section_of_the_runbooks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let runbooks = fs::read_to_string(root.join("docs/runbooks.md")).unwrap();
        let rules = rules::alerts(&Catalogue::load(&root.join("schemas")).unwrap()).unwrap();
        let mut alert = "";
        let mut pairs = std::collections::BTreeSet::new();
        for line in rules.lines() {
            if let Some(name) = line.trim().strip_prefix("- alert: ") {
                alert = name;
            } else if let Some(place) = line.trim().strip_prefix("runbook: ") {
                let (file, anchor) = place.trim_matches('"').split_once('#').unwrap();
                assert_eq!(file, "docs/runbooks.md");
                pairs.insert((alert, anchor));
            }
        }
        assert!(pairs.len() >= 13, "{pairs:?}");
        for (alert, anchor) in pairs {
            let section = runbooks.split("\n## ").find(|section| section.lines().next() == Some(anchor));
            let section = section.unwrap_or_else(|| panic!("{alert} has no section {anchor}"));
            assert!(section.contains(&format!("**{alert}**")), "the section {anchor} is not about {alert}");
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
