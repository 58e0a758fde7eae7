//! The order of what is known of a column.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Total order of events: time, then the source's own sequence, then identity. It makes `first` and
/// `last` functions of the set of events, not of their arrival.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order(pub Timestamp, pub i64, #[serde(with = "crate::value::shared_text")] pub Arc<str>);
