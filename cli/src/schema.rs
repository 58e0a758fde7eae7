//! `vernier schema`: JSON Schemas of the files that authors write, for editors.

use std::io::{self, Write as _};

use measurement::catalogue::{self, Schema};

use crate::test::TestFile;

/// Arguments of `vernier schema`.
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {
    /// Kind of file
    #[arg(value_enum)]
    pub of: Kind,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// constructs/**/*.yaml
    Construct,
    /// constructs/**/*.test.yaml
    Test,
    /// populations/*.yaml
    Population,
    /// sources/*.yaml
    Source,
    /// organisation.yaml
    Organisation,
    /// rates.yaml
    Rates,
}

/// Prints the schema.
pub fn run(args: &SchemaArgs) -> anyhow::Result<()> {
    let schema = match args.of {
        Kind::Construct => catalogue::schema(Schema::Construct),
        Kind::Test => schemars::schema_for!(TestFile).to_value(),
        Kind::Population => catalogue::schema(Schema::Population),
        Kind::Source => catalogue::schema(Schema::Source),
        Kind::Organisation => catalogue::schema(Schema::Organisation),
        Kind::Rates => catalogue::schema(Schema::Rates),
    };
    writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(())
}
