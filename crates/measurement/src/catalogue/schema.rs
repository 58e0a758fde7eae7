//! JSON Schemas of the files of a catalogue, for editors.

use super::spec;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// `constructs/**/*.yaml`.
    Construct,
    /// `populations/*.yaml`.
    Population,
    /// `sources/*.yaml`.
    Source,
    /// `organisation.yaml`.
    Organisation,
    /// `rates.yaml`.
    Rates,
}

/// The JSON Schema of a kind of file.
pub fn schema(of: Schema) -> serde_json::Value {
    let schema = match of {
        Schema::Construct => schemars::schema_for!(spec::ConstructSpec),
        Schema::Population => schemars::schema_for!(spec::PopulationSpec),
        Schema::Source => schemars::schema_for!(spec::SourceSpec),
        Schema::Organisation => schemars::schema_for!(spec::OrganisationSpec),
        Schema::Rates => schemars::schema_for!(spec::RatesSpec),
    };
    schema.to_value()
}
