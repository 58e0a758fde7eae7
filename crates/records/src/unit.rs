//! Units: the parts of a catalogue that have state of their own, and from when on that state is whole.
//!
//! A unit whose definition stays keeps its state, whatever else changes. A new one begins at a boundary that lies after
//! everything that was read before it: then nothing of its periods can be missing. Who reads aggregates states a period
//! only if every partition says that it is whole.

use measurement::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What one unit record is about: a base measure in one definition. On the wire: `["unit", construct, measure,
/// definition]`, on `vernier.measures`. While one definition follows another, there is state of both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "UnitKeyWire", from = "UnitKeyWire")]
pub struct UnitKey {
    /// Identifier of the construct.
    pub construct: String,
    /// Name of the base measure.
    pub measure: String,
    /// Digest of the base measure.
    pub definition: String,
}

type UnitKeyWire = (UnitTag, String, String, String);

#[derive(Serialize, Deserialize)]
enum UnitTag {
    #[serde(rename = "unit")]
    Unit,
}

impl From<UnitKey> for UnitKeyWire {
    fn from(key: UnitKey) -> Self {
        (UnitTag::Unit, key.construct, key.measure, key.definition)
    }
}

impl From<UnitKeyWire> for UnitKey {
    fn from((_, construct, measure, definition): UnitKeyWire) -> Self {
        Self { construct, measure, definition }
    }
}

/// The same for a population. On the wire: `["population", name and digest]`, on `vernier.populations`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "PopulationKeyWire", from = "PopulationKeyWire")]
pub struct PopulationKey {
    /// What its rows lie under: name and digest, as `Population::state_name` gives them.
    pub population: String,
}

type PopulationKeyWire = (PopulationTag, String);

#[derive(Serialize, Deserialize)]
enum PopulationTag {
    #[serde(rename = "population")]
    Population,
}

impl From<PopulationKey> for PopulationKeyWire {
    fn from(key: PopulationKey) -> Self {
        (PopulationTag::Population, key.population)
    }
}

impl From<PopulationKeyWire> for PopulationKey {
    fn from((_, population): PopulationKeyWire) -> Self {
        Self { population }
    }
}

/// The state of a unit in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Version of this payload.
    pub version: u32,
    /// Digest of the base measure or population that the state is of.
    pub definition: String,
    /// From when on the state is whole.
    pub since: Since,
    /// Where it is in force no more, and kept for the periods that were its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// The end of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Number of the last catalogue that had it.
    pub sequence: u64,
    /// No event that was read before its end lies later than this: what follows it has begun by the first boundary
    /// behind.
    pub until: Timestamp,
}

/// From when on the state of a unit is whole. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// Everything that was ever published is in it.
    Beginning,
    /// All of the periods that begin then or later is in it.
    From(Timestamp),
    /// Something is missing, and it is not told yet from when on nothing is; or it is being built from the events.
    Building,
    /// Something is missing for good: events or copies that it needs are gone.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    #[test]
    fn units_as_they_are_written() {
        let key = UnitKey { construct: "isms/x".to_owned(), measure: "n".to_owned(), definition: "d".to_owned() };
        assert_eq!(encode(&key), br#"["unit","isms/x","n","d"]"#);
        assert_eq!(decode::<UnitKey>("unit", &encode(&key)).unwrap(), key);
        let key = PopulationKey { population: "people".to_owned() };
        assert_eq!(encode(&key), br#"["population","people"]"#);
        for (since, wire) in [
            (Since::Beginning, r#""beginning""#),
            (Since::From(Timestamp(7)), r#"{"from":7}"#),
            (Since::Building, r#""building""#),
            (Since::Lost, r#""lost""#),
        ] {
            let unit = Unit { version: 1, definition: "d".to_owned(), since, ended: None };
            let text = format!(r#"{{"version":1,"definition":"d","since":{wire}}}"#);
            assert_eq!(String::from_utf8(encode(&unit)).unwrap(), text);
            assert_eq!(decode::<Unit>("unit", text.as_bytes()).unwrap(), unit);
        }
        assert!(Since::Beginning < Since::From(Timestamp(i64::MIN)) && Since::From(Timestamp(9)) < Since::Building);
        assert!(Since::Building < Since::Lost);
    }
}
