//! Reference pages: what each construct measures, from what, how it is judged, and an example in words.

use std::fmt::Write as _;

use measurement::{
    catalogue::{BaseMeasure, BaseOf, Basis, Catalogue, Construct, Files},
    number::Exact,
};

use crate::test::{Case, TestFile, judge_case};

/// The pages by file name; `README.md` lists them.
pub fn pages(catalogue: &Catalogue) -> anyhow::Result<Vec<(String, String)>> {
    let (files, _) = Files::read(&catalogue.folder);
    let mut pages = Vec::new();
    let mut list = String::from(
        "# Reference\n\nGenerated from the catalogue by `vernier surfaces`: change the construct, not the page.\n\n\
         | construct | title | example of ISO/IEC 27004:2016 | period |\n|---|---|---|---|\n",
    );
    for construct in &catalogue.constructs {
        let cases = construct.file.strip_suffix(".yaml").map(|stem| format!("{stem}.test.yaml"));
        let cases: Option<TestFile> = match cases.and_then(|path| Some((files.0.get(&path)?, path))) {
            Some((text, path)) => {
                Some(measurement::catalogue::read_file(&path, text).map_err(|faults| anyhow::anyhow!("{faults}"))?)
            }
            None => None,
        };
        let name = format!("{}.md", construct.id.replace('/', "-"));
        let clause = construct.iso27004.as_deref().and_then(|reference| reference.split('/').nth(1)).unwrap_or("–");
        writeln!(list, "| [{}]({name}) | {} | {clause} | {} |", construct.id, construct.title, construct.period)?;
        pages.push((name, page(catalogue, construct, cases.as_ref())?));
    }
    pages.push(("README.md".to_owned(), list));
    Ok(pages)
}

fn page(catalogue: &Catalogue, construct: &Construct, cases: Option<&TestFile>) -> anyhow::Result<String> {
    let mut page = String::new();
    writeln!(page, "# {}\n\n`{}`, version {}", construct.title, construct.id, construct.version)?;
    if let Some(reference) = &construct.iso27004 {
        let compared = if construct.verified { "compared" } else { "not yet compared" };
        writeln!(page, "\nAfter the example {reference} of ISO/IEC 27004, {compared} with a licensed copy.")?;
    }
    writeln!(page, "\n## Why\n\n{}\n", construct.need.question)?;
    writeln!(page, "| | |\n|---|---|")?;
    let (need, parties) = (&construct.need, &construct.parties);
    for (what, text) in [
        ("objective", need.objective.clone()),
        ("risk", need.risk.clone()),
        ("decision it supports", need.decision.clone()),
        ("kind", format!("{:?}", construct.kind).to_lowercase()),
        ("controls and clauses of ISO/IEC 27001", construct.iso27001.join(", ")),
        ("owner", parties.owner.clone()),
        ("collector", parties.collector.clone()),
        ("client", parties.client.clone()),
        ("reviewer", parties.reviewer.clone()),
        ("evidence", construct.evidence.clone()),
    ] {
        writeln!(page, "| {what} | {text} |")?;
    }
    measurement(&mut page, catalogue, construct)?;
    judgement(&mut page, construct)?;
    if let Some(case) = cases.and_then(|file| file.cases.iter().find(|case| case.example)) {
        example(&mut page, construct, case)?;
    }
    if !construct.interpretation.is_empty() {
        writeln!(page, "\n## How the example was read\n")?;
        for reading in &construct.interpretation {
            writeln!(page, "- {reading}")?;
        }
    }
    Ok(page)
}

fn measurement(page: &mut String, catalogue: &Catalogue, construct: &Construct) -> anyhow::Result<()> {
    let rolling = if construct.rolling > 1 {
        format!(", each result looking at {} of them", construct.rolling)
    } else {
        String::new()
    };
    writeln!(page, "\n## What is measured\n")?;
    writeln!(
        page,
        "Periods of {}{rolling}, in {}; final {} after their end, corrected for {}.\n",
        construct.period,
        construct.calendar.zone.name(),
        construct.close_after,
        construct.restate_for
    )?;
    for name in &construct.sources {
        if let Some(source) = catalogue.sources.get(name) {
            writeln!(
                page,
                "- source `{name}`: {}, which must be heard of every {}",
                source.title,
                days(source.rhythm)
            )?;
        }
    }
    for name in construct.populations(&catalogue.populations) {
        if let Some(population) = catalogue.populations.get(&name) {
            writeln!(page, "- population `{name}`: {}", population.title)?;
        }
    }
    writeln!(page, "\n| base measure | of | definition |\n|---|---|---|")?;
    for base in &construct.base {
        let definition = construct.definition.get(&format!("base.{}", base.name)).cloned().unwrap_or_default();
        writeln!(page, "| {} | {} | `{}` |", base.name, of(base), definition.replace('|', "\\|"))?;
    }
    if !construct.derived.is_empty() {
        writeln!(page, "\n| derived measure | formula | unit | least denominator |\n|---|---|---|---|")?;
        for derived in &construct.derived {
            let least = derived.minimum_denominator;
            writeln!(page, "| {} | `{}` | {} | {least} |", derived.name, derived.formula.text(), derived.unit)?;
        }
    }
    for dimension in &construct.dimensions {
        writeln!(page, "\nBy {}: {}; everything else is `other`.", dimension.name, dimension.values.join(", "))?;
    }
    if construct.minimum_group > 0 {
        writeln!(page, "\nGroups of fewer than {} people are not shown.", construct.minimum_group)?;
    }
    Ok(())
}

fn of(base: &BaseMeasure) -> String {
    match &base.of {
        BaseOf::Event { class, .. } => format!("events `{class}` of the period"),
        BaseOf::Population(name) => match base.basis {
            Basis::End => format!("`{name}` as of the end"),
            Basis::Start => format!("`{name}` as of the start"),
            Basis::Any => format!("`{name}` on any day"),
            Basis::Average => format!("`{name}` on the average day"),
        },
    }
}

fn days(milliseconds: i64) -> String {
    match (milliseconds / 86_400_000, milliseconds / 3_600_000) {
        (0, hours) => format!("{hours} hours"),
        (days, _) => format!("{days} days"),
    }
}

fn judgement(page: &mut String, construct: &Construct) -> anyhow::Result<()> {
    writeln!(page, "\n## How it is judged")?;
    for criteria in &construct.indicator.criteria {
        let from = criteria.from.map_or_else(String::new, |from| format!(", from {from}"));
        writeln!(page, "\n{} in {}{from}:\n\n| band | when |\n|---|---|", construct.indicator.of, construct.unit())?;
        for (band, when) in criteria.lines() {
            writeln!(page, "| {band} | `{}` |", when.replace('|', "\\|"))?;
        }
    }
    if !construct.parameters.is_empty() {
        writeln!(page, "\n| parameter | value | set by |\n|---|---|---|")?;
        for (name, parameter) in &construct.parameters {
            let by = if construct.set_by_organisation.contains(name) { "the organisation" } else { "the library" };
            let mut value = parameter.default.to_string();
            for (group, special) in &parameter.values {
                write!(value, "; {group}: {special}")?;
            }
            writeln!(page, "| {name} | {value} | {by} |")?;
        }
    }
    if let Some(value) = construct.targets.last().and_then(|target| target.value.as_ref()) {
        writeln!(page, "\nTarget: {} {}.", value.display(6), construct.unit())?;
    }
    Ok(())
}

/// The example among the cases, told in words; what it comes to is computed, not copied.
fn example(page: &mut String, construct: &Construct, case: &Case) -> anyhow::Result<()> {
    let Some(base) = &case.base else { return Ok(()) };
    writeln!(
        page,
        "\n## An example\n\n{}{}:\n",
        case.name.get(..1).unwrap_or_default().to_uppercase(),
        case.name.get(1..).unwrap_or_default()
    )?;
    for measure in &construct.base {
        let value = base.get(&measure.name).and_then(Option::as_ref);
        let shown = value.map_or_else(|| "not defined".to_owned(), |value| value.0.display(6));
        writeln!(page, "- {} is {shown}", measure.name)?;
    }
    for (back, earlier) in case.history.iter().enumerate() {
        let values: Vec<String> =
            earlier.iter().map(|(name, value)| format!("{name} was {}", value.0.display(6))).collect();
        writeln!(
            page,
            "- {} before, {}",
            if back == 0 { "one period".to_owned() } else { format!("{} periods", back + 1) },
            values.join(" and ")
        )?;
    }
    let (outcome, value, _) = judge_case(construct, case, base)?;
    let unit = match construct.unit() {
        "1" | "ratio" => String::new(),
        unit => format!(" {unit}"),
    };
    let value =
        value.as_ref().map_or_else(|| "not defined".to_owned(), |value: &Exact| format!("{}{unit}", value.display(6)));
    writeln!(page, "\nThen {} is {value}, which is **{outcome}**.", construct.indicator.of)?;
    Ok(())
}
