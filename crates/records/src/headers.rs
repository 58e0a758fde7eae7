//! Headers of records on `vernier.events` and `vernier.dead-letter`.

/// Says what a record on `vernier.events` is: one of [`EVENT`], [`REFERENCE`], [`PROGRESS`], [`INTAKE`],
/// [`CATALOGUE`].
pub const KIND: &str = "vernier-kind";
/// The source that the record came from.
pub const SOURCE: &str = "vernier-source";
/// On a reference copy: the population that it feeds.
pub const POPULATION: &str = "vernier-population";
/// On an event: the digest of the mapping that made it. Absent where the source sends events as they are.
pub const MAPPING: &str = "vernier-mapping";

/// Value of [`KIND`]: an event under its primary key. Event measures and accounting read these alone.
pub const EVENT: &[u8] = b"event";
/// Value of [`KIND`]: a copy of an event under the key of a further population that it feeds.
pub const REFERENCE: &[u8] = b"reference";
/// Value of [`KIND`]: a [`crate::Progress`] record.
pub const PROGRESS: &[u8] = b"progress";
/// Value of [`KIND`]: an [`crate::Intake`] record.
pub const INTAKE: &[u8] = b"intake";
/// Value of [`KIND`]: a [`crate::Marker`]: from here on another catalogue is in force.
pub const CATALOGUE: &[u8] = b"catalogue";
