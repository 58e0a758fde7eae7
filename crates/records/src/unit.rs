//! Units: the parts of a catalogue that have state of their own, and from when on that state is whole.
//!
//! A unit whose definition stays keeps its state, whatever else changes. A new one begins at a boundary that lies after
//! everything that was read before it: then nothing of its periods can be missing. Who reads aggregates states a period
//! only if every partition says that it is whole.

use measurement::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What one unit record is about: a base measure. On the wire: `["unit", construct, measure]`, on `vernier.measures`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "UnitKeyWire", from = "UnitKeyWire")]
pub struct UnitKey {
    /// Identifier of the construct.
    pub construct: String,
    /// Name of the base measure.
    pub measure: String,
}

type UnitKeyWire = (UnitTag, String, String);

#[derive(Serialize, Deserialize)]
enum UnitTag {
    #[serde(rename = "unit")]
    Unit,
}

impl From<UnitKey> for UnitKeyWire {
    fn from(key: UnitKey) -> Self {
        (UnitTag::Unit, key.construct, key.measure)
    }
}

impl From<UnitKeyWire> for UnitKey {
    fn from((_, construct, measure): UnitKeyWire) -> Self {
        Self { construct, measure }
    }
}

/// The same for a population. On the wire: `["population", name]`, on `vernier.populations`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "PopulationKeyWire", from = "PopulationKeyWire")]
pub struct PopulationKey {
    /// Name of the population.
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
}

/// From when on the state of a unit is whole. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// Everything that was ever published is in it.
    Beginning,
    /// All of the periods that begin then or later is in it.
    From(Timestamp),
    /// Nobody knows: something is missing, and not yet, or never, told from when on nothing is.
    Building,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    #[test]
    fn units_as_they_are_written() {
        let key = UnitKey { construct: "isms/x".to_owned(), measure: "n".to_owned() };
        assert_eq!(encode(&key), br#"["unit","isms/x","n"]"#);
        assert_eq!(decode::<UnitKey>("unit", &encode(&key)).unwrap(), key);
        let key = PopulationKey { population: "people".to_owned() };
        assert_eq!(encode(&key), br#"["population","people"]"#);
        for (since, wire) in [
            (Since::Beginning, r#""beginning""#),
            (Since::From(Timestamp(7)), r#"{"from":7}"#),
            (Since::Building, r#""building""#),
        ] {
            let unit = Unit { version: 1, definition: "d".to_owned(), since };
            let text = format!(r#"{{"version":1,"definition":"d","since":{wire}}}"#);
            assert_eq!(String::from_utf8(encode(&unit)).unwrap(), text);
            assert_eq!(decode::<Unit>("unit", text.as_bytes()).unwrap(), unit);
        }
        assert!(Since::Beginning < Since::From(Timestamp(i64::MIN)) && Since::From(Timestamp(9)) < Since::Building);
    }
}
