//! `vernier test`: the cases that authors write beside their constructs, run by the engine of the services.
//!
//! 1. [`file`](mod@file): what a case says;
//! 2. [`events`]: events as cases write them, to OCSF;
//! 3. [`judged`]: a case that gives base measures;
//! 4. [`streamed`]: a case that gives events: the whole chain on an embedded log;
//! 5. [`coverage`]: bands and boundaries that no case looks at.

mod coverage;
mod events;
mod file;
mod judged;
mod streamed;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, bail};
use measurement::catalogue::{Catalogue, Construct, Files};

use crate::check;

pub use file::{Case, Expect, Number, Refused, TestFile};
pub use streamed::as_ocsf;

/// Arguments of `vernier test`.
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Test files, or folders with such; default: the constructs of the catalogue
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Folder of the catalogue; default: the folder above `constructs` of the first path, or schemas
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// Run the cases of this construct alone; repeatable
    #[arg(long, value_name = "ID")]
    pub construct: Vec<String>,
    /// Print every case, not only those that fail
    #[arg(long, short)]
    pub verbose: bool,
}

/// In the place of a case's name: something that no case looks at.
const NOT_LOOKED_AT: &str = "not looked at";

/// What became of the cases of one file.
#[derive(Debug, Default)]
struct Outcome {
    construct: String,
    passed: usize,
    /// Name of the case and what is wrong.
    failures: Vec<(String, String)>,
    names: Vec<String>,
}

/// Runs the cases and prints what became of them.
pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let folder = args.catalogue.clone().unwrap_or_else(|| catalogue_above(&args.paths));
    let catalogue = check::load(&folder)?;
    let files = files(&folder, &args.paths, &args.construct)?;
    if files.is_empty() {
        bail!("no cases found: write them into a file beside the construct that ends in .test.yaml");
    }
    let outcomes = run_all(&catalogue, &files);
    let mut out = io::stdout().lock();
    let (mut cases, mut failed) = (0, 0);
    for outcome in &outcomes {
        cases += outcome.names.len();
        failed += outcome.failures.len();
        let state = if outcome.failures.is_empty() { "ok" } else { "FAILED" };
        writeln!(out, "{:<44} {:>3} cases  {state}", outcome.construct, outcome.names.len())?;
        if args.verbose {
            for name in &outcome.names {
                writeln!(out, "    {name}")?;
            }
        }
        for (name, fault) in &outcome.failures {
            writeln!(out, "  {name}:")?;
            for line in fault.lines() {
                writeln!(out, "      {line}")?;
            }
        }
    }
    let untested: Vec<&str> = catalogue
        .constructs
        .iter()
        .map(|construct| construct.id.as_str())
        .filter(|id| {
            args.paths.is_empty()
                && args.construct.is_empty()
                && !outcomes.iter().any(|outcome| outcome.construct == *id)
        })
        .collect();
    if !untested.is_empty() {
        writeln!(out, "without cases: {}", untested.join(", "))?;
    }
    writeln!(out, "{} constructs, {cases} cases, {} faults", outcomes.len(), failed)?;
    if failed > 0 {
        bail!("{failed} faults");
    }
    Ok(())
}

/// The catalogue that a path lies in.
fn catalogue_above(paths: &[PathBuf]) -> PathBuf {
    let above = paths.first().and_then(|path| {
        path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "constructs"))?.parent()
    });
    match above {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("schemas"),
    }
}

/// Test files by their path within the catalogue.
fn files(folder: &Path, paths: &[PathBuf], constructs: &[String]) -> anyhow::Result<BTreeMap<String, TestFile>> {
    let (read, _) = Files::read(folder);
    let mut found = BTreeMap::new();
    for (name, text) in read.under("constructs", ".test.yaml") {
        let here = folder.join(name);
        if !paths.is_empty() && !paths.iter().any(|path| here.starts_with(path)) {
            continue;
        }
        let file: TestFile = measurement::catalogue::read_file(name, text)
            .map_err(|faults| anyhow::anyhow!("{faults}"))
            .with_context(|| format!("cases in {}", folder.display()))?;
        if constructs.is_empty() || constructs.contains(&file.construct) {
            found.insert(name.to_owned(), file);
        }
    }
    Ok(found)
}

/// Runs files side by side; the outcomes are in the order of the files.
fn run_all(catalogue: &Catalogue, files: &BTreeMap<String, TestFile>) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let files: Vec<&TestFile> = files.values().collect();
    let done: Mutex<BTreeMap<usize, Outcome>> = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else { return };
                    let outcome = run_file(catalogue, file);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, outcome);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn run_file(catalogue: &Catalogue, file: &TestFile) -> Outcome {
    let mut outcome = Outcome { construct: file.construct.clone(), ..Outcome::default() };
    let Some((construct, alone)) = catalogue.construct(&file.construct).zip(catalogue.only(&file.construct)) else {
        let known: Vec<String> = catalogue.constructs.iter().map(|construct| construct.id.clone()).collect();
        let hint = measurement::diagnostic::meant(&file.construct, &known);
        outcome.failures.push(("construct".to_owned(), format!("unknown construct `{}`: {hint}", file.construct)));
        return outcome;
    };
    let mut seen = coverage::Seen::default();
    for case in &file.cases {
        outcome.names.push(case.name.clone());
        match run_case(&alone, construct, file, case, &mut seen) {
            Ok(faults) if faults.is_empty() => outcome.passed += 1,
            Ok(faults) => outcome.failures.push((case.name.clone(), faults.join("\n"))),
            Err(fault) => outcome.failures.push((case.name.clone(), format!("{fault:#}"))),
        }
    }
    outcome.failures.extend(seen.gaps(construct).into_iter().map(|gap| (NOT_LOOKED_AT.to_owned(), gap)));
    outcome
}

fn run_case(
    catalogue: &Catalogue,
    construct: &Construct,
    file: &TestFile,
    case: &Case,
    seen: &mut coverage::Seen,
) -> anyhow::Result<Vec<String>> {
    if case.base.is_none() && !(case.refused.is_empty() && case.undecided.is_empty()) {
        bail!("`refused` and `undecided` belong to `base`: of events it is found out");
    }
    match (&case.base, case.events.is_empty() && case.silent.is_empty()) {
        (Some(base), true) => {
            let found = judged::run(construct, case, base)?;
            seen.note(&found);
            Ok(compare(&case.expect, &found))
        }
        (None, _) => streamed::run(catalogue, construct, file, case, seen),
        (Some(_), false) => bail!("give either `base` or `events`"),
    }
}

/// What a case came to.
#[derive(Clone, Debug, Default)]
struct Found {
    outcome: String,
    value: Option<measurement::number::Exact>,
    numerator: Option<measurement::number::Exact>,
    denominator: Option<measurement::number::Exact>,
    base: BTreeMap<String, Option<measurement::number::Exact>>,
    undecided: BTreeMap<String, u64>,
    trend: Option<String>,
    because: Option<String>,
    revision: Option<u32>,
    interval: Option<(measurement::number::Exact, measurement::number::Exact)>,
    target: Option<measurement::number::Exact>,
}

/// What was expected and is not so.
fn compare(expect: &Expect, found: &Found) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |what: &str, wanted: String, got: String| {
        if wanted != got {
            faults.push(format!("{what}: wanted {wanted}, found {got}"));
        }
    };
    let shown = |number: &Option<measurement::number::Exact>| {
        number.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    check("outcome", expect.outcome.clone(), found.outcome.clone());
    for (what, wanted, got) in [
        ("value", &expect.value, &found.value),
        ("numerator", &expect.numerator, &found.numerator),
        ("denominator", &expect.denominator, &found.denominator),
        ("target", &expect.target, &found.target),
    ] {
        if let Some(wanted) = wanted {
            check(what, wanted.to_string(), shown(got));
        }
    }
    for (name, wanted) in &expect.base {
        let got = found.base.get(name).cloned().flatten();
        check(name, wanted.to_string(), shown(&got));
    }
    for (name, wanted) in &expect.undecided {
        let got = found.undecided.get(name).copied().unwrap_or(0);
        check(&format!("undecided for {name}"), wanted.to_string(), got.to_string());
    }
    if let Some(trend) = &expect.trend {
        check("trend", trend.clone(), found.trend.clone().unwrap_or_else(|| "none".to_owned()));
    }
    if let Some(revision) = expect.revision {
        check(
            "revision",
            revision.to_string(),
            found.revision.map_or_else(|| "none".to_owned(), |number| number.to_string()),
        );
    }
    if let (false, Some(because)) = (faults.is_empty(), &found.because) {
        let mut line = String::new();
        // Writing to a String cannot fail.
        write!(line, "because: {because}").ok();
        faults.push(line);
    }
    faults
}

/// Runs the cases of one construct: how many there are, and name and fault of each that fails. What no case looks at is
/// a fault only where `whole` is asked for.
pub fn run_cases(catalogue: &Catalogue, file: &TestFile, whole: bool) -> (usize, Vec<(String, String)>) {
    let mut outcome = run_file(catalogue, file);
    if !whole {
        outcome.failures.retain(|(name, _)| name != NOT_LOOKED_AT);
    }
    (outcome.names.len(), outcome.failures)
}

/// Judges base measures without history: the outcome, the indicator's value, and what the outcome rests on.
pub fn judge_case(
    construct: &Construct,
    case: &Case,
    base: &BTreeMap<String, Option<Number>>,
) -> anyhow::Result<(String, Option<measurement::number::Exact>, Option<String>)> {
    let found = judged::run(construct, case, base)?;
    Ok((found.outcome, found.value, found.because))
}
