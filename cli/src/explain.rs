//! `vernier explain`: what a construct measures, from what, how it is judged, and what would change the band.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use measurement::{
    catalogue::{Catalogue, Construct, Population},
    number::Exact,
};
use records::ResultRecord;

use crate::{
    check,
    test::{Case, Number, Refused, judge_case},
};

/// Farthest change of a base measure that is tried.
const FARTHEST: i64 = 10_000;

/// Arguments of `vernier explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// Identifier of the construct
    #[arg(value_name = "CONSTRUCT")]
    pub construct: String,
    /// Folder of the catalogue
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    pub catalogue: PathBuf,
    /// Value of a base measure, to see its judgement and what would change it; once for each
    #[arg(long = "base", value_name = "NAME=VALUE", value_parser = parse_value)]
    pub base: Vec<(String, Number)>,
    /// Entries of the ledger as JSON lines, from `vernier results` or `vernier replay --format json`: the newest is explained
    #[arg(long, value_name = "FILE", conflicts_with = "base")]
    pub results: Option<PathBuf>,
    /// Suppose that so many elements of a source could not be read
    #[arg(long, value_name = "N", conflicts_with = "results")]
    pub unread: Option<u64>,
    /// Explain the result of this group, such as category=malware
    #[arg(long, default_value = "all", value_name = "GROUP")]
    pub group: String,
}

fn parse_value(text: &str) -> Result<(String, Number), String> {
    let fault = || "write NAME=VALUE, such as due=10".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(fault)?;
    Ok((name.to_owned(), Number(value.parse().map_err(|why| format!("{why}; {}", fault()))?)))
}

/// Prints the explanation.
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let catalogue = check::load(&args.catalogue)?;
    let construct = catalogue.construct(&args.construct).with_context(|| {
        let known: Vec<String> = catalogue.constructs.iter().map(|construct| construct.id.clone()).collect();
        format!("unknown construct `{}`: {}", args.construct, measurement::diagnostic::meant(&args.construct, &known))
    })?;
    let mut out = io::stdout().lock();
    definition(&mut out, &catalogue, construct)?;
    let mut case = Case::of_group(&args.group)?;
    let base = match &args.results {
        Some(file) => of_result(&mut out, file, construct, args, &mut case)?,
        None if args.base.is_empty() => {
            writeln!(
                out,
                "\nGive base measures (--base NAME=VALUE) or results (--results FILE) to see what would change a band."
            )?;
            return Ok(());
        }
        None => {
            case.refused = construct.sources.first().cloned().zip(args.unread.map(Refused::Some)).into_iter().collect();
            args.base.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect()
        }
    };
    judgement(&mut out, construct, &case, &base)
}

fn definition(out: &mut dyn Write, catalogue: &Catalogue, construct: &Construct) -> anyhow::Result<()> {
    writeln!(
        out,
        "{} ({}, version {}, definition {})",
        construct.title, construct.id, construct.version, construct.digest
    )?;
    if let Some(reference) = &construct.iso27004 {
        let verified = if construct.verified { "compared with" } else { "not yet compared with" };
        writeln!(out, "  after ISO/IEC 27004:{reference}, {verified} a licensed copy")?;
    }
    writeln!(out, "  question  {}\n  decision  {}", construct.need.question, construct.need.decision)?;
    let rolling =
        if construct.rolling > 1 { format!(", looking at {} of them", construct.rolling) } else { String::new() };
    writeln!(
        out,
        "  period    {}{rolling}, {}, final {} after its end",
        construct.period,
        construct.calendar.zone.name(),
        construct.close_after
    )?;
    writeln!(out, "\nInputs")?;
    for name in &construct.sources {
        if let Some(source) = catalogue.sources.get(name) {
            writeln!(out, "  source      {name}: {} ({})", source.title, source.topics.join(", "))?;
        }
    }
    for name in construct.populations(&catalogue.populations) {
        if let Some(population) = catalogue.populations.get(&name) {
            writeln!(out, "  population  {name}: {} (from {})", population.title, classes(population))?;
        }
    }
    for (key, value) in &construct.definition {
        if let Some(name) = key.strip_prefix("base.") {
            writeln!(out, "  {name:<12}{value}")?;
        }
    }
    if !construct.derived.is_empty() {
        writeln!(out, "\nFormulas")?;
        for derived in &construct.derived {
            let least = match derived.minimum_denominator {
                0 => String::new(),
                least => format!(", from a denominator of {least} on"),
            };
            writeln!(out, "  {} = {} [{}{least}]", derived.name, derived.formula.text(), derived.unit)?;
        }
    }
    criteria(out, construct)?;
    for (name, parameter) in &construct.parameters {
        let by = if construct.set_by_organisation.contains(name) { "the organisation" } else { "the library" };
        writeln!(out, "  {name} = {} (set by {by})", parameter.default)?;
        for (value, number) in &parameter.values {
            writeln!(out, "    {value}: {number}")?;
        }
    }
    if let Some(value) = construct.targets.last().and_then(|target| target.value.as_ref()) {
        writeln!(out, "  target      {}", value.display(6))?;
    }
    for reading in &construct.interpretation {
        writeln!(out, "  read as     {reading}")?;
    }
    Ok(())
}

/// By what it is judged, and how much of the input may be missing.
fn criteria(out: &mut dyn Write, construct: &Construct) -> anyhow::Result<()> {
    for criteria in &construct.indicator.criteria {
        let from = criteria.from.map_or_else(String::new, |from| format!(" from {from}"));
        writeln!(out, "\nCriteria for {}{from}", construct.indicator.of)?;
        for (band, when) in criteria.lines() {
            writeln!(out, "  {band:<12}{when}")?;
        }
        let tolerance = criteria.tolerance().multiply(&Exact::from(100_i64)).display(3);
        writeln!(
            out,
            "  unread      up to {tolerance} % of the input, if it could not change the band; else unvalidated"
        )?;
        let unbounded = construct.base.iter().filter(|base| !base.fold.is_bounded());
        let unbounded: Vec<&str> = unbounded.map(|base| base.name.as_str()).collect();
        if !unbounded.is_empty() {
            let allowed = if criteria.tolerance.is_some() {
                "as much, and the band stands: the construct states its tolerance"
            } else {
                "nothing at all: the construct states no tolerance"
            };
            writeln!(out, "              of {}, which it could move by any amount, {allowed}", unbounded.join(", "))?;
        }
    }
    Ok(())
}

fn classes(population: &Population) -> String {
    let mut classes: Vec<&str> = population.feeds.iter().map(|feed| feed.class.as_str()).collect();
    classes.dedup();
    classes.join(", ")
}

type Base = BTreeMap<String, Option<Number>>;

/// The base measures of the newest result of a group, whose period the case takes.
fn of_result(
    out: &mut dyn Write,
    file: &PathBuf,
    construct: &Construct,
    args: &ExplainArgs,
    case: &mut Case,
) -> anyhow::Result<Base> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let mut newest: Option<ResultRecord> = None;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let entry: ResultRecord = serde_json::from_str(line)
            .with_context(|| format!("{}:{}: not an entry of the ledger", file.display(), index + 1))?;
        let wanted = entry.construct == construct.id && entry.group_label() == args.group;
        let later = |known: &ResultRecord| (known.period.start, known.revision) <= (entry.period.start, entry.revision);
        if wanted && newest.as_ref().is_none_or(later) {
            newest = Some(entry);
        }
    }
    let Some(entry) = newest else {
        bail!("{} has no result of {} for {}", file.display(), construct.id, args.group);
    };
    let period = measurement::calendar::Period { start: entry.period.start, end: entry.period.end };
    let label = construct.calendar.label(construct.period, &period);
    writeln!(out, "\nResult of {label} ({}), revision {}: {}", args.group, entry.revision, entry.outcome)?;
    if let Some(because) = &entry.because {
        writeln!(out, "  because     {because}")?;
    }
    if entry.base.is_empty() {
        bail!("the result states no base measures: there is nothing to change");
    }
    case.period = Some(entry.period.start.to_string());
    case.undecided = entry.base.iter().map(|(name, base)| (name.clone(), base.undecided)).collect();
    let refused = entry.quality.sources.into_iter().filter(|(_, quality)| quality.refused > 0);
    case.refused = refused
        .map(|(source, quality)| (source, Refused::Of { refused: quality.refused, read: quality.read }))
        .collect();
    Ok(entry.base.into_iter().map(|(name, base)| (name, base.value.map(Number))).collect())
}

fn judgement(out: &mut dyn Write, construct: &Construct, case: &Case, base: &Base) -> anyhow::Result<()> {
    let now = judge_case(construct, case, base)?;
    writeln!(out, "\nJudged on these values, without history: {}", now.0)?;
    if let Some(because) = &now.2 {
        writeln!(out, "  because     {because}")?;
    }
    if let Some(value) = &now.1 {
        writeln!(out, "  {:<12}{} {}", construct.indicator.of, value.display(6), construct.unit())?;
    }
    writeln!(out, "\nWhat would change it")?;
    let mut found = false;
    for (name, value) in base {
        let Some(value) = value else { continue };
        for (sign, word) in [(1_i64, "more"), (-1, "less")] {
            if let Some((steps, outcome)) = nearest(construct, case, base, (name, &value.0, sign), &now.0)? {
                writeln!(out, "  {outcome} with {steps} {word} of {name}")?;
                found = true;
            }
        }
    }
    if !found {
        writeln!(out, "  no base measure alone, changed by up to {FARTHEST}")?;
    }
    Ok(())
}

/// The smallest whole change of one base measure that changes the outcome. Outcomes may come and go, so that every
/// step is tried.
fn nearest(
    construct: &Construct,
    case: &Case,
    base: &Base,
    (name, value, sign): (&str, &Exact, i64),
    now: &str,
) -> anyhow::Result<Option<(i64, String)>> {
    let mut changed = base.clone();
    for steps in 1..=FARTHEST {
        let other = value.add(&Exact::from(sign * steps));
        if other.is_negative() {
            return Ok(None);
        }
        changed.insert(name.to_owned(), Some(Number(other)));
        let (outcome, ..) = judge_case(construct, case, &changed)?;
        if outcome != now {
            return Ok(Some((steps, outcome)));
        }
    }
    Ok(None)
}
