//! One page: the path of a record through the pure stages.
//!
//! Everything here is a function of the record, the source's definition and the time that is
//! handed in. No bytes, whatever they are, end in anything but events, "not relevant", or a
//! refusal.

use measurement::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    config::{Classes, Source},
    decode::{Element, decode},
    expand::{Draft, EVENT_LIMIT, expand},
    json::{Wanted, read_object},
    reject::Refusal,
    route::{Route, route},
    validate::{Event, validate},
};

/// A source record.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Topic that it was read from.
    pub topic: &'a str,
    /// Partition that it was read from.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its own time stamp.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its bytes.
    pub value: Option<&'a [u8]>,
}

/// What became of a record. It is exactly one of: refused (perhaps beside events, if only some of
/// its elements were refused), published, or not relevant.
#[derive(Clone, Debug, Default)]
pub struct Processed<'a> {
    /// The events to publish.
    pub events: Vec<(Event<'a>, Route)>,
    /// Why the record, or an element of it, was refused.
    pub refusal: Option<Refusal>,
}

/// Takes a record through decode, map, expand, validate and route.
pub fn process<'a>(
    source: &mut Source,
    classes: &Classes,
    arrival: &Arrival<'a>,
    now: Timestamp,
) -> Processed<'a> {
    let elements = match decode(source.decode, arrival.value, source.size_limit) {
        Ok(elements) => elements,
        Err(refusal) => {
            return Processed {
                events: Vec::new(),
                refusal: Some(refusal),
            };
        }
    };
    let mut walk = Walk {
        classes,
        arrival,
        latest: now.plus(source.max_future),
        digest: None,
    };
    let mut processed = Processed::default();
    let mut refused = Vec::new();
    let count = elements.len();
    for (position, element) in elements.into_iter().enumerate() {
        let place = (count > 1).then_some(position);
        let room = EVENT_LIMIT.saturating_sub(processed.events.len());
        match walk.element(source, element, place, room) {
            Ok(events) => processed.events.extend(events),
            Err(refusal) => refused.push((position, refusal)),
        }
    }
    processed.refusal = Refusal::of_elements(refused, count);
    processed
}

/// One record on its way.
struct Walk<'w, 'a> {
    classes: &'w Classes,
    arrival: &'w Arrival<'a>,
    latest: Timestamp,
    /// Start of the digest of the record's bytes, once an event has asked for it.
    digest: Option<String>,
}

impl<'a> Walk<'_, 'a> {
    /// All events of an element, or none: an element is not published in part.
    fn element(
        &mut self,
        source: &mut Source,
        element: Element<'a>,
        place: Option<usize>,
        room: usize,
    ) -> Result<Vec<(Event<'a>, Route)>, Refusal> {
        let drafts = self.drafts(source, element)?;
        let several = drafts.len() > 1;
        let mut routed = Vec::with_capacity(drafts.len());
        for (number, draft) in drafts.into_iter().enumerate() {
            let within = several.then_some(number);
            let room = room.saturating_sub(routed.len());
            for draft in expand(draft, room, || self.made_uid(place, within))? {
                let event = validate(draft, self.classes, self.latest)?;
                let route = route(&event)?;
                routed.push((event, route));
            }
        }
        Ok(routed)
    }

    fn drafts(&self, source: &mut Source, element: Element<'a>) -> Result<Vec<Draft<'a>>, Refusal> {
        let Some(mapping) = &mut source.mapping else {
            let (Element::Json(text) | Element::Line(text)) = element;
            return Ok(vec![Draft::native(text, self.classes.wanted())?]);
        };
        let input = match element {
            Element::Line(line) => json!({ "message": line }),
            Element::Json(text) => read_object(&text, &Wanted::everything())?.into(),
        };
        let events = mapping.apply(input, &source.name, self.arrival.timestamp)?;
        Ok(events.into_iter().map(Draft::mapped).collect())
    }

    /// The identity of an event that brought none: what the record held and where it lay. Reading
    /// the record again gives the same one.
    fn made_uid(&mut self, place: Option<usize>, within: Option<usize>) -> String {
        let Arrival {
            topic,
            partition,
            offset,
            value,
            ..
        } = *self.arrival;
        let digest = self
            .digest
            .get_or_insert_with(|| short_digest(value.unwrap_or_default()));
        let mut uid = format!("{digest}-{topic}-{partition}-{offset}");
        for number in [place, within].into_iter().flatten() {
            uid = format!("{uid}-{number}");
        }
        uid
    }
}

/// The first 16 hex digits of the SHA-256 digest.
fn short_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
