//! `vernier check`: reports every fault of a catalogue at once, as <file:line:column>.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use measurement::{catalogue::Catalogue, diagnostic::Diagnostics};

/// Arguments of `vernier check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Folder of the catalogue: constructs/, populations/, sources/, mappings/, organisation.yaml
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    pub catalogue: PathBuf,
}

/// Loads the catalogue and every mapping in it; faults go to the error stream.
pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let catalogue = load_all(&args.catalogue)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}: {} constructs, {} populations, {} sources, digest {}",
        args.catalogue.display(),
        catalogue.constructs.len(),
        catalogue.populations.len(),
        catalogue.sources.len(),
        catalogue.digest
    )?;
    for construct in &catalogue.constructs {
        writeln!(out, "  {:<42} {:<8} {}", construct.id, construct.version, construct.title)?;
    }
    for note in catalogue.notes() {
        writeln!(out, "note: {}:{}: {}", note.file, note.line, note.text)?;
    }
    Ok(())
}

/// Loads a catalogue and compiles its mappings; the error lists the faults of both.
pub(crate) fn load_all(folder: &Path) -> anyhow::Result<Catalogue> {
    let (catalogue, mut faults) = Catalogue::load_with_faults(folder);
    if let Err(more) = ingest::config::Plan::new(&catalogue) {
        faults.extend(more.0);
    }
    if faults.is_empty() {
        return Ok(catalogue);
    }
    faults.sort();
    faults.dedup();
    Err(unsound(folder, &Diagnostics(faults)))
}

/// Loads a catalogue; the error lists every fault, one a line.
pub fn load(folder: &Path) -> anyhow::Result<Catalogue> {
    Catalogue::load(folder).map_err(|faults| unsound(folder, &faults))
}

fn unsound(folder: &Path, faults: &Diagnostics) -> anyhow::Error {
    anyhow::anyhow!("the catalogue in {} is not sound:\n{faults}", folder.display())
}
